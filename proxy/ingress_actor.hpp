// The actor of Ingresses: see ingress_interface.hpp.
#pragma once

#include "proxy/ingress/haproxy_process.hpp"
#include "proxy/ingress_interface.hpp"
#include "proxy/ingress_state.hpp"
#include "runtime/environment.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace thespis::proxy {

struct ingress_deps {
  runtime::environment env;
  std::string node;
  std::string folder; ///< for haproxy's files, private to it
  haproxy_options options;
};

/// Runs detached: haproxy is its child and takes tenths of a second to read its configuration. The
/// entry ends with the actor.
class ingress_actor : public runtime::actor_base<ingress_handle> {
public:
  ingress_actor(caf::actor_config& cfg, ingress_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  /// Each Secret has a watch of its own, with a number from `secrets` on.
  enum watch : uint64_t { ingresses, classes, services, slices, secrets };
  struct secret_watch {
    ingress_state::name_pair name;
    bool synced = false; ///< it is known whether it is there
  };

  void start_over();
  runtime::registry_handle registry_of(uint64_t w) const;
  void follow_secrets();
  void take(uint64_t w, const api::watch_event& e);
  void closed(const runtime::watch_closed& c);
  bool subscribe(watch w);
  void handle(const runtime::watch_batch& batch);
  bool synced() const;
  void schedule(std::chrono::milliseconds delay);
  void configure();
  void check();

  ingress_deps deps_;
  ingress_state state_;
  std::unique_ptr<haproxy_process> entry_;
  std::optional<ingress_table> applied_;
  std::array<bool, secrets> subscribed_{};
  std::array<bool, secrets> synced_{};
  std::map<uint64_t, secret_watch> secrets_;
  uint64_t next_secret_ = secrets;
  bool scheduled_ = false;
  bool checking_ = false;
  uint64_t configured_ = 0;
};

} // namespace thespis::proxy
