// What is asked of authorization, and what it answers.
#pragma once

#include "api/error.hpp"
#include "api/pipeline/call.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace thespis::api::auth {

inline constexpr std::string_view masters_group = "system:masters";
inline constexpr std::string_view nodes_group = "system:nodes";
inline constexpr std::string_view authenticated_group = "system:authenticated";
inline constexpr std::string_view unauthenticated_group = "system:unauthenticated";
inline constexpr std::string_view anonymous_user = "system:anonymous";
inline constexpr std::string_view rbac_group = "rbac.authorization.k8s.io";

/// One question: may this user do that? A view; what it names must outlive it.
struct access_query {
  const user_info& user;
  bool is_resource = true;
  std::string_view verb;  ///< of plain paths the method in lower case
  std::string_view group; ///< of the API
  std::string_view version;
  std::string_view ns; ///< empty at the cluster scope
  std::string_view resource;
  std::string_view subresource;
  std::string_view name;
  std::string_view path; ///< of plain paths
};

enum class verdict : uint8_t { allow, deny, no_opinion };

/// An answer. Only `allow` lets through; `deny` keeps later authorizers from being asked.
struct decision {
  verdict what = verdict::no_opinion;
  std::string reason; ///< for people; may be empty
  bool allowed() const { return what == verdict::allow; }
};

bool in_group(const user_info& user, std::string_view group);

/// The user that a service account is: "system:serviceaccount:NAMESPACE:NAME".
std::string service_account_user(std::string_view ns, std::string_view name);

/// The namespace and name in a service account's user name; empty for other users.
struct service_account_name {
  std::string_view ns;
  std::string_view name;
  explicit operator bool() const { return !name.empty(); }
};
service_account_name read_service_account(std::string_view user);

/// The refusal (403) in Kubernetes' words; `reason` is the authorizer's, may be empty.
error access_refused(const access_query& q, std::string_view reason);

} // namespace thespis::api::auth
