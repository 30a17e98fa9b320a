// Actors as read-only objects of the API, actors.thespis.dev: computed when somebody asks.
#pragma once

#include "api/pipeline/reader.hpp"
#include "api/rest/backend.hpp"
#include "api/schema/schema.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/environment.hpp"
#include "tools/cluster/introspect/gather.hpp"

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace thespis::tools {

inline constexpr std::string_view actors_resource = "actors.thespis.dev";

/// The name of an actor's object: "machine-1.12"; of a program with a service account
/// "ns.account.3", since a name may hold no colon.
std::string object_name_of(std::string machine, uint64_t id);

/// The newest list of actors, and a few older ones that watches go on from. Thread-safe.
class actor_objects {
public:
  /// How many lists a watch may have missed.
  static constexpr size_t remembered = 8;

  /// Takes what introspectors told. Objects of actors that did nothing stay as they are.
  /// `milliseconds` since the epoch make revisions that grow over restarts.
  api::listing take(const std::vector<runtime::actor_info>& all, uint64_t milliseconds);
  api::listing newest() const;
  /// The list of that revision; false when it is not remembered any more.
  bool find(uint64_t revision, api::listing& into) const;

private:
  struct known {
    std::string told; ///< what the object is made from
    api::object_ptr object;
  };

  mutable std::mutex mutex_;
  std::map<std::string, known> objects_; ///< by name
  std::deque<api::listing> lists_;       ///< the newest is the last
};

/// What changed from one list to the other, as a watch tells it.
std::vector<api::watch_event> changes_between(const api::listing& before,
                                              const api::listing& after);

/// The cluster's objects, and actors beside them.
class reader_with_actors final : public api::reader {
public:
  reader_with_actors(std::shared_ptr<const api::reader> stored,
                     std::shared_ptr<const actor_objects> actors)
      : stored_(std::move(stored)), actors_(std::move(actors)) {}
  api::object_ptr get(std::string_view resource, std::string_view ns,
                      std::string_view name) const override;
  api::listing list(std::string_view resource, std::string_view ns = {}) const override;
  uint64_t revision() const override { return stored_->revision(); }

private:
  std::shared_ptr<const api::reader> stored_;
  std::shared_ptr<const actor_objects> actors_;
};

struct actor_watch_deps {
  runtime::environment env;
  std::shared_ptr<actor_objects> objects;
  std::function<api::result<std::function<bool(const api::object&)>>(const std::string&,
                                                                     const api::selection&)>
      matchers;
  api::selection what;
  uint64_t from_revision = 0;
  api::rest::watch_callbacks callbacks;
};

/// Asks all machines and gives the new list to `done`, on an actor's thread.
void refresh_actors(caf::actor_system& sys, const runtime::environment& env,
                    const std::shared_ptr<actor_objects>& objects,
                    std::function<void(const api::listing&)> done);

/// Starts a watch that looks every two seconds, more seldom where that takes long.
std::unique_ptr<api::rest::watch_handle> watch_actors(caf::actor_system& sys,
                                                      actor_watch_deps deps);

} // namespace thespis::tools
