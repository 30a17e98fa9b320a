// What every actor is handed instead of reaching for the machine: time, randomness, names.
#pragma once

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace thespis::api::schema {
class registry;
}

namespace thespis::runtime {

class causal_journal;

using wall_time = std::chrono::sys_time<std::chrono::nanoseconds>;

/// The wall clock as a port: timestamps in objects come from here, timers from the actor clock.
class clock_port {
public:
  virtual ~clock_port() = default;
  virtual wall_time now() const = 0;
};

/// The machine's clock.
std::shared_ptr<const clock_port> system_clock_port();

/// Randomness as a port: seeded in tests, from the machine otherwise. Thread-safe.
class random_port {
public:
  explicit random_port(uint64_t seed) : engine_(seed) {}
  uint64_t next();
  /// A version 4 UUID.
  std::string uuid();
  /// `n` characters of Kubernetes' generateName alphabet (no vowels, no look-alikes).
  std::string suffix(size_t n = 5);

private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

/// Randomness seeded by the machine.
std::shared_ptr<random_port> machine_random_port();

/// Which actor plays which role in this process. Handles are disposable: a supervisor puts the
/// restarted actor under the same name, so look a role up when sending, never keep it.
class directory {
public:
  void put(const std::string& role, caf::strong_actor_ptr actor);
  void erase(const std::string& role);
  /// Only while that actor plays it.
  void erase(const std::string& role, const caf::actor_addr& actor);
  void clear();
  /// Who plays the roles whose names begin with `prefix`, by role.
  std::vector<std::pair<std::string, caf::strong_actor_ptr>> players(std::string_view prefix) const;
  /// A null handle when nobody plays the role.
  template <class Handle>
  Handle find(std::string_view role) const {
    return caf::actor_cast<Handle>(lookup(role));
  }

private:
  caf::strong_actor_ptr lookup(std::string_view role) const;

  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, caf::strong_actor_ptr, hash, std::equal_to<>> roles_;
};

/// The role of a pod's actor on the pod's machine.
inline std::string pod_role(std::string_view ns, std::string_view name) {
  return "pod/" + std::string{ns} + "/" + std::string{name};
}

/// The ports of one process, shared by all of its actors.
struct environment {
  /// The kinds that are served now; null: the built-in ones alone.
  std::shared_ptr<const api::schema::registry> schemas;
  std::shared_ptr<const clock_port> clock;
  std::shared_ptr<random_port> random;
  std::shared_ptr<directory> roles;
  /// What caused what, for the shell's `why`; null: nobody keeps that.
  std::shared_ptr<causal_journal> journal = nullptr;
};

} // namespace thespis::runtime
