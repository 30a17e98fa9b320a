// From the bytes of a request to a document of the right kind.
#include "api/pipeline/operation.hpp"
#include "api/text/quote.hpp"

namespace thespis::api {

namespace {

/// "v1" of "apps/v1": the version alone, as decoding errors show it.
std::string_view version_part(std::string_view api_version) {
  auto slash = api_version.find('/');
  return slash == api_version.npos ? api_version : api_version.substr(slash + 1);
}

error wrong_kind(std::string_view kind, std::string_view version, std::string_view wanted,
                 std::string_view wanted_version) {
  auto v = std::string(version_part(version));
  return bad_request(std::string(kind) + " in version " + quote_go(v) + " cannot be handled as a " +
                     std::string(wanted) + ": converting (" + v + "." + std::string(kind) +
                     ") to (" + std::string(version_part(wanted_version)) + "." +
                     std::string(wanted) + "): unknown conversion");
}

} // namespace

result<json::document> decode_body(operation& op, std::string_view text, std::string_view kind,
                                   std::string_view api_version) {
  std::vector<std::string> duplicates;
  json::limits limits;
  // Go's decoder lets the last duplicate win; only strict validation refuses them.
  limits.refuse_duplicate_keys = false;
  auto doc = json::parse(text, limits, &duplicates);
  if (!doc)
    return doc;
  if (!doc->IsObject())
    return fail(bad_request("the object provided is unrecognized (must be of type " +
                            std::string(kind) + "): couldn't get version/kind; json parse error"));
  for (const auto& at : duplicates) {
    auto complaint = "duplicate field " + quote_go(at);
    if (op.request.validation == validation_level::strict)
      return fail(bad_request(std::string(kind) + " in version " +
                              quote_go(version_part(api_version)) + " cannot be handled as a " +
                              std::string(kind) + ": strict decoding error: " + complaint));
    if (op.request.validation == validation_level::warn)
      op.warnings.push_back(complaint);
  }
  auto& a = doc->GetAllocator();
  auto body_kind = json::get_string(*doc, "kind");
  auto body_version = json::get_string(*doc, "apiVersion");
  if (!body_kind.empty() && body_kind != kind)
    return fail(wrong_kind(body_kind, body_version.empty() ? api_version : body_version, kind,
                           api_version));
  if (!body_version.empty() && body_version != api_version)
    return fail(bad_request("the API version in the data (" + std::string(body_version) +
                            ") does not match the expected API version (" +
                            std::string(api_version) + ")"));
  if (body_kind.empty())
    json::set(*doc, "kind", kind, a);
  if (body_version.empty())
    json::set(*doc, "apiVersion", api_version, a);
  auto* metadata = json::find(*doc, "metadata");
  if (metadata && !metadata->IsObject() && !metadata->IsNull())
    return fail(bad_request(std::string(kind) + " in version " +
                            quote_go(version_part(api_version)) + " cannot be handled as a " +
                            std::string(kind) + ": json: cannot unmarshal into Go struct field " +
                            std::string(kind) + ".metadata of type v1.ObjectMeta"));
  json::ensure_object(*doc, "metadata", a);
  return doc;
}

} // namespace thespis::api
