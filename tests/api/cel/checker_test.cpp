#include "api/cel/support.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::cel;
using namespace thespis::api::cel::test;

namespace {

/// Line, column and message of the first complaint.
std::string place(const std::string& message) {
  return message.substr(15, message.find('\n') - 15);
}

/// self: {replicas: int, name: string, labels: map(string, string), items: list({port: int})}
struct typed {
  typed() {
    auto& item = types.make(kind::object, "Item");
    item.fields = {{"port", "port", &simple(kind::int_)}};
    auto& self = types.make(kind::object, "Thing");
    self.fields = {{"any", "any", &simple(kind::dyn)},
                   {"items", "items", types.list(&item)},
                   {"labels", "labels", types.map(&simple(kind::string), &simple(kind::string))},
                   {"name", "name", &simple(kind::string)},
                   {"replicas", "replicas", &simple(kind::int_)}};
    env.emplace(std::vector<variable>{{"self", &self}});
  }

  std::string check(std::string_view text) const {
    auto p = env->compile(text);
    return p ? to_string(p->result_type()) : place(p.error().message);
  }

  type_store types;
  std::optional<environment> env;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(cel_checker, typed)

BOOST_AUTO_TEST_CASE(infers_types) {
  BOOST_TEST(check("self.replicas > 1") == "bool");
  BOOST_TEST(check("self.items.map(i, i.port)") == "list(int)");
  BOOST_TEST(check("self.labels.filter(k, k != '')") == "list(string)");
  BOOST_TEST(check("self.labels.transformMap(k, v, size(v))") == "map(string, int)");
  BOOST_TEST(check("self.?name") == "optional_type(string)");
  BOOST_TEST(check("self.?items[0].?port.orValue(1)") == "int");
  BOOST_TEST(check("[]") == "list(dyn)");
  BOOST_TEST(check("[1, 2].max()") == "int");
  BOOST_TEST(check("true ? self.name : 'x'") == "string");
  BOOST_TEST(check("self.any.x.y + 1") == "int");
  BOOST_TEST(check("cel.bind(n, self.name, n + n)") == "string");
  BOOST_TEST(check("optional.of(1).optMap(v, string(v))") == "optional_type(string)");
  BOOST_TEST(check("url('/a').getQuery()") == "map(string, list(string))");
}

BOOST_AUTO_TEST_CASE(refuses_what_does_not_fit) {
  BOOST_TEST(check("self.replica") == "1:5: undefined field 'replica'");
  BOOST_TEST(check("has(self.nmae)") == "1:4: undefined field 'nmae'");
  BOOST_TEST(check("1 + 'a'") ==
             "1:3: found no matching overload for '_+_' applied to '(int, string)'");
  BOOST_TEST(check("self.name.size(1)") ==
             "1:15: found no matching overload for 'size' applied to 'string.(int)'");
  BOOST_TEST(check("self.replicas == 'a'") ==
             "1:15: found no matching overload for '_==_' applied to '(int, string)'");
  BOOST_TEST(check("other") == "1:1: undeclared reference to 'other' (in container '')");
  BOOST_TEST(check("other(1)") == "1:6: undeclared reference to 'other' (in container '')");
  BOOST_TEST(check("self.name.x") == "1:10: type 'string' does not support field selection");
  BOOST_TEST(check("self.replicas.all(i, true)") ==
             "1:5: expression of type 'int' cannot be range of a comprehension (must be list, map, "
             "or dynamic)");
  BOOST_TEST(check("self.items.all(i, i.port)") ==
             "1:15: found no matching overload for '_&&_' applied to '(bool, int)'");
  BOOST_TEST(check("[1, 'a']") == "1:5: expected type 'int' but found 'string'");
  BOOST_TEST(check("{'a': 1, 'b': 'c'}") == "1:15: expected type 'int' but found 'string'");
  BOOST_TEST(check("[[1]].sum()") ==
             "1:10: found no matching overload for 'sum' applied to 'list(list(int)).()'");
  BOOST_TEST(check("self.items.map(i, i.prt)") == "1:20: undefined field 'prt'");
  BOOST_TEST(check("!1") == "1:1: found no matching overload for '!_' applied to '(int)'");
  BOOST_TEST(check("self.name.matches('[')") == "1:19: invalid matches argument");
  BOOST_TEST(check("duration('1parsec')") == "1:10: invalid duration argument");
  BOOST_TEST(check("Object{}") == "1:7: undeclared reference to 'Object' (in container '')");
}

BOOST_AUTO_TEST_CASE(tells_all_complaints_in_order) {
  auto p = env->compile("self.a && self.b");
  BOOST_TEST(p.error().message == "ERROR: <input>:1:5: undefined field 'a'\n"
                                  " | self.a && self.b\n"
                                  " | ....^\n"
                                  "ERROR: <input>:1:15: undefined field 'b'\n"
                                  " | self.a && self.b\n"
                                  " | ..............^");
}

BOOST_AUTO_TEST_CASE(builds_structs_only_for_mutations) {
  environment::options o;
  o.mutations = true;
  environment mutating{{{"object", &simple(kind::dyn)}}, o};
  auto say = [&](const char* text) {
    auto p = mutating.compile(text);
    return p ? to_string(p->result_type()) : place(p.error().message);
  };
  BOOST_TEST(say("Object{spec: Object.spec{replicas: 3}}") == "Object");
  BOOST_TEST(say("[JSONPatch{op: 'add', path: '/a', value: Object.x{}}]") == "list(JSONPatch)");
  BOOST_TEST(say("Object{spec: Object.other{}}") ==
             "1:12: expected type of field 'spec' is 'Object.spec' but provided type is "
             "'Object.other'");
  BOOST_TEST(say("JSONPatch{op: 1}") ==
             "1:13: expected type of field 'op' is 'string' but provided type is 'int'");
  BOOST_TEST(say("JSONPatch{opp: 'a'}") == "1:14: undefined field 'opp'");
}

BOOST_AUTO_TEST_SUITE_END()
