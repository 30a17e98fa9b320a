// The server's side of the shell: which actors are chosen, and what is told about them.
#include "tools/cluster/introspection.hpp"

#include "api/json.hpp"
#include "runtime/actor_system.hpp"
#include "runtime/supervisor.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

using namespace thespis;
using namespace thespis::tools;

namespace {

runtime::actor_info actor(uint64_t id, std::string kind, std::string name, uint64_t mailbox = 0,
                          uint64_t handled = 0, uint64_t busy = 0) {
  runtime::actor_info i;
  i.id = id;
  i.kind = std::move(kind);
  i.name = std::move(name);
  i.mailbox = mailbox;
  i.handled = handled;
  i.busy_ns = busy;
  return i;
}

std::vector<uint64_t> chosen(std::string_view words, size_t& matched) {
  const auto q = parse_ps(words);
  BOOST_REQUIRE(q);
  std::vector<uint64_t> res;
  for (const auto& i : select({actor(1, "pod", "b", 5, 10, 7), actor(2, "node", "n", 9, 1, 8),
                               actor(3, "pod", "a", 5, 30, 9), actor(4, "pod", "c")},
                              *q, matched))
    res.push_back(i.id);
  return res;
}

void choose(std::string_view words, const std::vector<uint64_t>& wanted, size_t all) {
  size_t matched = 0;
  BOOST_TEST_CONTEXT(words) {
    BOOST_TEST(chosen(words, matched) == wanted, boost::test_tools::per_element());
    BOOST_TEST(matched == all);
  }
}

struct one_supervisor {
  runtime::system_config config{1};
  caf::actor_system system{config};
  runtime::supervisor_handle supervisor =
      system.spawn<runtime::supervisor_actor>(std::make_shared<runtime::directory>());

  one_supervisor() {
    // An actor that has not run yet cannot be asked.
    caf::scoped_actor self{system};
    self->request(caf::actor_cast<runtime::introspectable>(supervisor), std::chrono::seconds{60},
                  runtime::describe_request{})
        .receive([](const runtime::description&) {},
                 [](const caf::error&) { BOOST_FAIL("the supervisor does not answer"); });
  }
  ~one_supervisor() { caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown); }

  api::result<std::string> ask(const std::string& command) {
    std::promise<api::result<std::string>> done;
    run_introspection(system, command,
                      [&](api::result<std::string> r) { done.set_value(std::move(r)); });
    return done.get_future().get();
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(introspection)

BOOST_AUTO_TEST_CASE(ps_orders_by_name_and_by_the_largest_number) {
  choose("", {2, 3, 1, 4}, 4);
  choose("--sort mailbox", {2, 3, 1, 4}, 4);
  choose("--sort handled", {3, 1, 2, 4}, 4);
  choose("--sort busy", {3, 2, 1, 4}, 4);
}

BOOST_AUTO_TEST_CASE(ps_filters_by_kind_and_counts_what_the_limit_cuts) {
  choose("pod", {3, 1, 4}, 3);
  choose("pod --limit 2", {3, 1}, 3);
  choose("--limit 0", {2, 3, 1, 4}, 4);
  choose("cat", {}, 0);
}

BOOST_AUTO_TEST_CASE(ps_refuses_what_it_does_not_understand) {
  for (const auto* wrong : {"--sort", "--sort age", "--limit", "--limit many", "--limit -1",
                            "--frobnicate", "pod node"}) {
    const auto q = parse_ps(wrong);
    BOOST_TEST(!q, wrong);
    if (!q)
      BOOST_TEST((q.error().why == api::reason::bad_request));
  }
}

BOOST_FIXTURE_TEST_CASE(kinds_counts_living_actors, one_supervisor) {
  const auto got = ask("kinds");
  BOOST_REQUIRE(got);
  BOOST_TEST(*got == R"({"kinds":[{"kind":"supervisor","count":1}]})");
}

BOOST_FIXTURE_TEST_CASE(info_finds_an_actor_by_id_and_by_kind, one_supervisor) {
  for (const auto& name : {std::string{"supervisor"}, std::to_string(supervisor.id())}) {
    const auto got = ask("info " + name);
    BOOST_REQUIRE(got);
    const auto doc = api::json::parse(*got);
    BOOST_REQUIRE(doc);
    BOOST_TEST((*doc)["actor"]["id"].GetUint64() == supervisor.id());
    BOOST_TEST((*doc)["actor"]["kind"].GetString() == "supervisor");
  }
}

BOOST_FIXTURE_TEST_CASE(info_of_nobody_is_not_found, one_supervisor) {
  for (const auto* name : {"info 999999", "info cat", "info pod/default/web"}) {
    const auto got = ask(name);
    BOOST_REQUIRE(!got);
    BOOST_TEST((got.error().why == api::reason::not_found), name);
  }
}

BOOST_FIXTURE_TEST_CASE(ps_of_a_kind_that_nobody_is_is_not_found, one_supervisor) {
  const auto got = ask("ps cat");
  BOOST_REQUIRE(!got);
  BOOST_TEST((got.error().why == api::reason::not_found));
  BOOST_TEST(got.error().message ==
             "no actor of kind \"cat\" runs here; `kinds` lists what there is");
  BOOST_TEST(ask("ps supervisor").has_value());
}

BOOST_FIXTURE_TEST_CASE(unknown_commands_are_refused, one_supervisor) {
  for (const auto* wrong : {"", "kill 1", "info", "kinds pod", "ps --sort age"}) {
    const auto got = ask(wrong);
    BOOST_REQUIRE(!got);
    BOOST_TEST((got.error().why == api::reason::bad_request), wrong);
  }
}

BOOST_AUTO_TEST_SUITE_END()
