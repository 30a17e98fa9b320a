// What is written down about which requests: audit.k8s.io/v1 Policy.
#pragma once

#include "api/auth/access.hpp"
#include "api/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::audit {

/// How much; each holds all that the ones before it do.
enum class level : uint8_t { none, metadata, request, request_response };
std::string_view to_string(level l);

/// When in a request's life.
enum class stage : uint8_t { request_received, response_started, response_complete, panic };
std::string_view to_string(stage s);

/// What the policy decided about one request.
struct decision {
  level how = level::none;
  uint8_t omitted = 0; ///< a bit a stage
  bool omit_managed_fields = false;
  bool omits(stage s) const { return (omitted >> static_cast<unsigned>(s) & 1U) != 0; }
};

struct group_resources {
  std::string group;
  std::vector<std::string> resources; ///< "pods", "pods/log", "pods/*", "*/scale", "*"; empty: all
  std::vector<std::string> names;     ///< empty: all
};

/// The first rule that matches decides.
struct rule {
  decision then;
  std::vector<std::string> users, groups, verbs;
  std::vector<group_resources> resources;
  std::vector<std::string> namespaces; ///< "" is the cluster's scope
  std::vector<std::string> urls;
};

class policy {
public:
  /// Reads a policy's YAML. Errors: bad_request that names the field.
  static result<policy> parse(std::string_view yaml);
  /// What holds when audit is on and nobody wrote a policy: writes with their bodies, reads
  /// without, nothing about probes and leases; of Secrets, ConfigMaps, tokens and what reviews them
  /// never a body.
  static const policy& standard();

  decision decide(const auth::access_query& q) const;

private:
  std::vector<rule> rules_;
};

} // namespace thespis::api::audit
