#include "api/validation/storage.hpp"

#include "api/schema/schema.hpp"
#include "api/text/quantity.hpp"
#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"

#include <algorithm>
#include <unordered_set>

namespace thespis::api {

namespace {

constexpr size_t max_driver_name = 63;
constexpr size_t max_parameter_bytes = 256 * 1024;

void check_exclusive_mode(const json::value& spec, const path& at, findings& f) {
  const auto& modes = member(spec, "accessModes");
  bool alone = false;
  each(spec, "accessModes", at, [&](const json::value& v, const path&) {
    alone = alone || json::as_string(v) == "ReadWriteOncePod";
  });
  if (alone && count(modes) > 1)
    f.forbidden(path(at, "accessModes"), "may not use ReadWriteOncePod with other access modes");
}

/// The members that say where a volume is.
std::vector<std::string_view> volume_sources(const json::value& spec) {
  static const auto* type =
      schema::registry::builtin().find_type("io.k8s.api.core.v1.PersistentVolumeSpec");
  std::vector<std::string_view> out;
  for (const auto& w : type->wraps)
    for (const auto& [name, number] : w.members)
      if (has(spec, name))
        out.emplace_back(name);
  return out;
}

void check_driver_name(std::string_view name, const path& at, findings& f) {
  if (name.empty())
    return f.required(at);
  if (name.size() > max_driver_name)
    f.too_long(at, max_driver_name);
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  complain(f, at, name, check_dns1123_subdomain(lower));
}

void check_parameters(const json::value& obj, findings& f) {
  path at("parameters");
  size_t bytes = 0;
  each_member(obj, "parameters", [&](std::string_view key, const json::value& v) {
    if (key.empty())
      f.invalid(at, key, "field can not be empty.");
    bytes += key.size() + json::as_string(v).size();
  });
  if (bytes > max_parameter_bytes)
    f.too_long(at, max_parameter_bytes);
}

void check_class_name(const json::value& spec, const path& at, findings& f) {
  for (std::string_view key : {"storageClassName", "volumeAttributesClassName"})
    if (const auto name = text(spec, key); !name.empty())
      complain(f, path(at, key), name, check_dns1123_subdomain(name));
}

/// A copy of a claim's spec without what may change, for comparison.
json::document fixed_part(const json::value& spec) {
  json::document out;
  auto& a = out.GetAllocator();
  static_cast<json::value&>(out) =
      spec.IsObject() ? json::copy(spec, a) : json::value(rapidjson::kObjectType);
  if (auto* resources = json::find(out, "resources"); resources && resources->IsObject()) {
    json::erase(*resources, "requests");
    if (resources->ObjectEmpty())
      json::erase(out, "resources");
  }
  json::erase(out, "volumeAttributesClassName");
  return out;
}

} // namespace

void validate_volume(const json::value& volume, findings& f) {
  path at("spec"), capacity(at, "capacity");
  const auto& spec = member(volume, "spec");
  check_exclusive_mode(spec, at, f);
  const auto& sizes = member(spec, "capacity");
  if (filled(sizes) && (count(sizes) > 1 || !has(sizes, "storage")))
    f.causes().push_back(not_supported(capacity.str(), json::to_string(sizes), {"storage"}));
  if (const auto q = parse_quantity(text(sizes, "storage"));
      has(sizes, "storage") && q && q->sign() <= 0)
    f.invalid(path::key(capacity, "storage"), text(sizes, "storage"), "must be greater than zero");
  check_class_name(spec, at, f);
  const auto sources = volume_sources(spec);
  if (sources.empty())
    f.required(at, "must specify a volume type");
  for (size_t i = 1; i < sources.size(); ++i)
    f.forbidden(path(at, sources[i]), "may not specify more than 1 volume type");
  if (const auto& host = member(spec, "hostPath"); host.IsObject()) {
    path p(at, "hostPath");
    if (text(host, "path") == "/" && text(spec, "persistentVolumeReclaimPolicy") == "Recycle")
      f.forbidden(path(at, "persistentVolumeReclaimPolicy"),
                  "may not be 'recycle' for a hostPath mount of '/'");
  }
  if (path meta("metadata"); has(spec, "local") && !has(spec, "nodeAffinity"))
    f.required(path(meta, "annotations"), "Local volume requires node affinity");
  if (const auto& csi = member(spec, "csi"); csi.IsObject()) {
    path p(at, "csi");
    check_driver_name(text(csi, "driver"), path(p, "driver"), f);
    if (text(csi, "volumeHandle").empty())
      f.required(path(p, "volumeHandle"));
  }
}

void validate_volume_update(const json::value& now, const json::value& old, findings& f) {
  path at("spec");
  const auto& a = member(now, "spec");
  const auto& b = member(old, "spec");
  auto names = volume_sources(a);
  for (auto n : volume_sources(b))
    names.push_back(n);
  if (std::any_of(names.begin(), names.end(),
                  [&](auto n) { return !json::equal(member(a, n), member(b, n)); }))
    f.forbidden(path(at, "persistentvolumesource"),
                "spec.persistentvolumesource is immutable after creation");
  immutable(f, a, b, "volumeMode", at);
  if (has(b, "nodeAffinity"))
    immutable(f, a, b, "nodeAffinity", at);
}

void validate_claim(const json::value& claim, findings& f) {
  path at("spec"), resources(at, "resources");
  const auto& spec = member(claim, "spec");
  check_exclusive_mode(spec, at, f);
  validate_selector(member(spec, "selector"), path(at, "selector"), f);
  const auto& requests = member(member(spec, "resources"), "requests");
  const auto size = path::key(resources, "storage");
  if (!has(requests, "storage"))
    f.required(size);
  else if (const auto q = parse_quantity(text(requests, "storage")); q && q->sign() <= 0)
    f.invalid(size, text(requests, "storage"), "must be greater than zero");
  check_class_name(spec, at, f);
}

void validate_claim_update(const json::value& now, const json::value& old, findings& f) {
  const auto& a = member(now, "spec");
  const auto& b = member(old, "spec");
  auto before = fixed_part(b);
  const auto after = fixed_part(a);
  auto& alloc = before.GetAllocator();
  // Binding names the volume, and a default class may come late.
  if (text(b, "volumeName").empty() && !text(a, "volumeName").empty())
    json::set(before, "volumeName", text(a, "volumeName"), alloc);
  if (!has(b, "storageClassName") && has(a, "storageClassName"))
    json::set(before, "storageClassName", text(a, "storageClassName"), alloc);
  path at("spec");
  const bool bound = text(member(old, "status"), "phase") == "Bound";
  const auto want = [](const json::value& spec) -> const json::value& {
    return member(member(spec, "resources"), "requests");
  };
  if (!json::equal(before, after) || (!bound && !json::equal(want(a), want(b))))
    return f.forbidden(at, "spec is immutable after creation except resources.requests and "
                           "volumeAttributesClassName for bound claims");
  const auto size = parse_quantity(text(want(a), "storage"));
  const auto had = parse_quantity(text(member(member(old, "status"), "capacity"), "storage"));
  if (path r(at, "resources"), q(r, "requests"); size && had && *size < *had)
    f.forbidden(path(q, "storage"), "field can not be less than status.capacity");
}

void validate_storage_class(const json::value& c, findings& f) {
  const auto provisioner = text(c, "provisioner");
  path at("provisioner");
  if (provisioner.empty())
    f.required(at);
  else
    complain(f, at, provisioner, check_qualified_name(provisioner));
  check_parameters(c, f);
}

void validate_storage_class_update(const json::value& now, const json::value& old, findings& f) {
  for (std::string_view key : {"parameters", "provisioner", "reclaimPolicy"})
    if (!json::equal(member(now, key), member(old, key)))
      f.forbidden(path(key), "updates to " + std::string(key) + " are forbidden.");
  if (!json::equal(member(now, "volumeBindingMode"), member(old, "volumeBindingMode")))
    f.invalid(path("volumeBindingMode"), member(now, "volumeBindingMode"), "field is immutable");
}

void validate_csi_driver(const json::value& driver, findings& f) {
  path meta("metadata"), at("spec");
  check_driver_name(text(member(driver, "metadata"), "name"), path(meta, "name"), f);
  const auto& spec = member(driver, "spec");
  each(spec, "volumeLifecycleModes", at, [&](const json::value& v, const path& p) {
    if (const auto s = json::as_string(v); s != "Persistent" && s != "Ephemeral")
      f.not_supported(p, s, {"Ephemeral", "Persistent"});
  });
  std::unordered_set<std::string_view> audiences;
  each(spec, "tokenRequests", at, [&](const json::value& v, const path& p) {
    if (!audiences.insert(text(v, "audience")).second)
      f.duplicate(path(p, "audience"), text(v, "audience"));
    if (has(v, "expirationSeconds") && json::get_int(v, "expirationSeconds") < 600)
      f.invalid(path(p, "expirationSeconds"), json::get_int(v, "expirationSeconds"),
                "may not specify a duration less than 10 minutes");
  });
}

void validate_csi_node(const json::value& node, findings& f) {
  path at("spec");
  std::unordered_set<std::string_view> names;
  each(member(node, "spec"), "drivers", at, [&](const json::value& v, const path& p) {
    check_driver_name(text(v, "name"), path(p, "name"), f);
    if (!names.insert(text(v, "name")).second)
      f.duplicate(path(p, "name"), text(v, "name"));
    if (text(v, "nodeID").empty())
      f.required(path(p, "nodeID"));
  });
}

void validate_volume_attachment(const json::value& attachment, findings& f) {
  path at("spec"), source(at, "source");
  const auto& spec = member(attachment, "spec");
  if (!text(spec, "attacher").empty())
    check_driver_name(text(spec, "attacher"), path(at, "attacher"), f);
  const auto& s = member(spec, "source");
  const bool inline_spec = has(s, "inlineVolumeSpec"), named = has(s, "persistentVolumeName");
  if (!inline_spec && !named)
    f.required(source, "must specify one of inlineVolumeSpec and persistentVolumeName");
  if (inline_spec && named)
    f.forbidden(source, "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
  if (named && text(s, "persistentVolumeName").empty())
    f.required(path(source, "persistentVolumeName"), "must specify non empty persistentVolumeName");
}

void validate_volume_attachment_update(const json::value& now, const json::value& old,
                                       findings& f) {
  if (!json::equal(member(now, "spec"), member(old, "spec")))
    f.invalid(path("spec"), member(now, "spec"), "field is immutable");
}

} // namespace thespis::api
