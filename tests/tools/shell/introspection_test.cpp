// The server's side of the shell: what is understood, who is meant, and what is told.
#include "tools/cluster/introspect/service.hpp"
#include "tools/cluster/introspect/why.hpp"

#include "actors/sendables.hpp"
#include "api/json.hpp"
#include "runtime/actor_system.hpp"
#include "runtime/introspection/introspector_actor.hpp"
#include "runtime/store/snapshot.hpp"
#include "runtime/supervisor.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

using namespace thespis;
using namespace thespis::tools;

namespace {

using words = std::vector<std::string>;

/// A process with a supervisor and its introspector.
struct one_process {
  runtime::system_config config{1};
  caf::actor_system system{config};
  runtime::environment env;
  runtime::supervisor_handle supervisor;
  std::vector<api::call> written;
  std::mutex mutex;
  std::unique_ptr<introspection_service> service;

  one_process() {
    env.clock = runtime::system_clock_port();
    env.random = std::make_shared<runtime::random_port>(1);
    env.roles = std::make_shared<runtime::directory>();
    env.journal = std::make_shared<runtime::causal_journal>();
    supervisor = system.spawn<runtime::supervisor_actor>(env.roles);
    add("m1");
    service = std::make_unique<introspection_service>(
        introspection_deps{system, env, std::make_shared<runtime::snapshots>(),
                           actors::all_sendables(), [this](api::call c) {
                             const std::lock_guard lock{mutex};
                             written.push_back(std::move(c));
                           }});
  }
  ~one_process() {
    caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
    env.roles->clear(); // players hold it too
  }

  void add(const std::string& machine) {
    caf::scoped_actor self{system};
    auto start = [this, machine](caf::local_actor& s) {
      return caf::actor_cast<caf::strong_actor_ptr>(
          s.home_system().spawn<runtime::introspector_actor>(
              runtime::introspector_deps{machine, env, actors::all_sendables(), {}}));
    };
    auto spec = std::make_shared<const runtime::child_spec>(
        runtime::child_spec{runtime::introspector_role(machine), start});
    self->request(supervisor, std::chrono::seconds{60}, runtime::supervise{spec})
        .receive([](const runtime::supervised&) {},
                 [](const caf::error&) { BOOST_FAIL("the supervisor does not answer"); });
  }

  api::result<std::string> ask(const std::string& command, bool changes = false) {
    std::promise<api::result<std::string>> done;
    service->run({command, changes, {"ann", "", {}}},
                 [&](api::result<std::string> r) { done.set_value(std::move(r)); });
    return done.get_future().get();
  }

  api::json::document answer(const std::string& command, bool changes = false) {
    const auto got = ask(command, changes);
    BOOST_REQUIRE_MESSAGE(got, command << ": " << (got ? "" : got.error().message));
    return std::move(*api::json::parse(*got));
  }

  void refused(const std::string& command, api::reason why, bool changes = false) {
    const auto got = ask(command, changes);
    BOOST_REQUIRE_MESSAGE(!got, command);
    BOOST_TEST((got.error().why == why), command << ": " << got.error().message);
  }
};

runtime::journal_entry wrote(runtime::journal_key key, uint64_t revision, std::string what,
                             bool specifies = true) {
  runtime::journal_entry e;
  e.object = std::move(key);
  e.at = e.revision = revision;
  e.what = std::move(what);
  e.specifies = specifies;
  return e;
}

} // namespace

BOOST_AUTO_TEST_SUITE(introspection)

BOOST_AUTO_TEST_CASE(lists_have_a_filter_an_order_and_a_limit) {
  const auto q = parse_list({"pod", "name~web", "--sort", "busy", "--limit", "5"});
  BOOST_REQUIRE(q);
  BOOST_TEST(q->filter == "pod name~web");
  BOOST_TEST((q->order == runtime::actor_order::busy));
  BOOST_TEST(q->limit == 5);
  for (const auto& wrong : {words{"--sort"},
                            {"--sort", "age"},
                            {"--limit"},
                            {"--limit", "many"},
                            {"--limit", "-1"},
                            {"--frobnicate"},
                            {"age>3"}})
    BOOST_TEST(!parse_list(wrong), wrong.front());
}

BOOST_AUTO_TEST_CASE(windows_have_a_unit_and_a_bound) {
  BOOST_TEST(parse_window("500ms").value() == 500);
  BOOST_TEST(parse_window("5s").value() == 5000);
  BOOST_TEST(parse_window("2").value() == 2000);
  BOOST_TEST(parse_window("10m").value() == 600'000);
  for (const auto* bad : {"", "s", "0s", "-1s", "11m", "5h", "1.5s", "99999999999999999999s"})
    BOOST_TEST(!parse_window(bad), bad);
}

BOOST_AUTO_TEST_CASE(traces_have_limits) {
  const auto t = parse_trace(
      {"pod", "name~web", "--type", "pod_tick", "--count", "7", "--rate", "9", "--for", "3s"});
  BOOST_REQUIRE(t);
  BOOST_TEST(t->filter == "pod name~web");
  BOOST_TEST(t->type == "pod_tick");
  BOOST_TEST(t->count == 7);
  BOOST_TEST(t->rate == 9);
  BOOST_TEST(t->duration == 3'000'000'000);
  BOOST_TEST(parse_trace({})->duration == 60'000'000'000);
  for (const auto& wrong : {words{"--count"}, {"--count", "x"}, {"--for", "1h"}, {"--x"}})
    BOOST_TEST(!parse_trace(wrong), wrong.front());
}

BOOST_FIXTURE_TEST_CASE(actors_are_named_by_machine_and_id_or_by_kind, one_process) {
  const auto id = "m1/" + std::to_string(supervisor.id());
  for (const auto& name : {std::string{"supervisor"}, id, std::to_string(supervisor.id())}) {
    const auto doc = answer("info " + name);
    BOOST_TEST(doc["actor"]["id"].GetString() == id);
    BOOST_TEST(doc["actor"]["kind"].GetString() == "supervisor");
    BOOST_TEST(doc["actor"]["answered"].GetBool());
  }
  const auto named = answer("info introspector/m1");
  BOOST_TEST(named["actor"]["parentName"].GetString() == "supervisor");
  refused("info 999999", api::reason::not_found);
  refused("info cat", api::reason::not_found);
  refused("info pod/default/web", api::reason::not_found);
  refused("info m2/1", api::reason::not_found);
}

BOOST_FIXTURE_TEST_CASE(several_machines_are_put_together, one_process) {
  add("m2");
  // Both tell of the same process here; what matters is that both are asked.
  BOOST_TEST(answer("nodes")["nodes"].Size() == 2);
  BOOST_TEST(answer("ps")["total"].GetUint64() == 6);
  refused("info " + std::to_string(supervisor.id()), api::reason::bad_request);
  BOOST_TEST(answer("info m2/" + std::to_string(supervisor.id()))["actor"]["node"].GetString() ==
             "m2");
}

BOOST_FIXTURE_TEST_CASE(machines_that_do_not_answer_are_named, one_process) {
  const auto deaf =
      system.spawn([](caf::event_based_actor*,
                      int) -> caf::behavior { return {[](const runtime::trace_stop&) {}}; },
                   0);
  env.roles->put("introspector/m2", caf::actor_cast<caf::strong_actor_ptr>(deaf));
  const auto doc = answer("kinds");
  BOOST_REQUIRE(doc.HasMember("silent"));
  BOOST_TEST(doc["silent"][0].GetString() == "m2");
  BOOST_TEST(doc["kinds"].Size() == 2);
  caf::anon_send_exit(deaf, caf::exit_reason::user_shutdown);
}

BOOST_FIXTURE_TEST_CASE(what_is_not_understood_is_refused, one_process) {
  for (const auto* wrong :
       {"", "cat", "info", "info a b", "kinds pod", "ps --sort age", "top 5h", "kill supervisor",
        "loglevel debug", "trace-start --x", "why", "why cat/a"})
    refused(wrong, api::reason::bad_request);
  for (const auto* wrong : {"", "cat", "ps", "kill", "kill a b", "send supervisor",
                            "send supervisor cat", "loglevel", "loglevel loud"})
    refused(wrong, api::reason::bad_request, true);
  refused("ps cat", api::reason::not_found);
  refused("why pod/nothing", api::reason::not_found);
}

BOOST_FIXTURE_TEST_CASE(changes_are_recorded_as_events, one_process) {
  BOOST_TEST(answer("ask supervisor describe_request", true)["answer"].IsObject());
  refused("kill supervisor", api::reason::bad_request, true);
  BOOST_REQUIRE(written.size() == 2);
  BOOST_TEST(written[0].resource == "events");
  const auto first = *api::json::parse(written[0].body);
  BOOST_TEST(first["reason"].GetString() == "ActorAsk");
  BOOST_TEST(first["involvedObject"]["kind"].GetString() == "Actor");
  BOOST_TEST(first["type"].GetString() == "Normal");
  BOOST_TEST(std::string{first["message"].GetString()}.starts_with(
      "ann: ask supervisor describe_request (supervisor): "));
  BOOST_TEST((*api::json::parse(written[1].body))["type"].GetString() == "Warning");
}

BOOST_FIXTURE_TEST_CASE(a_trace_is_fetched_until_it_is_stopped, one_process) {
  const auto token = std::string{answer("trace-start supervisor --for 10s")["trace"].GetString()};
  BOOST_TEST(token.starts_with("m1:"));
  caf::anon_send(supervisor, runtime::dismiss{"nobody"});
  const auto batch = answer("trace-next " + token);
  BOOST_REQUIRE(batch["events"].Size() == 1);
  const auto& e = batch["events"][0];
  BOOST_TEST(e["type"].GetString() == "dismiss");
  BOOST_TEST(e["to"]["name"].GetString() == "supervisor");
  BOOST_TEST(e["node"].GetString() == "m1");
  answer("trace-stop " + token);
  BOOST_TEST(std::string{answer("trace-next " + token)["ended"].GetString()} ==
             "there is no such trace");
}

BOOST_AUTO_TEST_CASE(causes_are_what_owners_wanted_before_what_they_own_was_made) {
  const runtime::journal_key deployment{"deployments.apps", "a", "web"};
  const runtime::journal_key set{"replicasets.apps", "a", "web-1"};
  const runtime::journal_key pod{"pods", "a", "web-1-x"};
  const std::vector<chain_link> chain{{deployment, "Deployment", true, false},
                                      {set, "ReplicaSet", true, false},
                                      {pod, "Pod", true, false}};
  const auto causes = causes_of(
      chain, {wrote(pod, 9, "create"), wrote(pod, 10, "create binding", false),
              wrote(deployment, 1, "create"), wrote(deployment, 2, "patch"),
              wrote(deployment, 3, "patch"), wrote(deployment, 4, "update status", false),
              wrote(set, 5, "create"), wrote(deployment, 6, "patch"), wrote(set, 8, "update"),
              wrote(set, 11, "update"), wrote(deployment, 12, "patch")});
  const auto revisions = [](const std::vector<runtime::journal_entry>& all) {
    std::vector<uint64_t> res;
    for (const auto& e : all)
      res.push_back(e.revision);
    return res;
  };
  using list = std::vector<uint64_t>;
  BOOST_TEST(revisions(causes[0]) == (list{1, 3}), boost::test_tools::per_element());
  BOOST_TEST(revisions(causes[1]) == (list{5, 8}), boost::test_tools::per_element());
  BOOST_TEST(revisions(causes[2]) == (list{9, 10}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(resources_are_found_as_people_type_them) {
  const auto& all = api::schema::registry::builtin();
  for (const auto* typed : {"pod", "pods", "po", "Pod"})
    BOOST_TEST(find_resource(all, typed)->plural == "pods");
  for (const auto* typed : {"deploy", "deployment", "deployments.apps"})
    BOOST_TEST(find_resource(all, typed)->plural == "deployments");
  BOOST_TEST(!find_resource(all, "cat"));
}

BOOST_AUTO_TEST_SUITE_END()
