#include "api/cel/support.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::cel;
using namespace thespis::api::cel::test;

namespace {

uint64_t spent(std::string_view text) {
  auto p = plain().compile(text);
  BOOST_TEST_REQUIRE(p.has_value(), text);
  evaluation run;
  value x;
  p->evaluate({&x, 1}, run);
  return run.cost();
}

uint64_t most(std::string_view text) {
  type_store types;
  auto& name = types.make(kind::string);
  name.max_size = 40;
  auto& names = types.make(kind::list);
  names.params = {&name};
  names.max_size = 10;
  auto& self = types.make(kind::object, "Thing");
  self.fields = {{"name", "name", &name},
                 {"names", "names", &names},
                 {"open", "open", types.list(&simple(kind::string))}};
  auto p = environment{{{"self", &self}}}.compile(text);
  BOOST_TEST_REQUIRE(p.has_value(), text);
  return p->max_cost();
}

} // namespace

BOOST_AUTO_TEST_SUITE(cel_cost)

BOOST_AUTO_TEST_CASE(charges_as_cel_go) {
  BOOST_TEST(spent("1 + 2") == 1u);
  BOOST_TEST(spent("x == null") == 2u);
  BOOST_TEST(spent("'aaaaaaaaaaaaaaaaaaaa' == 'aaaaaaaaaaaaaaaaaaaa'") == 2u);
  BOOST_TEST(spent("[1, 2, 3]") == 10u);
  BOOST_TEST(spent("{'a': 1}") == 30u);
  BOOST_TEST(spent("[1, 2, 3].all(i, true)") == 10u + 1 + 3 * 3);
  BOOST_TEST(spent("[1, 2, 3].exists(i, i == 1)") == 10u + 1 + 1 * (4 + 2));
  BOOST_TEST(spent("[1, 2].map(i, i)") == 10u + 11 + 2 * (12 + 1));
  BOOST_TEST(spent("3 in [1, 2, 3]") == 10u + 3);
  BOOST_TEST(spent("'aaaaaaaaaaaaaaaaaaaa'.matches('abcdefgh')") == 3u * 2);
  BOOST_TEST(spent("true || x == 1") == 0u);
}

BOOST_AUTO_TEST_CASE(estimates_by_declared_sizes) {
  BOOST_TEST(most("self.name == 'aaaaaaaaaa'") == 2u + 1);
  BOOST_TEST(most("self.names.all(n, true)") == 2u + 1 + 10 * 3);
  BOOST_TEST(most("self.names.all(n, n.contains('x'))") == 2u + 1 + 10 * (3 + 1 + 4 * 1));
  BOOST_TEST(most("self.names.all(a, self.names.all(b, true))") == 2u + 1 + 10 * (3 + 33));
  BOOST_TEST(most("self.names[0].size() > 1") == 2u + 1 + 1 + 1);
  BOOST_TEST(most("self.open.all(n, true)") == UINT64_MAX);
  BOOST_TEST(most("self.names.map(n, n + n).all(n, n.matches('abcd'))") ==
             (2u + 11 + 10 * (12 + 2 + 8)) + 1 + 10 * (3 + 1 + 9 * 1));
  BOOST_TEST(most("cel.bind(n, self.name, n + n).contains('a')") == 10u + 2 + 2 + 8 + 8 * 1);
}

BOOST_AUTO_TEST_CASE(stops_at_the_budget) {
  auto p = plain().compile("[1, 2, 3, 4, 5].all(i, i > 0)");
  evaluation run{20};
  value x;
  auto out = p->evaluate({&x, 1}, run);
  BOOST_TEST_REQUIRE(out.is_error());
  BOOST_TEST(*out.message == "operation cancelled: actual cost limit exceeded");
}

BOOST_AUTO_TEST_SUITE_END()
