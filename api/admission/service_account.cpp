#include "api/admission/plugins.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

namespace thespis::api::admission {

namespace {

constexpr std::string_view mount_path = "/var/run/secrets/kubernetes.io/serviceaccount";
constexpr std::string_view volume_prefix = "kube-api-access-";
constexpr int file_mode = 0644;

/// The token (of an hour: it is renewed long before), the certificate to trust and the namespace,
/// as files.
constexpr std::string_view sources =
    R"([{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},)"
    R"({"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},)"
    R"({"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"apiVersion":"v1",)"
    R"("fieldPath":"metadata.namespace"}}]}}])";

json::value& ensure_list(json::value& obj, std::string_view key, json::allocator& a) {
  auto* list = json::find(obj, key);
  if (!list || !list->IsArray()) {
    json::set(obj, key, json::value(rapidjson::kArrayType), a);
    list = json::find(obj, key);
  }
  return *list;
}

bool wants_token(const json::value& spec, const json::value& account) {
  for (const auto* who : {&spec, &account})
    if (const auto& v = member(*who, "automountServiceAccountToken"); v.IsBool())
      return v.GetBool();
  return true;
}

/// Whether a container without a mount there was given one.
bool mount_in(json::value& container, std::string_view volume, json::allocator& a) {
  if (!container.IsObject())
    return false;
  auto& mounts = ensure_list(container, "volumeMounts", a);
  for (const auto& m : mounts.GetArray())
    if (text(m, "mountPath") == mount_path)
      return false;
  json::value m(rapidjson::kObjectType);
  json::set(m, "name", volume, a);
  json::set(m, "readOnly", json::value(true), a);
  json::set(m, "mountPath", mount_path, a);
  mounts.PushBack(std::move(m), a);
  return true;
}

class service_account_plugin final : public plugin {
public:
  explicit service_account_plugin(const ports& p)
      : suffix_(p.random_suffix), mount_tokens_(p.mount_tokens) {}

  std::string_view name() const override { return "ServiceAccount"; }

  result<void> mutate(request& r) override {
    if (!r.is("pods") || r.action != action::create || is_mirror(r))
      return {};
    auto& a = r.object->GetAllocator();
    auto& spec = json::ensure_object(*r.object, "spec", a);
    std::string name(text(spec, "serviceAccountName"));
    if (name.empty())
      name = "default";
    auto found = r.state.get("serviceaccounts", r.ns, name);
    // The account named "default" comes to every namespace by itself, in its own time.
    if (!found && name != "default")
      return fail(refuse(r, "error looking up service account " + r.ns + "/" + name +
                                ": serviceaccount " + quote_go(name) + " not found"));
    json::set(spec, "serviceAccountName", name, a);
    json::set(spec, "serviceAccount", name, a);
    auto account = found ? found->parse() : json::document(rapidjson::kObjectType);
    if (mount_tokens_ && wants_token(spec, account))
      mount_token(spec, a);
    if (const auto& secrets = member(account, "imagePullSecrets");
        filled(secrets) && !filled(member(spec, "imagePullSecrets")))
      json::set(spec, "imagePullSecrets", json::copy(secrets, a), a);
    r.changed = true;
    return {};
  }

  result<void> validate(request& r) override {
    if (!r.is("pods") || r.action != action::create || !is_mirror(r))
      return {};
    const auto& spec = member(*r.object, "spec");
    if (!text(spec, "serviceAccountName").empty())
      return fail(refuse(r, "a mirror pod may not reference service accounts"));
    if (const auto& volumes = member(spec, "volumes"); volumes.IsArray())
      for (const auto& v : volumes.GetArray()) {
        if (has(v, "secret"))
          return fail(refuse(r, "a mirror pod may not reference secrets"));
        if (const auto& projected = member(member(v, "projected"), "sources"); projected.IsArray())
          for (const auto& s : projected.GetArray())
            if (has(s, "serviceAccountToken"))
              return fail(
                  refuse(r, "a mirror pod may not use ServiceAccountToken volume projections"));
      }
    return {};
  }

private:
  /// Pods that only show what a node runs by itself.
  static bool is_mirror(const request& r) {
    return has(member(metadata_of(*r.object), "annotations"), "kubernetes.io/config.mirror");
  }

  void mount_token(json::value& spec, json::allocator& a) const {
    std::string volume;
    if (const auto& volumes = member(spec, "volumes"); volumes.IsArray())
      for (const auto& v : volumes.GetArray())
        if (text(v, "name").starts_with(volume_prefix) && volume.empty())
          volume = text(v, "name");
    bool there = !volume.empty();
    if (!there)
      volume = std::string(volume_prefix) + suffix_(5);
    bool mounted = false;
    for (std::string_view list : {"initContainers", "containers"})
      if (auto* containers = json::find(spec, list); containers && containers->IsArray())
        for (auto& c : containers->GetArray())
          mounted = mount_in(c, volume, a) || mounted;
    if (there || !mounted)
      return;
    json::value projected(rapidjson::kObjectType);
    json::set(projected, "defaultMode", json::value(file_mode), a);
    json::set(projected, "sources", json::copy(json::parse_trusted(sources), a), a);
    json::value v(rapidjson::kObjectType);
    json::set(v, "name", volume, a);
    json::set(v, "projected", std::move(projected), a);
    ensure_list(spec, "volumes", a).PushBack(std::move(v), a);
  }

  std::function<std::string(size_t)> suffix_;
  bool mount_tokens_;
};

} // namespace

plugin_ptr service_account(const ports& p) {
  return std::make_shared<service_account_plugin>(p);
}

} // namespace thespis::api::admission
