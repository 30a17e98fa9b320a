// What objects count towards ResourceQuotas, and which quotas they count towards.
#pragma once

#include "api/admission/resource_list.hpp"
#include "api/object/object.hpp"
#include "api/text/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace thespis::api::admission {

/// What of an object scopes ask about.
struct quota_traits {
  bool terminating = false; ///< has a deadline
  bool best_effort = false;
  bool cross_namespace_affinity = false;
  std::string priority_class;
  std::set<std::string> attribute_classes; ///< of claims

  auto operator<=>(const quota_traits&) const = default;
};

/// What one object counts.
struct quota_measure {
  resource_list usage;
  quota_traits traits;
  bool pod = false, claim = false;
  bool fleeting = false; ///< counts less with time alone: to be measured again
};

/// Measures an object of that resource as of `now`.
quota_measure measure(std::string_view resource, const json::value& object, time_point now);

/// Whether amounts of that name are counted on objects of that resource.
bool counts(std::string_view resource, std::string_view name);

/// One ResourceQuota.
class quota_rule {
public:
  explicit quota_rule(const json::value& quota);

  const std::string& name() const { return name_; }
  const resource_list& hard() const { return hard_; }
  /// Those of `hard` that objects of that resource count towards.
  resource_list hard_of(std::string_view resource) const;
  /// Whether all scopes hold. Things that scopes say nothing about match only where there are none.
  bool in_scope(bool pod, bool claim, const quota_traits& traits) const;

private:
  struct scope {
    std::string name, op;
    std::set<std::string> values;
  };
  static bool holds(const scope& s, bool pod, bool claim, const quota_traits& traits);

  std::string name_;
  resource_list hard_;
  std::vector<scope> scopes_;
};

/// What the objects of one resource in one namespace add up to; looks only at what has changed.
class usage_account {
public:
  explicit usage_account(std::string resource) : resource_(std::move(resource)) {}

  /// Brings the account up to these objects.
  void refresh(const std::vector<object_ptr>& objects, time_point now);

  /// What counts towards that quota, masked to its `hard`.
  resource_list used(const quota_rule& rule) const;

  struct item {
    std::string uid;
    uint64_t revision = 0;
    uint64_t seen = 0;
    quota_measure measure;
  };
  /// nullptr when there is no such object.
  const item* find(const std::string& name) const;

private:
  using group_key = std::tuple<bool, bool, quota_traits>;
  void count(const quota_measure& m, bool in);

  std::string resource_;
  uint64_t pass_ = 0;
  std::unordered_map<std::string, item> items_;
  struct group {
    size_t members = 0;
    resource_list sum;
  };
  std::map<group_key, group> groups_;
};

} // namespace thespis::api::admission
