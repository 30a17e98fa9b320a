#include "api/admission/equivalents.hpp"

#include "api/schema/conversion.hpp"
#include "api/schema/decode.hpp"
#include "api/schema/defaults.hpp"

namespace thespis::api::admission {

namespace {

/// Whether the request carries objects of the resource itself, not of a subresource's own kind.
bool carries_own_kind(const request& r) {
  return &r.object_type == r.type.schema->type;
}

/// Makes an object of one version one of another, as a client of that version would send it.
result<void> convert(json::document& doc, const resource_type& from, const resource_type& to) {
  const auto& versions = to.schema->versions ? to.schema->versions : from.schema->versions;
  if (!versions || !versions->convert)
    return fail(
        internal_error("failed to convert object: " + from.api_version + " to " + to.api_version));
  if (auto ok = versions->convert->convert({&doc}, to.api_version); !ok)
    return ok;
  auto& a = doc.GetAllocator();
  if (auto ok = schema::conform(to.type(), doc, a); !ok)
    return ok;
  schema::apply_defaults(to.type(), doc, a);
  return {};
}

} // namespace

equivalents::equivalents(std::shared_ptr<const schema::registry> schemas)
    : types_(std::make_shared<const resource_types>(std::move(schemas))) {}

std::vector<resource_type_ptr> equivalents::of(const resource_type& t) const {
  std::vector<resource_type_ptr> out;
  for (const auto& r : types_->schemas().resources())
    if (r->type && r->stored_resource() == t.stored &&
        (r->version != t.version || r->group != t.schema->group))
      if (auto other = types_->find(r->group_resource(), r->version))
        out.push_back(std::move(other));
  return out;
}

std::vector<std::string> equivalents::group_resources(std::string_view resource) const {
  std::vector<std::string> out{std::string(resource)};
  const auto* conversion = schema::find_builtin_conversion(resource);
  if (conversion && conversion->stored_as != resource)
    out.emplace_back(conversion->stored_as);
  for (const auto& r : types_->schemas().resources())
    if (!r->stored_as.empty() && r->stored_as == resource && r->group_resource() != resource)
      out.push_back(r->group_resource());
  return out;
}

result<std::unique_ptr<translation>> translation::make(const request& r, resource_type_ptr as) {
  documents docs;
  const auto take = [&](const json::value* from,
                        std::optional<json::document>& into) -> result<void> {
    if (!from)
      return {};
    into.emplace();
    into->CopyFrom(*from, into->GetAllocator());
    return carries_own_kind(r) ? convert(*into, r.type, *as) : result<void>{};
  };
  if (auto ok = take(r.object, docs.first); !ok)
    return fail(ok.error());
  if (auto ok = take(r.old_object, docs.second); !ok)
    return fail(ok.error());
  return std::unique_ptr<translation>(new translation(r, std::move(as), std::move(docs)));
}

translation::translation(const request& r, resource_type_ptr as, documents docs)
    : as_(std::move(as)),
      docs_(std::move(docs)), shown_{.action = r.action,
                                     .call = r.call,
                                     .type = *as_,
                                     .object_type =
                                         carries_own_kind(r) ? as_->type() : r.object_type,
                                     .ns = r.ns,
                                     .name = r.name,
                                     .object = docs_.first ? &*docs_.first : nullptr,
                                     .old_object = docs_.second ? &*docs_.second : nullptr,
                                     .state = r.state,
                                     .now = r.now,
                                     .dry_run = r.dry_run,
                                     .reinvoking = r.reinvoking,
                                     .warnings = r.warnings,
                                     .holds = r.holds,
                                     .original = &r} {}

result<void> translation::give_back(request& r) {
  if (!r.object || !docs_.first)
    return {};
  json::document back;
  back.CopyFrom(*docs_.first, back.GetAllocator());
  if (carries_own_kind(r))
    if (auto ok = convert(back, *as_, r.type); !ok)
      return ok;
  static_cast<json::value&>(*r.object) = json::copy(back, r.object->GetAllocator());
  r.changed = true;
  r.reinvoke = true;
  return {};
}

} // namespace thespis::api::admission
