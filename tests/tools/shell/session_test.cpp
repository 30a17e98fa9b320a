// The shell's commands against a cluster that is a table of canned answers.
#include "tools/shell/session.hpp"

#include <boost/test/unit_test.hpp>

#include <map>

using namespace thespis;
using namespace thespis::tools::shell;

namespace {

constexpr const char* two_actors =
    R"({"actors":[
      {"id":"m/1","parent":"","kind":"supervisor","name":"","state":"","node":"m","mailbox":0,
       "handled":10,"messagesPerSecond":0.5,"busyNanoseconds":1000000,"lastMessage":"supervise"},
      {"id":"m/2","parent":"m/1","kind":"node","name":"sim-0001","state":"ready","node":"m",
       "mailbox":3,"handled":1234,"messagesPerSecond":12.25,"busyNanoseconds":50000000,
       "lastMessage":"heartbeat"}
    ],"matched":2,"total":2})";

struct fake_cluster {
  std::map<std::string, std::string> answers;
  std::vector<std::string> asked;
  std::vector<std::string> changed;
  std::string printed;
  std::map<std::string, std::string> files;
  bool interrupted = false;

  fake_cluster() = default;
  explicit fake_cluster(std::map<std::string, std::string> a) : answers(std::move(a)) {}

  session open(form f = form::table, bool allow_changes = false) {
    ports p;
    p.ask = [this](const std::string& command, bool changes) -> api::result<std::string> {
      (changes ? changed : asked).push_back(command);
      const auto found = answers.find(command);
      if (found == answers.end())
        return api::fail(api::bad_request("not known here: " + command));
      return found->second;
    };
    p.print = [this](const std::string& text) { printed += text; };
    p.interrupted = [this] { return std::exchange(interrupted, false); };
    p.write = [this](const std::string& path, const std::string& text) {
      files[path] = text;
      return api::result<void>{};
    };
    return {std::move(p), {f, allow_changes}};
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
  fake_cluster c{{{"ps", two_actors}}};
  BOOST_TEST(text_of(c.open(), "ps") ==
             "ID   KIND        NAME      STATE  MAILBOX  HANDLED  MSG/S     BUSY  LAST\n"
             "m/1  supervisor                         0       10    0.5   1.0 ms  supervise\n"
             "m/2  node        sim-0001  ready        3    1,234   12.2  50.0 ms  heartbeat\n");
}

BOOST_AUTO_TEST_CASE(ps_says_when_rows_were_cut) {
  fake_cluster c{{{"ps --limit 2", R"({"actors":[{"id":1,"kind":"a"},{"id":2,"kind":"a"}],)"
                                   R"("matched":5000,"total":5100})"}}};
  const auto out = text_of(c.open(), "ps --limit 2");
  BOOST_TEST(out.find("2 of 5,000 actors shown") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(output_can_be_json_or_yaml) {
  fake_cluster c{{{"kinds", R"({"kinds":[{"kind":"pod","count":3}]})"}}};
  const auto doc = api::json::parse(text_of(c.open(form::json), "kinds"));
  BOOST_REQUIRE(doc);
  BOOST_TEST(doc->IsObject());
  BOOST_TEST(text_of(c.open(form::yaml), "kinds") == "kinds:\n- kind: pod\n  count: 3\n");
}

BOOST_AUTO_TEST_CASE(tree_puts_children_below_their_parent) {
  fake_cluster c{{{"tree", two_actors}}};
  BOOST_TEST(text_of(c.open(), "tree") == "supervisor m/1\n"
                                          "└─ node sim-0001 m/2 ready mailbox 3\n");
}

BOOST_AUTO_TEST_CASE(tree_of_one_actor_shows_what_is_below_it) {
  fake_cluster c{{{"tree", two_actors}}};
  for (const auto* name : {"tree m/2", "tree node/sim-0001"})
    BOOST_TEST(text_of(c.open(), name) == "node sim-0001 m/2 ready mailbox 3\n");
  BOOST_TEST(text_of(c.open(), "tree 2") == "node sim-0001 m/2 ready mailbox 3\n");
  BOOST_TEST(refusal_of(c.open(), "tree 99") == "no actor \"99\"");
}

BOOST_AUTO_TEST_CASE(tree_folds_many_brothers_unless_all_are_wanted) {
  std::string actors = R"({"id":"m/1","parent":"","kind":"node","name":"n"})";
  for (int i = 100; i < 130; ++i)
    actors += R"(,{"id":"m/)" + std::to_string(i) + R"(","parent":"m/1","kind":"pod","name":"p"})";
  fake_cluster c{{{"tree", R"({"actors":[)" + actors + "]}"}}};
  const auto folded = text_of(c.open(), "tree");
  BOOST_TEST(std::count(folded.begin(), folded.end(), '\n') == 10);
  BOOST_TEST(folded.find("└─ … 22 more pod\n") != std::string::npos);
  const auto whole = text_of(c.open(), "tree --all");
  BOOST_TEST(std::count(whole.begin(), whole.end(), '\n') == 31);
  BOOST_TEST(whole.find("more") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_actor_whose_parent_ended_stands_at_the_root) {
  fake_cluster c{{{"tree", R"({"actors":[{"id":"m/5","parent":"m/4","kind":"pod","name":"x"}]})"}}};
  BOOST_TEST(text_of(c.open(), "tree") == "pod x m/5\n");
}

BOOST_AUTO_TEST_CASE(top_shows_a_window_or_everything_since_the_beginning) {
  const std::string row = R"({"actors":[{"id":"m/1","kind":"store","handled":500,"mailbox":0,
    "busyNanoseconds":2000000000,"busyPercent":25.0,"messagesPerSecond":250.0}],
    "matched":3,"total":9)";
  fake_cluster c{{{"top 2s", row + R"(,"seconds":2.0})"}, {"top --total", row + "}"}}};
  BOOST_TEST(text_of(c.open(), "top 2s") ==
             "3 of 9 actors had something to do in 2.0 s\n"
             "ID   KIND   NAME  STATE  BUSY %  MSG/S  MAILBOX  LAST\n"
             "m/1  store                 25.0  250.0        0\n"
             "the 1 busiest shown; --limit N shows more, --limit 0 all.\n");
  BOOST_TEST(text_of(c.open(), "top --total") ==
             "ID   KIND   NAME  STATE   BUSY  HANDLED  MAILBOX  LAST\n"
             "m/1  store               2.0 s      500        0\n"
             "the 1 busiest shown; --limit N shows more, --limit 0 all.\n");
}

BOOST_AUTO_TEST_CASE(machines_that_did_not_answer_are_named) {
  fake_cluster c{{{"kinds", R"({"kinds":[],"silent":["m2","m3"]})"}}};
  BOOST_TEST(text_of(c.open(), "kinds").find("did not answer: m2, m3; what runs there is not") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(changes_need_to_be_allowed) {
  fake_cluster c{{{"kill pod/a", R"({"actor":"pod/a","id":"m/1","outcome":"ended"})"},
                  {"loglevel debug", R"({"levels":[{"node":"m","before":"info","now":"debug"}]})"},
                  {"loglevel", R"({"levels":[{"node":"m","before":"info","now":"info"}]})"}}};
  for (const auto* line :
       {"kill pod/a", "restart pod/a", "send a b {}", "ask a b", "loglevel debug", "move a b"})
    BOOST_TEST(refusal_of(c.open(), line).find("--allow-changes") != std::string::npos, line);
  BOOST_TEST(c.changed.empty());
  BOOST_TEST(text_of(c.open(), "loglevel") == "m  info\n");
  BOOST_TEST(text_of(c.open(form::table, true), "kill pod/a") == "pod/a m/1: ended\n");
  BOOST_TEST(text_of(c.open(form::table, true), "loglevel debug") == "m  info → debug\n");
  BOOST_TEST(c.changed.size() == 2);
}

BOOST_AUTO_TEST_CASE(a_trace_goes_on_until_it_ends_or_the_user_stops_it) {
  const std::string event = R"({"time":"2026-01-31T12:34:56.123456Z","from":{"name":"pod/a"},
    "to":{"name":"node/n"},"type":"pod_event","bytes":120,"answer":false,"text":"a status"})";
  fake_cluster c{{{"trace-start pod --count 1", R"({"trace":"m:7"})"},
                  {"trace-next m:7", R"({"events":[)" + event +
                                         R"(],"dropped":2,"ended":"it has shown 1 messages"})"},
                  {"trace-start node", R"({"trace":"m:8"})"},
                  {"trace-next m:8", R"({"events":[],"dropped":0,"ended":""})"},
                  {"trace-stop m:8", "{}"}}};
  BOOST_TEST(
      text_of(c.open(), "trace pod --count 1") ==
      "trace ended: it has shown 1 messages; 1 messages shown, 2 beyond the rate left out\n");
  BOOST_TEST(c.printed.find("12:34:56.123456  pod/a") != std::string::npos);
  BOOST_TEST(c.printed.find("pod_event") != std::string::npos);
  auto s = c.open();
  // The first look forgets an interrupt of before, the second finds this one.
  auto answers = c.answers;
  ports p;
  int looks = 0;
  p.ask = [&](const std::string& command, bool) -> api::result<std::string> {
    c.asked.push_back(command);
    return answers.at(command);
  };
  p.print = [](const std::string&) {};
  p.interrupted = [&] { return ++looks == 4; };
  session stopped{p, {}};
  BOOST_TEST(text_of(stopped, "trace node") == "trace ended: stopped; 0 messages shown\n");
  BOOST_TEST(c.asked.back() == "trace-stop m:8");
}

BOOST_AUTO_TEST_CASE(why_shows_the_chain_and_what_was_forgotten) {
  fake_cluster c{{{"why pod/web shop", R"({"objects":[
    {"kind":"Deployment","namespace":"shop","name":"web","exists":true,"creationForgotten":true,
     "happened":[]},
    {"kind":"Pod","namespace":"shop","name":"web-1","exists":false,"happened":[
     {"time":"2026-01-31T12:34:56.123456Z","who":"ann","what":"create","revision":7},
     {"time":"2026-01-31T12:34:57.000000Z","who":"pod actor","what":"Started",
      "detail":"Started container web"}]}]})"}}};
  BOOST_TEST(
      text_of(c.open(), "why pod/web -n shop") ==
      "Deployment shop/web\n"
      "│  what made it is not known any more\n"
      "└─ Pod shop/web-1  gone\n"
      "      2026-01-31 12:34:56.123456  ann                       create  revision 7\n"
      "      2026-01-31 12:34:57.000000  pod actor                 Started: Started container "
      "web\n");
  BOOST_TEST(refusal_of(c.open(), "why").starts_with("why takes KIND/NAME"));
  BOOST_TEST(refusal_of(c.open(), "why pod web -n") == "-n needs a namespace");
}

BOOST_AUTO_TEST_CASE(a_snapshot_answers_as_the_cluster_did) {
  fake_cluster c{{{"tree", two_actors},
                  {"nodes", R"({"nodes":[{"name":"m","state":"silent"}]})"},
                  {"kinds", R"({"kinds":[{"kind":"node","count":1}]})"},
                  {"routes", R"({"routes":[]})"},
                  {"links", R"({"members":[]})"},
                  {"roles", R"({"roles":[]})"},
                  {"messages", R"({"messages":[]})"},
                  {"loglevel", R"({"levels":[]})"},
                  {"diagnose", R"({"findings":[],"rings":[]})"},
                  {"info m/2", R"({"actor":{"id":"m/2","kind":"node","name":"sim-0001",
                                 "details":{"pods":3}}})"}}};
  BOOST_TEST(text_of(c.open(), "snapshot f") == "f: 2 actors, 1 of them in their own words\n");
  const auto opened = open_snapshot(c.files.at("f"));
  BOOST_REQUIRE(opened);
  ports p;
  p.ask = *opened;
  session offline{p, {}};
  BOOST_TEST(text_of(offline, "kinds") == text_of(c.open(), "kinds"));
  BOOST_TEST(text_of(offline, "tree") == text_of(c.open(), "tree"));
  BOOST_TEST(text_of(offline, "ps mailbox>1").find("sim-0001") != std::string::npos);
  BOOST_TEST(text_of(offline, "ps mailbox>1").find("supervisor") == std::string::npos);
  BOOST_TEST(text_of(offline, "inspect node/sim-0001") == "node sim-0001 m/2\npods: 3\n");
  BOOST_TEST(text_of(offline, "top --total").find("sim-0001") != std::string::npos);
  BOOST_TEST(refusal_of(offline, "top 5s").find("one moment") != std::string::npos);
  BOOST_TEST(refusal_of(offline, "why pod/a") == "a snapshot does not tell why");
  BOOST_TEST(!open_snapshot("{}"));
  BOOST_TEST(!open_snapshot("no JSON"));
}

BOOST_AUTO_TEST_CASE(info_shows_counters_by_message_and_the_state) {
  fake_cluster c{{{"info 2", R"({"actor":{"id":"m/2","parent":"m/1","parentName":"supervisor",
    "kind":"store","name":"","state":"up","mailbox":1,"handled":4,"busyNanoseconds":8000,
    "lastMessage":"write_batch","messages":[{"type":"a","count":1},{"type":"b","count":3}],
    "details":{"revision":12}}})"}}};
  BOOST_TEST(text_of(c.open(), "info 2") == "store\n"
                                            "  id         m/2\n"
                                            "  parent     supervisor (m/1)\n"
                                            "  state      up\n"
                                            "  mailbox    1\n"
                                            "  handled    4\n"
                                            "  busy       8.0 µs, 2.0 µs a message\n"
                                            "  rate       0.0 messages/s lately\n"
                                            "  last       write_batch\n"
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

BOOST_AUTO_TEST_CASE(roles_are_shown_with_where_they_are) {
  fake_cluster c{{{"roles", R"({"roles":[
      {"role":"controller/job","machine":"one","state":"running","moves":0},
      {"role":"scheduler","machine":"two","state":"leaving","moves":3}]})"}}};
  BOOST_TEST(text_of(c.open(), "roles") == "ROLE            NODE  STATE    MOVES\n"
                                           "controller/job  one   running      0\n"
                                           "scheduler       two   leaving      3\n");
}

BOOST_AUTO_TEST_CASE(a_line_may_say_how_its_answer_is_shown) {
  fake_cluster c{{{"roles", R"({"roles":[{"role":"scheduler","machine":"two"}]})"}}};
  auto s = c.open();
  const auto yaml = s.run("roles -o yaml", {});
  BOOST_REQUIRE(yaml);
  BOOST_TEST(yaml->text == "roles:\n- role: scheduler\n  machine: two\n");
  const auto table = s.run("roles", {}); // for that line only
  BOOST_REQUIRE(table);
  BOOST_TEST(table->text.starts_with("ROLE "));
  BOOST_TEST(text_of(c.open(form::yaml), "roles -o json").starts_with("{"));
  BOOST_TEST(refusal_of(c.open(), "roles -o xml") == "-o takes table, json or yaml, not \"xml\"");
}

BOOST_AUTO_TEST_CASE(arguments_nobody_asked_for_are_refused) {
  fake_cluster c;
  BOOST_TEST(refusal_of(c.open(), "kinds pod") == "kinds takes no arguments");
  BOOST_TEST(refusal_of(c.open(), "info").starts_with("info takes one actor"));
  BOOST_TEST(refusal_of(c.open(), "tree a b").starts_with("tree takes one actor"));
  BOOST_TEST(refusal_of(c.open(), "snapshot") == "snapshot takes the name of a file");
}

BOOST_AUTO_TEST_CASE(words_are_completed_by_where_they_stand) {
  fake_cluster c{{{"kinds", R"({"kinds":[{"kind":"pod","count":3},{"kind":"node","count":1}]})"}}};
  auto s = c.open();
  using list = std::vector<std::string>;
  const auto is = [&](std::string_view line, const list& wanted) {
    BOOST_TEST(s.completions(line) == wanted, boost::test_tools::per_element());
  };
  c.answers["ps kind=pod name~de --limit 200"] =
      R"({"actors":[{"name":"default/web-1"},{"name":"default/web-2"},{"name":"x/de"}]})";
  c.answers["messages pod"] = R"({"messages":[{"type":"container_query"}]})";
  is("t", {"top", "trace", "tree"});
  is("ps p", {"pod"});
  is("ps --", {"--limit", "--sort"});
  is("ps pod --sort m", {"mailbox"});
  is("info n", {"node"});
  is("info pod/de", {"pod/default/web-1", "pod/default/web-2"});
  is("why pod/de", {"pod/default/web-1", "pod/default/web-2"});
  is("ask pod/default/web-1 ", {"container_query"});
  is("loglevel d", {"debug"});
  c.answers["roles"] = R"({"roles":[{"role":"scheduler"},{"role":"controller/job"}]})";
  c.answers["nodes"] = R"({"nodes":[{"name":"one"},{"name":"two"}]})";
  is("move s", {"scheduler"});
  is("move scheduler ", {"one", "two"});
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
