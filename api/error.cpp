#include "api/error.hpp"

#include "api/text/quote.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <tuple>
#include <unordered_set>

namespace thespis::api {

namespace {

struct row {
  int code;
  std::string_view name;
};

/// The one table of reasons. ServerTimeout is 500 in Kubernetes: the server, not a gateway, gave
/// up.
row lookup(reason r) {
  switch (r) {
  case reason::unknown:
    return {500, ""};
  case reason::bad_request:
    return {400, "BadRequest"};
  case reason::unauthorized:
    return {401, "Unauthorized"};
  case reason::forbidden:
    return {403, "Forbidden"};
  case reason::not_found:
    return {404, "NotFound"};
  case reason::already_exists:
    return {409, "AlreadyExists"};
  case reason::conflict:
    return {409, "Conflict"};
  case reason::gone:
    return {410, "Gone"};
  case reason::expired:
    return {410, "Expired"};
  case reason::invalid:
    return {422, "Invalid"};
  case reason::method_not_allowed:
    return {405, "MethodNotAllowed"};
  case reason::not_acceptable:
    return {406, "NotAcceptable"};
  case reason::unsupported_media_type:
    return {415, "UnsupportedMediaType"};
  case reason::request_entity_too_large:
    return {413, "RequestEntityTooLarge"};
  case reason::too_many_requests:
    return {429, "TooManyRequests"};
  case reason::server_timeout:
    return {500, "ServerTimeout"};
  case reason::timeout:
    return {504, "Timeout"};
  case reason::internal_error:
    return {500, "InternalError"};
  case reason::service_unavailable:
    return {503, "ServiceUnavailable"};
  }
  return {500, ""};
}

using json_writer = rapidjson::Writer<rapidjson::StringBuffer>;

void put(json_writer& w, std::string_view s) {
  w.String(s.empty() ? "" : s.data(), static_cast<rapidjson::SizeType>(s.size()));
}

/// A member that Kubernetes leaves out when it is empty.
void member(json_writer& w, std::string_view key, std::string_view s) {
  if (s.empty())
    return;
  put(w, key);
  put(w, s);
}

void head(json_writer& w, std::string_view status) {
  w.StartObject();
  member(w, "kind", "Status");
  member(w, "apiVersion", "v1");
  put(w, "metadata");
  w.StartObject();
  w.EndObject();
  member(w, "status", status);
}

/// Splits a group resource or group kind ("deployments.apps") at its first dot.
std::pair<std::string, std::string> split_group(std::string_view s) {
  size_t dot = s.find('.');
  if (dot == s.npos)
    return {std::string(s), {}};
  return {std::string(s.substr(0, dot)), std::string(s.substr(dot + 1))};
}

error about(reason why, std::string_view resource, std::string_view name, std::string message) {
  auto e = make_error(why, std::move(message));
  e.name = name;
  std::tie(e.kind, e.group) = split_group(resource);
  return e;
}

std::string with_detail(std::string text, std::string_view detail) {
  if (!detail.empty())
    text.append(": ").append(detail);
  return text;
}

cause field_error(std::string_view type, std::string text, std::string_view detail,
                  std::string field) {
  return {std::string(type), with_detail(std::move(text), detail), std::move(field)};
}

} // namespace

int http_code(reason r) {
  return lookup(r).code;
}

int http_code(const error& e) {
  return e.code != 0 ? e.code : http_code(e.why);
}

std::string_view to_string(reason r) {
  return lookup(r).name;
}

std::string to_status_json(const error& e) {
  rapidjson::StringBuffer out;
  json_writer w(out);
  head(w, "Failure");
  member(w, "message", e.message);
  member(w, "reason", e.reason_text.empty() ? to_string(e.why) : std::string_view(e.reason_text));
  if (!e.name.empty() || !e.group.empty() || !e.kind.empty() || !e.causes.empty() ||
      e.retry_after_seconds > 0) {
    put(w, "details");
    w.StartObject();
    member(w, "name", e.name);
    member(w, "group", e.group);
    member(w, "kind", e.kind);
    if (!e.causes.empty()) {
      put(w, "causes");
      w.StartArray();
      for (const auto& c : e.causes) {
        w.StartObject();
        member(w, "reason", c.reason);
        member(w, "message", c.message);
        member(w, "field", c.field);
        w.EndObject();
      }
      w.EndArray();
    }
    if (e.retry_after_seconds > 0) {
      put(w, "retryAfterSeconds");
      w.Int(e.retry_after_seconds);
    }
    w.EndObject();
  }
  put(w, "code");
  w.Int(http_code(e));
  w.EndObject();
  return {out.GetString(), out.GetSize()};
}

std::string success_status_json(std::string_view name, std::string_view group,
                                std::string_view resource, std::string_view uid) {
  rapidjson::StringBuffer out;
  json_writer w(out);
  head(w, "Success");
  put(w, "details");
  w.StartObject();
  member(w, "name", name);
  member(w, "group", group);
  member(w, "kind", resource);
  member(w, "uid", uid);
  w.EndObject();
  w.EndObject();
  return {out.GetString(), out.GetSize()};
}

error make_error(reason why, std::string message) {
  error e;
  e.why = why;
  e.message = std::move(message);
  return e;
}

error bad_request(std::string message) {
  return make_error(reason::bad_request, std::move(message));
}

error not_found(std::string_view resource, std::string_view name) {
  return about(reason::not_found, resource, name,
               std::string(resource) + " " + quote_go(name) + " not found");
}

error already_exists(std::string_view resource, std::string_view name) {
  return about(reason::already_exists, resource, name,
               std::string(resource) + " " + quote_go(name) + " already exists");
}

error conflict(std::string_view resource, std::string_view name, std::string_view detail) {
  return about(reason::conflict, resource, name,
               "Operation cannot be fulfilled on " + std::string(resource) + " " + quote_go(name) +
                   ": " + std::string(detail));
}

error forbidden(std::string_view resource, std::string_view name, std::string_view detail) {
  std::string what(resource);
  if (!what.empty() && !name.empty())
    what += " " + quote_go(name);
  what += what.empty() ? "forbidden: " : " is forbidden: ";
  return about(reason::forbidden, resource, name, what + std::string(detail));
}

error internal_error(std::string_view detail) {
  error e;
  e.why = reason::internal_error;
  e.message = "Internal error occurred: " + std::string(detail);
  e.causes.push_back({{}, std::string(detail), {}});
  return e;
}

error invalid(std::string_view group_kind, std::string_view name, std::vector<cause> causes) {
  std::string message = std::string(group_kind) + " " + quote_go(name) + " is invalid";
  std::vector<std::string> lines;
  std::unordered_set<std::string> seen; // a hostile body has causes by the hundred thousand
  for (const auto& c : causes)
    if (auto line = c.field + ": " + c.message; seen.insert(line).second)
      lines.push_back(std::move(line));
  if (lines.size() == 1) {
    message += ": " + lines.front();
  } else if (!lines.empty()) {
    message += ": [";
    for (size_t i = 0; i < lines.size(); ++i)
      message += (i ? ", " : "") + lines[i];
    message += "]";
  }
  auto e = about(reason::invalid, group_kind, name, std::move(message));
  e.causes = std::move(causes);
  return e;
}

cause required(std::string field, std::string_view detail) {
  return field_error("FieldValueRequired", "Required value", detail, std::move(field));
}

cause invalid_value(std::string field, std::string_view json_value, std::string_view detail) {
  return field_error("FieldValueInvalid", "Invalid value: " + std::string(json_value), detail,
                     std::move(field));
}

cause duplicate(std::string field, std::string_view json_value) {
  return field_error("FieldValueDuplicate", "Duplicate value: " + std::string(json_value), {},
                     std::move(field));
}

cause not_supported(std::string field, std::string_view json_value,
                    const std::vector<std::string>& supported) {
  std::string detail;
  for (const auto& s : supported)
    detail += (detail.empty() ? "supported values: " : ", ") + quote_go(s);
  return field_error("FieldValueNotSupported", "Unsupported value: " + std::string(json_value),
                     detail, std::move(field));
}

cause field_forbidden(std::string field, std::string_view detail) {
  return field_error("FieldValueForbidden", "Forbidden", detail, std::move(field));
}

cause too_long(std::string field, size_t max_bytes) {
  auto detail =
      "may not be more than " + std::to_string(max_bytes) + (max_bytes == 1 ? " byte" : " bytes");
  return field_error("FieldValueTooLong", "Too long", detail, std::move(field));
}

cause too_many(std::string field, size_t actual, size_t max_items) {
  return field_error("FieldValueTooMany", "Too many: " + std::to_string(actual),
                     "must have at most " + std::to_string(max_items) + " items", std::move(field));
}

cause type_invalid(std::string field, std::string_view json_value, std::string_view detail) {
  return field_error("FieldValueTypeInvalid", "Invalid value: " + std::string(json_value), detail,
                     std::move(field));
}

cause field_not_found(std::string field, std::string_view json_value) {
  return field_error("FieldValueNotFound", "Not found: " + std::string(json_value), {},
                     std::move(field));
}

} // namespace thespis::api
