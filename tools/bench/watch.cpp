// Watch fan-out: one registry, many watchers, each of which gets every event.
#include "runtime/registry/registry_actor.hpp"
#include "tools/bench/store_load.hpp"
#include "tools/bench/wait.hpp"

#include "api/discovery/selection.hpp"

#include <algorithm>
#include <mutex>
#include <thread>

namespace thespis::tools::bench {

using namespace std::chrono_literals;

namespace {

constexpr size_t watchers = 1000;
constexpr size_t batch = 16;
/// Events that the slowest watcher may lag behind before the writer waits for it.
constexpr uint64_t lag = 1024;
constexpr auto request_deadline = 60s;

struct tally {
  std::atomic<uint64_t> delivered{0};
  std::atomic<uint64_t> cut_off{0};
};

class counting_watcher : public runtime::actor_base<runtime::watcher_handle> {
public:
  counting_watcher(caf::actor_config& cfg, runtime::registry_handle registry,
                   std::shared_ptr<tally> all)
      : actor_base(cfg, "bench"), registry_(std::move(registry)), all_(std::move(all)) {}

  behavior_type make_behavior() override {
    this->send(registry_, runtime::subscribe{this, 1, {}, 0});
    return {
        [this](const runtime::watch_batch& b) {
          all_->delivered += b.what.events.size();
          this->send(registry_, runtime::watch_ack{this, 1});
        },
        [this](const runtime::watch_closed&) { ++all_->cut_off; },
    };
  }

private:
  runtime::registry_handle registry_;
  std::shared_ptr<tally> all_;
};

/// Takes the time from a write to its event, of a resource that nobody else watches.
class timing_watcher : public runtime::actor_base<runtime::watcher_handle> {
public:
  struct shared {
    std::atomic<int64_t> written_at{0}; ///< nanoseconds of the steady clock; 0: taken
    std::mutex mutex;                   ///< guards what follows
    std::vector<double> late;           ///< milliseconds
  };

  timing_watcher(caf::actor_config& cfg, runtime::registry_handle registry,
                 std::shared_ptr<shared> all)
      : actor_base(cfg, "bench"), registry_(std::move(registry)), all_(std::move(all)) {}

  behavior_type make_behavior() override {
    this->send(registry_, runtime::subscribe{this, 1, {}, 0});
    return {
        [this](const runtime::watch_batch& b) {
          const auto now = static_cast<int64_t>(runtime::steady_nanoseconds());
          if (const auto at = b.what.events.empty() ? 0 : all_->written_at.exchange(0); at != 0) {
            const std::lock_guard lock{all_->mutex};
            all_->late.push_back(static_cast<double>(now - at) / 1e6);
          }
          this->send(registry_, runtime::watch_ack{this, 1});
        },
        [](const runtime::watch_closed&) {},
    };
  }

private:
  runtime::registry_handle registry_;
  std::shared_ptr<shared> all_;
};

/// Writes a secret now and then, and tells how late its event comes at the median.
class lateness {
public:
  explicit lateness(store_host& host, runtime::registry_handle registry) : host_(host) {
    host.system().spawn<timing_watcher>(std::move(registry), all_);
  }

  /// Milliseconds; blocks until `stop` is true. Negative when an event did not come.
  double measure(const std::function<bool()>& stop) {
    caf::scoped_actor self{host_.system()};
    {
      const std::lock_guard lock{all_->mutex};
      all_->late.clear();
    }
    while (!stop()) {
      all_->written_at = static_cast<int64_t>(runtime::steady_nanoseconds());
      bool ok = true;
      self->request(host_.store(), request_deadline, load_.next(1))
          .receive([](const runtime::write_outcomes&) {}, [&](const caf::error&) { ok = false; });
      if (!ok || !wait_until(60s, [&] { return all_->written_at == 0; }))
        return -1;
      pause_for(5);
    }
    const std::lock_guard lock{all_->mutex};
    auto& late = all_->late;
    if (late.empty())
      return -1;
    const auto middle = late.begin() + static_cast<ptrdiff_t>(late.size() / 2);
    std::nth_element(late.begin(), middle, late.end());
    return *middle;
  }

private:
  store_host& host_;
  std::shared_ptr<timing_watcher::shared> all_ = std::make_shared<timing_watcher::shared>();
  writer load_{0, 16, "secrets"};
};

runtime::registry_handle start_registry(store_host& host, const std::string& resource) {
  runtime::registry_deps deps{
      resource, host.state(), api::matchers_of(api::schema::registry::builtin()), {}};
  const runtime::registry_handle res =
      host.system().spawn<runtime::registry_actor>(std::move(deps));
  host.roles()->put(runtime::registry_role(resource), caf::actor_cast<caf::strong_actor_ptr>(res));
  return res;
}

/// Writes as fast as the slowest watcher takes it, until `end`; how many were written. Errors: a
/// watch was cut off, or the store failed.
api::result<uint64_t> write_until(store_host& host, const tally& all,
                                  std::chrono::steady_clock::time_point end) {
  writer load{0, 512};
  caf::scoped_actor self{host.system()};
  uint64_t written = 0;
  while (std::chrono::steady_clock::now() < end) {
    bool ok = true;
    self->request(host.store(), request_deadline, load.next(batch))
        .receive([](const runtime::write_outcomes&) {}, [&](const caf::error&) { ok = false; });
    written += batch;
    const auto kept_up = [&] {
      return all.cut_off > 0 || written < lag || all.delivered >= (written - lag) * watchers;
    };
    if (!ok || !wait_until(60s, kept_up) || all.cut_off > 0)
      return api::fail(api::internal_error("a watch was cut off or the store failed"));
  }
  if (!wait_until(60s, [&] { return all.delivered >= written * watchers; }))
    return api::fail(api::internal_error("events are missing"));
  return written;
}

} // namespace

api::result<figures> measure_watch(const context& c) {
  auto started = store_host::start(c.directory + "/store");
  if (!started)
    return api::fail(std::move(started.error()));
  auto& host = **started;
  const auto registry = start_registry(host, "configmaps");
  lateness elsewhere{host, start_registry(host, "secrets")};
  auto all = std::make_shared<tally>();
  for (size_t i = 0; i < watchers; ++i)
    host.system().spawn<counting_watcher>(registry, all);
  c.log.say("events of a quiet resource");
  const auto quiet_end = std::chrono::steady_clock::now() + 1s;
  const auto quiet =
      elsewhere.measure([&] { return std::chrono::steady_clock::now() >= quiet_end; });
  c.log.say(std::to_string(watchers) + " watchers, every one gets every event");
  std::atomic<bool> over{false};
  double beside = -1;
  std::thread timing{[&] { beside = elsewhere.measure([&] { return over.load(); }); }};
  const auto begin = std::chrono::steady_clock::now();
  const auto written = write_until(host, *all, begin + std::chrono::seconds{c.opts.seconds});
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  over = true;
  timing.join();
  if (!written)
    return api::fail(written.error());
  if (quiet < 0 || beside < 0)
    return api::fail(api::internal_error("events of the quiet resource are missing"));
  figure f;
  f.what = "watch deliveries";
  f.value = static_cast<double>(all->delivered) / spent.count();
  f.unit = "/s";
  f.target = 200'000;
  f.note = std::to_string(watchers) + " watchers of one resource in this process, " +
           std::to_string(*written) + " events written and synced, " + std::to_string(batch) +
           " a request";
  figure other;
  other.what = "an event elsewhere, meanwhile";
  other.value = beside;
  other.unit = "ms";
  other.reference = quiet;
  other.reference_name = "without";
  other.less_is_better = true;
  other.note = "median from a synced write of another resource to its one watcher; all of this "
               "shares the machine's cores and the store";
  return figures{f, other};
}

} // namespace thespis::tools::bench
