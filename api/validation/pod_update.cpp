#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

#include <algorithm>

namespace thespis::api {

namespace {

constexpr std::string_view updatable_fields =
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set "
    "to 1 if it was previously negative)";

/// The members whose change is decided on its own, not by comparing specs.
bool is_updatable(std::string_view key, const json::value& old_spec) {
  return key == "activeDeadlineSeconds" || key == "tolerations" || key == "schedulingGates" ||
         (key == "terminationGracePeriodSeconds" &&
          json::get_int(old_spec, "terminationGracePeriodSeconds") < 0);
}

/// Equal but for the images.
bool same_container(const json::value& a, const json::value& b) {
  if (!a.IsObject() || !b.IsObject())
    return json::equal(a, b);
  auto covered = [](const json::value& x, const json::value& y) {
    for (const auto& m : x.GetObject())
      if (auto key = json::as_string(m.name);
          key != "image" && !json::equal(m.value, member(y, key)))
        return false;
    return true;
  };
  return covered(a, b) && covered(b, a);
}

bool same_containers(const json::value& a, const json::value& b) {
  if (!a.IsArray() || !b.IsArray())
    return count(a) == count(b);
  return a.Size() == b.Size() && std::equal(a.Begin(), a.End(), b.Begin(), same_container);
}

bool same_rest(const json::value& spec, const json::value& old) {
  auto covered = [&](const json::value& x, const json::value& y) {
    for (const auto& m : x.GetObject()) {
      auto key = json::as_string(m.name);
      const auto& other = member(y, key);
      if (is_updatable(key, old))
        continue;
      if (key == "containers" || key == "initContainers") {
        if (!same_containers(m.value, other))
          return false;
      } else if (!json::equal(m.value, other)) {
        return false;
      }
    }
    return true;
  };
  return covered(spec, old) && covered(old, spec);
}

void check_images(const json::value& spec, const path& at, std::string_view list, findings& f) {
  each(spec, list, at, [&](const json::value& c, const path& p) {
    if (text(c, "image").empty())
      f.required(path(p, "image"));
  });
}

void check_deadline(const json::value& spec, const json::value& old, const path& at, findings& f) {
  const auto& now = member(spec, "activeDeadlineSeconds");
  const auto& before = member(old, "activeDeadlineSeconds");
  if (json::equal(now, before))
    return;
  path p(at, "activeDeadlineSeconds");
  if (!now.IsInt64())
    f.invalid(p, now, "must not update from a positive integer to nil value");
  else if (before.IsInt64() && now.GetInt64() > before.GetInt64())
    f.invalid(p, now.GetInt64(), "must be less than or equal to previous value");
}

void check_added_tolerations(const json::value& spec, const json::value& old, const path& at,
                             findings& f) {
  const auto& now = member(spec, "tolerations");
  const auto& before = member(old, "tolerations");
  if (!before.IsArray())
    return;
  for (const auto& t : before.GetArray()) {
    // Only how long a taint is tolerated may change.
    auto same = [&](const json::value& n) {
      return text(n, "key") == text(t, "key") && text(n, "value") == text(t, "value") &&
             text(n, "effect") == text(t, "effect") &&
             json::get_string(n, "operator", "Equal") == json::get_string(t, "operator", "Equal");
    };
    if (!now.IsArray() || std::none_of(now.Begin(), now.End(), same)) {
      f.forbidden(path(at, "tolerations"),
                  "existing toleration can not be modified except its tolerationSeconds");
      return;
    }
  }
}

void check_removed_gates(const json::value& spec, const json::value& old, const path& at,
                         findings& f) {
  const auto& before = member(old, "schedulingGates");
  each(spec, "schedulingGates", at, [&](const json::value& g, const path& p) {
    bool known =
        before.IsArray() && std::any_of(before.Begin(), before.End(),
                                        [&](const json::value& b) { return json::equal(b, g); });
    if (!known)
      f.forbidden(p, "only deletion is allowed, but found new scheduling gate '" +
                         std::string(text(g, "name")) + "'");
  });
}

} // namespace

void validate_pod_update(const json::value& pod, const json::value& old, findings& f) {
  path at("spec");
  const auto& spec = member(pod, "spec");
  const auto& before = member(old, "spec");
  if (!spec.IsObject() || !before.IsObject())
    return;
  for (std::string_view list : {"containers", "initContainers"})
    if (count(member(spec, list)) != count(member(before, list))) {
      f.forbidden(path(at, list), "pod updates may not add or remove containers");
      return;
    }
  check_images(spec, at, "containers", f);
  check_images(spec, at, "initContainers", f);
  check_deadline(spec, before, at, f);
  check_added_tolerations(spec, before, at, f);
  check_removed_gates(spec, before, at, f);
  if (!same_rest(spec, before))
    f.forbidden(at, updatable_fields);
}

void validate_pod_status_update(const json::value& pod, const json::value& old, findings& f) {
  path at("status");
  const auto& now = member(pod, "status");
  const auto& before = member(old, "status");
  auto node = text(now, "nominatedNodeName");
  if (!node.empty())
    complain(f, path(at, "nominatedNodeName"), node, check_dns1123_subdomain(node));
  // A container that has ended for good does not start again.
  if (text(member(pod, "spec"), "restartPolicy") != "Never")
    return;
  each(before, "containerStatuses", at, [&](const json::value& b, const path&) {
    if (!has(member(b, "state"), "terminated"))
      return;
    each(now, "containerStatuses", at, [&](const json::value& n, const path& p) {
      if (text(n, "name") != text(b, "name") || has(member(n, "state"), "terminated"))
        return;
      path state(p, "state");
      f.forbidden(state, "may not be transitioned to non-terminated state");
    });
  });
}

void validate_ephemeral_update(const json::value& pod, const json::value& old, findings& f) {
  path at("spec");
  const auto& before = member(member(old, "spec"), "ephemeralContainers");
  const auto& now = member(member(pod, "spec"), "ephemeralContainers");
  path list(at, "ephemeralContainers");
  if (!before.IsArray())
    return;
  for (rapidjson::SizeType i = 0; i < before.Size(); ++i) {
    const json::value* same = nullptr;
    if (now.IsArray())
      for (const auto& n : now.GetArray())
        if (text(n, "name") == text(before[i], "name"))
          same = &n;
    if (!same)
      f.forbidden(list, "existing ephemeral containers \"" + std::string(text(before[i], "name")) +
                            "\" may not be removed\n");
    else if (!json::equal(*same, before[i]))
      f.forbidden(list, "existing ephemeral containers \"" + std::string(text(before[i], "name")) +
                            "\" may not be changed\n");
  }
}

} // namespace thespis::api
