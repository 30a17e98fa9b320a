#include "api/cel/ast.hpp"
#include "api/cel/lexer.hpp"
#include "api/cel/support.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api::cel;
using namespace thespis::api::cel::test;

namespace {

/// A tree as s-expressions.
std::string shown(const expr& e) {
  std::string out;
  switch (e.form) {
  case node::literal:
    return e.literal.is(kind::string) ? "'" + std::string{e.literal.str()} + "'"
           : e.literal.is(kind::int_) ? std::to_string(e.literal.integer)
                                      : to_string(simple(e.literal.form));
  case node::ident:
    return e.name;
  case node::select:
    return shown(*e.args[0]) + "." + e.name;
  case node::test:
    return "has(" + shown(*e.args[0]) + "." + e.name + ")";
  case node::list:
    out = "[]";
    break;
  case node::map:
    out = "{}";
    break;
  case node::structure:
    out = e.name + "{}";
    break;
  case node::fold:
    out = "fold " + e.var + (e.var2.empty() ? "" : "," + e.var2);
    break;
  case node::bind:
    out = "bind " + e.var;
    break;
  case node::call:
    out = e.name;
    break;
  }
  for (const auto* a : e.args)
    out += " " + shown(*a);
  return "(" + out + ")";
}

std::string tree(std::string_view text) {
  ast out;
  issues found;
  parse(text, out, found);
  return out.root == nullptr ? found[0].message : shown(*out.root);
}

} // namespace

BOOST_AUTO_TEST_SUITE(cel_parser)

BOOST_AUTO_TEST_CASE(reads_tokens) {
  lexer l{"a_1 .5 1e3 2.5e-1 12u 0xFFu r'\\n' b\"\\x41\" '''x\ny''' `a-b` <= // end\n in"};
  issues found;
  std::vector<std::pair<token_kind, std::string>> seen;
  for (auto t = l.next(found); t.form != token_kind::end; t = l.next(found))
    seen.emplace_back(t.form, t.decoded.empty() ? std::string{t.text} : t.decoded);
  BOOST_TEST(found.empty());
  BOOST_TEST_REQUIRE(seen.size() == 12u);
  BOOST_TEST((seen[1].first == token_kind::real && seen[2].first == token_kind::real &&
              seen[3].first == token_kind::real));
  BOOST_TEST((seen[4].first == token_kind::natural && seen[5].second == "0xFFu"));
  BOOST_TEST((seen[6].first == token_kind::string && seen[6].second == "\\n"));
  BOOST_TEST((seen[7].first == token_kind::bytes && seen[7].second == "A"));
  BOOST_TEST(seen[8].second == "x\ny");
  BOOST_TEST((seen[9].first == token_kind::quoted_identifier && seen[9].second == "a-b"));
  BOOST_TEST((seen[10].second == "<=" && seen[11].second == "in"));
}

BOOST_AUTO_TEST_CASE(binds_operators_as_the_language_says) {
  BOOST_TEST(tree("1 + 2 * 3") == "(_+_ 1 (_*_ 2 3))");
  BOOST_TEST(tree("1 - 2 - 3") == "(_-_ (_-_ 1 2) 3)");
  BOOST_TEST(tree("a || b && c") == "(_||_ a (_&&_ b c))");
  BOOST_TEST(tree("a ? b : c ? d : e") == "(_?_:_ a b (_?_:_ c d e))");
  BOOST_TEST(tree("!a.b[1] == -2") == "(_==_ (!_ (_[_] a.b 1)) -2)");
  BOOST_TEST(tree("a in b == c") == "(_==_ (@in a b) c)");
  BOOST_TEST(tree("a.?b[?0]") == "(_[?_] (_?._ a 'b') 0)");
  BOOST_TEST(tree("a && b && c && d") == "(_&&_ (_&&_ a b) (_&&_ c d))");
  BOOST_TEST(tree("x.f(1, y)") == "(f x 1 y)");
  BOOST_TEST(tree("Object.spec{replicas: 1,}") == "(Object.spec{} 1)");
  BOOST_TEST(tree("{'a': 1, 'b': [2, 3,]}") == "({} 'a' 1 'b' ([] 2 3))");
  BOOST_TEST(tree("'\\u00e9\\t\\''") == "'\u00e9\t''");
}

BOOST_AUTO_TEST_CASE(expands_macros) {
  BOOST_TEST(tree("has(a.b)") == "has(a.b)");
  BOOST_TEST(tree("a.all(i, i > 0)") == "(fold i a (_>_ i 0))");
  BOOST_TEST(tree("a.map(k, v, k)") == "(fold k a v k)");
  BOOST_TEST(tree("a.exists(k, v, k == v)") == "(fold k,v a (_==_ k v))");
  BOOST_TEST(tree("cel.bind(a, 1, a)") == "(bind a 1 a)");
  BOOST_TEST(tree("a.all(i)") == "(all a i)");
}

BOOST_AUTO_TEST_CASE(tells_where_syntax_is_wrong) {
  BOOST_TEST(complaints_of("1 +") ==
             "ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', "
             "'.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, "
             "IDENTIFIER}\n | 1 +\n | ...^");
  BOOST_TEST(complaints_of("true\n  && 1)") ==
             "ERROR: <input>:2:7: Syntax error: extraneous input ')' expecting <EOF>\n |   && 1)\n "
             "| ......^");
  BOOST_TEST(complaint("has(a)") == "invalid argument to has() macro");
  BOOST_TEST(complaint("x.all(a.b, true)") == "argument must be a simple name");
  BOOST_TEST(complaint("x.map(1, true)") == "argument is not an identifier");
  BOOST_TEST(complaint("x.all(a, a, true)") == "duplicate variable name: a");
  BOOST_TEST(complaint("9223372036854775808") == "invalid int literal");
  BOOST_TEST(complaint("1 # 2") == "Syntax error: token recognition error at: '#'");
  BOOST_TEST(complaint("'abc") == "Syntax error: token recognition error at: ''abc'");
  BOOST_TEST(complaint("'\\q'").starts_with("Syntax error: token recognition error"));
  BOOST_TEST(!complaints_of("").empty());
}

BOOST_AUTO_TEST_CASE(counts_columns_in_code_points) {
  BOOST_TEST(complaints_of("'\u00e9\u00e9' + y") ==
             "ERROR: <input>:1:8: undeclared reference to 'y' (in container '')\n | '\u00e9\u00e9' "
             "+ y\n | .......^");
}

BOOST_AUTO_TEST_SUITE_END()
