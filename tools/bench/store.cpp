// Durable writes through the store actor.
#include "tools/bench/store_load.hpp"

#include <future>

namespace thespis::tools::bench {

using namespace std::chrono_literals;

namespace {

constexpr auto request_deadline = 60s;

/// What RocksDB itself does with synced batches of 2 KB values on the reference machine.
struct batch_size {
  size_t writes;
  double rocksdb;
};
constexpr batch_size sizes[] = {{1, 5'000}, {16, 47'000}, {256, 106'000}};
constexpr size_t many_writers = 64;

/// Writes until the time is over; counts in `done`, and fails the measurement on a refusal.
class writing_actor : public caf::event_based_actor {
public:
  struct shared {
    std::atomic<uint64_t> written{0};
    std::atomic<bool> refused{false};
    std::atomic<size_t> running{0};
    std::promise<void> finished;
    std::chrono::steady_clock::time_point end;
  };

  writing_actor(caf::actor_config& cfg, runtime::store_handle store, std::shared_ptr<writer> load,
                size_t batch, std::shared_ptr<shared> all)
      : event_based_actor(cfg), store_(std::move(store)), load_(std::move(load)), batch_(batch),
        all_(std::move(all)) {}

  caf::behavior make_behavior() override {
    next();
    return {[](caf::unit_t) {}};
  }

private:
  void next() {
    this->request(store_, request_deadline, load_->next(batch_))
        .then([this](const runtime::write_outcomes& o) { take(o); },
              [this](const caf::error&) {
                all_->refused = true;
                finish();
              });
  }

  void take(const runtime::write_outcomes& o) {
    for (const auto& outcome : o.outcomes)
      if (!outcome.ok)
        all_->refused = true;
    all_->written += o.outcomes.size();
    if (all_->refused || std::chrono::steady_clock::now() >= all_->end)
      finish();
    else
      next();
  }

  void finish() {
    if (--all_->running == 0)
      all_->finished.set_value();
    this->quit();
  }

  runtime::store_handle store_;
  std::shared_ptr<writer> load_;
  const size_t batch_;
  std::shared_ptr<shared> all_;
};

/// Writes a second; negative when the store refused one.
double write_for(store_host& host, std::vector<std::shared_ptr<writer>> loads, size_t batch,
                 std::chrono::seconds time) {
  auto all = std::make_shared<writing_actor::shared>();
  const auto begin = std::chrono::steady_clock::now();
  all->end = begin + time;
  all->running = loads.size();
  auto finished = all->finished.get_future();
  for (auto& load : loads)
    host.system().spawn<writing_actor>(host.store(), load, batch, all);
  finished.wait();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  return all->refused ? -1 : static_cast<double>(all->written) / spent.count();
}

} // namespace

api::result<figures> measure_store(const context& c) {
  auto started = store_host::start(c.directory + "/store");
  if (!started)
    return api::fail(std::move(started.error()));
  auto& host = **started;
  const std::chrono::seconds time{c.opts.seconds};
  figures res;
  size_t names = 0;
  const auto own = [&names](size_t objects) {
    names += objects;
    return std::make_shared<writer>(names - objects, objects);
  };
  for (const auto& size : sizes) {
    c.log.say(std::to_string(size.writes) + " writes a request, one request at a time");
    figure f;
    f.what = "synced, " + std::to_string(size.writes) + " a request";
    f.value = write_for(host, {own(512)}, size.writes, time);
    f.unit = "/s";
    f.reference = size.rocksdb;
    f.reference_name = "RocksDB alone";
    res.push_back(std::move(f));
  }
  c.log.say("1 write a request, " + std::to_string(many_writers) + " writers");
  std::vector<std::shared_ptr<writer>> loads;
  for (size_t i = 0; i < many_writers; ++i)
    loads.push_back(own(8));
  figure shared;
  shared.what = "synced, " + std::to_string(many_writers) + " writers";
  shared.value = write_for(host, std::move(loads), 1, time);
  shared.unit = "/s";
  shared.note = "one write a request each: what committing in groups gives";
  res.push_back(std::move(shared));
  for (const auto& f : res)
    if (f.value < 0)
      return api::fail(api::internal_error("the store refused a write"));
  res.front().note = "objects of 2 KB, acknowledged when they are on the disk";
  return res;
}

} // namespace thespis::tools::bench
