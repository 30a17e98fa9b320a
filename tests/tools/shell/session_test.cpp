// The shell's commands against a cluster that is a table of canned answers.
#include "tools/shell/session.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace thespis;
using namespace thespis::tools::shell;

namespace {

constexpr const char* two_actors =
    R"({"actors":[
      {"id":1,"parent":0,"kind":"supervisor","name":"","state":"","mailbox":0,"handled":10,
       "busyNanoseconds":1000000,"lastMessage":"supervise"},
      {"id":2,"parent":1,"kind":"node","name":"sim-0001","state":"ready","mailbox":3,
       "handled":1234,"busyNanoseconds":50000000,"lastMessage":"heartbeat"}
    ],"matched":2,"total":2,"nanoseconds":1000000000})";

struct fake_cluster {
  std::map<std::string, std::string> answers;
  std::vector<std::string> asked;
  std::vector<int> waited;

  session open(form f = form::table) {
    return {[this](const std::string& command) -> api::result<std::string> {
              asked.push_back(command);
              const auto found = answers.find(command);
              if (found == answers.end())
                return api::fail(api::bad_request("not known here: " + command));
              return found->second;
            },
            [this](int ms) {
              waited.push_back(ms);
              return true;
            },
            f};
  }
};

std::string text_of(session s, std::string_view line, screen where = {}) {
  const auto done = s.run(line, where);
  BOOST_REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
  return done->text;
}

std::string refusal_of(session s, std::string_view line) {
  const auto done = s.run(line, {});
  BOOST_REQUIRE(!done);
  BOOST_TEST((done.error().why == api::reason::bad_request));
  return done.error().message;
}

} // namespace

BOOST_AUTO_TEST_SUITE(shell_commands)

BOOST_AUTO_TEST_CASE(ps_shows_a_row_an_actor) {
  fake_cluster c{{{"ps", two_actors}}, {}, {}};
  BOOST_TEST(text_of(c.open(), "ps") ==
             "ID  KIND        NAME      STATE  MAILBOX  HANDLED     BUSY  LAST\n"
             " 1  supervisor                         0       10   1.0 ms  supervise\n"
             " 2  node        sim-0001  ready        3    1,234  50.0 ms  heartbeat\n");
}

BOOST_AUTO_TEST_CASE(ps_says_when_rows_were_cut) {
  fake_cluster c{{{"ps --limit 2", R"({"actors":[{"id":1,"kind":"a"},{"id":2,"kind":"a"}],)"
                                   R"("matched":5000,"total":5100})"}},
                 {},
                 {}};
  const auto out = text_of(c.open(), "ps --limit 2");
  BOOST_TEST(out.find("2 of 5,000 actors shown") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(output_can_be_json_or_yaml) {
  fake_cluster c{{{"kinds", R"({"kinds":[{"kind":"pod","count":3}]})"}}, {}, {}};
  const auto doc = api::json::parse(text_of(c.open(form::json), "kinds"));
  BOOST_REQUIRE(doc);
  BOOST_TEST(doc->IsObject());
  BOOST_TEST(text_of(c.open(form::yaml), "kinds") == "kinds:\n- kind: pod\n  count: 3\n");
}

BOOST_AUTO_TEST_CASE(tree_puts_children_below_their_parent) {
  fake_cluster c{{{"tree", two_actors}}, {}, {}};
  BOOST_TEST(text_of(c.open(), "tree") == "supervisor #1\n"
                                          "└─ node sim-0001 #2 ready mailbox 3\n");
}

BOOST_AUTO_TEST_CASE(tree_of_one_actor_shows_what_is_below_it) {
  fake_cluster c{{{"tree", two_actors}}, {}, {}};
  BOOST_TEST(text_of(c.open(), "tree 2") == "node sim-0001 #2 ready mailbox 3\n");
  BOOST_TEST(refusal_of(c.open(), "tree 99") == "no actor 99");
}

BOOST_AUTO_TEST_CASE(tree_folds_many_brothers_unless_all_are_wanted) {
  std::string actors = R"({"id":1,"parent":0,"kind":"node","name":"n"})";
  for (int i = 100; i < 130; ++i)
    actors += R"(,{"id":)" + std::to_string(i) + R"(,"parent":1,"kind":"pod","name":"p"})";
  fake_cluster c{{{"tree", R"({"actors":[)" + actors + "]}"}}, {}, {}};
  const auto folded = text_of(c.open(), "tree");
  BOOST_TEST(std::count(folded.begin(), folded.end(), '\n') == 10);
  BOOST_TEST(folded.find("└─ … 22 more pod\n") != std::string::npos);
  const auto whole = text_of(c.open(), "tree --all");
  BOOST_TEST(std::count(whole.begin(), whole.end(), '\n') == 31);
  BOOST_TEST(whole.find("more") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_actor_whose_parent_ended_stands_at_the_root) {
  fake_cluster c{{{"tree", R"({"actors":[{"id":5,"parent":4,"kind":"pod","name":"x"}]})"}}, {}, {}};
  BOOST_TEST(text_of(c.open(), "tree") == "pod x #5\n");
}

BOOST_AUTO_TEST_CASE(top_waits_for_its_window_and_shows_what_happened_in_it) {
  fake_cluster c;
  int turn = 0;
  session s{[&](const std::string&) -> api::result<std::string> {
              const auto n = std::to_string(turn++ == 0 ? 100 : 600);
              const auto busy = turn == 1 ? "0" : "500000000";
              const auto at = turn == 1 ? "1000000000" : "3000000000";
              return R"({"actors":[{"id":1,"kind":"store","handled":)" + n +
                     R"(,"busyNanoseconds":)" + busy + R"(,"mailbox":0},)" +
                     R"({"id":2,"kind":"idle","handled":7,"busyNanoseconds":9,"mailbox":0}],)" +
                     R"("nanoseconds":)" + at + "}";
            },
            [&](int ms) {
              c.waited.push_back(ms);
              return true;
            },
            form::table};
  const auto done = s.run("top 2s", {});
  BOOST_REQUIRE(done);
  BOOST_TEST(c.waited == std::vector<int>{2000}, boost::test_tools::per_element());
  BOOST_TEST(done->text == "1 of 2 actors had something to do in 2.0 s\n"
                           "ID  KIND   NAME  STATE  BUSY %  MSG/S  MAILBOX  LAST\n"
                           " 1  store                 25.0  250.0        0\n");
}

BOOST_AUTO_TEST_CASE(top_shows_nothing_when_it_is_interrupted) {
  session s{[](const std::string&) -> api::result<std::string> { return two_actors; },
            [](int) { return false; }, form::table};
  const auto done = s.run("top", {});
  BOOST_REQUIRE(done);
  BOOST_TEST(done->text.empty());
}

BOOST_AUTO_TEST_CASE(info_shows_counters_by_message_and_the_state) {
  fake_cluster c{{{"info 2", R"({"actor":{"id":2,"parent":1,"parentName":"supervisor",
    "kind":"store","name":"","state":"up","mailbox":1,"handled":4,"busyNanoseconds":8000,
    "lastMessage":"write_batch","messages":[{"type":"a","count":1},{"type":"b","count":3}],
    "details":{"revision":12}}})"}},
                 {},
                 {}};
  BOOST_TEST(text_of(c.open(), "info 2") == "store\n"
                                            "  id        2\n"
                                            "  parent    supervisor (1)\n"
                                            "  state     up\n"
                                            "  mailbox   1\n"
                                            "  handled   4\n"
                                            "  busy      8.0 µs, 2.0 µs a message\n"
                                            "  last      write_batch\n"
                                            "\n"
                                            "MESSAGE  HANDLED\n"
                                            "b              3\n"
                                            "a              1\n"
                                            "\n"
                                            "STATE\n"
                                            "revision: 12\n");
}

BOOST_AUTO_TEST_CASE(a_mistyped_command_is_told_what_was_meant) {
  fake_cluster c;
  BOOST_TEST(refusal_of(c.open(), "tre") == "unknown command \"tre\"; did you mean tree?");
  BOOST_TEST(refusal_of(c.open(), "tpo") == "unknown command \"tpo\"; did you mean top?");
  BOOST_TEST(refusal_of(c.open(), "frobnicate") ==
             "unknown command \"frobnicate\"; `help` lists what there is");
  BOOST_TEST(c.asked.empty());
}

BOOST_AUTO_TEST_CASE(arguments_nobody_asked_for_are_refused) {
  fake_cluster c;
  BOOST_TEST(refusal_of(c.open(), "kinds pod") == "kinds takes no arguments");
  BOOST_TEST(refusal_of(c.open(), "info").starts_with("info takes one actor"));
  BOOST_TEST(refusal_of(c.open(), "tree -x").starts_with("tree takes an actor's id"));
  BOOST_TEST(refusal_of(c.open(), "top --limit many").starts_with("--limit: expected a number"));
}

BOOST_AUTO_TEST_CASE(windows_have_a_unit_and_a_bound) {
  BOOST_TEST(parse_window("500ms").value() == 500);
  BOOST_TEST(parse_window("5s").value() == 5000);
  BOOST_TEST(parse_window("2").value() == 2000);
  BOOST_TEST(parse_window("60m").value() == 3'600'000);
  for (const auto* bad : {"", "s", "0s", "-1s", "61m", "5h", "1.5s", "99999999999999999999s"})
    BOOST_TEST(!parse_window(bad), bad);
}

BOOST_AUTO_TEST_CASE(words_are_completed_by_where_they_stand) {
  fake_cluster c{
      {{"kinds", R"({"kinds":[{"kind":"pod","count":3},{"kind":"node","count":1}]})"}}, {}, {}};
  auto s = c.open();
  using list = std::vector<std::string>;
  const auto is = [&](std::string_view line, const list& wanted) {
    BOOST_TEST(s.completions(line) == wanted, boost::test_tools::per_element());
  };
  is("t", {"top", "tree"});
  is("ps p", {"pod"});
  is("ps ", {"--limit", "--sort", "node", "pod"});
  is("ps pod --sort m", {"mailbox"});
  is("info n", {"node"});
  is("help ", {});
}

BOOST_AUTO_TEST_CASE(exit_ends_the_session_and_an_empty_line_does_nothing) {
  fake_cluster c;
  auto s = c.open();
  BOOST_TEST(s.run("exit", {})->ends);
  BOOST_TEST(s.run("quit", {})->ends);
  const auto nothing = s.run("   ", {});
  BOOST_TEST(nothing->text.empty());
  BOOST_TEST(!nothing->ends);
}

BOOST_AUTO_TEST_CASE(help_names_every_command) {
  fake_cluster c;
  const auto out = text_of(c.open(), "help");
  for (const auto& command : all_commands())
    BOOST_TEST(out.find("  " + std::string{command.name} + " ") != std::string::npos, command.name);
}

BOOST_AUTO_TEST_SUITE_END()
