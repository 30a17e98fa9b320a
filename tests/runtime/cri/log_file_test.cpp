#include "runtime/cri/log_file.hpp"

#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <fstream>

namespace fs = std::filesystem;
using namespace thespis;
using namespace thespis::runtime;

namespace {

struct log_fixture {
  log_fixture() {
    char name[] = "/tmp/thespis-log-XXXXXX";
    dir = ::mkdtemp(name);
    file = dir / "0.log";
  }
  ~log_fixture() { fs::remove_all(dir); }

  void append(const std::string& text) { std::ofstream{file, std::ios::app} << text; }

  /// An entry at that second of one minute.
  static std::string entry(int second, const std::string& text, const char* stream = "stdout",
                           const char* tag = "F") {
    char time[64];
    std::snprintf(time, sizeof(time), "2026-11-23T17:00:%02d.5Z", second);
    return std::string{time} + " " + stream + " " + tag + " " + text + "\n";
  }

  log_reader open(const log_options& o = {}) {
    auto r = log_reader::open(file, o);
    BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : r.error().message));
    return std::move(*r);
  }

  static std::string all(log_reader& r, size_t step = 1 << 16) {
    std::string out;
    for (;;) {
      auto part = r.read(step);
      BOOST_REQUIRE(part.has_value());
      if (part->empty())
        return out;
      out += *part;
    }
  }

  std::string all(const log_options& o = {}) {
    auto r = open(o);
    return all(r);
  }

  fs::path dir;
  fs::path file;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(log_file, log_fixture)

BOOST_AUTO_TEST_CASE(parses_entries_and_refuses_what_is_none) {
  const auto e = parse_log_line("2026-11-23T17:52:14.123Z stderr P two words ");
  BOOST_REQUIRE(e.has_value());
  BOOST_TEST((e->stream == log_stream::err));
  BOOST_TEST(e->partial);
  BOOST_TEST(e->text == "two words ");
  BOOST_TEST(e->time == "2026-11-23T17:52:14.123Z");
  BOOST_TEST(parse_log_line("t stdout F ")->text.empty());
  BOOST_TEST(parse_log_line("t stdout F")->text.empty());
  BOOST_TEST(parse_log_line("t stdout F:x a")->text == "a");
  for (const char* bad : {"", "x", "t stdin F a", "t stdout X a", "t stdout", "t stdout  a"})
    BOOST_TEST(!parse_log_line(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(parses_times_with_fractions_and_zones) {
  BOOST_TEST(parse_log_time("1970-01-01T00:00:01Z").value() == 1'000'000'000);
  BOOST_TEST(parse_log_time("1970-01-01T00:00:01.5Z").value() == 1'500'000'000);
  BOOST_TEST(parse_log_time("1970-01-01T02:00:00.000000001+02:00").value() == 1);
  BOOST_TEST(parse_log_time("1969-12-31T23:30:00-00:30").value() == 0);
  for (const char* bad : {"", "1970-01-01", "1970-01-01T00:00:01", "1970-01-01T00:00:01Zx",
                          "1970-01-01T00:00:01+1", "1970-1-01T00:00:01Z"})
    BOOST_TEST(!parse_log_time(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(gives_all_lines_of_both_streams_and_joins_parts) {
  append(entry(1, "a") + entry(2, "b1 ", "stderr", "P") + entry(3, "b2", "stderr") + entry(4, ""));
  BOOST_TEST(all() == "a\nb1 b2\n\n");
  log_options err;
  err.stream = log_stream::err;
  BOOST_TEST(all(err) == "b1 b2\n");
}

BOOST_AUTO_TEST_CASE(is_not_found_when_there_is_no_file) {
  const auto r = log_reader::open(dir / "none.log", {});
  BOOST_REQUIRE(!r.has_value());
  BOOST_TEST((r.error().why == api::reason::not_found));
}

BOOST_AUTO_TEST_CASE(prefixes_lines_once_with_nine_digits) {
  append(entry(1, "a", "stdout", "P") + entry(2, "b") + entry(3, "c"));
  log_options o;
  o.timestamps = true;
  BOOST_TEST(all(o) == "2026-11-23T17:00:01.500000000Z ab\n2026-11-23T17:00:03.500000000Z c\n");
}

BOOST_AUTO_TEST_CASE(tails_lines_and_counts_parts_as_one) {
  append(entry(1, "one") + entry(2, "two, ", "stdout", "P") + entry(3, "ended") +
         entry(4, "three"));
  for (const auto& [lines, expected] : {std::pair<int64_t, std::string>{0, ""},
                                        {1, "three\n"},
                                        {2, "two, ended\nthree\n"},
                                        {3, "one\ntwo, ended\nthree\n"},
                                        {100, "one\ntwo, ended\nthree\n"}}) {
    log_options o;
    o.tail_lines = lines;
    BOOST_TEST(all(o) == expected);
  }
}

BOOST_AUTO_TEST_CASE(tails_across_many_blocks) {
  std::string text;
  for (int i = 0; i < 20'000; ++i)
    text += entry(i % 60, "line " + std::to_string(i));
  append(text);
  for (const int64_t lines : {1, 999, 1777, 5'000, 19'999, 20'000, 20'001}) {
    log_options o;
    o.tail_lines = lines;
    const auto out = all(o);
    const auto given = std::count(out.begin(), out.end(), '\n');
    BOOST_TEST(given == std::min<int64_t>(lines, 20'000));
    BOOST_TEST(out.starts_with("line " + std::to_string(20'000 - given) + "\n"));
  }
  append("2026-11-23T17:00:00Z stdout F unfinished");
  log_options o;
  o.tail_lines = 1;
  BOOST_TEST(all(o) == "line 19999\n");
}

BOOST_AUTO_TEST_CASE(skips_what_is_older_than_since) {
  append(entry(1, "a") + entry(2, "b") + entry(3, "c"));
  log_options o;
  o.since = parse_log_time("2026-11-23T17:00:02.5Z");
  BOOST_TEST(all(o) == "b\nc\n");
  o.since = parse_log_time("2026-11-23T17:00:02.500000001Z");
  BOOST_TEST(all(o) == "c\n");
}

BOOST_AUTO_TEST_CASE(ends_at_the_byte_limit) {
  append(entry(1, "abc") + entry(2, "def"));
  log_options o;
  o.limit_bytes = 6;
  auto r = open(o);
  BOOST_TEST(all(r) == "abc\nde");
  BOOST_TEST(r.finished());
  append(entry(3, "more"));
  BOOST_TEST(all(r).empty());
}

BOOST_AUTO_TEST_CASE(follows_growth_entry_by_entry) {
  append(entry(1, "a"));
  auto r = open();
  BOOST_TEST(all(r) == "a\n");
  const auto next = entry(2, "second");
  append(next.substr(0, 30));
  BOOST_TEST(all(r).empty());
  append(next.substr(30));
  BOOST_TEST(all(r, 1) == "second\n");
}

BOOST_AUTO_TEST_CASE(follows_through_rotation) {
  append(entry(1, "a"));
  auto r = open();
  BOOST_TEST(all(r) == "a\n");
  const auto old = dir / "0.log.1";
  fs::rename(file, old);
  BOOST_TEST(all(r).empty());
  std::ofstream{old, std::ios::app} << entry(2, "late");
  append(entry(3, "new"));
  BOOST_TEST(all(r) == "late\nnew\n");
}

BOOST_AUTO_TEST_CASE(begins_anew_when_the_file_was_cut) {
  append(entry(1, "long enough to be longer than the next"));
  auto r = open();
  BOOST_TEST(!all(r).empty());
  fs::resize_file(file, 0);
  append(entry(2, "b"));
  BOOST_TEST(all(r) == "b\n");
}

BOOST_AUTO_TEST_CASE(passes_over_lines_that_are_no_entries) {
  append("garbage\n" + entry(1, "a") + "\n\n" + entry(2, "b"));
  BOOST_TEST(all() == "a\nb\n");
}

BOOST_AUTO_TEST_SUITE_END()
