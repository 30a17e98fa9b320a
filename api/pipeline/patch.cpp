#include "api/patch/json_merge.hpp"
#include "api/patch/json_patch.hpp"
#include "api/patch/strategic_merge.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/ownership.hpp"
#include "api/pipeline/patching.hpp"
#include "api/schema/strict_fields.hpp"

namespace thespis::api {

namespace {

error unsupported(const operation& op) {
  error e;
  e.why = reason::unsupported_media_type;
  e.message = "the body of the request was in an unknown format - accepted media types include: "
              "application/json-patch+json, application/merge-patch+json, "
              "application/strategic-merge-patch+json, application/apply-patch+yaml";
  // The schemas of run-time kinds have no merge keys.
  if (op.type.custom)
    e.message = "the body of the request was in an unknown format - accepted media types include: "
                "application/json-patch+json, application/merge-patch+json, "
                "application/apply-patch+yaml";
  return e;
}

result<void> check_identity(const operation& op, const json::value& doc) {
  auto name = json::get_string(metadata_of(doc), "name");
  if (name != op.request.name)
    return fail(bad_request("the name of the object (" + std::string(name) +
                            ") does not match the name on the URL (" + op.request.name + ")"));
  auto ns = json::get_string(metadata_of(doc), "namespace");
  if (op.type.namespaced && ns != op.request.ns)
    return fail(bad_request("the namespace of the object (" + std::string(ns) +
                            ") does not match the namespace on the request (" + op.request.ns +
                            ")"));
  return {};
}

/// A patched object must still be one of its type, and the patch is to blame when it is not.
result<void> conform_patched(operation& op, json::document& doc, const schema::struct_type& type,
                             const std::vector<std::string>& reports) {
  auto ok = conform_document(op, doc, type, reports);
  if (ok)
    return ok;
  return fail(invalid(
      "", "", {invalid_value("patch", json::quote(json::to_string(doc)), ok.error().message)}));
}

/// What the patch is applied to. A merge on /status cannot touch the spec, which is put back
/// afterwards: the most frequent write there is need not copy and judge it.
void copy_patchable(const operation& op, const json::document& before, json::document& after) {
  auto& a = after.GetAllocator();
  if (!is_status_call(op) || op.request.patch == patch_kind::json_patch) {
    after.CopyFrom(before, a);
    return;
  }
  after.SetObject();
  for (const auto& m : before.GetObject())
    if (!is_content(json::as_string(m.name)))
      after.AddMember(json::copy(m.name, a), json::copy(m.value, a), a);
}

/// What is to be told of a patch's own field names.
std::vector<std::string> reports_of(const call& c, bool repeats) {
  if (c.validation == validation_level::ignore)
    return {};
  if (c.patch == patch_kind::json_patch)
    return schema::json_patch_reports(c.body);
  return repeats ? schema::field_reports(nullptr, c.body) : std::vector<std::string>{};
}

} // namespace

result<void> apply_patch(const operation& op, json::document& target,
                         const patch::type_schema* schema, std::vector<std::string>* reports) {
  json::limits limits;
  limits.refuse_duplicate_keys = false;
  std::vector<std::string> repeated;
  auto body = json::parse(op.request.body, limits, &repeated);
  if (!body)
    return fail(bad_request("error decoding patch: " + body.error().message));
  if (reports)
    *reports = reports_of(op.request, !repeated.empty());
  auto& a = target.GetAllocator();
  switch (op.request.patch) {
  case patch_kind::none:
  case patch_kind::apply: // merged by field ownership, not here
    return fail(unsupported(op));
  case patch_kind::json_patch:
    return patch::apply_json_patch(target, *body, a);
  case patch_kind::json_merge:
    patch::apply_json_merge(target, *body, a);
    break;
  case patch_kind::strategic_merge:
    if (op.type.custom)
      return fail(unsupported(op));
    if (!body->IsObject())
      return fail(bad_request("error decoding patch: the patch is no JSON object"));
    if (auto ok = patch::apply_strategic_merge(target, *body, schema, a); !ok)
      return ok;
    break;
  }
  if (!target.IsObject())
    return fail(bad_request("the patch does not leave an object"));
  return {};
}

result<prepared> prepare_patch(operation& op) {
  if (op.request.patch == patch_kind::apply)
    return prepare_apply(op);
  auto current = existing(op);
  if (!current)
    return fail(current.error());
  update_request r;
  r.current = *current;
  r.before = r.current->parse();
  copy_patchable(op, r.before, r.after);
  std::vector<std::string> reports;
  if (auto ok = apply_patch(op, r.after, &op.type.type().patch_schema(), &reports); !ok)
    return fail(ok.error());
  if (auto ok = check_identity(op, r.after); !ok)
    return fail(ok.error());
  auto kind = json::get_string(r.after, "kind");
  auto version = json::get_string(r.after, "apiVersion");
  if (kind != op.type.kind || version != op.type.api_version)
    return fail(bad_request("the API version in the data (" + std::string(version) + ", Kind=" +
                            std::string(kind) + ") does not match the expected API version (" +
                            op.type.api_version + ", Kind=" + op.type.kind + ")"));
  if (auto ok = conform_patched(op, r.after, op.type.type(), reports); !ok)
    return fail(ok.error());
  return update_object(op, std::move(r));
}

} // namespace thespis::api
