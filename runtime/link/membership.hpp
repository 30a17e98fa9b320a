// Who is linked to this process: for the log, for people, and so that nobody takes another's place.
#pragma once

#include "api/pipeline/call.hpp"
#include "runtime/environment.hpp"
#include "runtime/link/link_socket.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace thespis::runtime::link {

/// One linked peer.
struct member {
  uint64_t id = 0;
  api::user_info user;
  std::string address;
  std::string machine; ///< the name it may use: of a node the node's; empty before its hello
  std::string version;
  uint64_t epoch = 0;
  caf::node_id node;
  wall_time since{};
  std::vector<std::string> offers; ///< what it may be given to run (agent --roles)
  std::set<std::string> roles;     ///< what it has announced
  std::shared_ptr<link_state> state;
};

/// Thread-safe.
class membership {
public:
  explicit membership(std::shared_ptr<const clock_port> clock) : clock_(std::move(clock)) {}

  /// A link begins; its number.
  uint64_t begin(const api::user_info& user, const std::string& address);
  void attach(uint64_t id, std::shared_ptr<link_state> state);
  /// The peer says which actor system it is. False when another link has that one already; an older
  /// link of the same user is ended, so that the peer may come again.
  bool claim(uint64_t id, const caf::node_id& node);
  /// The peer has said hello as that machine. An older link of the same process is ended; while one
  /// of another process lasts, this one is refused: the answer says why, and is empty when all is
  /// well. So two processes with one certificate do not take each other's place for ever, and one
  /// that was started again comes in when the old link is given up.
  std::string greet(uint64_t id, const std::string& machine, const std::string& version,
                    uint64_t epoch, std::vector<std::string> offers);
  void add_role(uint64_t id, const std::string& role);
  void remove_role(uint64_t id, const std::string& role);
  void end(uint64_t id);
  /// Ends the link soon.
  void close(uint64_t id, const std::string& why);

  std::vector<member> list() const;
  /// {"members":[{"machine":...}]}
  std::string to_json() const;

private:
  const std::shared_ptr<const clock_port> clock_;
  mutable std::mutex mutex_;
  uint64_t last_ = 0;
  std::map<uint64_t, member> members_;
};

} // namespace thespis::runtime::link
