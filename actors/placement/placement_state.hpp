// What the placement actor knows: which machine plays each role, who could, and what is under way.
// No CAF and no clock here: it is told what happened and returns what is to be done.
#pragma once

#include "api/error.hpp"
#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace thespis::actors {

struct placement_limits {
  /// How long a role waits for its machine when the link to it was lost.
  std::chrono::milliseconds grace{5'000};
  /// The same after a start, when no machine has had the time to link yet.
  std::chrono::milliseconds startup_grace{15'000};
};

/// Invariants: a role has at most one holder; a new one is told to take it only after the old one
/// has left it, or its link has ended (from then on nothing that it writes is accepted).
class placement_state {
public:
  using time = std::chrono::steady_clock::duration;
  enum class phase : uint8_t {
    waiting, ///< nobody plays it, and nobody could
    taking,  ///< the holder has been told to
    held,
    leaving, ///< the holder has been told to stop
    lost,    ///< the holder's link is down
  };
  enum class verb : uint8_t {
    take,   ///< the machine is to take the role
    leave,  ///< the machine is to leave it
    moved,  ///< a person's move is over: the role runs where it was wanted
    failed, ///< a person's move is over: `why`
  };
  struct action {
    verb what = verb::take;
    std::string role;
    std::string machine;
    std::string why = {};
  };
  using actions = std::vector<action>;
  struct role {
    phase at = phase::waiting;
    std::string holder;
    std::string wanted; ///< where a person's move leads; empty: none is under way
    time since{};       ///< of being lost
    time patience{};    ///< how long to wait for the holder then
    uint64_t moves = 0; ///< how often it changed hands
  };

  /// `home` is the server's own machine, which may play all roles that it offers. `allowed` says
  /// whether another one may be given a role that it offers.
  placement_state(std::string home,
                  std::function<bool(const std::string& machine, const std::string& role)> allowed,
                  placement_limits limits = {});

  /// A role, and who held it by the record; empty: nobody, so that it is home's.
  void add_role(const std::string& name, const std::string& holder, uint64_t moves, time now);

  /// The machine is there and offers these roles ("controller/*" is all controllers).
  actions host_up(const std::string& machine, std::vector<std::string> offers);
  actions host_down(const std::string& machine, time now);
  /// What became of take.
  actions taken(const std::string& role, const std::string& machine, bool ok,
                const std::string& why);
  /// The machine has left it.
  actions left(const std::string& role, const std::string& machine);
  actions tick(time now);

  /// Errors: not_found, bad_request, forbidden, conflict.
  api::result<actions> move(const std::string& role, const std::string& to);

  const std::map<std::string, role>& roles() const { return roles_; }
  /// The machine that may write as the role; empty: nobody.
  std::string speaks_for(const std::string& role) const;

private:
  bool can(const std::string& machine, const std::string& role) const;
  /// The best machine that is there, not `but`; empty: none.
  std::string choose(const std::string& role, const std::string& but) const;
  void give(const std::string& name, role& r, const std::string& machine, actions& out);
  void settle_elsewhere(const std::string& name, role& r, const std::string& but, actions& out);

  const std::string home_;
  const std::function<bool(const std::string&, const std::string&)> allowed_;
  const placement_limits limits_;
  std::map<std::string, role> roles_;
  std::map<std::string, std::vector<std::string>> hosts_; ///< that are there: what they offer
};

/// "running", "starting", …: as people read it.
const char* to_string(placement_state::phase p);

} // namespace thespis::actors
