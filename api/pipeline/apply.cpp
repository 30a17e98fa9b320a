// Server-side apply: the body is what one manager wants of an object, and nothing else.
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/ownership.hpp"
#include "api/schema/decode.hpp"

namespace thespis::api {

namespace {

/// "/v1, Kind=Pod", as messages show a kind.
std::string kind_text(std::string_view api_version, std::string_view kind) {
  std::string out{api_version};
  if (out.find('/') == out.npos)
    out.insert(0, "/");
  return out.append(", Kind=").append(kind);
}

result<void> check_name(const operation& op, const json::value& doc) {
  const auto name = json::get_string(metadata_of(doc), "name");
  if (name.empty())
    return fail(bad_request("the name of the object (" + op.request.name +
                            " based on URL) was undeterminable: name must be provided"));
  if (name != op.request.name)
    return fail(bad_request("the name of the object (" + std::string(name) +
                            ") does not match the name on the URL (" + op.request.name + ")"));
  const auto ns = json::get_string(metadata_of(doc), "namespace");
  if (op.type.namespaced && !ns.empty() && ns != op.request.ns)
    return fail(bad_request("the namespace of the object (" + std::string(ns) +
                            ") does not match the namespace on the request (" + op.request.ns +
                            ")"));
  return {};
}

result<void> conform_applied(operation& op, json::document& doc) {
  auto ok = conform_document(op, doc, op.type.type());
  if (!ok)
    return fail(schema::handled_as(op.type.kind, op.type.version, ok.error().message));
  return {};
}

/// The live object and its managers; an empty object when there is none yet.
struct live_state {
  object_ptr current;
  json::document doc;
  apply::managers owners;
};

result<live_state> read_live(operation& op) {
  live_state s;
  auto current = existing(op);
  if (!current && (current.error().why != reason::not_found || !op.request.subresource.empty()))
    return fail(std::move(current.error()));
  if (!current) {
    s.doc.SetObject();
    return s;
  }
  s.current = *current;
  s.doc = s.current->parse();
  auto owners = apply::read_managers(managed_fields_of(s.doc));
  if (!owners) {
    error e;
    e.message = "failed to decode managed fields: " + owners.error().message;
    return fail(std::move(e));
  }
  s.owners = std::move(*owners);
  return s;
}

result<prepared> create_applied(operation& op, json::document doc) {
  if (auto uid = json::get_string(metadata_of(doc), "uid"); !uid.empty())
    return fail(conflict(op.type.resource, op.request.name,
                         "uid mismatch: the provided object specified uid " + std::string(uid) +
                             ", and no existing object was found"));
  auto done = create_object(op, std::move(doc));
  // Two that apply the same new object at once are two applies, not two creations.
  if (done)
    if (auto* w = std::get_if<prepared_write>(&*done))
      w->retry_on_exists = true;
  return done;
}

} // namespace

result<json::document> applied_config(const operation& op, const std::string& kind,
                                      const std::string& api_version) {
  json::limits limits;
  limits.refuse_duplicate_keys = false;
  auto config = json::parse(op.request.body, limits);
  if (!config)
    return fail(bad_request("error decoding YAML: " + config.error().message));
  if (!config->IsObject())
    return fail(bad_request("error decoding YAML: error unmarshaling JSON: while decoding JSON: "
                            "json: cannot unmarshal into Go value of type "
                            "map[string]interface {}"));
  const auto given_kind = json::get_string(*config, "kind");
  const auto given_version = json::get_string(*config, "apiVersion");
  if (given_kind != kind || given_version != api_version)
    return fail(bad_request("invalid object type: " + kind_text(given_version, given_kind)));
  return config;
}

result<prepared> prepare_apply(operation& op) {
  auto config = applied_config(op, op.type.kind, op.type.api_version);
  if (!config)
    return fail(std::move(config.error()));
  auto live = read_live(op);
  if (!live)
    return fail(std::move(live.error()));
  const served_versions kinds{op.type};
  auto done = apply::apply_config(field_write_of(op, kinds), live->owners, live->doc, *config,
                                  op.request.force);
  if (!done)
    return fail(std::move(done.error()));
  set_owners(op, done->owners);
  update_request r;
  r.current = live->current;
  if (done->unchanged)
    r.after.CopyFrom(live->doc, r.after.GetAllocator());
  else
    r.after = std::move(done->object);
  if (auto ok = check_name(op, r.after); !ok)
    return fail(std::move(ok.error()));
  if (!done->unchanged)
    if (auto ok = conform_applied(op, r.after); !ok)
      return fail(std::move(ok.error()));
  if (!r.current)
    return create_applied(op, std::move(r.after));
  r.before = std::move(live->doc);
  return update_object(op, std::move(r));
}

} // namespace thespis::api
