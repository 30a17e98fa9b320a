#include "actors/pod/volume_files.hpp"

#include "actors/controllers/selectors.hpp"
#include "actors/pod/pod_env.hpp"
#include "api/auth/trust_anchors.hpp"
#include "api/generated/core_v1_config.hpp"
#include "api/object/typed.hpp"
#include "api/text/base64.hpp"

#include <set>

namespace thespis::actors {

namespace {

constexpr mode_t usual_mode = 0644;
constexpr mode_t private_mode = 0600;
constexpr const char* trust_bundles = "clustertrustbundles.certificates.k8s.io";

using entries = std::map<std::string, std::string>;

std::optional<entries> entries_of(const api::reader& state, const std::string& ns,
                                  const std::string& name, bool secret) {
  const auto object = state.get(secret ? "secrets" : "configmaps", ns, name);
  if (!object)
    return std::nullopt;
  entries res;
  if (secret) {
    const auto typed = api::typed<api::v1::secret>(*object);
    for (const auto& [key, value] : typed->data)
      res[key] = api::decode_base64(value).value_or("");
  } else {
    const auto map = api::typed<api::v1::config_map>(*object);
    res = map->data;
    for (const auto& [key, value] : map->binary_data)
      res[key] = api::decode_base64(value).value_or("");
  }
  return res;
}

/// The one user that all of the pod's containers run as; nothing when they differ or do not say.
std::optional<uid_t> only_user(const api::v1::pod_spec& spec) {
  std::optional<int64_t> user;
  bool same = true;
  auto look = [&](const auto& containers) {
    for (const auto& c : containers) {
      auto own = c.security_context ? c.security_context->run_as_user : std::nullopt;
      if (!own && spec.security_context)
        own = spec.security_context->run_as_user;
      same = same && own && (!user || *user == *own);
      user = own;
    }
  };
  look(spec.containers);
  look(spec.init_containers);
  look(spec.ephemeral_containers);
  return same && user ? std::optional{static_cast<uid_t>(*user)} : std::nullopt;
}

// Collects the files of one volume.
class collector {
public:
  collector(const api::v1::pod& pod, const node_facts& node, const api::reader& state,
            pod_tokens& tokens, mode_t mode)
      : pod_(pod), node_(node), state_(state), tokens_(tokens), mode_(mode) {}

  api::result<void> add_entries(const std::string& name,
                                const std::vector<api::v1::key_to_path>& items, bool optional,
                                bool secret) {
    const auto found = entries_of(state_, pod_.metadata.namespace_, name, secret);
    if (!found) {
      if (optional)
        return {};
      return api::fail(
          api::bad_request((secret ? "secret \"" : "configmap \"") + name + "\" not found"));
    }
    if (items.empty())
      for (const auto& [key, value] : *found)
        files_[key] = {value, mode_};
    for (const auto& item : items) {
      const auto i = found->find(item.key);
      if (i != found->end())
        files_[item.path] = {i->second, mode_of(item.mode)};
      else if (!optional)
        return api::fail(api::bad_request((secret ? "references non-existent secret key: "
                                                  : "references non-existent config key: ") +
                                          item.key));
    }
    return {};
  }

  api::result<void> add_facts(const std::vector<api::v1::downward_api_volume_file>& items) {
    const container_surroundings about{node_, state_, {}, {}, 0, {}, {}, {}};
    for (const auto& item : items) {
      auto text = item.resource_field_ref
                      ? resource_field(pod_, *item.resource_field_ref, {}, node_)
                      : pod_field(pod_, item.field_ref ? item.field_ref->field_path : "", about);
      if (!text)
        return api::fail(std::move(text.error()));
      files_[item.path] = {std::move(*text), mode_of(item.mode)};
    }
    return {};
  }

  api::result<void> add(const api::v1::volume_projection& p) {
    if (p.config_map)
      return add_entries(p.config_map->name, p.config_map->items,
                         p.config_map->optional.value_or(false), false);
    if (p.secret)
      return add_entries(p.secret->name, p.secret->items, p.secret->optional.value_or(false), true);
    if (p.downward_api)
      return add_facts(p.downward_api->items);
    if (p.service_account_token)
      return add_token(*p.service_account_token);
    if (p.cluster_trust_bundle)
      return add_trust_bundle(*p.cluster_trust_bundle);
    return api::fail(api::bad_request("this source of a projected volume is not supported"));
  }

  api::result<void> add_token(const api::v1::service_account_token_projection& p) {
    auto token = tokens_.get(pod_, p);
    if (!token)
      return api::fail(std::move(token.error()));
    put_own(p.path, std::move(*token));
    return {};
  }

  api::result<void> add_trust_bundle(const api::v1::cluster_trust_bundle_projection& p) {
    const bool optional = p.optional.value_or(false);
    std::set<std::string> anchors;
    bool found = false;
    const auto take = [&](const api::object& bundle) {
      found = true;
      const auto doc = bundle.parse();
      if (const auto* pem = api::json::at(doc, {"spec", "trustBundle"}))
        for (auto& der : api::auth::read_trust_anchors(api::json::as_string(*pem)).der)
          anchors.insert(std::move(der));
    };
    if (!p.name.empty()) {
      if (const auto bundle = state_.get(trust_bundles, {}, p.name))
        take(*bundle);
      if (!found && !optional)
        return api::fail(api::bad_request("while getting ClusterTrustBundle: clustertrustbundle."
                                          "certificates.k8s.io \"" +
                                          p.name + "\" not found"));
    } else {
      // No selector selects nothing, an empty one all.
      const auto selector =
          p.label_selector ? selector_of(*p.label_selector) : api::label_selector::nothing();
      for (const auto& bundle : state_.list(trust_bundles, {}).objects)
        if (is_of_signer(*bundle, p.signer_name) && selector.matches(bundle->labels()))
          take(*bundle);
      if (!found && !optional)
        return api::fail(api::bad_request("combination of signerName and labelSelector matched "
                                          "zero ClusterTrustBundles"));
    }
    put_own(p.path, api::auth::trust_anchors_pem(anchors));
    return {};
  }

  volume_files take() { return std::move(files_); }

private:
  static bool is_of_signer(const api::object& bundle, const std::string& signer) {
    const auto doc = bundle.parse();
    const auto* name = api::json::at(doc, {"spec", "signerName"});
    return name != nullptr && api::json::as_string(*name) == signer;
  }

  /// As kubelet: readable by all, unless it is known who needs to read it.
  void put_own(const std::string& path, std::string content) {
    const auto owner = only_user(pod_.spec);
    const auto* security = pod_.spec.security_context.get();
    const bool known = owner || (security && security->fs_group);
    files_[path] = {std::move(content), known ? private_mode : mode_, owner};
  }

  mode_t mode_of(const std::optional<int32_t>& own) const {
    return own ? static_cast<mode_t>(*own) & 0777 : mode_;
  }

  const api::v1::pod& pod_;
  const node_facts& node_;
  const api::reader& state_;
  pod_tokens& tokens_;
  const mode_t mode_;
  volume_files files_;
};

} // namespace

bool is_filled(const api::v1::volume& v) {
  return v.config_map || v.secret || v.downward_api || v.projected;
}

api::result<volume_files> collect_files(const api::v1::pod& pod, const api::v1::volume& v,
                                        const node_facts& node, const api::reader& state,
                                        pod_tokens& tokens) {
  const auto given = v.config_map     ? v.config_map->default_mode
                     : v.secret       ? v.secret->default_mode
                     : v.downward_api ? v.downward_api->default_mode
                     : v.projected    ? v.projected->default_mode
                                      : std::nullopt;
  collector all{pod, node, state, tokens, given ? static_cast<mode_t>(*given) & 0777 : usual_mode};
  api::result<void> ok;
  if (v.config_map)
    ok = all.add_entries(v.config_map->name, v.config_map->items,
                         v.config_map->optional.value_or(false), false);
  else if (v.secret)
    ok = all.add_entries(v.secret->secret_name, v.secret->items, v.secret->optional.value_or(false),
                         true);
  else if (v.downward_api)
    ok = all.add_facts(v.downward_api->items);
  else if (v.projected)
    for (size_t i = 0; ok && i < v.projected->sources.size(); ++i)
      ok = all.add(v.projected->sources[i]);
  if (!ok)
    return api::fail(std::move(ok.error()));
  return all.take();
}

} // namespace thespis::actors
