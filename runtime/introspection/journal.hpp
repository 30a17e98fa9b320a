// What caused what, for `why`: writes with who asked for them, and what the scheduler, the nodes
// and the pod actors did. In memory, bounded; what is too long ago is forgotten.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace thespis::runtime {

/// An object that something happened to.
struct journal_key {
  std::string resource; ///< "pods", "deployments.apps"
  std::string ns;
  std::string name;
};

/// One thing that happened.
struct journal_entry {
  journal_key object;
  uint64_t at = 0;        ///< nanoseconds since the epoch
  uint64_t revision = 0;  ///< of a write; 0 for what is no write
  std::string who;        ///< the user of a write; otherwise the actor: "scheduler", "node/n1"
  std::string what;       ///< "create", "patch status", "sandbox started"
  std::string detail;     ///< further words; may be empty
  bool specifies = false; ///< a write that says what is wanted, as opposed to what is
  std::string owner_type, owner_name; ///< of a creation: "apps/v1/ReplicaSet"; or empty
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, journal_key& x) {
  return f(x.resource, x.ns, x.name);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, journal_entry& x) {
  return f(x.object, x.at, x.revision, x.who, x.what, x.detail, x.specifies, x.owner_type,
           x.owner_name);
}

/// Thread-safe. Of each object the first entries and the last ones are kept, of all objects those
/// that something happened to most recently.
class causal_journal {
public:
  static constexpr size_t first_kept = 6;
  static constexpr size_t last_kept = 14;

  /// Keeps at most so many entries.
  explicit causal_journal(size_t max_entries = 40'000) : max_entries_(max_entries) {}

  void add(journal_entry e);
  /// What is remembered of the object, oldest first.
  std::vector<journal_entry> find(const journal_key& object) const;
  size_t size() const;
  size_t objects() const;

private:
  /// An entry without its object, its texts in one piece of memory: tens of thousands are kept.
  struct packed {
    uint64_t at = 0;
    uint64_t revision = 0;
    std::string texts; ///< who, what, detail, owner_type, owner_name, each ended by a zero byte
    bool specifies = false;
  };
  struct history {
    std::vector<packed> entries; ///< the first ones and the last ones
    std::list<const std::string*>::iterator place;
  };

  static packed pack(const journal_entry& e);
  static journal_entry unpack(const packed& p, const journal_key& object);
  void forget_oldest();

  const size_t max_entries_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, history> objects_;
  std::list<const std::string*> order_; ///< keys of objects_; what was touched last is at the end
  size_t entries_ = 0;
};

struct environment;

/// Remembers what an actor did, now, where somebody keeps that.
void note(const environment& env, journal_key object, std::string who, std::string what,
          std::string detail = {});

} // namespace thespis::runtime
