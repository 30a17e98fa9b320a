#include "config/csv.hpp"
#include "config/files.hpp"
#include "config/temporary_directory.hpp"
#include "config/token_file.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;

namespace {

std::string problem(const std::string& text) {
  auto r = config::token_file::parse(text, "t.csv");
  return r ? std::string{} : r.error().message;
}

} // namespace

BOOST_AUTO_TEST_SUITE(token_file)

BOOST_AUTO_TEST_CASE(finds_the_identity_of_each_token) {
  auto file = config::token_file::parse("s3cret,jane,u-1,\"system:masters,devs\"\r\n"
                                        "\n"
                                        "other,joe,u-2\n"
                                        "third,\"a, b\",\"u\"\"3\",ops",
                                        "t.csv");
  BOOST_REQUIRE(file);
  BOOST_CHECK_EQUAL(file->size(), 3u);
  const auto* jane = file->find("s3cret");
  BOOST_REQUIRE(jane != nullptr);
  BOOST_CHECK_EQUAL(jane->user, "jane");
  BOOST_CHECK_EQUAL(jane->uid, "u-1");
  BOOST_CHECK((jane->groups == std::vector<std::string>{"system:masters", "devs"}));
  BOOST_REQUIRE(file->find("other") != nullptr);
  BOOST_CHECK(file->find("other")->groups.empty());
  BOOST_REQUIRE(file->find("third") != nullptr);
  BOOST_CHECK_EQUAL(file->find("third")->user, "a, b");
  BOOST_CHECK_EQUAL(file->find("third")->uid, "u\"3");
  for (const auto* wrong : {"", "s3cre", "s3crett", "S3cret", "jane"})
    BOOST_CHECK_MESSAGE(file->find(wrong) == nullptr, wrong);
}

BOOST_AUTO_TEST_CASE(last_record_of_a_token_counts) {
  auto file = config::token_file::parse("t,a,1\nt,b,2\n", "t.csv");
  BOOST_REQUIRE(file);
  BOOST_CHECK_EQUAL(file->find("t")->user, "b");
}

BOOST_AUTO_TEST_CASE(malformed_record_is_refused_with_its_line) {
  BOOST_CHECK_EQUAL(problem("t,a,1\n\nx,y\n"),
                    "t.csv:3: expected at least 3 columns (token, user, uid), found 2");
  BOOST_CHECK_EQUAL(problem("t,a,1,g1,g2\n"),
                    "t.csv:1: expected at most 4 columns, found 5; several groups stand in one "
                    "column in quotes: \"group1,group2\"");
  BOOST_CHECK_EQUAL(problem(",a,1\n"), "t.csv:1: expected a token, found an empty column");
  BOOST_CHECK_EQUAL(problem("t,,1\n"), "t.csv:1: expected a user name, found an empty column");
  BOOST_CHECK_EQUAL(problem("t,a\"b,1\n"),
                    "t.csv:1: a quote inside a field that does not start with one");
  BOOST_CHECK_EQUAL(problem("t,a,1\nt,\"a\"b,1\n"), "t.csv:2: text after a closing quote");
  BOOST_CHECK_EQUAL(problem("t,a,1\nt,\"a\n\n\n"), "t.csv:2: a quote that is never closed");
}

BOOST_AUTO_TEST_CASE(message_never_repeats_a_token) {
  BOOST_CHECK(problem("s3cret,a\n").find("s3cret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(line_numbers_count_line_ends_inside_quotes) {
  BOOST_CHECK_EQUAL(problem("t,\"a\nb\",1\nx\n"),
                    "t.csv:3: expected at least 3 columns (token, user, uid), found 1");
}

BOOST_AUTO_TEST_CASE(loads_from_a_file) {
  test::temporary_directory dir;
  BOOST_REQUIRE(config::write_file(dir / "tokens.csv", "t,a,1\n", 0600));
  auto file = config::token_file::load(dir / "tokens.csv");
  BOOST_REQUIRE(file);
  BOOST_CHECK(file->find("t") != nullptr);
  BOOST_CHECK(!config::token_file::load(dir / "none.csv"));
}

BOOST_AUTO_TEST_SUITE_END()
