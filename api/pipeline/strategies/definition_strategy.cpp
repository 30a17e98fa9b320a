// CustomResourceDefinitions.
#include "api/crd/definition.hpp"
#include "api/crd/definition_rules.hpp"
#include "api/pipeline/strategies/strategies.hpp"

namespace thespis::api {

namespace {

std::string_view storage_version(const json::value& crd) {
  const auto* versions = json::at(crd, {"spec", "versions"});
  if (versions && versions->IsArray())
    for (const auto& v : versions->GetArray())
      if (json::get_bool(v, "storage"))
        return json::get_string(v, "name");
  return {};
}

/// Objects may be stored in this version from now on.
void remember_storage_version(json::document& crd) {
  const auto name = storage_version(crd);
  if (name.empty())
    return;
  auto& a = crd.GetAllocator();
  auto& status = json::ensure_object(crd, "status", a);
  auto* known = json::find(status, "storedVersions");
  if (!known || !known->IsArray()) {
    json::set(status, "storedVersions", json::value(rapidjson::kArrayType), a);
    known = json::find(status, "storedVersions");
  }
  for (const auto& v : known->GetArray())
    if (json::as_string(v) == name)
      return;
  known->PushBack(json::make_string(name, a), a);
}

} // namespace

strategy definition_strategy() {
  strategy s;
  s.resource = crd::definitions_resource;
  s.judges_status = true;
  s.prepare_create = [](operation&, json::document& crd) { remember_storage_version(crd); };
  s.prepare_update = [](operation& op, json::document& crd, const json::value&) {
    if (!is_status_call(op))
      remember_storage_version(crd);
  };
  s.validate = crd::check_definition;
  s.validate_update = [](const operation&, const json::value& now, const json::value& old,
                         findings& f) { crd::check_definition_update(now, old, f); };
  return s;
}

} // namespace thespis::api
