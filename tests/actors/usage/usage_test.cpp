#include "actors/fixture.hpp"
#include "actors/node/host_usage.hpp"
#include "actors/node/node_interface.hpp"
#include "actors/usage/usage_actor.hpp"

#include <filesystem>
#include <fstream>

using namespace thespis;
using namespace thespis::test;

namespace {

constexpr int64_t second = 1'000'000'000;

/// A report of a node with one pod of one container.
actors::usage_report report(int64_t seconds, uint64_t cpu_seconds, uint64_t memory,
                            const std::string& uid = "u-1") {
  actors::usage_report r;
  r.ok = true;
  r.timestamp = seconds * second;
  r.cpu_nanoseconds = cpu_seconds * 2 * second;
  r.memory_bytes = memory * 2;
  r.pods.push_back(
      {"default", "web", uid, {{"main", seconds * second, cpu_seconds * second, memory}}});
  return r;
}

} // namespace

BOOST_AUTO_TEST_SUITE(usage_book)

BOOST_AUTO_TEST_CASE(tells_rates_of_the_last_two_reports) {
  actors::usage_book book;
  book.take("n", report(100, 10, 1 << 20));
  BOOST_TEST(book.nodes().empty());
  BOOST_TEST(book.pods().empty());
  book.take("n", report(120, 15, 2 << 20));
  const auto pod = book.pod("default", "web");
  BOOST_REQUIRE(pod.has_value());
  BOOST_TEST(pod->timestamp == 120 * second);
  BOOST_TEST(pod->window == 20 * second);
  BOOST_REQUIRE(pod->containers.size() == 1);
  BOOST_TEST(pod->containers[0].usage.cpu_nanocores == 250'000'000);
  BOOST_TEST(pod->containers[0].usage.memory_bytes == 2 << 20);
  BOOST_REQUIRE(book.node("n").has_value());
  BOOST_TEST(book.node("n")->usage.cpu_nanocores == 500'000'000);
  BOOST_TEST(book.node("n")->usage.memory_bytes == 4 << 20);
  BOOST_TEST(book.pods("other").empty());
  BOOST_TEST(book.pods("default").size() == 1);
}

BOOST_AUTO_TEST_CASE(leaves_out_who_began_anew) {
  actors::usage_book book;
  book.take("n", report(100, 10, 1));
  book.take("n", report(120, 1, 1)); // restarted: its counter is smaller
  BOOST_TEST(book.pods().empty());
  book.take("n", report(140, 2, 1, "u-2")); // another pod of the name
  BOOST_TEST(book.pods().empty());
  book.take("n", report(160, 4, 1, "u-2"));
  BOOST_TEST(book.pods().size() == 1);
}

BOOST_AUTO_TEST_CASE(forgets_nodes_that_are_silent_or_gone) {
  actors::usage_book book;
  book.take("n", report(100, 10, 1));
  book.take("n", report(120, 11, 1));
  book.take("n", actors::usage_report{});
  BOOST_TEST(book.nodes().empty());
  book.take("n", report(140, 12, 1)); // one report tells no rate
  BOOST_TEST(book.nodes().empty());
  book.take("n", report(160, 13, 1));
  BOOST_TEST(book.nodes().size() == 1);
  book.keep({"other"});
  BOOST_TEST(book.nodes().empty());
  BOOST_TEST(book.pods().empty());
}

BOOST_AUTO_TEST_CASE(reads_the_machines_counters) {
  const auto folder = std::filesystem::temp_directory_path() / "thespis-usage-test";
  std::filesystem::create_directories(folder);
  std::ofstream{folder / "stat"} << "cpu  100 0 50 900 10 0 0 0 0 0\ncpu0 100 0 50 900 10 0 0\n";
  std::ofstream{folder / "meminfo"} << "MemTotal:       1000 kB\nMemFree:         300 kB\n"
                                       "Inactive(file):  200 kB\nHugePages_Total:  0\n";
  const auto used = actors::machine_usage(folder.string())->read();
  BOOST_REQUIRE(used);
  BOOST_TEST(used->cpu_nanoseconds == 150 * 10'000'000U); // ticks of 10 ms
  BOOST_TEST(used->memory_bytes == 500 * 1024U);
  std::filesystem::remove_all(folder);
  BOOST_TEST(!actors::machine_usage(folder.string())->read());
}

BOOST_AUTO_TEST_SUITE_END()
