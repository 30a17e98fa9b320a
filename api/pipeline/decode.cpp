// From the bytes of a request to a document of the right kind, in canonical shape.
#include "api/schema/decode.hpp"
#include "api/pipeline/operation.hpp"
#include "api/schema/strict_fields.hpp"
#include "api/text/quote.hpp"

#include <algorithm>

namespace thespis::api {

namespace {

/// "v1" of "apps/v1": the version alone, as decoding errors show it.
std::string version_part(std::string_view api_version) {
  auto slash = api_version.find('/');
  return std::string(slash == api_version.npos ? api_version : api_version.substr(slash + 1));
}

error wrong_kind(std::string_view kind, const std::string& version,
                 const schema::struct_type& wanted) {
  return bad_request(std::string(kind) + " in version " + quote_go(version) +
                     " cannot be handled as a " + wanted.name + ": converting (" + version + "." +
                     std::string(kind) + ") to (" + wanted.version + "." + wanted.name +
                     "): unknown conversion");
}

/// What the first bytes of a body look like, for messages about bodies that are no objects.
std::string excerpt(std::string_view text) {
  constexpr size_t shown = 30;
  return text.size() <= shown ? std::string(text) : std::string(text.substr(0, shown)) + "...";
}

/// A body without kind or apiVersion is what the URL says.
result<void> settle_kind(json::document& doc, const schema::struct_type& type,
                         const std::string& api_version, std::string_view alias) {
  auto kind = json::get_string(doc, "kind");
  auto version = json::get_string(doc, "apiVersion");
  auto& a = doc.GetAllocator();
  if (!kind.empty() && kind != type.name)
    return fail(wrong_kind(kind, version_part(version.empty() ? api_version : version), type));
  if (!version.empty() && version != api_version && version != alias)
    return fail(bad_request("the API version in the data (" + std::string(version) +
                            ") does not match the expected API version (" + api_version + ")"));
  if (kind.empty())
    json::set(doc, "kind", type.name, a);
  if (version != api_version)
    json::set(doc, "apiVersion", api_version, a);
  return {};
}

/// Seen now: an empty list is no more than a missing one hereafter.
void note_reset(operation& op, const json::document& doc) {
  const auto* owners = json::at(doc, {"metadata", "managedFields"});
  op.resets_owners = owners && owners->IsArray() && owners->Empty();
}

/// Refuses or warns of what decoding had to say, as the call asks.
result<void> tell(operation& op, std::vector<std::string> reports) {
  if (reports.empty() || op.request.validation == validation_level::ignore)
    return {};
  if (op.request.validation == validation_level::strict)
    return fail(bad_request(schema::strict_error(reports)));
  op.warnings.insert(op.warnings.end(), std::make_move_iterator(reports.begin()),
                     std::make_move_iterator(reports.end()));
  return {};
}

/// Makes a body canonical and tells of its field names, in the order of the body.
result<void> conform_body(operation& op, json::document& doc, const schema::struct_type& type,
                          std::string_view text, bool repeats) {
  note_reset(op, doc);
  const bool report = op.request.validation != validation_level::ignore;
  std::vector<std::string> unknown;
  if (auto ok = schema::conform(type, doc, doc.GetAllocator(), report ? &unknown : nullptr); !ok)
    return ok;
  if (!report || !repeats)
    return tell(op, std::move(unknown));
  if (!type.custom)
    return tell(op, schema::field_reports(&type, text));
  auto all = schema::field_reports(nullptr, text);
  all.insert(all.end(), unknown.begin(), unknown.end());
  return tell(op, std::move(all));
}

} // namespace

result<void> conform_document(operation& op, json::document& doc, const schema::struct_type& type,
                              const std::vector<std::string>& reports) {
  note_reset(op, doc);
  const bool report = op.request.validation != validation_level::ignore;
  std::vector<std::string> unknown;
  if (auto ok = schema::conform(type, doc, doc.GetAllocator(), report ? &unknown : nullptr); !ok)
    return ok;
  // As Go walks the maps that it makes of a patched document.
  std::sort(unknown.begin(), unknown.end());
  auto all = reports;
  all.insert(all.end(), unknown.begin(), unknown.end());
  return tell(op, std::move(all));
}

result<json::document> decode_body(operation& op, std::string_view text,
                                   const schema::struct_type& type, std::string_view alias) {
  std::vector<std::string> duplicates;
  json::limits limits;
  // Go's decoder lets the last duplicate win; only strict validation refuses them.
  limits.refuse_duplicate_keys = false;
  auto doc = json::parse(text, limits, &duplicates);
  if (!doc) {
    if (doc.error().why == reason::bad_request)
      doc.error().message = "the object provided is unrecognized (must be of type " + type.name +
                            "): couldn't get version/kind; " + doc.error().message + " (" +
                            quote_go(excerpt(text)) + ")";
    return doc;
  }
  if (!doc->IsObject())
    return fail(bad_request("the object provided is unrecognized (must be of type " + type.name +
                            "): couldn't get version/kind; json parse error: json: cannot "
                            "unmarshal into Go value of type struct { APIVersion string "
                            "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
                            "\"json:\\\"kind,omitempty\\\"\" } (" +
                            quote_go(excerpt(text)) + ")"));
  auto api_version = type.group.empty() ? type.version : type.group + "/" + type.version;
  if (auto ok = settle_kind(*doc, type, api_version, alias); !ok)
    return fail(ok.error());
  if (auto ok = conform_body(op, *doc, type, text, !duplicates.empty()); !ok)
    return fail(schema::handled_as(type.name, type.version, ok.error().message));
  json::ensure_object(*doc, "metadata", doc->GetAllocator());
  return doc;
}

const schema::struct_type& kind_type(std::string_view group, std::string_view version,
                                     std::string_view kind) {
  static const schema::struct_type none;
  const auto* t = schema::registry::builtin().find_kind_type(group, version, kind);
  return t ? *t : none;
}

} // namespace thespis::api
