#include "actors/fixture.hpp"
#include "api/generated/core_v1_config.hpp"
#include "api/generated/core_v1_event.hpp"

#include <map>
#include <set>

using namespace thespis;
using namespace thespis::test;
using actors::object_id;
using api::v1::config_map;

namespace {

/// What a copier did, kept outside of it: the actor owns the reconciler.
struct diary {
  std::vector<std::pair<object_id, runtime::wall_time>> reconciles;
  std::map<object_id, uint64_t> written; ///< the newest revision that a key's calls made
  int stale_views = 0;
  int throws = 0;     ///< so many reconciles throw
  std::string refuse; ///< keys whose copies are invalid
};

/// Keeps a Secret of the same name and data for each ConfigMap.
class copier final : public actors::reconciler {
public:
  explicit copier(std::shared_ptr<diary> d) : diary_(std::move(d)) {}
  std::string_view name() const override { return "copier"; }
  std::vector<actors::watch_spec> watches() const override {
    return {{"configmaps", actors::self_key()}, {"secrets", actors::self_key()}};
  }
  actors::reconcile_result reconcile(const object_id& key, const actors::view& v,
                                     actors::wall_time now) override {
    actors::reconcile_result res;
    diary_->reconciles.push_back({key, now});
    if (v.revision("secrets") < diary_->written[key])
      ++diary_->stale_views;
    if (diary_->throws > 0) {
      --diary_->throws;
      throw std::runtime_error("as the test asked");
    }
    const auto source = v.get<config_map>(key.ns, key.name);
    const auto copy = v.get<api::v1::secret>(key.ns, key.name);
    if (!source) {
      if (copy)
        res.calls.push_back(actors::delete_call(*copy.object));
      return res;
    }
    auto wanted = copy ? *copy : api::v1::secret{};
    wanted.metadata.namespace_ = key.ns;
    wanted.metadata.name = key.name;
    wanted.metadata.annotations = source->data;
    if (key.name == diary_->refuse)
      wanted.metadata.labels["not a label"] = "";
    if (copy && wanted == *copy)
      return res;
    res.calls.push_back(copy ? actors::update_call(wanted) : actors::create_call(wanted));
    actors::event_note n;
    n.reason = "Copied";
    n.message = "Copied " + key.name;
    n.about = source.object;
    n.kind = "ConfigMap";
    n.api_version = "v1";
    res.events.push_back(std::move(n));
    res.then = [d = diary_, key](const std::vector<actors::call_result>& results) {
      actors::reconcile_result next;
      for (const auto& r : results) {
        if (r.ok)
          d->written[key] = r.object->revision();
        next.retry |= !r.ok;
      }
      return next;
    };
    return res;
  }

private:
  std::shared_ptr<diary> diary_;
};

struct controller_fixture : cluster_fixture {
  explicit controller_fixture(fixture_options o = {}) : cluster_fixture(o) {
    controller = run_controller([d = book] { return std::make_unique<copier>(d); });
  }

  void make(const std::string& name, const std::string& value = "1") {
    create("{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + "}, data: {x: \"" +
           value + "\"}}");
  }

  std::string copy_of(const std::string& name) const {
    const auto o = get("secrets", name);
    if (!o)
      return {};
    const auto s = api::typed<api::v1::secret>(*o);
    const auto i = s->metadata.annotations.find("x");
    return i == s->metadata.annotations.end() ? std::string{} : i->second;
  }

  std::string source_of(const std::string& name) const {
    return get<config_map>(name).data.at("x");
  }

  api::call change(const std::string& name, const std::string& value) const {
    auto c =
        actors::patch_call("configmaps", {"default", name}, "{\"data\":{\"x\":\"" + value + "\"}}");
    c.user = {"tester", {}, {"system:masters"}};
    return c;
  }

  size_t reconciles_of(const std::string& name) const {
    size_t res = 0;
    for (const auto& [key, at] : book->reconciles)
      res += key.name == name;
    return res;
  }

  std::shared_ptr<diary> book = std::make_shared<diary>();
  actors::controller_handle controller;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(controller_actor, controller_fixture)

BOOST_AUTO_TEST_CASE(what_was_there_before_it_started_is_reconciled) {
  cluster_fixture f;
  f.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: early}, data: {x: \"1\"}}");
  f.run_controller([d = book] { return std::make_unique<copier>(d); });
  BOOST_TEST(f.get("secrets", "early"));
}

BOOST_AUTO_TEST_CASE(it_follows_the_level_not_each_change) {
  make("a");
  // All at once: the controller may miss values between, never the last one. (Which one that is
  // the request bridge decides: the calls name no revision and race.)
  runtime::call_batch batch;
  for (int i = 2; i <= 200; ++i)
    batch.calls.push_back(change("a", std::to_string(i)));
  const auto before = reconciles_of("a");
  caf::anon_send(env().roles->find<runtime::requests_handle>(runtime::requests_role),
                 std::move(batch));
  settle();
  BOOST_TEST(copy_of("a") == source_of("a"));
  BOOST_TEST(source_of("a") != "1");
  BOOST_TEST(reconciles_of("a") - before < 150);
}

BOOST_AUTO_TEST_CASE(it_repairs_what_others_break) {
  make("a");
  patch("secrets", "a", "{metadata: {annotations: {x: forged}}}");
  settle();
  BOOST_TEST(copy_of("a") == "1");
  remove("secrets", "a");
  settle();
  BOOST_TEST(copy_of("a") == "1");
  remove("configmaps", "a");
  settle();
  BOOST_TEST(!get("secrets", "a"));
}

BOOST_AUTO_TEST_CASE(it_never_acts_on_a_view_older_than_its_own_write) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    controller_fixture f{{seed, true, {}}};
    for (int round = 0; round < 20; ++round) {
      runtime::call_batch batch;
      for (const auto* name : {"a", "b", "c"}) {
        if (round == 0)
          f.make(name);
        batch.calls.push_back(f.change(name, std::to_string(round)));
      }
      caf::anon_send(f.env().roles->find<runtime::requests_handle>(runtime::requests_role),
                     std::move(batch));
      for (int i = 0; i < 15; ++i)
        f.step();
    }
    f.advance(1min);
    BOOST_TEST(f.book->stale_views == 0);
    for (const auto* name : {"a", "b", "c"})
      BOOST_TEST(f.copy_of(name) == f.source_of(name));
    BOOST_TEST(f.book->written.size() == 3);
  }
}

BOOST_AUTO_TEST_CASE(a_failing_key_backs_off_and_others_go_on) {
  book->refuse = "bad";
  make("bad");
  make("good");
  BOOST_TEST(copy_of("good") == "1");
  advance(1280ms);
  // 10, 20, 40, ... ms apart: 8 tries in 1.28 s.
  const auto tries = reconciles_of("bad");
  BOOST_TEST(tries >= 7);
  BOOST_TEST(tries <= 9);
  advance(1h);
  BOOST_TEST(reconciles_of("bad") < 35);
  // No event of a call that failed.
  for (const auto& e : list<api::v1::event>())
    BOOST_TEST(e.message != "Copied bad");
  book->refuse.clear();
  advance(5min);
  BOOST_TEST(copy_of("bad") == "1");
}

BOOST_AUTO_TEST_CASE(a_reconcile_that_throws_is_tried_again) {
  book->throws = 3;
  make("a");
  advance(1s);
  BOOST_TEST(copy_of("a") == "1");
}

BOOST_AUTO_TEST_CASE(a_lost_answer_is_waited_for_only_so_long) {
  caf::anon_send(env().roles->find<runtime::requests_handle>(runtime::requests_role), [] {
    api::call c;
    c.verb = api::verb::create;
    c.resource = "configmaps";
    c.ns = "default";
    c.body = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"x":"1"}})";
    c.user = {"tester", {}, {"system:masters"}};
    runtime::call_batch batch;
    batch.calls.push_back(std::move(c));
    return batch;
  }());
  step(); // the bridge takes the test's own call
  BOOST_REQUIRE(drop_next<runtime::call_batch>());
  settle();
  BOOST_TEST(!get("secrets", "a"));
  advance(4min);
  BOOST_TEST(copy_of("a") == "1");
}

BOOST_AUTO_TEST_CASE(a_closed_watch_is_begun_anew) {
  make("a");
  caf::anon_send(controller, runtime::watch_closed{0, api::internal_error("over")});
  settle();
  make("b");
  advance(1s);
  BOOST_TEST(copy_of("b") == "1");
}

BOOST_AUTO_TEST_CASE(what_vanished_while_nobody_watched_is_noticed) {
  make("a");
  make("b");
  kill(runtime::registry_role("configmaps"));
  remove("configmaps", "a");
  advance(1min);
  BOOST_TEST(copy_of("a") == "1");
  start_registry("configmaps");
  advance(1s);
  BOOST_TEST(!get("secrets", "a"));
  BOOST_TEST(copy_of("b") == "1");
  make("c");
  BOOST_TEST(copy_of("c") == "1");
}

BOOST_AUTO_TEST_CASE(a_restarted_registry_is_watched_once) {
  kill(runtime::registry_role("secrets"));
  start_registry("secrets");
  advance(1s);
  make("a");
  const auto before = reconciles_of("a");
  patch("configmaps", "a", "{data: {x: \"2\"}}");
  settle();
  BOOST_TEST(copy_of("a") == "2");
  // One for the change and one for the copy that followed.
  BOOST_TEST(reconciles_of("a") - before == 2);
}

BOOST_AUTO_TEST_CASE(without_a_store_it_waits_and_goes_on) {
  kill(runtime::requests_role);
  const auto revision = state().revision();
  advance(10s);
  BOOST_TEST(state().revision() == revision);
}

BOOST_AUTO_TEST_SUITE_END()
