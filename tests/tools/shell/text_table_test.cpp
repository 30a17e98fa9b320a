#include "tools/shell/text_table.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::tools;

BOOST_AUTO_TEST_SUITE(text_table_of_a_terminal)

BOOST_AUTO_TEST_CASE(columns_are_as_wide_as_their_widest_cell) {
  text_table t{{{"ID", true}, {"NAME"}, {"STATE"}}};
  t.add({"7", "web", "running"});
  t.add({"123", "a-long-name", "x"});
  BOOST_TEST(t.render(palette{}) == " ID  NAME         STATE\n"
                                    "  7  web          running\n"
                                    "123  a-long-name  x\n");
}

BOOST_AUTO_TEST_CASE(no_line_ends_in_blanks) {
  text_table t{{{"A"}, {"B"}, {"C"}}};
  t.add({"1", "", ""});
  BOOST_TEST(t.render(palette{}) == "A  B  C\n1\n");
}

BOOST_AUTO_TEST_CASE(widths_count_characters_and_not_bytes) {
  text_table t{{{"A"}, {"B"}}};
  t.add({"µs", "x"});
  t.add({"ab", "y"});
  BOOST_TEST(t.render(palette{}) == "A   B\nµs  x\nab  y\n");
}

BOOST_AUTO_TEST_CASE(elastic_columns_give_way_to_the_width) {
  text_table t{{{"ID", true}, {"NAME", false, true}, {"STATE"}}};
  t.add({"1", "default/a-very-long-name-of-a-pod", "running"});
  BOOST_TEST(t.render(palette{}, 30) == "ID  NAME               STATE\n"
                                        " 1  default/a-very-l…  running\n");
}

BOOST_AUTO_TEST_CASE(columns_that_are_not_elastic_keep_their_width) {
  text_table t{{{"NAME"}}};
  t.add({"abcdefghijkl"});
  BOOST_TEST(t.render(palette{}, 5) == "NAME\nabcdefghijkl\n");
}

BOOST_AUTO_TEST_CASE(colours_do_not_disturb_the_columns) {
  text_table t{{{"KIND", false, false, &palette::accent}, {"N", true}}};
  t.add({"pod", "1"});
  BOOST_TEST(t.render(palette{true}) == "\x1b[1mKIND\x1b[0m  \x1b[1mN\x1b[0m\n"
                                        "\x1b[36mpod\x1b[0m   1\n");
}

BOOST_AUTO_TEST_CASE(fit_cuts_at_characters) {
  BOOST_TEST(fit("äöü", 3) == "äöü");
  BOOST_TEST(fit("äöüx", 3) == "äö…");
  BOOST_TEST(fit("abc", 1) == "…");
  BOOST_TEST(fit("abc", 0) == "");
}

BOOST_AUTO_TEST_CASE(numbers_are_grouped) {
  BOOST_TEST(grouped(0) == "0");
  BOOST_TEST(grouped(999) == "999");
  BOOST_TEST(grouped(1000) == "1,000");
  BOOST_TEST(grouped(1234567) == "1,234,567");
}

BOOST_AUTO_TEST_CASE(durations_have_a_unit_a_person_reads) {
  BOOST_TEST(short_duration(830) == "830 ns");
  BOOST_TEST(short_duration(12'400) == "12.4 µs");
  BOOST_TEST(short_duration(3'100'000) == "3.1 ms");
  BOOST_TEST(short_duration(2'500'000'000) == "2.5 s");
  BOOST_TEST(short_duration(600'000'000'000) == "10 min");
}

BOOST_AUTO_TEST_SUITE_END()
