#include "api/text/quantity.hpp"
#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

#include <algorithm>
#include <array>

namespace thespis::api {

namespace {

constexpr std::array<std::string_view, 9> env_fields{"metadata.name",
                                                     "metadata.namespace",
                                                     "metadata.uid",
                                                     "spec.nodeName",
                                                     "spec.serviceAccountName",
                                                     "status.hostIP",
                                                     "status.hostIPs",
                                                     "status.podIP",
                                                     "status.podIPs"};
constexpr std::array<std::string_view, 5> volume_fields{"metadata.annotations", "metadata.labels",
                                                        "metadata.name", "metadata.namespace",
                                                        "metadata.uid"};
constexpr std::array<std::string_view, 6> resource_fields{
    "limits.cpu",   "limits.ephemeral-storage",   "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory"};

template <size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view s) {
  return std::find(list.begin(), list.end(), s) != list.end();
}

void check_value_from(const json::value& env, const path& at, findings& f) {
  const auto& from = member(env, "valueFrom");
  if (!from.IsObject())
    return;
  path p(at, "valueFrom");
  int sources = 0;
  if (has(from, "fieldRef")) {
    ++sources;
    validate_field_ref(member(from, "fieldRef"), path(p, "fieldRef"), false, f);
  }
  if (has(from, "resourceFieldRef")) {
    ++sources;
    validate_resource_field_ref(member(from, "resourceFieldRef"), path(p, "resourceFieldRef"),
                                false, f);
  }
  for (std::string_view key : {"configMapKeyRef", "secretKeyRef"})
    if (has(from, key)) {
      ++sources;
      path ref(p, key);
      if (text(member(from, key), "name").empty())
        f.required(path(ref, "name"));
    }
  if (has(from, "fileKeyRef"))
    ++sources;
  if (sources == 0)
    f.invalid(p, std::string_view{},
              "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or "
              "`secretKeyRef`");
  else if (!text(env, "value").empty())
    f.invalid(p, std::string_view{}, "may not be specified when `value` is not empty");
  else if (sources > 1)
    f.invalid(p, std::string_view{}, "may not have more than one field specified at a time");
}

void check_env_from(const json::value& container, const path& at, findings& f) {
  each(container, "envFrom", at, [&](const json::value& from, const path& p) {
    int sources = 0;
    for (std::string_view key : {"configMapRef", "secretRef"})
      if (has(from, key)) {
        ++sources;
        path ref(p, key);
        if (text(member(from, key), "name").empty())
          f.required(path(ref, "name"));
      }
    if (sources == 0)
      f.invalid(p, std::string_view{}, "must specify one of: `configMapRef` or `secretRef`");
    else if (sources > 1)
      f.invalid(p, std::string_view{}, "may not have more than one field specified at a time");
  });
}

} // namespace

void validate_field_ref(const json::value& ref, const path& at, bool in_volume, findings& f) {
  auto field = text(ref, "fieldPath");
  if (field.empty())
    return;
  // metadata.labels['key']
  if (auto open = field.find("['"); open != field.npos && field.ends_with("']")) {
    auto base = field.substr(0, open);
    auto key = std::string(field.substr(open + 2, field.size() - open - 4));
    if (base == "metadata.annotations")
      std::transform(key.begin(), key.end(), key.begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    else if (base != "metadata.labels") {
      f.invalid(at, base, "does not support subscript");
      return;
    }
    complain(f, at, key, check_qualified_name(key));
    return;
  }
  bool known = contains(env_fields, field) || contains(volume_fields, field);
  if (!known) {
    f.invalid(path(at, "fieldPath"), field,
              "error converting fieldPath: field label not supported: " + std::string(field));
  } else if (in_volume && !contains(volume_fields, field)) {
    f.not_supported(path(at, "fieldPath"), field,
                    {"metadata.annotations", "metadata.labels", "metadata.name",
                     "metadata.namespace", "metadata.uid"});
  } else if (!in_volume && !contains(env_fields, field)) {
    f.not_supported(path(at, "fieldPath"), field,
                    {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
                     "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP",
                     "status.podIPs"});
  }
}

void validate_resource_field_ref(const json::value& ref, const path& at, bool in_volume,
                                 findings& f) {
  if (in_volume && text(ref, "containerName").empty())
    f.required(path(at, "containerName"));
  auto resource = text(ref, "resource");
  if (resource.empty()) {
    f.required(path(at, "resource"));
  } else if (!contains(resource_fields, resource) &&
             resource.find(".hugepages-") == resource.npos) {
    f.not_supported(path(at, "resource"), resource,
                    {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                     "requests.ephemeral-storage", "requests.memory"});
  }
}

void validate_env(const json::value& container, const path& at, findings& f) {
  each(container, "env", at,
       [&](const json::value& env, const path& p) { check_value_from(env, p, f); });
  check_env_from(container, at, f);
}

} // namespace thespis::api
