// What a request is about, read from its method and target alone: resource or plain path, verb,
// namespace, name, and the query. The rules are those of Kubernetes' request info.
#pragma once

#include "api/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thespis::api::rest {

/// Decodes percent-encoding; with `plus_is_space` as in a query. Nothing when an escape is broken
/// or the result is no UTF-8.
std::optional<std::string> percent_decode(std::string_view s, bool plus_is_space);

/// The parameters of a query, decoded, in their order.
class query {
public:
  query() = default;
  /// Errors: bad_request for broken escapes or more than 1,000 parameters.
  static result<query> parse(std::string_view text);

  /// The first value of that name; empty when there is none.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  /// As Kubernetes converts booleans: absent, "false" and "0" are false, the rest is true.
  bool flag(std::string_view name) const;
  /// Nothing when absent. Errors: bad_request when it is no int64.
  result<std::optional<int64_t>> integer(std::string_view name) const;
  bool empty() const { return params_.empty(); }

private:
  std::vector<std::pair<std::string, std::string>> params_;
};

/// A request's subject.
struct request_target {
  std::string path; ///< decoded
  rest::query query;
  bool is_resource = false;
  /// "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"; for plain
  /// paths the method in lower case.
  std::string verb;
  std::string group;
  std::string version;
  std::string ns;
  std::string resource; ///< plural name, without the group
  std::string name;
  std::string subresource;
  std::string rest; ///< what follows the subresource, "/"-joined
};

/// Reads a request line. `target` is as sent. Errors: bad_request.
result<request_target> read_target(std::string_view method, std::string_view target);

} // namespace thespis::api::rest
