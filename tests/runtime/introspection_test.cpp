// What is told of actors: filters, the journal, traces, and what an introspector finds.
#include "actors/fixture.hpp"
#include "actors/sendables.hpp"
#include "runtime/introspection/introspector_actor.hpp"
#include "runtime/streams/stream_interface.hpp"

#include <map>
#include <set>

using namespace thespis;
using namespace thespis::test;
using runtime::actor_filter;
using runtime::actor_info;

namespace {

actor_info web() {
  actor_info i;
  i.id = 7;
  i.kind = "pod";
  i.name = "default/web-1";
  i.state = "running";
  i.mailbox = 12;
  i.handled = 1500;
  i.busy_ns = 2'500'000'000;
  i.machine = "m1";
  return i;
}

bool holds(std::string_view text) {
  const auto f = actor_filter::parse(text);
  BOOST_REQUIRE_MESSAGE(f, text);
  return f->matches(web());
}

runtime::journal_entry happened(std::string name, std::string what, uint64_t revision = 0) {
  runtime::journal_entry e;
  e.object = {"pods", "default", std::move(name)};
  e.what = std::move(what);
  e.revision = revision;
  return e;
}

using listening_handle = caf::typed_actor<caf::reacts_to<runtime::stream_credit>,
                                          caf::reacts_to<runtime::registry_tick>>;

struct listening_deps {};

class listening_actor : public runtime::actor_base<listening_handle> {
public:
  listening_actor(caf::actor_config& cfg, listening_deps) : actor_base(cfg, "listening") {}
  behavior_type make_behavior() override {
    return {[](const runtime::stream_credit&) {}, [](const runtime::registry_tick&) {}};
  }
};

/// An introspector among the fixture's actors.
struct watched : cluster_fixture {
  runtime::introspector_handle introspector = play<runtime::introspector_actor>(
      runtime::introspector_role("here"),
      runtime::introspector_deps{"here", env(), actors::all_sendables(), {}});

  watched() { settle(); }

  template <class Reply, class Request>
  Reply ask(const Request& what, std::chrono::nanoseconds wait = 0s) {
    caf::scoped_actor self{system()};
    auto answer = self->request(introspector, 600s, what);
    advance(wait);
    Reply res;
    answer.receive([&](Reply& r) { res = std::move(r); },
                   [&](const caf::error& e) { BOOST_FAIL(system().render(e)); });
    return res;
  }

  uint64_t id_of(const std::string& filter) {
    const auto rows = ask<runtime::actor_rows>(runtime::actor_query{filter, {}, 0});
    BOOST_REQUIRE_MESSAGE(rows.rows.size() == 1, filter << ": " << rows.rows.size());
    return rows.rows.front().id;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(introspection)

BOOST_AUTO_TEST_CASE(a_word_alone_is_a_kind_and_all_terms_must_hold) {
  for (const auto* yes :
       {"", "pod", "kind=pod", "name~web", "name!~db", "state!=stopping", "mailbox>10",
        "mailbox>=12", "mailbox<13", "mailbox<=12", "mailbox=12", "handled>1k", "handled=1.5k",
        "busy>2.4", "id=7", "node=m1", "pod name~web mailbox!=0"})
    BOOST_TEST(holds(yes), yes);
  for (const auto* no : {"node", "name~db", "name!~web", "state=stopping", "mailbox>12",
                         "mailbox<12", "pod name~db", "handled>2k", "node=m2"})
    BOOST_TEST(!holds(no), no);
}

BOOST_AUTO_TEST_CASE(filters_say_what_they_do_not_understand) {
  const auto refusal = [](std::string_view text) {
    const auto f = actor_filter::parse(text);
    BOOST_REQUIRE_MESSAGE(!f, text);
    BOOST_TEST((f.error().why == api::reason::bad_request));
    return f.error().message;
  };
  BOOST_TEST(refusal("age>3") == "\"age>3\": the fields are kind, name, node, state, last, id, "
                                 "parent, mailbox, handled, rate, busy, waits");
  BOOST_TEST(refusal("mailbox~3") == "\"mailbox~3\": mailbox compares with =, !=, <, <=, > and >=");
  BOOST_TEST(refusal("name>3") == "\"name>3\": name compares with =, !=, ~ and !~");
  BOOST_TEST(refusal("mailbox>many") == "\"mailbox>many\": \"many\" is no number");
  BOOST_TEST(refusal("mailbox>") == "\"mailbox>\": \"\" is no number");
  BOOST_TEST(refusal("mailbox<>3") ==
             "\"mailbox<>3\": mailbox compares with =, !=, <, <=, > and >=");
}

BOOST_AUTO_TEST_CASE(the_journal_keeps_the_first_and_the_last_of_an_object) {
  runtime::causal_journal j;
  for (uint64_t i = 1; i <= 100; ++i)
    j.add(happened("a", "patch", i));
  const auto all = j.find({"pods", "default", "a"});
  BOOST_REQUIRE(all.size() == j.first_kept + j.last_kept);
  BOOST_TEST(all.front().revision == 1);
  BOOST_TEST(all[j.first_kept - 1].revision == j.first_kept);
  BOOST_TEST(all[j.first_kept].revision == 101 - j.last_kept);
  BOOST_TEST(all.back().revision == 100);
  BOOST_TEST(j.size() == all.size());
}

BOOST_AUTO_TEST_CASE(the_journal_forgets_objects_that_nothing_happened_to_for_longest) {
  runtime::causal_journal j{4};
  for (const auto* name : {"a", "b", "c", "d"})
    j.add(happened(name, "create"));
  j.add(happened("a", "patch"));
  j.add(happened("e", "create"));
  BOOST_TEST(j.size() == 4);
  BOOST_TEST(j.find({"pods", "default", "a"}).size() == 2);
  BOOST_TEST(j.find({"pods", "default", "b"}).empty());
  BOOST_TEST(j.find({"pods", "default", "c"}).empty());
  BOOST_TEST(j.find({"pods", "default", "e"}).size() == 1);
}

BOOST_AUTO_TEST_CASE(an_object_created_again_begins_a_new_story) {
  runtime::causal_journal j;
  j.add(happened("a", "create", 1));
  j.add(happened("a", "delete", 2));
  j.add(happened("a", "create", 3));
  const auto all = j.find({"pods", "default", "a"});
  BOOST_REQUIRE(all.size() == 1);
  BOOST_TEST(all.front().revision == 3);
  BOOST_TEST(j.size() == 1);
}

BOOST_AUTO_TEST_CASE(rings_of_waiting_actors_are_found_once) {
  const auto rings =
      runtime::rings_of({{"a", "b"}, {"b", "c"}, {"c", "a"}, {"x", "a"}, {"y", "x"}});
  BOOST_REQUIRE(rings.size() == 1);
  BOOST_TEST(std::set<std::string>(rings[0].begin(), rings[0].end()) ==
                 (std::set<std::string>{"a", "b", "c"}),
             boost::test_tools::per_element());
  BOOST_TEST(runtime::rings_of({{"a", "b"}, {"b", "c"}, {"x", "c"}}).empty());
  BOOST_TEST(runtime::rings_of({{"a", "a"}}).size() == 1);
}

BOOST_FIXTURE_TEST_CASE(actors_are_listed_by_filter_order_and_limit, watched) {
  const auto one = ask<runtime::actor_rows>(runtime::actor_query{"store", {}, 0});
  BOOST_REQUIRE(one.rows.size() == 1);
  BOOST_TEST(one.rows[0].handled > 0);
  BOOST_TEST(one.rows[0].state == "serving");
  BOOST_TEST(one.total > 20);
  const auto busiest =
      ask<runtime::actor_rows>(runtime::actor_query{"", runtime::actor_order::handled, 5});
  BOOST_REQUIRE(busiest.rows.size() == 5);
  BOOST_TEST(busiest.matched == busiest.total);
  for (size_t i = 1; i < 5; ++i)
    BOOST_TEST(busiest.rows[i - 1].handled >= busiest.rows[i].handled);
  // The short way for unfiltered lists gives what the long one does.
  const auto slow = ask<runtime::actor_rows>(runtime::actor_query{"id>0", {}, 4});
  const auto fast = ask<runtime::actor_rows>(runtime::actor_query{"", {}, 4});
  for (size_t i = 0; i < 4; ++i)
    BOOST_TEST(slow.rows.at(i).id == fast.rows.at(i).id);
  const auto refused = ask<runtime::actor_rows>(runtime::actor_query{"age>3", {}, 0});
  BOOST_TEST(!refused.ok);
}

BOOST_FIXTURE_TEST_CASE(a_window_shows_who_did_something_in_it, watched) {
  caf::scoped_actor self{system()};
  auto answer = self->request(introspector, 600s, runtime::window_query{"", 1000, 0});
  settle();
  create("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}");
  advance(1s);
  std::set<std::string> active;
  answer.receive(
      [&](const runtime::actor_rows& rows) {
        for (const auto& r : rows.rows) {
          active.insert(r.full_name());
          BOOST_TEST(r.rate > 0);
        }
        BOOST_TEST(rows.seconds > 0);
      },
      [&](const caf::error& e) { BOOST_FAIL(system().render(e)); });
  BOOST_TEST(active.count("store") == 1);
  BOOST_TEST(active.count("registry/configmaps") == 1);
  BOOST_TEST(active.count("registry/secrets") == 0);
}

BOOST_FIXTURE_TEST_CASE(one_actor_tells_its_counters_and_its_own_words, watched) {
  const auto detail = ask<runtime::actor_detail>(runtime::detail_query{id_of("requests")});
  BOOST_TEST(detail.found);
  BOOST_TEST(detail.answered);
  BOOST_TEST(detail.described == "{\"inFlight\":0}");
  BOOST_TEST(!detail.actor.by_type.empty());
  BOOST_TEST(!ask<runtime::actor_detail>(runtime::detail_query{999'999}).found);
}

BOOST_FIXTURE_TEST_CASE(messages_are_counted_by_type_however_they_come, watched) {
  const auto to = caf::actor_cast<caf::actor>(spawn<listening_actor>(listening_deps{}));
  // By themselves, and as values that are somewhere else, as those are that came over a link.
  const auto credit = caf::make_message(runtime::stream_credit{1});
  const auto tick = caf::make_message(runtime::registry_tick{});
  for (int i = 0; i < 3; ++i) {
    caf::anon_send(to, runtime::stream_credit{1});
    caf::anon_send(to, credit);
    caf::anon_send(to, tick);
    caf::anon_send(to, credit);
    caf::anon_send(to, runtime::registry_tick{});
    caf::anon_send(to, runtime::registry_tick{});
  }
  settle();
  const auto record = runtime::introspection_of(system()).find(to.id());
  BOOST_REQUIRE(record);
  std::map<std::string, uint64_t> counts;
  for (const auto& c : record->info(true).by_type)
    counts[c.type] = c.count;
  BOOST_TEST(counts.size() == 2);
  BOOST_TEST(counts["stream_credit"] == 9);
  BOOST_TEST(counts["registry_tick"] == 9);
}

BOOST_FIXTURE_TEST_CASE(a_trace_shows_messages_without_what_objects_hold, watched) {
  const auto started = ask<runtime::trace_started>(
      runtime::trace_start{{"requests", "call_batch", 100, 1000, 60'000'000'000}});
  BOOST_REQUIRE(started.ok);
  create("{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {key: sesame}}");
  const auto batch = ask<runtime::trace_batch>(runtime::trace_next{started.id});
  BOOST_REQUIRE(batch.events.size() == 1);
  const auto& e = batch.events.front();
  BOOST_TEST(e.receiver == "requests");
  BOOST_TEST(e.type == "call_batch");
  BOOST_TEST(e.size > 50);
  BOOST_TEST(e.text.find("secrets default/") != std::string::npos);
  BOOST_TEST(e.text.find("sesame") == std::string::npos);
  BOOST_TEST(e.text.find("c2VzYW1l") == std::string::npos);
  BOOST_TEST(batch.ended.empty());
  BOOST_TEST(runtime::tracing.load() == 1);
  caf::anon_send(introspector, runtime::trace_stop{started.id});
  settle();
  BOOST_TEST(runtime::tracing.load() == 0);
}

BOOST_FIXTURE_TEST_CASE(a_trace_keeps_its_limits, watched) {
  const auto started =
      ask<runtime::trace_started>(runtime::trace_start{{"store", "", 3, 2, 60'000'000'000}});
  BOOST_REQUIRE(started.ok);
  for (int i = 0; i < 10; ++i)
    create("{apiVersion: v1, kind: ConfigMap, metadata: {generateName: a-}}");
  const auto batch = ask<runtime::trace_batch>(runtime::trace_next{started.id});
  BOOST_TEST(batch.events.size() <= 3);
  BOOST_TEST(batch.events.size() >= 2);
  BOOST_TEST(batch.dropped > 0);
  caf::anon_send(introspector, runtime::trace_stop{started.id});
  settle();
  for (const auto& wish : {runtime::trace_wish{"", "", 0, 1, 1},
                           {"", "", 1, 0, 1},
                           {"", "", 1, 1, 0},
                           {"", "", 1, 1'000'000, 1},
                           {"age>1", "", 1, 1, 1}})
    BOOST_TEST(!ask<runtime::trace_started>(runtime::trace_start{wish}).ok);
  BOOST_TEST(runtime::tracing.load() == 0);
}

BOOST_AUTO_TEST_CASE(a_trace_dies_with_its_client) {
  runtime::trace_table t;
  const auto id = t.start({"", "", 10, 10, 600'000'000'000}, 1'000);
  BOOST_REQUIRE(id);
  BOOST_TEST(runtime::tracing.load() == 1);
  BOOST_TEST(t.expire(1'000 + t.patience) == 1);
  BOOST_TEST(runtime::tracing.load() == 1);
  t.expire(1'001 + t.patience);
  BOOST_TEST(runtime::tracing.load() == 0);
  BOOST_TEST(t.take(*id, 1'002 + t.patience).ended == "its client is gone");
  BOOST_TEST(t.take(*id, 1'003 + t.patience).ended == "there is no such trace");
}

BOOST_AUTO_TEST_CASE(only_so_many_traces_run) {
  runtime::trace_table t;
  for (size_t i = 0; i < t.max_traces; ++i)
    BOOST_TEST(t.start({"", "", 1, 1, 1'000'000'000}, 1).has_value());
  const auto refused = t.start({"", "", 1, 1, 1'000'000'000}, 1);
  BOOST_REQUIRE(!refused);
  BOOST_TEST((refused.error().why == api::reason::too_many_requests));
}

BOOST_FIXTURE_TEST_CASE(messages_are_sent_by_name_and_checked, watched) {
  const auto requests = id_of("requests");
  const auto say = [&](const char* verb, const char* type, const char* json) {
    return ask<runtime::actor_changed>(runtime::change_actor{requests, verb, type, json});
  };
  BOOST_TEST(say("ask", "describe_request", "").text == "{\"inFlight\":0}");
  BOOST_TEST(say("send", "describe_request", "{}").ok);
  const auto unknown = say("send", "cat", "");
  BOOST_TEST(!unknown.ok);
  BOOST_TEST(unknown.failure.message ==
             "no message \"cat\" can be sent by name; to a requests there are: describe_request");
  BOOST_TEST(say("send", "wake_key", "{}").failure.message ==
             "a requests does not understand wake_key; to a requests there are: describe_request");
  BOOST_TEST(say("ask", "describe_request", "{\"x\":1}").failure.message ==
             "describe_request: there is no field \"x\"; it takes {}");
  BOOST_TEST(!say("ask", "describe_request", "[]").ok);
  BOOST_TEST(!say("ask", "describe_request", "{").ok);
}

BOOST_AUTO_TEST_CASE(fields_of_messages_are_checked) {
  const auto all = actors::all_sendables();
  BOOST_TEST(
      all->make("wake_key", "controller", R"({"namespace":"a","name":"b"})", false).has_value());
  const auto refusal = [&](const char* json) {
    const auto m = all->make("wake_key", "controller", json, false);
    BOOST_REQUIRE(!m);
    return m.error().message;
  };
  BOOST_TEST(refusal("{}").starts_with("wake_key: \"name\" is missing"));
  BOOST_TEST(refusal(R"({"name":3})").starts_with("wake_key: \"name\" must be a string"));
  BOOST_TEST(refusal(R"({"name":"a","colour":"red"})")
                 .starts_with("wake_key: there is no field \"colour\""));
  BOOST_TEST(all->make("wake_key", "controller", R"({"name":"b"})", true).error().message ==
             "wake_key has no answer; use send");
}

BOOST_FIXTURE_TEST_CASE(only_children_of_a_supervisor_are_restarted, watched) {
  const auto requests = id_of("requests");
  const auto kept = ask<runtime::actor_changed>(runtime::change_actor{requests, "restart", "", ""});
  BOOST_TEST(!kept.ok);
  BOOST_TEST(kept.failure.message.starts_with("nobody starts requests again"));
  const auto killed = ask<runtime::actor_changed>(runtime::change_actor{requests, "kill", "", ""});
  BOOST_TEST(killed.ok);
  BOOST_TEST(killed.text == "ended; nobody starts it again");
  settle();
  BOOST_TEST(ask<runtime::actor_rows>(runtime::actor_query{"requests", {}, 0}).matched == 0);
  const auto self =
      ask<runtime::actor_changed>(runtime::change_actor{id_of("introspector"), "kill", "", ""});
  BOOST_TEST(!self.ok);
}

BOOST_FIXTURE_TEST_CASE(a_growing_mailbox_and_nothing_else_is_diagnosed, watched) {
  const auto calm = ask<runtime::diagnosis>(runtime::diagnose_query{1000}, 1s);
  BOOST_TEST(calm.findings.empty());
  // Of an actor that is not run, what it gets piles up.
  const runtime::counter_sample before{runtime::introspection_of(system())};
  const auto store = env().roles->find<caf::actor>(runtime::store_role);
  for (int i = 0; i < 150; ++i)
    caf::anon_send(caf::actor_cast<runtime::introspectable>(store), runtime::describe_request{});
  const auto found = runtime::findings_since(before, runtime::introspection_of(system()), 0);
  BOOST_REQUIRE(found.size() == 1);
  BOOST_TEST(found[0].what == "growing");
  BOOST_TEST(found[0].actor.kind == "store");
  BOOST_TEST(found[0].text.starts_with("0 → 150 messages wait; it handled 0 in"));
}

BOOST_AUTO_TEST_SUITE_END()
