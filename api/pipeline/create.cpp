#include "api/pipeline/admit.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/operation.hpp"
#include "api/pipeline/ownership.hpp"
#include "api/schema/defaults.hpp"

namespace thespis::api {

namespace {

/// Names tried before a generateName is given up.
constexpr int name_attempts = 8;

bool is_taken(const operation& op, const json::document& doc) {
  return op.find(op.type.stored, op.type.namespaced ? op.request.ns : std::string{},
                 json::get_string(metadata_of(doc), "name")) != nullptr;
}

/// Tries other names while the one made of generateName is taken.
void find_free_name(const operation& op, json::document& doc) {
  for (int i = 1; i < name_attempts && is_taken(op, doc); ++i) {
    json::erase(json::ensure_object(doc, "metadata", doc.GetAllocator()), "name");
    begin_metadata(op, doc);
  }
}

result<void> check_name_free(const operation& op, const json::document& doc, bool generated) {
  if (!is_taken(op, doc))
    return {};
  auto e = already_exists(op.type.resource, json::get_string(metadata_of(doc), "name"));
  if (generated)
    e.message += ", the server was not able to generate a unique name for the object";
  return fail(std::move(e));
}

/// A new object has an empty status: counts that are always shown are 0.
void wipe_status(const operation& op, json::document& doc) {
  if (!op.type.fresh_status)
    return;
  if (op.type.custom)
    return json::erase(doc, "status");
  auto& a = doc.GetAllocator();
  json::value status(rapidjson::kObjectType);
  if (const auto* f = op.type.type().find("status"); f && f->type.object)
    for (const auto& m : f->type.object->fields) {
      const bool number =
          m.type.form == schema::shape::int32 || m.type.form == schema::shape::int64;
      if (m.required && number)
        json::set(status, m.name, json::value(0), a);
      else if (m.required && m.type.form == schema::shape::boolean)
        json::set(status, m.name, json::value(false), a);
    }
  json::set(doc, "status", std::move(status), a);
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
  if (auto ok = track_create(op, doc); !ok)
    return fail(ok.error());
  write_owners(op, doc);
  auto asked = admission_request(op, admission::action::create, op.type.type(), &doc, nullptr);
  if (auto ok = op.admission.mutate(asked); !ok)
    return fail(ok.error());
  if (asked.changed)
    write_owners(op, doc);
  wipe_status(op, doc);
  begin_metadata(op, doc);
  if (generated)
    find_free_name(op, doc);
  if (op.plan.prepare_create)
    op.plan.prepare_create(op, doc);

  if (auto ok = validate_object(op, doc, nullptr); !ok)
    return fail(ok.error());
  if (auto ok = check_name_free(op, doc, generated); !ok)
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
