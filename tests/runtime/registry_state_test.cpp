#include "runtime/registry/registry_state.hpp"

#include "actors/fixture.hpp"

#include <random>

using namespace thespis;
using namespace std::chrono_literals;
using runtime::registry_state;

namespace {

/// A registry with its snapshot, fed by hand.
struct registry_fixture {
  std::shared_ptr<runtime::snapshots> shared = std::make_shared<runtime::snapshots>();
  runtime::window_limits limits{100, 1 << 20, 60s, 10};
  std::unique_ptr<registry_state> state = fresh();
  std::map<std::string, api::object_ptr> present;
  uint64_t revision = 1;
  registry_state::time_point now{};

  std::unique_ptr<registry_state> fresh() {
    return std::make_unique<registry_state>(
        "pods", shared, api::matchers_of(api::schema::registry::builtin()), limits);
  }

  static api::object_ptr pod(const std::string& name, const std::string& app,
                             const std::string& node, uint64_t revision) {
    auto doc = api::json::parse(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name +
                                R"(","namespace":"ns","uid":")" + name + R"(","labels":{"app":")" +
                                app + R"("}},"spec":{"nodeName":")" + node + R"("}})");
    return api::seal(api::make_draft("pods", *doc), revision);
  }

  std::vector<runtime::delivery> put(const std::string& name, const std::string& app = "web",
                                     const std::string& node = "") {
    auto& slot = present[name];
    auto next = pod(name, app, node, ++revision);
    runtime::event e{slot ? api::event_kind::modified : api::event_kind::added, next, slot};
    slot = next;
    shared->apply({{next, nullptr}}, revision);
    return state->publish({e}, now);
  }

  std::vector<runtime::delivery> erase(const std::string& name) {
    const auto last = present.at(name);
    auto gone = pod(name, api::find_label(last->labels(), "app")->c_str(), last->meta().node_name,
                    ++revision);
    present.erase(name);
    shared->apply({{nullptr, gone}}, revision);
    return state->publish({{api::event_kind::deleted, gone, last}}, now);
  }

  std::vector<runtime::delivery> subscribe(runtime::watcher_id id, api::selection what = {},
                                           uint64_t from = 0) {
    auto res = state->subscribe(id, what, from);
    BOOST_REQUIRE_MESSAGE(res, res.error().message);
    return *res;
  }
};

std::string text(const std::vector<runtime::delivery>& all) {
  std::string res;
  for (const auto& d : all)
    for (const auto& e : d.what.events)
      res += (e.kind == api::event_kind::added      ? "+"
              : e.kind == api::event_kind::modified ? "~"
                                                    : "-") +
             e.object->name() + " ";
  return res;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(registry_state_of_watches, registry_fixture)

BOOST_AUTO_TEST_CASE(a_watch_begins_with_the_present_state) {
  put("a");
  put("b");
  const auto first = subscribe(1);
  BOOST_TEST(text(first) == "+a +b ");
  BOOST_TEST(first.front().what.initial_end);
  BOOST_TEST(first.front().what.revision == revision);
}

BOOST_AUTO_TEST_CASE(a_watcher_gets_one_batch_at_a_time) {
  subscribe(1);
  BOOST_TEST(text(put("a")) == "");
  put("b");
  BOOST_TEST(text(*state->ack(1)) == "+a +b ");
  put("c");
  BOOST_TEST(text(*state->ack(1)) == "+c ");
  BOOST_TEST(text(*state->ack(1)) == "");
  BOOST_TEST(text(put("d")) == "+d ");
}

BOOST_AUTO_TEST_CASE(a_watch_resumes_after_a_revision) {
  put("a");
  const auto from = revision;
  put("b");
  put("a");
  BOOST_TEST(text(subscribe(1, {}, from)) == "+b ~a ");
}

BOOST_AUTO_TEST_CASE(a_revision_before_the_window_has_expired) {
  for (int i = 0; i < 150; ++i)
    put("a");
  const auto res = state->subscribe(1, {}, 5);
  BOOST_REQUIRE(!res);
  BOOST_TEST((res.error().why == api::reason::expired));
  BOOST_TEST(api::http_code(res.error().why) == 410);
  BOOST_TEST(state->window_size() == 100);
}

BOOST_AUTO_TEST_CASE(old_events_leave_the_window_but_for_a_few) {
  for (int i = 0; i < 50; ++i)
    put("a");
  now += 61s;
  state->trim(now);
  BOOST_TEST(state->window_size() == 10);
}

BOOST_AUTO_TEST_CASE(a_slow_watcher_is_cut_off_and_others_are_not) {
  subscribe(1);
  subscribe(2);
  for (int i = 0; i < 200; ++i) {
    put("a");
    BOOST_TEST(state->ack(2).has_value());
  }
  const auto slow = state->ack(1);
  BOOST_REQUIRE(!slow);
  BOOST_TEST((slow.error().why == api::reason::expired));
  BOOST_TEST(state->watchers() == 1);
}

BOOST_AUTO_TEST_CASE(an_object_that_begins_or_ceases_to_match_comes_and_goes) {
  subscribe(1, {.label_selector = "app=web"});
  state->ack(1);
  BOOST_TEST(text(put("a", "db")) == "");
  BOOST_TEST(text(put("a", "web")) == "+a ");
  state->ack(1);
  BOOST_TEST(text(put("a", "web")) == "~a ");
  state->ack(1);
  BOOST_TEST(text(put("a", "db")) == "-a ");
  state->ack(1);
  BOOST_TEST(text(erase("a")) == "");
}

BOOST_AUTO_TEST_CASE(a_pod_that_changes_its_node_reaches_both_nodes_watchers) {
  subscribe(1, {.node_name = "n1"});
  subscribe(2, {.node_name = "n2"});
  state->ack(1);
  state->ack(2);
  put("a", "web", "n1");
  state->ack(1);
  const auto due = put("a", "web", "n2");
  BOOST_TEST(due.size() == 2);
  BOOST_TEST((text(due) == "-a +a " || text(due) == "+a -a "));
}

BOOST_AUTO_TEST_CASE(progress_is_told_without_events) {
  subscribe(1, {.label_selector = "app=db"});
  state->ack(1);
  put("a");
  const auto due = state->progress(1);
  BOOST_REQUIRE(due.size() == 1);
  BOOST_TEST(due.front().what.events.empty());
  BOOST_TEST(due.front().what.revision == revision);
}

BOOST_AUTO_TEST_CASE(a_selector_that_does_not_parse_is_refused) {
  const auto res = state->subscribe(1, {.label_selector = "a in ("}, 0);
  BOOST_REQUIRE(!res);
  BOOST_TEST((res.error().why == api::reason::bad_request));
}

// Whatever happens, and whenever watchers take their batches, each ends with what its selection
// holds now.
BOOST_AUTO_TEST_CASE(watchers_agree_with_a_naive_model) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    registry_fixture f;
    std::mt19937_64 random{seed};
    const std::vector<api::selection> wants{
        {}, {.label_selector = "app=web"}, {.node_name = "n1"}, {.name = "p1"}, {.ns = "other"}};
    std::map<runtime::watcher_id, std::map<std::string, uint64_t>> seen;
    const auto take = [&](const std::vector<runtime::delivery>& due) {
      for (const auto& d : due)
        for (const auto& e : d.what.events) {
          auto& mine = seen[d.watcher];
          if (e.kind == api::event_kind::deleted)
            BOOST_TEST(mine.erase(e.object->name()) == 1);
          else
            mine[e.object->name()] = e.object->revision();
        }
    };
    for (size_t i = 0; i < wants.size(); ++i)
      take(f.subscribe(i, wants[i]));
    for (int step = 0; step < 3000; ++step) {
      const auto name = "p" + std::to_string(random() % 4);
      if (random() % 4 == 0 && f.present.count(name))
        take(f.erase(name));
      else
        take(f.put(name, random() % 2 ? "web" : "db", random() % 2 ? "n1" : "n2"));
      const auto id = random() % wants.size();
      if (auto due = f.state->ack(id))
        take(*due);
      else { // cut off: lists anew
        seen[id].clear();
        take(f.subscribe(id, wants[id]));
      }
    }
    for (size_t i = 0; i < wants.size(); ++i) {
      if (auto due = f.state->ack(i)) {
        take(*due);
      } else {
        seen[i].clear();
        take(f.subscribe(i, wants[i]));
      }
      std::map<std::string, uint64_t> expected;
      for (const auto& [name, o] : f.present)
        if ((wants[i].name.empty() || wants[i].name == name) &&
            (wants[i].ns.empty() || wants[i].ns == o->ns()) &&
            (wants[i].node_name.empty() || wants[i].node_name == o->meta().node_name) &&
            (wants[i].label_selector.empty() || *api::find_label(o->labels(), "app") == "web"))
          expected[name] = o->revision();
      BOOST_TEST((seen[i] == expected));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
