// Quotas under writers that do not wait for one another.
#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::memory_state;

namespace {

/// A state that several threads read and write.
class locked_state final : public reader {
public:
  object_ptr get(std::string_view resource, std::string_view ns,
                 std::string_view name) const override {
    const std::lock_guard lock{mutex_};
    return state_.get(resource, ns, name);
  }
  listing list(std::string_view resource, std::string_view ns) const override {
    const std::lock_guard lock{mutex_};
    return state_.list(resource, ns);
  }
  uint64_t revision() const override {
    const std::lock_guard lock{mutex_};
    return state_.revision();
  }
  void put(draft d) {
    const std::lock_guard lock{mutex_};
    auto key = std::make_pair(d.meta.resource, object_key(d.meta.ns, d.meta.name));
    state_.objects[key] = seal(std::move(d), ++state_.last);
  }
  void erase(const std::string& resource, const std::string& ns, const std::string& name) {
    const std::lock_guard lock{mutex_};
    state_.objects.erase({resource, object_key(ns, name)});
    ++state_.last;
  }
  size_t count(std::string_view resource) const { return list(resource, {}).objects.size(); }

private:
  mutable std::mutex mutex_;
  memory_state state_;
};

struct crowd {
  crowd() {
    pipeline_deps deps;
    deps.state = state;
    deps.now = [] {
      return std::chrono::sys_time<std::chrono::nanoseconds>{std::chrono::hours{500000}};
    };
    deps.new_uid = [this] { return "uid-" + std::to_string(++uids); };
    deps.random_suffix = [](size_t n) { return std::string(n, 'x'); };
    line = std::make_unique<pipeline>(std::move(deps));
    write(prepare("namespaces", "", R"({"metadata":{"name":"default"}})"));
    write(prepare("resourcequotas", "default",
                  R"({"metadata":{"name":"q"},"spec":{"hard":{"configmaps":"10"}}})"));
  }
  prepared prepare(const std::string& resource, const std::string& ns, const std::string& body) {
    return line->prepare(cluster::make(verb::create, resource, ns, "", body, ""));
  }
  prepared prepare_map(int i) {
    return prepare("configmaps", "default",
                   R"({"metadata":{"name":"m)" + std::to_string(i) + "\"}}");
  }
  /// Commits; false when it was refused.
  bool write(prepared p) {
    auto* w = std::get_if<prepared_write>(&p);
    if (w)
      state->put(std::move(w->write.draft));
    return w != nullptr;
  }
  template <class F>
  static void in_threads(int n, F f) {
    std::vector<std::thread> threads;
    for (int i = 0; i < n; ++i)
      threads.emplace_back([&f, i] { f(i); });
    for (auto& t : threads)
      t.join();
  }

  std::shared_ptr<locked_state> state = std::make_shared<locked_state>();
  std::atomic<int> uids{0};
  std::unique_ptr<pipeline> line;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(resource_quota_crowd, crowd)

BOOST_AUTO_TEST_CASE(prepares_no_more_than_there_is_room_for) {
  std::mutex mutex;
  std::vector<prepared> good;
  std::atomic<int> next{0};
  in_threads(8, [&](int) {
    for (int i = 0; i < 20; ++i) {
      auto p = prepare_map(++next);
      const std::lock_guard lock{mutex};
      if (std::holds_alternative<prepared_write>(p))
        good.push_back(std::move(p));
    }
  });
  BOOST_TEST(good.size() == 10u);
  // Half of them fail: exactly their room comes back.
  for (size_t i = 0; i < good.size(); i += 2)
    write(std::move(good[i]));
  good.clear();
  BOOST_TEST(state->count("configmaps") == 5u);
  int more = 0;
  for (int i = 1000; i < 1020; ++i)
    more += write(prepare_map(i));
  BOOST_TEST(more == 5);
}

BOOST_AUTO_TEST_CASE(is_never_overdrawn_while_objects_come_and_go) {
  std::atomic<int> next{0};
  std::atomic<size_t> most{0};
  in_threads(6, [&](int t) {
    for (int i = 0; i < 60; ++i) {
      int id = ++next;
      bool made = write(prepare_map(id));
      auto n = state->count("configmaps");
      for (auto seen = most.load(); n > seen && !most.compare_exchange_weak(seen, n);) {
      }
      if (made && (i + t) % 2 == 0)
        state->erase("configmaps", "default", "m" + std::to_string(id));
    }
  });
  BOOST_TEST(most <= 10u);
  while (write(prepare_map(++next))) {
  }
  BOOST_TEST(state->count("configmaps") == 10u);
}

BOOST_AUTO_TEST_SUITE_END()
