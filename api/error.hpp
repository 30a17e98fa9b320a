// The errors of the whole project, as Kubernetes names them, and the one table that maps them to
// HTTP codes and metav1.Status.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api {

/// metav1.StatusReason. `unknown` renders as a Status without a reason.
enum class reason : uint8_t {
  unknown,
  bad_request,
  unauthorized,
  forbidden,
  not_found,
  already_exists,
  conflict,
  gone,
  expired,
  invalid,
  method_not_allowed,
  not_acceptable,
  unsupported_media_type,
  request_entity_too_large,
  too_many_requests,
  server_timeout,
  timeout,
  internal_error,
  service_unavailable,
};

/// metav1.StatusCause. `reason` is a CauseType such as FieldValueRequired; `field` a path such as
/// `spec.containers[0].name`.
struct cause {
  std::string reason;
  std::string message;
  std::string field;
};

/// Why an operation failed, with all that a metav1.Status tells a client.
struct error {
  api::reason why = api::reason::unknown;
  std::string message;
  // metav1.StatusDetails: what the request was about. Empty where it does not apply.
  std::string name;
  std::string group;
  std::string kind; ///< the resource ("pods"), or the kind ("Pod") for `invalid`
  std::vector<cause> causes;
  int retry_after_seconds = 0;
  // Where somebody else has decided, and no reason of ours says the same: the HTTP code (0: that
  // of `why`) and the reason's name (empty: that of `why`).
  int code = 0;
  std::string reason_text;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, cause& x) {
  return f(x.reason, x.message, x.field);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, error& x) {
  return f(x.why, x.message, x.name, x.group, x.kind, x.causes, x.retry_after_seconds, x.code,
           x.reason_text);
}

/// The HTTP status code that Kubernetes answers with for this reason.
int http_code(reason r);
/// The error's own code, else that of its reason.
int http_code(const error& e);

/// The reason's name in a Status ("NotFound"); empty for `unknown`.
std::string_view to_string(reason r);

/// The error as a metav1.Status, compact JSON.
std::string to_status_json(const error& e);

/// A metav1.Status of success for a deletion: {"status":"Success","details":{name,group,kind,uid}}.
std::string success_status_json(std::string_view name, std::string_view group,
                                std::string_view resource, std::string_view uid);

error make_error(reason why, std::string message);

// Errors in Kubernetes' own words. `resource` is "pods" or "deployments.apps" (group resource).
error bad_request(std::string message);
error not_found(std::string_view resource, std::string_view name);      // pods "x" not found
error already_exists(std::string_view resource, std::string_view name); // pods "x" already exists
error conflict(std::string_view resource, std::string_view name, std::string_view detail);
error forbidden(std::string_view resource, std::string_view name, std::string_view detail);
error internal_error(std::string_view detail); // Internal error occurred: detail
/// Pod "x" is invalid: a: Required value, or with several causes [a: ..., b: ...].
/// `group_kind` is "Pod" or "Deployment.apps".
error invalid(std::string_view group_kind, std::string_view name, std::vector<cause> causes);

// Causes of `invalid` in the words of apimachinery's field errors.
cause required(std::string field, std::string_view detail = {});
cause invalid_value(std::string field, std::string_view json_value, std::string_view detail);
cause duplicate(std::string field, std::string_view json_value);
cause not_supported(std::string field, std::string_view json_value,
                    const std::vector<std::string>& supported);
cause field_forbidden(std::string field, std::string_view detail);
cause too_long(std::string field, size_t max_bytes);
cause too_many(std::string field, size_t actual, size_t max_items);
cause field_not_found(std::string field, std::string_view json_value);
cause type_invalid(std::string field, std::string_view json_value, std::string_view detail);

} // namespace thespis::api
