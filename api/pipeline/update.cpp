#include "api/pipeline/admit.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/operation.hpp"
#include "api/pipeline/ownership.hpp"
#include "api/pipeline/presentation.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/schema/defaults.hpp"

namespace thespis::api {

namespace {

constexpr std::string_view stale =
    "the object has been modified; please apply your changes to the latest version and try again";

/// Where Kubernetes keeps the object in etcd: some of its messages show it.
std::string registry_key(const resource_type& type, const object& o) {
  auto folder = type.resource.substr(0, type.resource.find('.'));
  if (folder == "services")
    folder = "services/specs";
  else if (folder == "endpoints")
    folder = "services/endpoints";
  else if (folder == "nodes")
    folder = "minions";
  else if (folder == "replicationcontrollers")
    folder = "controllers";
  return "/registry/" + folder + "/" + object_key(o.ns(), o.name());
}

error uid_conflict(const operation& op, const object& current, std::string_view uid) {
  return conflict(op.type.resource, current.name(),
                  "StorageError: invalid object, Code: 4, Key: " + registry_key(op.type, current) +
                      ", ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in "
                      "precondition: " +
                      std::string(uid) + ", UID in object meta: " + current.uid());
}

/// The revision rules of an update: none named, the newest named, or a conflict.
result<void> check_revision(const operation& op, const object& current, const json::value& after) {
  auto rv = named_revision(after);
  if (rv.empty()) {
    if (op.plan.unconditional_update || op.request.verb == verb::patch)
      return {};
    return fail(invalid(
        op.type.group_kind, current.name(),
        {invalid_value("metadata.resourceVersion", "0", "must be specified for an update")}));
  }
  if (rv.find_first_not_of("0123456789") != rv.npos)
    return fail(invalid(op.type.group_kind, current.name(),
                        {invalid_value("metadata.resourceVersion", json::quote(rv),
                                       "must be a non-negative integer")}));
  if (rv != std::to_string(current.revision()))
    return fail(conflict(op.type.resource, current.name(), stale));
  return {};
}

/// The object's own endpoint writes everything but the status, /status nothing but it.
void keep_other_half(const operation& op, json::document& after, const json::value& before) {
  auto& a = after.GetAllocator();
  bool status = is_status_call(op);
  if (!status && !op.type.has_status)
    return;
  if (!status)
    return keep_member(after, before, "status", a);
  std::vector<std::string> keys;
  for (const auto* doc : {static_cast<const json::value*>(&after), &before})
    for (const auto& m : doc->GetObject()) {
      auto key = json::as_string(m.name);
      if (is_content(key))
        keys.emplace_back(key);
    }
  for (const auto& key : keys)
    keep_member(after, before, key, a);
  // The status of a run-time kind is all that its /status writes, labels and annotations included.
  if (op.type.custom)
    keep_member(after, before, "metadata", a);
}

/// Lets the plug-ins fill in. What an update cannot change they cannot change either.
result<void> mutate_update(operation& op, update_request& r, admission::request& asked) {
  if (r.admitted)
    return {};
  if (auto ok = op.admission.mutate(asked); !ok)
    return ok;
  if (asked.changed) {
    carry_metadata(op, r.after, r.before);
    keep_other_half(op, r.after, r.before);
    write_owners(op, r.after);
  }
  return {};
}

/// Whether this update takes the last thing away that held a deleted object.
bool finishes_deletion(const operation& op, const json::value& after, const json::value& before) {
  const auto& old = metadata_of(before);
  if (json::get_string(old, "deletionTimestamp").empty() || has_finalizers(after) ||
      json::get_int(old, "deletionGracePeriodSeconds") != 0)
    return false;
  if (op.type.resource != "namespaces")
    return has_finalizers(before);
  const auto* spec = json::at(after, {"spec", "finalizers"});
  return !spec || !spec->IsArray() || spec->Empty();
}

/// An update that changes nothing still brings an object into the version that is stored now.
bool is_written_anew(const operation& op) {
  const auto& r = *op.type.schema;
  if (!r.versions || op.request.dry_run)
    return false;
  const auto stored =
      op.find(op.type.stored, op.type.namespaced ? op.request.ns : std::string{}, op.request.name);
  return stored && is_stale(r, *stored);
}

reply unchanged(object_ptr current) {
  reply r;
  r.ok = true;
  r.object = std::move(current);
  return r;
}

/// A dry run's answer: the object as it would be, at the revision it has.
reply rehearsed(const operation& op, const object& current, json::document& doc) {
  json::set(json::ensure_object(doc, "metadata", doc.GetAllocator()), "resourceVersion",
            std::to_string(current.revision()), doc.GetAllocator());
  reply r;
  r.ok = true;
  r.object = std::make_shared<const object>(read_meta(op.type.stored, doc), json::to_string(doc));
  return r;
}

} // namespace

result<object_ptr> existing(const operation& op) {
  auto o =
      op.find(op.type.stored, op.type.namespaced ? op.request.ns : std::string{}, op.request.name);
  if (!o)
    return fail(not_found(op.type.resource, op.request.name));
  if (op.request.verb == verb::remove)
    return o;
  return present(*op.type.schema, o);
}

result<prepared> stored_form(const operation& op, prepared_write w, json::document& doc) {
  const auto& versions = op.type.schema->versions;
  if (!versions || versions->stored == op.type.api_version) {
    w.write.draft.fits = op.type.schema->epoch;
    return w;
  }
  json::document stored;
  stored.CopyFrom(doc, stored.GetAllocator());
  if (auto ok = versions->convert->convert({&stored}, versions->stored); !ok)
    return fail(std::move(ok.error()));
  if (const auto i = versions->types.find(versions->stored);
      i != versions->types.end() && i->second->custom)
    (void)i->second->custom->conform(stored, stored.GetAllocator(), nullptr);
  w.shown = std::move(w.write.draft);
  w.shown->fits = op.type.schema->epoch;
  w.write.draft = make_draft(op.type.stored, stored);
  return w;
}

prepared_write replace(operation& op, const object& current, json::document& doc,
                       bool retry_on_conflict) {
  prepared_write w;
  w.write.kind = write_kind::update;
  w.write.draft = make_draft(op.type.stored, doc);
  w.write.expected_revision = current.revision();
  w.retry_on_conflict = retry_on_conflict;
  w.answer.ok = true;
  return w;
}

prepared_write removal(operation& op, const object& current, json::document& doc,
                       bool retry_on_conflict) {
  auto w = replace(op, current, doc, retry_on_conflict);
  w.write.kind = write_kind::remove;
  w.answer.removed = true;
  return w;
}

result<prepared> update_object(operation& op, update_request r) {
  const auto& current = *r.current;
  auto& after = r.after;
  // One of the same name may have taken the place of what the call is about.
  if (const auto& meant = op.request.precondition_uid; !meant.empty() && meant != current.uid())
    return fail(uid_conflict(op, current, meant));
  auto uid = json::get_string(metadata_of(after), "uid");
  if (r.uid_is_precondition && !uid.empty() && uid != current.uid())
    return fail(uid_conflict(op, current, uid));
  bool unconditional =
      named_revision(after).empty() || (op.request.verb == verb::patch && !r.uid_is_precondition &&
                                        named_revision(after) == named_revision(r.before));
  if (auto ok = check_revision(op, current, after); !ok)
    return fail(ok.error());
  if (auto ok = settle_namespace(op, after); !ok)
    return fail(ok.error());
  schema::apply_defaults(op.type.type(), after, after.GetAllocator());
  carry_metadata(op, after, r.before);
  keep_other_half(op, after, r.before);
  if (auto ok = track_update(op, after, r.before); !ok)
    return fail(ok.error());
  write_owners(op, after);
  auto asked = admission_request(op, admission::action::update, op.type.type(), &after, &r.before);
  if (auto ok = mutate_update(op, r, asked); !ok)
    return fail(ok.error());
  if (op.plan.prepare_update)
    op.plan.prepare_update(op, after, r.before);
  bump_generation(op, after, r.before);

  if (auto ok = validate_object(op, after, &r.before); !ok)
    return fail(ok.error());
  if (op.plan.allocate)
    if (auto ok = op.plan.allocate(op, after, &r.before); !ok)
      return fail(ok.error());
  if (!r.admitted)
    if (auto ok = op.admission.validate(asked); !ok)
      return fail(ok.error());

  if (finishes_deletion(op, after, r.before))
    return op.request.dry_run ? result<prepared>(rehearsed(op, current, after))
                              : stored_form(op, removal(op, current, after, unconditional), after);
  if (same_but_recorded_times(op, after, r.before) && !is_written_anew(op))
    return unchanged(r.current);
  if (op.request.dry_run)
    return rehearsed(op, current, after);
  return stored_form(op, replace(op, current, after, unconditional), after);
}

result<prepared> prepare_update(operation& op) {
  auto doc = decode_body(op, op.request.body, op.type.type());
  if (!doc)
    return fail(doc.error());
  auto name = json::get_string(metadata_of(*doc), "name");
  if (name.empty())
    return fail(bad_request("the name of the object (" + op.request.name +
                            " based on URL) was undeterminable: name must be provided"));
  if (name != op.request.name)
    return fail(bad_request("the name of the object (" + std::string(name) +
                            ") does not match the name on the URL (" + op.request.name + ")"));
  auto ns = json::get_string(metadata_of(*doc), "namespace");
  if (op.type.namespaced && !ns.empty() && ns != op.request.ns)
    return fail(bad_request("the namespace of the object (" + std::string(ns) +
                            ") does not match the namespace on the request (" + op.request.ns +
                            ")"));
  auto current = existing(op);
  if (!current) {
    if (!op.plan.create_on_update || !op.request.subresource.empty())
      return fail(current.error());
    return create_object(op, std::move(*doc));
  }
  update_request r{*current, (*current)->parse(), std::move(*doc), true};
  return update_object(op, std::move(r));
}

} // namespace thespis::api
