#include "tools/bench/run_bench.hpp"

#include "config/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>

using namespace thespis;
using namespace thespis::tools;
using namespace thespis::tools::bench;

namespace {

api::result<figures> run(std::function<api::result<figures>(const context&)> what,
                         const std::string& directory) {
  options o;
  o.directory = directory;
  return run_apart({"sample", "", std::move(what)}, o);
}

} // namespace

BOOST_AUTO_TEST_SUITE(bench_processes)

BOOST_AUTO_TEST_CASE(a_measurement_runs_in_another_process_and_hands_its_figures_back) {
  test::temporary_directory dir;
  const auto here = ::getpid();
  const auto res = run(
      [here](const context&) -> api::result<figures> {
        figure f;
        f.what = "sample";
        f.value = ::getpid() != here ? 1 : 0;
        return figures{f};
      },
      dir.path());
  BOOST_REQUIRE(res);
  BOOST_REQUIRE_EQUAL(res->size(), 1U);
  BOOST_TEST(res->front().value == 1.0);
}

BOOST_AUTO_TEST_CASE(its_directory_is_empty_before_and_gone_afterwards) {
  test::temporary_directory dir;
  const auto res = run(
      [](const context& c) -> api::result<figures> {
        figure f;
        f.what = c.directory;
        f.value = std::filesystem::is_empty(c.directory) ? 1 : 0;
        std::ofstream{c.directory + "/left-over"} << "x";
        return figures{f};
      },
      dir.path());
  BOOST_REQUIRE(res);
  BOOST_TEST(res->front().value == 1.0);
  BOOST_TEST(res->front().what.starts_with(dir.path()));
  BOOST_TEST(!std::filesystem::exists(res->front().what));
}

BOOST_AUTO_TEST_CASE(a_failure_is_told_in_its_own_words) {
  test::temporary_directory dir;
  const auto res = run(
      [](const context&) -> api::result<figures> {
        return api::fail(api::bad_request("no such luck"));
      },
      dir.path());
  BOOST_REQUIRE(!res);
  BOOST_TEST(res.error().message == "no such luck");
}

BOOST_AUTO_TEST_CASE(a_process_that_dies_is_a_failure) {
  test::temporary_directory dir;
  const auto res = run(
      [](const context&) -> api::result<figures> {
        ::kill(::getpid(), SIGKILL);
        return figures{};
      },
      dir.path());
  BOOST_REQUIRE(!res);
  BOOST_TEST(res.error().message.find("Killed") != std::string::npos);
  BOOST_TEST(std::filesystem::is_empty(dir.path()));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(bench_command_line)

BOOST_AUTO_TEST_CASE(without_arguments_the_defaults_hold) {
  const auto o = parse_options({});
  BOOST_REQUIRE(o);
  BOOST_TEST(o->what.empty());
  BOOST_TEST(o->nodes == 100);
  BOOST_TEST(o->deployments * o->replicas == 4000);
}

BOOST_AUTO_TEST_CASE(names_and_options_mix) {
  const auto o = parse_options({"pods", "--nodes", "7", "store", "-o", "json"});
  BOOST_REQUIRE(o);
  BOOST_TEST(o->what == (std::vector<std::string>{"pods", "store"}),
             boost::test_tools::per_element());
  BOOST_TEST(o->nodes == 7);
  BOOST_TEST(o->output == "json");
}

BOOST_AUTO_TEST_CASE(what_takes_long_runs_only_when_it_is_named) {
  measurement m{"sample", "", nullptr};
  BOOST_TEST(is_wanted(m, {}));
  BOOST_TEST(is_wanted(m, {"other", "sample"}));
  BOOST_TEST(!is_wanted(m, {"other"}));
  m.only_named = true;
  BOOST_TEST(!is_wanted(m, {}));
  BOOST_TEST(is_wanted(m, {"sample"}));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_measured_or_counted_is_refused) {
  for (const auto& wrong : {std::vector<std::string>{"speed"},
                            {"--nodes", "0"},
                            {"--nodes", "many"},
                            {"-o", "xml"},
                            {"--directory", "/nonexistent"},
                            {"--frobnicate"}}) {
    const auto o = parse_options(wrong);
    BOOST_TEST(!o, wrong.front());
    if (!o)
      BOOST_TEST(o.error() == 2);
  }
}

BOOST_AUTO_TEST_CASE(help_is_no_failure) {
  const auto o = parse_options({"--help"});
  BOOST_REQUIRE(!o);
  BOOST_TEST(o.error() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
