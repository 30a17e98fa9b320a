// Puts together what the schema, the metadata rules and the kind's own rules find.
#include "api/schema/validate.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/operation.hpp"
#include "api/validation/access.hpp"
#include "api/validation/meta.hpp"

#include <unordered_set>

namespace thespis::api {

namespace {

/// Appends what `more` has and `into` does not yet say of the same field.
void merge(std::vector<cause>& into, std::vector<cause>& more) {
  if (more.empty())
    return;
  // A hostile body can have a hundred thousand of each.
  std::unordered_set<std::string> known;
  for (const auto& c : into)
    known.insert(c.field + '\n' + c.reason);
  for (auto& c : more)
    if (!known.contains(c.field + '\n' + c.reason))
      into.push_back(std::move(c));
}

/// Whether there is something new to judge outside metadata.
bool changed(const operation& op, const json::value& doc, const json::value& old) {
  if (is_status_call(op))
    return !json::equal(member(doc, "status"), member(old, "status"));
  auto covered = [](const json::value& x, const json::value& y) {
    for (const auto& m : x.GetObject())
      if (auto key = json::as_string(m.name);
          key != "metadata" && !json::equal(m.value, member(y, key)))
        return false;
    return true;
  };
  return !covered(doc, old) || !covered(old, doc);
}

void check_by_schema(const operation& op, const json::value& doc, const json::value* old,
                     std::vector<cause>& causes) {
  static const std::vector<std::string_view> but_spec{"metadata", "status"};
  static const std::vector<std::string_view> but_status{"metadata", "spec"};
  schema::validate(op.type.type(), doc, old, causes, is_status_call(op) ? but_status : but_spec);
}

} // namespace

result<void> validate_object(const operation& op, const json::document& doc,
                             const json::value* old) {
  findings f;
  if (old)
    validate_metadata_update(doc, *old, f);
  else
    validate_metadata(doc, op.type.namespaced, op.type.name_format, f);
  if (!old || changed(op, doc, *old)) {
    findings own;
    check_by_schema(op, doc, old, f.causes());
    if (op.plan.validate && (!is_status_call(op) || op.plan.judges_status))
      op.plan.validate(doc, own);
    if (!old && op.plan.validate_create)
      op.plan.validate_create(doc, own);
    if (old && op.plan.validate_update)
      op.plan.validate_update(op, doc, *old, own);
    merge(f.causes(), own.causes());
  }
  if (f.empty())
    return {};
  return fail(invalid(op.type.group_kind, text(metadata_of(doc), "name"), std::move(f.causes())));
}

} // namespace thespis::api
