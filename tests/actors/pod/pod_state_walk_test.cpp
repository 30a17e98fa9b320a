// Random answers of the runtime, in any order: whatever comes, the invariants hold, phases change
// only along the arrows of their diagrams, every arrow is taken, and a deleted pod ends.
#include "actors/pod/pod_driver.hpp"

#include <random>

using namespace thespis;
using namespace thespis::test;

namespace {

constexpr const char* spec =
    "{terminationGracePeriodSeconds: 3, initContainers: [{name: side, image: i, restartPolicy: "
    "Always}, {name: setup, image: i}], containers: [{name: a, image: i, livenessProbe: "
    "{tcpSocket: {port: 80}, failureThreshold: 1, periodSeconds: 2}}, {name: b, image: i}]}";

template <class Phase>
using arrows = std::set<std::pair<Phase, Phase>>;

class walk {
public:
  walk(uint64_t seed, arrows<container_phase>& containers, arrows<sandbox_phase>& sandboxes)
      : d_("{spec: " + std::string{spec} + "}"), random_(seed), containers_(containers),
        sandboxes_(sandboxes) {
    look();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      one();
      look();
      d_.check();
    }
    d_.state.update(make_pod("{metadata: {deletionTimestamp: '2026-01-01T00:00:00Z'}, spec: " +
                             std::string{spec} + "}"),
                    d_.now);
    for (int i = 0; i < 1000 && !d_.released; ++i) {
      collect();
      look();
      while (!pending_.empty())
        answer(true);
      d_.now += 1s;
    }
    BOOST_TEST(d_.released);
    BOOST_TEST(d_.state.sandbox_id().empty());
  }

private:
  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  void one() {
    switch (random_() % 10) {
    case 0:
      d_.now += std::chrono::seconds{random_() % 30};
      break;
    case 1:
      end_some();
      break;
    case 2:
      if (chance(20))
        d_.state.on_sandbox_died(d_.state.sandbox_id());
      break;
    case 3:
    case 4:
    case 5:
      collect();
      break;
    default:
      answer(false);
    }
  }

  void collect() {
    for (auto& a : d_.state.step(d_.now)) {
      if (std::holds_alternative<release_pod>(a))
        d_.released = true;
      else if (!std::holds_alternative<emit_event>(a) &&
               !std::holds_alternative<remove_container>(a))
        pending_.push_back(std::move(a));
    }
    // At most one action of a kind is under way for each container, the sandbox and the volumes.
    std::set<std::string> under_way;
    for (const auto& a : pending_)
      if (!std::holds_alternative<run_probe>(a) && !std::holds_alternative<stop_container>(a))
        BOOST_REQUIRE(under_way.insert(name_of(a)).second);
  }

  static std::string name_of(const pod_action& a) {
    if (const auto* s = std::get_if<start_container>(&a))
      return "container " + std::to_string(s->index);
    if (const auto* r = std::get_if<resize_container>(&a))
      return "limits of " + std::to_string(r->index);
    return std::holds_alternative<prepare_volumes>(a) ? "volumes" : "sandbox";
  }

  void answer(bool kindly) {
    if (pending_.empty())
      return;
    const auto i = pending_.begin() + static_cast<ptrdiff_t>(random_() % pending_.size());
    const auto a = std::move(*i);
    pending_.erase(i);
    const bool ok = kindly || chance(75);
    std::visit([&](const auto& what) { take(what, ok); }, a);
    look();
  }

  void take(const prepare_volumes&, bool ok) { d_.state.on_volumes(ok, d_.now); }
  void take(const run_sandbox& a, bool ok) {
    if (ok)
      d_.state.on_sandbox_started("sb-" + std::to_string(a.attempt), {"10.42.0.5"});
    else
      d_.state.on_sandbox_failed("no network", d_.now);
  }
  void take(const stop_sandbox&, bool ok) {
    if (ok)
      for (const auto& c : d_.state.containers())
        if (c.phase == container_phase::running || c.phase == container_phase::stopping) {
          d_.state.on_exited(c.id, nullptr, d_.now);
          look();
        }
    d_.state.on_sandbox_stopped(ok, d_.now);
  }
  void take(const start_container& a, bool ok) {
    if (!ok && chance(50)) {
      d_.state.on_container_failed(a.index, "ErrImagePull", "no", d_.now);
      return;
    }
    const bool created = d_.state.begin_create(a.index);
    look();
    if (!created)
      return;
    d_.state.on_container_created(a.index, "c-" + std::to_string(++serial_));
    if (!ok) {
      d_.state.on_container_failed(a.index, "RunContainerError", "no", d_.now);
      return;
    }
    runtime::container_status s;
    s.state = runtime::container_state::running;
    d_.state.on_container_started(a.index, s, d_.now);
  }
  void take(const stop_container& a, bool ok) {
    if (ok)
      d_.state.on_exited(d_.state.containers()[a.index].id, nullptr, d_.now);
    else
      d_.state.on_stop_failed(a.index);
  }
  void take(const run_probe& a, bool ok) { d_.state.on_probe(a.index, a.kind, ok, {}, d_.now); }
  void take(const resize_container& a, bool ok) {
    d_.state.on_resized(a.index, d_.state.containers()[a.index].id, a.resources, ok, {});
  }
  void take(const remove_container&, bool) {}
  void take(const emit_event&, bool) {}
  void take(const release_pod&, bool) {}

  void end_some() {
    const auto& c = d_.state.containers()[random_() % d_.state.containers().size()];
    runtime::container_status s;
    s.exit_code = chance(60) ? 0 : 1;
    const auto failures = c.failures;
    const bool stale = c.phase == container_phase::waiting || c.phase == container_phase::exited ||
                       (c.phase == container_phase::starting && c.id == c.previous_id);
    d_.state.on_exited(c.id, &s, d_.now);
    if (stale)
      BOOST_REQUIRE_EQUAL(c.failures, failures);
  }

  void look() {
    const auto& all = d_.state.containers();
    seen_.resize(all.size(), container_phase::waiting);
    for (size_t i = 0; i < all.size(); ++i)
      if (seen_[i] != all[i].phase) {
        BOOST_REQUIRE_MESSAGE(may_become(seen_[i], all[i].phase),
                              "container " << int(seen_[i]) << " -> " << int(all[i].phase));
        containers_.insert({seen_[i], all[i].phase});
        seen_[i] = all[i].phase;
      }
    if (sandbox_ != d_.state.sandbox()) {
      BOOST_REQUIRE_MESSAGE(may_become(sandbox_, d_.state.sandbox()),
                            "sandbox " << int(sandbox_) << " -> " << int(d_.state.sandbox()));
      sandboxes_.insert({sandbox_, d_.state.sandbox()});
      sandbox_ = d_.state.sandbox();
    }
  }

  pod_driver d_;
  std::mt19937_64 random_;
  arrows<container_phase>& containers_;
  arrows<sandbox_phase>& sandboxes_;
  std::vector<pod_action> pending_;
  std::vector<container_phase> seen_;
  sandbox_phase sandbox_ = sandbox_phase::none;
  int serial_ = 0;
};

template <class Phase>
void check_all_taken(const arrows<Phase>& taken, int phases) {
  for (int from = 0; from < phases; ++from)
    for (int to = 0; to < phases; ++to) {
      const auto a = static_cast<Phase>(from);
      const auto b = static_cast<Phase>(to);
      BOOST_TEST(may_become(a, b) == taken.contains({a, b}), from << " -> " << to);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(pod_state_walk)

BOOST_AUTO_TEST_CASE(holds_its_invariants_and_takes_every_arrow) {
  arrows<container_phase> containers;
  arrows<sandbox_phase> sandboxes;
  for (uint64_t seed = 1; seed <= 150; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      walk{seed, containers, sandboxes}.run(400);
    }
  check_all_taken(containers, 5);
  check_all_taken(sandboxes, 5);
}

BOOST_AUTO_TEST_SUITE_END()
