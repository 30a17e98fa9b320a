// The port through which expressions ask whether a user may do something.
#pragma once

#include <string>
#include <string_view>

namespace thespis::api::cel {

/// What is asked of an authorizer. Views live as long as the evaluation.
struct authorization_request {
  /// Of a service account that is asked for in place of the request's user; else empty.
  std::string_view service_account_namespace, service_account_name;
  bool is_resource = false;
  std::string_view path; ///< unless is_resource
  std::string_view group, resource, subresource, ns, name;
  std::string_view field_selector, label_selector;
  std::string_view verb;
};

struct authorization_answer {
  bool allowed = false;
  std::string reason;
  std::string error; ///< empty: none
};

/// Answers for the user of the request that is being admitted. Thread-safe.
class authorizer {
public:
  virtual ~authorizer() = default;
  virtual authorization_answer check(const authorization_request& request) const = 0;
};

} // namespace thespis::api::cel
