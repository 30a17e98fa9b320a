#include "api/admission/plugins.hpp"
#include "api/admission/pod_security_checks.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace thespis::api::admission {

namespace {

/// Pods of a namespace that are looked at when its level rises.
constexpr size_t max_pods = 3000;

/// Subresources of pods that do not change what runs.
constexpr std::array<std::string_view, 8> harmless{"exec", "attach",      "binding", "eviction",
                                                   "log",  "portforward", "proxy",   "status"};

/// Where workloads have their pod template.
const json::value* template_of(std::string_view resource, const json::value& o) {
  if (resource == "podtemplates")
    return json::find(o, "template");
  if (resource == "cronjobs.batch")
    return json::at(o, {"spec", "jobTemplate", "spec", "template"});
  static const std::array<std::string_view, 6> plain{"replicationcontrollers", "replicasets.apps",
                                                     "deployments.apps",       "statefulsets.apps",
                                                     "daemonsets.apps",        "jobs.batch"};
  if (std::find(plain.begin(), plain.end(), resource) == plain.end())
    return nullptr;
  return json::at(o, {"spec", "template"});
}

label_set labels_of(const json::value& o) {
  label_set out;
  each_member(metadata_of(o), "labels", [&](std::string_view key, const json::value& v) {
    out.emplace_back(key, json::as_string(v));
  });
  std::sort(out.begin(), out.end());
  return out;
}

/// Images and seccomp annotations are all that may change in a running pod and matters here.
bool matters(const json::value& now, const json::value& old) {
  const auto& annotations = member(metadata_of(now), "annotations");
  const auto& before = member(metadata_of(old), "annotations");
  auto annotation_changed = [&](const std::string& key) {
    return text(annotations, key) != text(before, key);
  };
  if (annotation_changed("seccomp.security.alpha.kubernetes.io/pod"))
    return true;
  for (std::string_view list : {"containers", "initContainers", "ephemeralContainers"}) {
    const auto& all = member(member(now, "spec"), list);
    const auto& known = member(member(old, "spec"), list);
    if (count(all) != count(known))
      return true;
    for (rapidjson::SizeType i = 0; i < count(all); ++i)
      if (text(all[i], "image") != text(known[i], "image") ||
          annotation_changed("container.seccomp.security.alpha.kubernetes.io/" +
                             std::string(text(all[i], "name"))))
        return true;
  }
  return false;
}

class pod_security_plugin final : public plugin {
public:
  explicit pod_security_plugin(pod_security_exemptions exempt) : exempt_(std::move(exempt)) {}

  std::string_view name() const override { return "PodSecurity"; }

  result<void> validate(request& r) override {
    if (!r.object || (r.action != action::create && r.action != action::update))
      return {};
    if (r.is("namespaces"))
      return check_namespace(r);
    if (r.type.resource == "pods")
      return check_pod(r);
    if (r.call.subresource.empty())
      if (const auto* t = template_of(r.type.resource, *r.object))
        check_template(r, *t);
    return {};
  }

private:
  static bool listed(const std::vector<std::string>& list, std::string_view s) {
    return !s.empty() && std::find(list.begin(), list.end(), s) != list.end();
  }

  bool is_exempt(const request& r) const {
    return listed(exempt_.namespaces, r.ns) || listed(exempt_.users, r.call.user.name);
  }
  bool is_exempt(const json::value& spec) const {
    return listed(exempt_.runtime_classes, text(spec, "runtimeClassName"));
  }

  static security_policy policy_of(const request& r) {
    std::vector<cause> ignored;
    auto ns = r.state.get("namespaces", {}, r.ns);
    return ns ? read_security_policy(ns->labels(), ignored) : security_policy{};
  }

  static void warn(request& r, const security_standard& standard, const json::value& metadata,
                   const json::value& spec) {
    if (auto found = check_pod_security(standard, metadata, spec); !found.empty())
      r.warnings.push_back("would violate PodSecurity " + quote_go(standard.to_string()) + ": " +
                           describe(found));
  }

  result<void> check_pod(request& r) const {
    if (std::find(harmless.begin(), harmless.end(), r.call.subresource) != harmless.end() ||
        is_exempt(r))
      return {};
    auto policy = policy_of(r);
    if (policy.enforce.level == security_level::privileged &&
        policy.warn.level == security_level::privileged)
      return {};
    if (r.action == action::update && !matters(*r.object, *r.old_object))
      return {};
    const auto& spec = member(*r.object, "spec");
    if (is_exempt(spec))
      return {};
    const auto& metadata = metadata_of(*r.object);
    auto found = check_pod_security(policy.enforce, metadata, spec);
    if (!found.empty())
      return fail(refuse(r, "violates PodSecurity " + quote_go(policy.enforce.to_string()) + ": " +
                                describe(found)));
    if (policy.warn != policy.enforce)
      warn(r, policy.warn, metadata, spec);
    return {};
  }

  void check_template(request& r, const json::value& t) const {
    if (is_exempt(r))
      return;
    auto policy = policy_of(r);
    const auto& spec = member(t, "spec");
    if (policy.warn.level != security_level::privileged && !is_exempt(spec))
      warn(r, policy.warn, metadata_of(t), spec);
  }

  result<void> check_namespace(request& r) const {
    std::vector<cause> causes;
    auto now = read_security_policy(labels_of(*r.object), causes);
    if (r.action == action::create) {
      if (!causes.empty())
        return fail(invalid("Namespace", r.name, std::move(causes)));
      return {};
    }
    std::vector<cause> before_causes;
    auto before = read_security_policy(labels_of(*r.old_object), before_causes);
    auto same = [](const cause& a, const cause& b) {
      return a.field == b.field && a.message == b.message;
    };
    if (!std::equal(causes.begin(), causes.end(), before_causes.begin(), before_causes.end(),
                    same) &&
        !causes.empty())
      return fail(invalid("Namespace", r.name, std::move(causes)));
    if (now.enforce == before.enforce || now.enforce.level == security_level::privileged ||
        (now.enforce.minor == before.enforce.minor && now.enforce.level <= before.enforce.level) ||
        listed(exempt_.namespaces, r.name))
      return {};
    warn_of_pods(r, now.enforce);
    return {};
  }

  /// Pods that are there already stay, and would not be let in again.
  void warn_of_pods(request& r, const security_standard& standard) const {
    auto pods = r.state.list("pods", r.name).objects;
    auto all = pods.size();
    if (all > max_pods) {
      pods.resize(max_pods);
      r.warnings.push_back("new PodSecurity enforce level only checked against the first " +
                           std::to_string(max_pods) + " of " + std::to_string(all) +
                           " existing pods");
    }
    // By what is wrong with them: the first by name, and how many.
    std::map<std::string, std::pair<std::string, size_t>> wrong;
    for (const auto& o : pods) {
      auto doc = o->parse();
      const auto& spec = member(doc, "spec");
      if (is_exempt(spec))
        continue;
      if (auto found = check_pod_security(standard, metadata_of(doc), spec); !found.empty())
        ++wrong.try_emplace(reasons_of(found), o->name(), 0).first->second.second;
    }
    if (wrong.empty())
      return;
    r.warnings.push_back("existing pods in namespace " + quote_go(r.name) +
                         " violate the new PodSecurity enforce level " +
                         quote_go(standard.to_string()));
    std::vector<std::string> lines;
    for (const auto& [why, who] : wrong) {
      auto others = who.second - 1;
      lines.push_back(who.first +
                      (others == 0   ? ""
                       : others == 1 ? " (and 1 other pod)"
                                     : " (and " + std::to_string(others) + " other pods)") +
                      ": " + why);
    }
    std::sort(lines.begin(), lines.end());
    r.warnings.insert(r.warnings.end(), lines.begin(), lines.end());
  }

  pod_security_exemptions exempt_;
};

} // namespace

plugin_ptr pod_security(pod_security_exemptions exempt) {
  return std::make_shared<pod_security_plugin>(std::move(exempt));
}

} // namespace thespis::api::admission
