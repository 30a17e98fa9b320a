#include "api/pipeline/admit.hpp"

#include "api/pipeline/metadata.hpp"

#include <map>
#include <memory>

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

namespace {

/// The types of options that are never stored and have no fields that anybody here looks at.
const schema::struct_type* options_type(std::string_view subresource) {
  static const auto make = [](const char* name) {
    auto t = std::make_unique<schema::struct_type>();
    t->name = name;
    t->version = "v1";
    t->kind = true;
    t->keep_unknown = true;
    t->seal();
    return t;
  };
  static const std::map<std::string_view, std::unique_ptr<schema::struct_type>> types = [] {
    std::map<std::string_view, std::unique_ptr<schema::struct_type>> all;
    all.emplace("exec", make("PodExecOptions"));
    all.emplace("attach", make("PodAttachOptions"));
    all.emplace("portforward", make("PodPortForwardOptions"));
    all.emplace("proxy", make("PodProxyOptions"));
    return all;
  }();
  auto it = types.find(subresource);
  return it == types.end() ? nullptr : it->second.get();
}

} // namespace

bool is_connection(std::string_view subresource) {
  return options_type(subresource) != nullptr;
}

result<prepared> prepare_connect(operation& op) {
  const auto* type = options_type(op.request.subresource);
  auto options = json::parse(op.request.body.empty() ? "{}" : op.request.body);
  if (!options)
    return fail(options.error());
  if (!type || !options->IsObject())
    return fail(bad_request("the options of a connection must be an object"));
  auto& a = options->GetAllocator();
  json::set(*options, "kind", type->name, a);
  json::set(*options, "apiVersion", "v1", a);
  if (auto ok =
          admit(op, admission::action::connect, *type, &*options, nullptr, op.request.dry_run);
      !ok)
    return fail(ok.error());
  reply r;
  r.ok = true;
  return r;
}

} // namespace thespis::api
