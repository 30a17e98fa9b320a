// A store of its own under load, for `store` and `watch`.
#pragma once

#include "runtime/actor_system.hpp"
#include "runtime/store/store_actor.hpp"
#include "tools/bench/bench.hpp"

#include <atomic>

namespace thespis::tools::bench {

/// An actor system with a store actor over RocksDB and nothing else. Lives until the process ends.
class store_host {
public:
  /// Errors: those of the engine.
  static api::result<store_host*> start(const std::string& directory);

  caf::actor_system& system() { return system_; }
  const runtime::store_handle& store() const { return store_; }
  const std::shared_ptr<runtime::snapshots>& state() const { return state_; }
  const std::shared_ptr<runtime::directory>& roles() const { return roles_; }

private:
  store_host() : system_(config_) {}

  runtime::system_config config_;
  caf::actor_system system_;
  std::shared_ptr<runtime::snapshots> state_ = std::make_shared<runtime::snapshots>();
  std::shared_ptr<runtime::directory> roles_ = std::make_shared<runtime::directory>();
  runtime::store_handle store_;
};

/// Writes an object of 2 KB again and again, `batch` objects a request, one request at a time.
class writer {
public:
  /// `first` and `objects` say which names are this writer's own: "load-<first>" and on.
  writer(size_t first, size_t objects, const std::string& resource = "configmaps");

  /// The next request. The first ones create the objects, later ones replace them.
  runtime::write_batch next(size_t batch);

private:
  std::vector<api::draft> drafts_;
  size_t at_ = 0;
  bool made_ = false;
};

} // namespace thespis::tools::bench
