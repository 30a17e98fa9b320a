// Watch fan-out: one registry, many watchers, each of which gets every event.
#include "runtime/registry/registry_actor.hpp"
#include "tools/bench/store_load.hpp"
#include "tools/bench/wait.hpp"

#include "api/discovery/selection.hpp"

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

} // namespace

api::result<figures> measure_watch(const context& c) {
  auto started = store_host::start(c.directory + "/store");
  if (!started)
    return api::fail(std::move(started.error()));
  auto& host = **started;
  runtime::registry_deps deps{
      "configmaps", host.state(), api::matchers_of(api::schema::registry::builtin()), {}};
  const runtime::registry_handle registry =
      host.system().spawn<runtime::registry_actor>(std::move(deps));
  host.roles()->put(runtime::registry_role("configmaps"),
                    caf::actor_cast<caf::strong_actor_ptr>(registry));
  auto all = std::make_shared<tally>();
  for (size_t i = 0; i < watchers; ++i)
    host.system().spawn<counting_watcher>(registry, all);
  c.log.say(std::to_string(watchers) + " watchers, every one gets every event");
  writer load{0, 512};
  caf::scoped_actor self{host.system()};
  const auto begin = std::chrono::steady_clock::now();
  const auto end = begin + std::chrono::seconds{c.opts.seconds};
  uint64_t written = 0;
  while (std::chrono::steady_clock::now() < end) {
    bool ok = true;
    self->request(host.store(), request_deadline, load.next(batch))
        .receive([](const runtime::write_outcomes&) {}, [&](const caf::error&) { ok = false; });
    written += batch;
    const auto kept_up = [&] {
      return all->cut_off > 0 || (written < lag || all->delivered >= (written - lag) * watchers);
    };
    if (!ok || !wait_until(60s, kept_up) || all->cut_off > 0)
      return api::fail(api::internal_error("a watch was cut off or the store failed"));
  }
  if (!wait_until(60s, [&] { return all->delivered >= written * watchers; }))
    return api::fail(api::internal_error("events are missing"));
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  figure f;
  f.what = "watch deliveries";
  f.value = static_cast<double>(all->delivered) / spent.count();
  f.unit = "/s";
  f.note = std::to_string(watchers) + " watchers of one resource in this process, " +
           std::to_string(written) + " events written and synced, " + std::to_string(batch) +
           " a request";
  return figures{f};
}

} // namespace thespis::tools::bench
