// Keeps a plan up to date service by service, so that a change costs what it changes.
#pragma once

#include "proxy/data/ruleset.hpp"

namespace thespis::proxy {

/// The plan for a changing set of services. At any time rules() equals plan() of the services set
/// last, and the batches taken so far, applied in order to an empty ruleset, give rules(). Not
/// thread-safe; owned by one actor.
class planner {
public:
  /// Adds a service port, or replaces what was known of it.
  void set(const service_port_name& name, const service_port& port);

  /// Forgets a service port; nothing happens for an unknown one.
  void erase(const service_port_name& name);

  /// Forgets all that was known and takes those of this family instead; there are then no changes
  /// to take().
  void reset(const service_table& services, ip_family family = ip_family::v4);

  /// What changed since the last call, or since reset().
  batch take();

  /// The whole plan, in time linear in its size.
  ruleset rules() const;

private:
  // Who asks for an element. The names are keys of `wanted_`, which do not move.
  struct claim {
    const service_port_name* owner;
    element_value value;
  };

  void change(const service_port_name& owner, const element_key& key, const element_value* value);
  void count(const element_value& value, int by);

  std::map<service_port_name, std::vector<element>> wanted_;
  std::map<element_key, std::vector<claim>> claims_; // by owner; the first one's value holds
  std::map<pick_chain, uint32_t> chains_;
  // The state at the last take() of what has been touched since.
  std::map<element_key, std::optional<element_value>> before_;
  std::map<pick_chain, bool> chains_before_;
  bool tracking_ = true;
};

} // namespace thespis::proxy
