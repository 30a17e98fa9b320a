// The gateway actor: one a link, on the server. See gateway_interface.hpp.
#pragma once

#include "api/audit/calls.hpp"
#include "api/auth/policy.hpp"
#include "api/pipeline/reader.hpp"
#include "runtime/environment.hpp"
#include "runtime/link/gateway_interface.hpp"
#include "runtime/link/membership.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::runtime::link {

using role_users = std::function<std::optional<api::user_info>(const std::string& machine,
                                                               std::string_view claimed)>;

struct gateway_deps {
  environment env;
  std::shared_ptr<const api::auth::policy> access;
  /// Runs one call as REST does; the callback comes on any thread.
  std::function<void(api::call, std::function<void(api::reply)>)> submit;
  std::shared_ptr<membership> members;
  uint64_t member = 0; ///< the link's number there
  api::user_info user; ///< whom the peer has proved to be
  link_welcome welcome;
  std::shared_ptr<const api::reader> state; ///< what rights are judged by
  /// When the certificate that the peer proved itself with ends; nothing: it showed none.
  std::optional<wall_time> expires = std::nullopt;
  /// Whom a machine speaks as that plays a role: the user that it claims to be, or nothing when it
  /// has not been given such a role (any more). Thread-safe; null: no roles are given away.
  role_users role_user = nullptr;
  /// Where refusals, and what no other actor writes down, are told of; null: nowhere.
  std::shared_ptr<api::audit::call_auditor> audit = nullptr;
};

/// What one peer may have under way.
struct gateway_limits {
  size_t watches = 20'000;
  size_t calls = 4096;            ///< not yet answered
  size_t batch_bytes = 512 << 10; ///< of objects in one message
  /// How often it is seen whether the peer may still be linked.
  std::chrono::milliseconds review{5000};
};

using gateway_actor_handle =
    gateway_handle::extend<caf::reacts_to<watch_batch>, caf::reacts_to<watch_closed>,
                           caf::reacts_to<link_ended>, caf::reacts_to<review_link>,
                           caf::reacts_to<call_done>>;

/// Lives as long as the link. Invariants: what it asks of others it asks as the link's user (or, of
/// a machine with simulated nodes or with roles, as one of these); the directory leads to the
/// peer's actors only under names of the peer's own.
class gateway_actor : public actor_base<gateway_actor_handle> {
public:
  gateway_actor(caf::actor_config& cfg, gateway_deps deps, gateway_limits limits = {});
  behavior_type make_behavior() override;
  void on_exit() override;

protected:
  std::string describe() const override;

private:
  /// A watch of the peer's, known by a number of ours to the registry.
  struct watch {
    std::string resource;
    caf::actor_addr registry;
    caf::actor_addr peer;
    uint64_t number = 0;           ///< the peer's
    bool brief = false;            ///< as in open_watch
    std::deque<watch_batch> parts; ///< of the last batch, not yet sent
  };
  using watch_key = std::pair<caf::actor_addr, uint64_t>;

  caf::result<link_welcome> greet(const link_hello& hello);
  void review();
  void end_link(const std::string& why);
  bool may_list(const api::user_info& user, std::string_view group,
                std::string_view resource) const;
  caf::result<call_outcomes> run(call_batch& batch);
  caf::result<api_answer> run_one(api_call& c);
  /// Sets the user that the call is made as. Errors: forbidden.
  api::result<void> authorize(api::call& c) const;
  /// The request bridge writes down what it is given; it never sees what is refused here.
  void audit_refusal(const api::call& c, const api::error& why) const;
  api::result<void> authorize(const open_watch& w, const api::user_info& user) const;
  /// Whom the peer may speak as: itself, or the simulated node or the user of a role of its that it
  /// names.
  const api::user_info& speaker(const std::string& claimed, api::user_info& scratch) const;
  bool may_use(std::string_view name) const;
  void open(const open_watch& w);
  void credit(uint64_t number);
  void close(uint64_t number);
  void forget(std::map<uint64_t, watch>::iterator i);
  void forward(watch_batch& batch);
  void send_part(watch& w);
  void refuse_watch(const caf::strong_actor_ptr& peer, uint64_t number, api::error why);
  void on_down(const caf::down_msg& down);
  void announce(const announce_role& a);
  void withdraw(const std::string& role);
  registry_handle registry_of(const std::string& resource) const;

  const gateway_deps deps_;
  const gateway_limits limits_;
  std::string machine_; ///< the peer's name; empty before its hello
  uint64_t next_watch_ = 1;
  std::map<uint64_t, watch> watches_; ///< by our number
  std::map<watch_key, uint64_t> numbers_;
  std::map<std::string, caf::actor_addr> roles_;
  size_t calls_ = 0;
  uint64_t next_call_ = 1;
  std::map<uint64_t, caf::typed_response_promise<api_answer>> answers_;
};

} // namespace thespis::runtime::link
