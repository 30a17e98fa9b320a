// Webhook configurations as they are asked: compiled once a revision, shared by all threads.
#pragma once

#include "api/admission/plugin.hpp"
#include "api/text/labels.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace thespis::api::admission {

/// One rule of a webhook.
struct webhook_rule {
  std::vector<std::string> operations, groups, versions, resources;
  std::string scope = "*";

  /// Whether it is about this request, seen as one of resource `as`.
  bool matches(const request& r, const resource_type& as) const;
  /// Whether it may be about calls to that resource, whatever they do.
  bool may_match(std::string_view group, std::string_view plural) const;
};

/// One webhook, of either kind.
struct webhook {
  std::string name;
  std::string configuration;
  std::vector<webhook_rule> rules;
  bool equivalent = true;
  bool fail_open = false; ///< failurePolicy Ignore
  bool reinvoke = false;  ///< reinvocationPolicy IfNeeded
  std::string side_effects;
  std::chrono::seconds timeout{10};
  label_selector namespaces, objects;
  bool v1_reviews = true; ///< takes admission.k8s.io/v1
  struct condition {
    std::string name, expression;
  };
  std::vector<condition> conditions;
  // clientConfig: the URL, or the service.
  std::string url;
  std::string service, service_ns, path;
  int port = 443;
  std::string ca_bundle; ///< PEM
};

using webhook_list = std::shared_ptr<const std::vector<webhook>>;

/// The webhooks of all configurations of one kind, ordered by configuration. Thread-safe.
class webhook_source {
public:
  explicit webhook_source(std::string resource) : resource_(std::move(resource)) {}

  /// null when there are none: asking costs one look at the state.
  webhook_list get(const reader& state) const;

private:
  std::string resource_;
  mutable std::mutex mutex_;
  mutable std::vector<object_ptr> known_;
  mutable webhook_list list_;
};

/// One rule of a webhook or of a policy.
webhook_rule read_rule(const json::value& v);

/// Compiles the webhooks of one configuration.
std::vector<webhook> read_webhooks(const object& configuration);

} // namespace thespis::api::admission
