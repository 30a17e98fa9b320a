#include "runtime/cri/simulated_runtime.hpp"

#include "api/error.hpp"
#include "runtime/cri/simulated_state.hpp"

#include <algorithm>
#include <mutex>

namespace thespis::runtime {

namespace {

using namespace simulated;
using std::chrono::nanoseconds;
constexpr int32_t killed_code = 137;

api::error no_such(const char* what, const std::string& id) {
  return api::make_error(api::reason::not_found, std::string{what} + " " + id + " not found");
}

api::error away() {
  return api::make_error(api::reason::service_unavailable,
                         "the simulated runtime is not reachable");
}

} // namespace

// Every call is a piece of work that runs, and calls back, when its latency has passed. Timers
// hold the state weakly; what is pending is held here, so that the end completes it.
struct simulated_runtime::impl : std::enable_shared_from_this<simulated_runtime::impl> {
  template <class T>
  using callback = container_runtime::callback<T>;

  impl(simulation_ports p, simulated_options o)
      : ports{std::move(p)}, options{std::move(o)}, random{options.seed} {
    addresses.set_cidr(options.pod_cidr);
  }

  /// Schedules `work`, which runs under the lock and gives what `cb` gets. `may_fail`: the failure
  /// rate applies.
  template <class T, class Work>
  void later(const latency_range& latency, bool may_fail, callback<T> cb, Work work) {
    std::unique_lock lock{mutex};
    const nanoseconds delay = draw(latency);
    const bool fails = may_fail && random.chance(options.failure_rate);
    pending[++last_token] = [this, fails, cb = std::move(cb), work](bool alive) {
      api::result<T> r = api::fail(away());
      {
        const std::lock_guard guard{mutex};
        if (fails)
          r = api::fail(api::internal_error("simulated failure"));
        else if (alive && reachable)
          r = work();
      }
      cb(std::move(r));
    };
    schedule(delay, last_token, lock);
  }

  /// The lock is released before the timer port is called.
  void schedule(nanoseconds delay, uint64_t token, std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    ports.schedule_after(delay, [weak = weak_from_this(), token] {
      if (const auto self = weak.lock())
        self->fire(token);
    });
  }

  void fire(uint64_t token) {
    std::unique_lock lock{mutex};
    const auto it = pending.find(token);
    if (it == pending.end())
      return;
    const auto run = std::move(it->second);
    pending.erase(it);
    lock.unlock();
    run(true);
    tell_exits();
  }

  /// Completes what is under way; nothing fires afterwards.
  void close() {
    std::map<uint64_t, std::function<void(bool)>> rest;
    {
      const std::lock_guard lock{mutex};
      rest.swap(pending);
      listener = nullptr;
    }
    for (const auto& [token, run] : rest)
      run(false);
  }

  void tell_exits() {
    std::vector<std::string> ids;
    std::function<void(std::string)> tell;
    {
      const std::lock_guard lock{mutex};
      ids.swap(exits);
      tell = listener;
    }
    for (auto& id : ids) {
      if (tell)
        tell(std::move(id));
    }
  }

  // From here on: with the lock held.

  nanoseconds draw(const latency_range& l) {
    const auto spread = l.max > l.min ? static_cast<uint64_t>((l.max - l.min).count()) : 0;
    return l.min + std::chrono::microseconds{random.up_to(spread)};
  }

  std::string new_id() {
    // Short enough for a string without allocation.
    char id[16];
    std::snprintf(id, sizeof(id), "%015llx", static_cast<unsigned long long>(random.next() >> 4U));
    return id;
  }

  void end(const std::string& id, container& c, int32_t code, std::string reason) {
    c.state = container_state::exited;
    c.finished_at = ports.now();
    c.exit_code = code;
    c.reason = !reason.empty() ? std::move(reason) : code == 0 ? "Completed" : "Error";
    exits.push_back(id);
  }

  void stop_containers_of(const std::string& sandbox_id) {
    for (auto& [id, c] : containers) {
      if (c.sandbox_id == sandbox_id && c.state == container_state::running)
        end(id, c, killed_code, {});
    }
  }

  void stop(sandbox& s) {
    s.ready = false;
    if (s.address != 0)
      addresses.give_back(s.address);
    s.address = 0;
  }

  api::result<std::string> run(const sandbox_config& config) {
    for (const auto& [id, s] : sandboxes) {
      if (s.metadata.uid == config.metadata.uid && s.metadata.attempt == config.metadata.attempt)
        return api::fail(api::reason::already_exists,
                         "the sandbox's name is reserved for \"" + id + "\"");
    }
    sandbox s;
    s.metadata = config.metadata;
    s.labels = packed_map{config.labels};
    s.annotations = packed_map{config.annotations};
    s.namespaces = config.security.namespaces;
    s.created_at = ports.now();
    if (s.namespaces.network != namespace_mode::node) {
      s.address = addresses.take();
      if (s.address == 0)
        return api::fail(api::internal_error("no IP addresses available in range set"));
    }
    const std::string id = new_id();
    sandboxes.emplace(id, std::move(s));
    return id;
  }

  api::result<std::string> create(const std::string& sandbox_id, const container_config& config,
                                  const sandbox_config& pod) {
    const auto it = sandboxes.find(sandbox_id);
    if (it == sandboxes.end())
      return api::fail(no_such("sandbox", sandbox_id));
    if (!it->second.ready)
      return api::fail(api::reason::conflict, "sandbox is not running");
    container c;
    c.sandbox_id = sandbox_id;
    c.name = config.name;
    c.attempt = config.attempt;
    c.image = config.image;
    for (const auto& reference : images) {
      if (image_of(reference).id == config.image)
        c.image = reference;
    }
    c.labels = packed_map{config.labels};
    c.annotations = packed_map{config.annotations};
    c.created_at = ports.now();
    if (!pod.log_directory.empty() && !config.log_path.empty())
      c.log_path = pod.log_directory + "/" + config.log_path;
    c.does = make_behaviour(config, pod);
    if (config.expected_to_end && !c.does.exit_after)
      c.does.exit_after = draw(options.init);
    const std::string id = new_id();
    containers.emplace(id, std::move(c));
    return id;
  }

  const simulation_ports ports;
  const simulated_options options;
  std::mutex mutex;
  random_source random; // all of the rest guarded by mutex
  bool reachable = true;
  address_pool addresses;
  // Ordered, so that lists and the random generator's use do not depend on hashing.
  std::map<std::string, sandbox> sandboxes;
  std::map<std::string, container> containers;
  std::vector<std::string> images;
  uint64_t last_token = 0;
  std::map<uint64_t, std::function<void(bool alive)>> pending;
  std::vector<std::string> exits;
  std::function<void(std::string)> listener;
};

simulated_runtime::simulated_runtime(simulation_ports ports, simulated_options options)
    : impl_{std::make_shared<impl>(std::move(ports), std::move(options))} {}

simulated_runtime::~simulated_runtime() {
  impl_->close();
}

bool simulated_runtime::end_container(const std::string& id, int32_t exit_code,
                                      const std::string& reason) {
  {
    const std::lock_guard lock{impl_->mutex};
    const auto it = impl_->containers.find(id);
    if (it == impl_->containers.end() || it->second.state != container_state::running)
      return false;
    impl_->end(id, it->second, exit_code, reason);
  }
  impl_->tell_exits();
  return true;
}

bool simulated_runtime::end_sandbox(const std::string& id) {
  {
    const std::lock_guard lock{impl_->mutex};
    const auto it = impl_->sandboxes.find(id);
    if (it == impl_->sandboxes.end() || !it->second.ready)
      return false;
    it->second.ready = false;
    impl_->exits.push_back(id);
  }
  impl_->tell_exits();
  return true;
}

void simulated_runtime::set_reachable(bool reachable) {
  const std::lock_guard lock{impl_->mutex};
  impl_->reachable = reachable;
}

void simulated_runtime::run_sandbox(sandbox_config config, callback<std::string> cb) {
  impl_->later(impl_->options.run_sandbox, true, std::move(cb),
               [s = impl_.get(), config = std::move(config)] { return s->run(config); });
}

void simulated_runtime::stop_sandbox(std::string id, done cb) {
  impl_->later(impl_->options.stop, false, std::move(cb), [s = impl_.get(), id] {
    if (const auto it = s->sandboxes.find(id); it != s->sandboxes.end()) {
      s->stop_containers_of(id);
      s->stop(it->second);
    }
    return api::result<void>{};
  });
}

void simulated_runtime::remove_sandbox(std::string id, done cb) {
  impl_->later(impl_->options.stop, false, std::move(cb), [s = impl_.get(), id] {
    if (const auto it = s->sandboxes.find(id); it != s->sandboxes.end()) {
      std::erase_if(s->containers, [&](const auto& c) { return c.second.sandbox_id == id; });
      s->stop(it->second);
      s->sandboxes.erase(it);
    }
    return api::result<void>{};
  });
}

void simulated_runtime::get_sandbox(std::string id, callback<sandbox_status> cb) {
  impl_->later(impl_->options.query, false, std::move(cb),
               [s = impl_.get(), id]() -> api::result<sandbox_status> {
                 const auto it = s->sandboxes.find(id);
                 if (it == s->sandboxes.end())
                   return api::fail(no_such("sandbox", id));
                 return status_of(id, it->second, s->addresses);
               });
}

void simulated_runtime::list_sandboxes(sandbox_filter filter,
                                       callback<std::vector<sandbox_summary>> cb) {
  impl_->later(impl_->options.query, false, std::move(cb),
               [s = impl_.get(), filter = std::move(filter)] {
                 std::vector<sandbox_summary> out;
                 for (const auto& [id, box] : s->sandboxes) {
                   if (matches(filter, id, box))
                     out.push_back(summary_of(id, box));
                 }
                 return api::result<std::vector<sandbox_summary>>{std::move(out)};
               });
}

void simulated_runtime::create_container(std::string sandbox_id, container_config config,
                                         sandbox_config sandbox, callback<std::string> cb) {
  impl_->later(impl_->options.create_container, true, std::move(cb),
               [s = impl_.get(), sandbox_id, config = std::move(config), pod = std::move(sandbox)] {
                 return s->create(sandbox_id, config, pod);
               });
}

void simulated_runtime::start_container(std::string id, done cb) {
  // The outcome must be known before the callback, and its exit timed from there.
  auto run_time = std::make_shared<std::optional<nanoseconds>>();
  const auto weak = std::weak_ptr<impl>{impl_};
  auto then = [weak, id, run_time, cb = std::move(cb)](api::result<void> r) {
    const auto self = weak.lock();
    if (self && r && *run_time) {
      std::unique_lock lock{self->mutex};
      const uint64_t token = ++self->last_token;
      self->pending[token] = [s = self.get(), id](bool alive) {
        const std::lock_guard guard{s->mutex};
        const auto it = s->containers.find(id);
        if (alive && it != s->containers.end() && it->second.state == container_state::running)
          s->end(id, it->second, it->second.does.exit_code, {});
      };
      self->schedule(**run_time, token, lock);
    }
    cb(std::move(r));
  };
  impl_->later(impl_->options.start_container, true, done{std::move(then)},
               [s = impl_.get(), id, run_time]() -> api::result<void> {
                 const auto it = s->containers.find(id);
                 if (it == s->containers.end())
                   return api::fail(no_such("container", id));
                 auto& c = it->second;
                 if (c.state != container_state::created)
                   return api::fail(api::reason::conflict, "container is not in created state");
                 if (!c.does.start_error.empty()) {
                   s->end(id, c, 128, "StartError");
                   return api::fail(api::internal_error(c.does.start_error));
                 }
                 c.state = container_state::running;
                 c.started_at = s->ports.now();
                 *run_time = c.does.exit_after;
                 return {};
               });
}

void simulated_runtime::stop_container(std::string id, seconds grace, done cb) {
  latency_range delay = impl_->options.stop;
  bool killed = grace.count() <= 0;
  {
    const std::lock_guard lock{impl_->mutex};
    const auto it = impl_->containers.find(id);
    if (!killed && it != impl_->containers.end() && it->second.does.stop_after) {
      const auto wish = *it->second.does.stop_after;
      killed = wish > grace;
      delay.min = delay.max =
          std::chrono::duration_cast<std::chrono::microseconds>(std::min<nanoseconds>(wish, grace));
    }
  }
  impl_->later(delay, false, std::move(cb), [s = impl_.get(), id, killed] {
    const auto it = s->containers.find(id);
    if (it != s->containers.end() && it->second.state == container_state::running)
      s->end(id, it->second, killed ? killed_code : 0, {});
    return api::result<void>{};
  });
}

void simulated_runtime::remove_container(std::string id, done cb) {
  impl_->later(impl_->options.query, false, std::move(cb), [s = impl_.get(), id] {
    s->containers.erase(id);
    return api::result<void>{};
  });
}

void simulated_runtime::get_container(std::string id, callback<container_status> cb) {
  impl_->later(impl_->options.query, false, std::move(cb),
               [s = impl_.get(), id]() -> api::result<container_status> {
                 const auto it = s->containers.find(id);
                 if (it == s->containers.end())
                   return api::fail(no_such("container", id));
                 return status_of(id, it->second);
               });
}

void simulated_runtime::list_containers(container_filter filter,
                                        callback<std::vector<container_summary>> cb) {
  impl_->later(impl_->options.query, false, std::move(cb),
               [s = impl_.get(), filter = std::move(filter)] {
                 std::vector<container_summary> out;
                 for (const auto& [id, c] : s->containers) {
                   if (matches(filter, id, c))
                     out.push_back(summary_of(id, c));
                 }
                 return api::result<std::vector<container_summary>>{std::move(out)};
               });
}

void simulated_runtime::update_resources(std::string id, linux_resources, done cb) {
  impl_->later(impl_->options.query, false, std::move(cb), [s = impl_.get(), id] {
    return s->containers.contains(id) ? api::result<void>{} : api::fail(no_such("container", id));
  });
}

void simulated_runtime::reopen_log(std::string id, done cb) {
  update_resources(std::move(id), {}, std::move(cb));
}

void simulated_runtime::exec_sync(std::string id, std::vector<std::string>, seconds,
                                  callback<exec_result> cb) {
  impl_->later(impl_->options.query, false, std::move(cb),
               [s = impl_.get(), id]() -> api::result<exec_result> {
                 const auto it = s->containers.find(id);
                 if (it == s->containers.end())
                   return api::fail(no_such("container", id));
                 if (it->second.state != container_state::running)
                   return api::fail(api::reason::conflict, "container is not in running state");
                 return exec_result{it->second.does.exec_code, {}, {}};
               });
}

void simulated_runtime::exec(std::string, std::vector<std::string>, stream_options,
                             callback<std::string> cb) {
  impl_->later(impl_->options.query, false, std::move(cb), [] {
    return api::result<std::string>{
        api::fail(api::bad_request("simulated containers have no streams"))};
  });
}

void simulated_runtime::attach(std::string id, stream_options options, callback<std::string> cb) {
  exec(std::move(id), {}, options, std::move(cb));
}

void simulated_runtime::port_forward(std::string sandbox_id, std::vector<int32_t>,
                                     callback<std::string> cb) {
  exec(std::move(sandbox_id), {}, {}, std::move(cb));
}

void simulated_runtime::get_image(std::string image, callback<std::optional<image_info>> cb) {
  impl_->later(impl_->options.query, false, std::move(cb), [s = impl_.get(), image] {
    std::optional<image_info> found;
    for (const auto& reference : s->images) {
      if (auto info = image_of(reference); reference == image || info.id == image)
        found = std::move(info);
    }
    return api::result<std::optional<image_info>>{std::move(found)};
  });
}

void simulated_runtime::list_images(callback<std::vector<image_info>> cb) {
  impl_->later(impl_->options.query, false, std::move(cb), [s = impl_.get()] {
    std::vector<image_info> out;
    for (const auto& reference : s->images)
      out.push_back(image_of(reference));
    return api::result<std::vector<image_info>>{std::move(out)};
  });
}

void simulated_runtime::pull_image(std::string image, registry_auth, callback<std::string> cb) {
  impl_->later(impl_->options.pull, true, std::move(cb),
               [s = impl_.get(), image]() -> api::result<std::string> {
                 const auto& missing = s->options.missing_images;
                 if (std::find(missing.begin(), missing.end(), image) != missing.end())
                   return api::fail(api::reason::not_found,
                                    "failed to resolve reference \"" + image + "\": not found");
                 if (std::find(s->images.begin(), s->images.end(), image) == s->images.end())
                   s->images.push_back(image);
                 return image_of(image).id;
               });
}

void simulated_runtime::remove_image(std::string image, done cb) {
  impl_->later(impl_->options.query, false, std::move(cb), [s = impl_.get(), image] {
    std::erase_if(s->images, [&](const std::string& reference) {
      return reference == image || image_of(reference).id == image;
    });
    return api::result<void>{};
  });
}

void simulated_runtime::image_filesystem(callback<std::vector<filesystem_usage>> cb) {
  impl_->later(impl_->options.query, false, std::move(cb), [s = impl_.get()] {
    filesystem_usage usage;
    usage.timestamp = s->ports.now();
    usage.mountpoint = "/simulated";
    for (const auto& reference : s->images)
      usage.used_bytes += image_of(reference).size;
    return api::result<std::vector<filesystem_usage>>{std::vector{usage}};
  });
}

void simulated_runtime::get_container_stats(std::string id, callback<container_stats> cb) {
  impl_->later(impl_->options.query, false, std::move(cb),
               [s = impl_.get(), id]() -> api::result<container_stats> {
                 const auto it = s->containers.find(id);
                 if (it == s->containers.end())
                   return api::fail(no_such("container", id));
                 return stats_of(id, it->second, s->ports.now());
               });
}

void simulated_runtime::list_container_stats(container_filter filter,
                                             callback<std::vector<container_stats>> cb) {
  impl_->later(impl_->options.query, false, std::move(cb),
               [s = impl_.get(), filter = std::move(filter)] {
                 std::vector<container_stats> out;
                 for (const auto& [id, c] : s->containers) {
                   if (matches(filter, id, c))
                     out.push_back(stats_of(id, c, s->ports.now()));
                 }
                 return api::result<std::vector<container_stats>>{std::move(out)};
               });
}

void simulated_runtime::get_version(callback<runtime_version> cb) {
  impl_->later(impl_->options.query, false, std::move(cb), [] {
    return api::result<runtime_version>{runtime_version{"simulated", "1.0.0", "v1"}};
  });
}

void simulated_runtime::get_status(callback<runtime_status> cb) {
  impl_->later(impl_->options.query, false, std::move(cb), [] {
    runtime_status status;
    status.runtime_ready.status = true;
    status.network_ready.status = true;
    return api::result<runtime_status>{std::move(status)};
  });
}

void simulated_runtime::set_pod_cidr(std::string cidr, done cb) {
  impl_->later(impl_->options.query, false, std::move(cb),
               [s = impl_.get(), cidr = std::move(cidr)]() -> api::result<void> {
                 if (s->addresses.in_use())
                   return api::fail(api::reason::conflict, "addresses are in use");
                 if (!s->addresses.set_cidr(cidr))
                   return api::fail(api::bad_request("no pod CIDR: " + cidr));
                 return {};
               });
}

bool simulated_runtime::on_exit(std::function<void(std::string)> listener) {
  const std::lock_guard lock{impl_->mutex};
  impl_->listener = std::move(listener);
  return true;
}

} // namespace thespis::runtime
