#include "api/pipeline/admit.hpp"

#include "api/pipeline/metadata.hpp"

namespace thespis::api {

admission::request admission_request(operation& op, admission::action action,
                                     const schema::struct_type& type, json::document* object,
                                     const json::value* old) {
  admission::request r{.action = action,
                       .call = op.request,
                       .type = op.type,
                       .object_type = type,
                       .ns = op.type.namespaced ? op.request.ns : std::string{},
                       .name = op.request.name,
                       .object = object,
                       .old_object = old,
                       .state = *op.deps.state,
                       .now = op.now,
                       .dry_run = op.request.dry_run,
                       .changed = false,
                       .warnings = op.warnings,
                       .holds = op.holds};
  if (op.type.resource == "namespaces")
    r.ns = r.name;
  if (r.name.empty() && object)
    r.name = json::get_string(metadata_of(*object), "name");
  return r;
}

result<void> admit(operation& op, admission::action action, const schema::struct_type& type,
                   json::document* object, const json::value* old, bool dry_run) {
  auto r = admission_request(op, action, type, object, old);
  r.dry_run = dry_run;
  if (auto ok = op.admission.mutate(r); !ok)
    return ok;
  return op.admission.validate(r);
}

} // namespace thespis::api
