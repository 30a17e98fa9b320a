#include "api/validation/meta.hpp"

namespace thespis::api {

namespace {

const json::value& metadata_member(const json::value& doc) {
  static const json::value none(rapidjson::kObjectType);
  const auto* m = json::find(doc, "metadata");
  return m && m->IsObject() ? *m : none;
}

/// Names become parts of URLs.
std::string check_path_segment(std::string_view name, bool prefix) {
  if (!prefix && (name == "." || name == ".."))
    return "may not be '" + std::string(name) + "'";
  for (char c : {'/', '%'})
    if (name.find(c) != name.npos)
      return std::string("may not contain '") + c + "'";
  return {};
}

void check_immutable(const json::value& m, const json::value& old, std::string_view key,
                     const path& at, findings& f) {
  static const json::value none;
  const auto* a = json::find(m, key);
  const auto* b = json::find(old, key);
  if (!json::equal(a ? *a : none, b ? *b : none))
    f.invalid(path(at, key), a ? *a : none, "field is immutable");
}

} // namespace

void validate_metadata(const json::value& doc, bool namespaced, name_check check_name,
                       findings& f) {
  const auto& m = metadata_member(doc);
  path at("metadata");
  (void)namespaced;
  auto check = check_name ? check_name : check_path_segment;
  if (auto base = json::get_string(m, "generateName"); !base.empty())
    if (auto why = check(base, true); !why.empty())
      f.invalid(path(at, "generateName"), base, why);
  auto name = json::get_string(m, "name");
  if (name.empty())
    f.required(path(at, "name"), "name or generateName is required");
  else if (auto why = check(name, false); !why.empty())
    f.invalid(path(at, "name"), name, why);
}

void validate_metadata_update(const json::value& doc, const json::value& old, findings& f) {
  const auto& m = metadata_member(doc);
  const auto& o = metadata_member(old);
  path at("metadata");
  for (auto key : {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
                   "deletionGracePeriodSeconds"})
    check_immutable(m, o, key, at, f);
}

} // namespace thespis::api
