// Kubernetes' authorizer library.

#include "api/cel/functions.hpp"
#include "api/cel/objects.hpp"

namespace thespis::api::cel {

namespace {

bool blank(std::string_view s) {
  return s.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

value path(evaluation& run, const value* a, size_t) {
  if (blank(a[1].str()))
    return run.error("path must not be empty");
  auto asked = *a[0].authorization;
  asked.request.path = a[1].str();
  return run.authorization(kind::path_check, asked);
}

value group(evaluation& run, const value* a, size_t) {
  auto asked = *a[0].authorization;
  asked.request.group = a[1].str();
  asked.request.is_resource = true;
  return run.authorization(kind::group_check, asked);
}

value service_account(evaluation& run, const value* a, size_t) {
  if (auto wrong = check_dns1123_label(a[1].str()); !wrong.empty())
    return run.error("Invalid service account namespace");
  if (auto wrong = check_dns1123_subdomain(a[2].str()); !wrong.empty())
    return run.error("Invalid service account name");
  auto asked = *a[0].authorization;
  asked.request.service_account_namespace = a[1].str();
  asked.request.service_account_name = a[2].str();
  return run.authorization(kind::authorizer, asked);
}

value resource(evaluation& run, const value* a, size_t) {
  if (blank(a[1].str()))
    return run.error("resource must not be empty");
  auto asked = *a[0].authorization;
  asked.request.resource = a[1].str();
  return run.authorization(kind::resource_check, asked);
}

template <std::string_view authorization_request::*Part>
value narrow(evaluation& run, const value* a, size_t) {
  auto asked = *a[0].authorization;
  asked.request.*Part = a[1].str();
  return run.authorization(kind::resource_check, asked);
}

value check(evaluation& run, const value* a, size_t) {
  auto asked = *a[0].authorization;
  asked.request.verb = a[1].str();
  auto answer = asked.port->check(asked.request);
  asked.allowed = answer.allowed;
  asked.reason = run.text(answer.reason);
  asked.error = run.text(answer.error);
  return run.authorization(kind::decision, asked);
}

value allowed(evaluation&, const value* a, size_t) {
  return value::of(a[0].authorization->allowed);
}

value reason(evaluation&, const value* a, size_t) {
  return value::of(a[0].authorization->reason);
}

value errored(evaluation&, const value* a, size_t) {
  return value::of(!a[0].authorization->error.empty());
}

value error_text(evaluation&, const value* a, size_t) {
  return value::of(a[0].authorization->error);
}

using request = authorization_request;

constexpr declaration table[] = {
    {"path", "Authorizer.(string) -> PathCheck", path},
    {"group", "Authorizer.(string) -> GroupCheck", group},
    {"serviceAccount", "Authorizer.(string, string) -> Authorizer", service_account},
    {"resource", "GroupCheck.(string) -> ResourceCheck", resource},
    {"subresource", "ResourceCheck.(string) -> ResourceCheck", narrow<&request::subresource>},
    {"namespace", "ResourceCheck.(string) -> ResourceCheck", narrow<&request::ns>},
    {"name", "ResourceCheck.(string) -> ResourceCheck", narrow<&request::name>},
    {"fieldSelector", "ResourceCheck.(string) -> ResourceCheck", narrow<&request::field_selector>},
    {"labelSelector", "ResourceCheck.(string) -> ResourceCheck", narrow<&request::label_selector>},
    {"check", "PathCheck.(string) -> Decision", check, price::authorization},
    {"check", "ResourceCheck.(string) -> Decision", check, price::authorization},
    {"allowed", "Decision.() -> bool", allowed},
    {"reason", "Decision.() -> string", reason},
    {"errored", "Decision.() -> bool", errored},
    {"error", "Decision.() -> string", error_text},
};

} // namespace

library authorization() {
  return table;
}

} // namespace thespis::api::cel
