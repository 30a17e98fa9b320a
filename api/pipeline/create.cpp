#include "api/pipeline/admit.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/operation.hpp"
#include "api/schema/defaults.hpp"

namespace thespis::api {

namespace {

/// Names tried before a generateName is given up.
constexpr int name_attempts = 8;

/// Picks a free name where the client left the choice to the server.
result<void> settle_name(operation& op, json::document& doc, bool generated) {
  auto& a = doc.GetAllocator();
  auto& metadata = json::ensure_object(doc, "metadata", a);
  auto taken = [&] {
    return op.find(op.type.stored, op.type.namespaced ? op.request.ns : std::string{},
                   json::get_string(metadata, "name")) != nullptr;
  };
  if (!taken())
    return {};
  for (int i = 1; generated && i < name_attempts; ++i) {
    json::erase(metadata, "name");
    begin_metadata(op, doc);
    if (!taken())
      return {};
  }
  auto e = already_exists(op.type.resource, json::get_string(metadata, "name"));
  if (generated)
    e.message += ", the server was not able to generate a unique name for the object";
  return fail(std::move(e));
}

void wipe_status(const operation& op, json::document& doc) {
  if (op.type.fresh_status && op.type.custom)
    json::erase(doc, "status");
  else if (op.type.fresh_status)
    json::set(doc, "status", json::value(rapidjson::kObjectType), doc.GetAllocator());
}

/// kind, apiVersion and metadata first, as people expect to read an object.
void order_members(json::document& doc) {
  json::value ordered(rapidjson::kObjectType);
  auto& a = doc.GetAllocator();
  auto move_over = [&](auto wanted) {
    for (auto& m : doc.GetObject())
      if (m.name.IsString() && wanted(json::as_string(m.name)))
        ordered.AddMember(m.name, m.value, a); // leaves nulls behind
  };
  for (std::string_view first : {"kind", "apiVersion", "metadata"})
    move_over([&](std::string_view name) { return name == first; });
  move_over([](std::string_view) { return true; });
  static_cast<json::value&>(doc) = ordered;
}

} // namespace

result<prepared> create_object(operation& op, json::document doc) {
  if (auto ok = settle_namespace(op, doc); !ok)
    return fail(ok.error());
  if (!named_revision(doc).empty()) {
    error e;
    e.message = "resourceVersion should not be set on objects to be created";
    return fail(std::move(e));
  }
  const auto& metadata = metadata_of(doc);
  bool generated = json::get_string(metadata, "name").empty() &&
                   !json::get_string(metadata, "generateName").empty();
  // A spec left out is an empty one, with its defaults.
  if (const auto* spec = op.type.type().find("spec"); spec && spec->type.object && !op.type.custom)
    json::ensure_object(doc, "spec", doc.GetAllocator());
  schema::apply_defaults(op.type.type(), doc, doc.GetAllocator());
  auto asked = admission_request(op, admission::action::create, op.type.type(), &doc, nullptr);
  if (auto ok = op.admission.mutate(asked); !ok)
    return fail(ok.error());
  wipe_status(op, doc);
  if (op.plan.prepare_create)
    op.plan.prepare_create(op, doc);
  begin_metadata(op, doc);

  if (auto ok = validate_object(op, doc, nullptr); !ok)
    return fail(ok.error());
  if (auto ok = settle_name(op, doc, generated); !ok)
    return fail(ok.error());
  if (op.plan.allocate)
    if (auto ok = op.plan.allocate(op, doc, nullptr); !ok)
      return fail(ok.error());
  asked.name = json::get_string(metadata_of(doc), "name");
  if (auto ok = op.admission.validate(asked); !ok)
    return fail(ok.error());

  order_members(doc);
  if (op.request.dry_run) {
    reply r;
    r.ok = r.created = true;
    r.object = std::make_shared<const object>(read_meta(op.type.stored, doc), json::to_string(doc));
    return r;
  }
  prepared_write w;
  w.write.kind = write_kind::create;
  w.write.draft = make_draft(op.type.stored, doc);
  w.retry_on_exists = generated;
  w.answer.ok = w.answer.created = true;
  return stored_form(op, std::move(w), doc);
}

result<prepared> prepare_create(operation& op) {
  auto doc = decode_body(op, op.request.body, op.type.type());
  if (!doc)
    return fail(doc.error());
  return create_object(op, std::move(*doc));
}

} // namespace thespis::api
