#include "runtime/cri/log_file.hpp"
#include "runtime/cri/log_rotation.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>
#include <zlib.h>

#include <fstream>
#include <set>

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using namespace thespis::runtime;

namespace {

struct rotation_fixture {
  rotation_fixture() {
    char name[] = "/tmp/thespis-rotation-XXXXXX";
    dir = ::mkdtemp(name);
    log = dir / "0.log";
  }
  ~rotation_fixture() { fs::remove_all(dir); }

  void write(const std::string& text) { std::ofstream{log} << text; }
  std::set<std::string> files() const {
    std::set<std::string> res;
    for (const auto& entry : fs::directory_iterator{dir})
      res.insert(entry.path().filename());
    return res;
  }
  void rotate(const std::string& text, int second) {
    write(text);
    BOOST_REQUIRE(
        rotate_log(log, limits,
                   std::chrono::sys_seconds{1'800'000'000s} + std::chrono::seconds{second})
            .has_value());
  }

  fs::path dir;
  fs::path log;
  log_limits limits{10, 3};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(log_rotation, rotation_fixture)

BOOST_AUTO_TEST_CASE(is_due_beyond_the_limit) {
  BOOST_TEST(!log_is_full(log, limits));
  write("0123456789");
  BOOST_TEST(!log_is_full(log, limits));
  write("0123456789a");
  BOOST_TEST(log_is_full(log, limits));
}

BOOST_AUTO_TEST_CASE(keeps_so_many_files_and_compresses_all_but_the_newest) {
  rotate("first", 0);
  BOOST_TEST(files() == (std::set<std::string>{"0.log.20270115-080000"}));
  rotate("second", 1);
  BOOST_TEST(files() ==
             (std::set<std::string>{"0.log.20270115-080000.gz", "0.log.20270115-080001"}));
  rotate("third", 2);
  write("now");
  BOOST_TEST(files() ==
             (std::set<std::string>{"0.log", "0.log.20270115-080001.gz", "0.log.20270115-080002"}));
  auto* in = ::gzopen((dir / "0.log.20270115-080001.gz").c_str(), "rb");
  BOOST_REQUIRE(in);
  char text[16] = {};
  BOOST_TEST(::gzread(in, text, sizeof text) == 6);
  ::gzclose(in);
  BOOST_TEST(text == std::string{"second"});
}

BOOST_AUTO_TEST_CASE(moves_nothing_when_there_is_no_log) {
  BOOST_TEST(!rotate_log(log, limits, {}).has_value());
  BOOST_TEST(files().empty());
}

BOOST_AUTO_TEST_CASE(loses_no_line_of_one_who_follows) {
  const std::string line = "2026-11-23T17:00:00.5Z stdout F ";
  write(line + "before\n");
  auto reader = *log_reader::open(log, {});
  BOOST_TEST(*reader.read(1000) == "before\n");
  { std::ofstream{log, std::ios::app} << line << "last\n"; }
  rotate_log(log, limits, {});
  write(line + "after\n");
  std::string all;
  for (int i = 0; i < 3; ++i)
    all += *reader.read(1000);
  BOOST_TEST(all == "last\nafter\n");
}

BOOST_AUTO_TEST_CASE(removes_a_log_with_its_past) {
  rotate("first", 0);
  rotate("second", 1);
  write("now");
  std::ofstream{dir / "1.log"} << "another";
  remove_log(log);
  BOOST_TEST(files() == std::set<std::string>{"1.log"});
}

BOOST_AUTO_TEST_SUITE_END()
