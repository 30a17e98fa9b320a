#include "api/patch/json_patch.hpp"

#include "api/patch/json_pointer.hpp"
#include "patch_support.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::patch;

namespace {

/// The patched document, or "CODE detail" when the patch does not apply.
std::string patched(std::string target, std::string patch, const json_patch_limits& l = {}) {
  auto doc = js(std::move(target));
  auto ok = apply_json_patch(doc, js(std::move(patch)), doc.GetAllocator(), l);
  if (ok)
    return json::to_string(doc);
  const auto& e = ok.error();
  return std::to_string(http_code(e.why)) + " " +
         (e.causes.empty() ? e.message : e.causes.front().message);
}

bool rejects(std::string target, std::string patch) {
  return patched(std::move(target), std::move(patch)).starts_with("422 ");
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_patch)

BOOST_AUTO_TEST_CASE(passes_the_appendix_of_rfc_6902) {
  struct {
    const char *target, *patch, *expected;
  } cases[] = {
      {"{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux'}]", "{'foo':'bar','baz':'qux'}"},
      {"{'foo':['bar','baz']}", "[{'op':'add','path':'/foo/1','value':'qux'}]",
       "{'foo':['bar','qux','baz']}"},
      {"{'baz':'qux','foo':'bar'}", "[{'op':'remove','path':'/baz'}]", "{'foo':'bar'}"},
      {"{'foo':['bar','qux','baz']}", "[{'op':'remove','path':'/foo/1'}]", "{'foo':['bar','baz']}"},
      {"{'baz':'qux','foo':'bar'}", "[{'op':'replace','path':'/baz','value':'boo'}]",
       "{'baz':'boo','foo':'bar'}"},
      {"{'foo':{'bar':'baz','waldo':'fred'},'qux':{'corge':'grault'}}",
       "[{'op':'move','from':'/foo/waldo','path':'/qux/thud'}]",
       "{'foo':{'bar':'baz'},'qux':{'corge':'grault','thud':'fred'}}"},
      {"{'foo':['all','grass','cows','eat']}", "[{'op':'move','from':'/foo/1','path':'/foo/3'}]",
       "{'foo':['all','cows','eat','grass']}"},
      {"{'baz':'qux','foo':['a',2,'c']}",
       "[{'op':'test','path':'/baz','value':'qux'},{'op':'test','path':'/foo/1','value':2}]",
       "{'baz':'qux','foo':['a',2,'c']}"},
      {"{'foo':'bar'}", "[{'op':'add','path':'/child','value':{'grandchild':{}}}]",
       "{'foo':'bar','child':{'grandchild':{}}}"},
      {"{'foo':'bar'}", "[{'op':'add','path':'/baz','value':'qux','xyz':123}]",
       "{'foo':'bar','baz':'qux'}"},
      {"{'/':9,'~1':10}", "[{'op':'test','path':'/~01','value':10}]", "{'/':9,'~1':10}"},
      {"{'foo':['bar']}", "[{'op':'add','path':'/foo/-','value':['abc','def']}]",
       "{'foo':['bar',['abc','def']]}"},
  };
  for (const auto& c : cases)
    BOOST_TEST(patched(c.target, c.patch) == canonical(c.expected));
  BOOST_TEST(rejects("{'baz':'qux'}", "[{'op':'test','path':'/baz','value':'bar'}]"));
  BOOST_TEST(rejects("{'foo':'bar'}", "[{'op':'add','path':'/baz/bat','value':'qux'}]"));
  BOOST_TEST(rejects("{'/':9,'~1':10}", "[{'op':'test','path':'/~01','value':'10'}]"));
}

BOOST_AUTO_TEST_CASE(copies_replaces_and_tests_whole_values) {
  BOOST_TEST(patched("{'a':{'b':1}}", "[{'op':'copy','from':'/a','path':'/c'},"
                                      "{'op':'replace','path':'/c/b','value':2}]") ==
             canonical("{'a':{'b':1},'c':{'b':2}}"));
  BOOST_TEST(patched("{'a':1}", "[{'op':'add','path':'','value':[1]}]") == "[1]");
  BOOST_TEST(patched("{'a':1}", "[{'op':'replace','path':'','value':{'b':2}}]") == R"({"b":2})");
  BOOST_TEST(
      patched("{'a':{'x':1,'y':[2]}}", "[{'op':'test','path':'/a','value':{'y':[2],'x':1.0}}]") ==
      canonical("{'a':{'x':1,'y':[2]}}"));
  BOOST_TEST(patched("{'':1}", "[{'op':'replace','path':'/','value':2}]") == R"({"":2})");
  BOOST_TEST(patched("{'a':1}", "[{'op':'move','from':'/a','path':'/a'}]") == R"({"a":1})");
}

BOOST_AUTO_TEST_CASE(rejects_what_does_not_apply) {
  for (auto patch : {"[{'op':'remove','path':'/x'}]",
                     "[{'op':'remove','path':''}]",
                     "[{'op':'replace','path':'/x','value':1}]",
                     "[{'op':'add','path':'/l/3','value':1}]",
                     "[{'op':'add','path':'/l/01','value':1}]",
                     "[{'op':'add','path':'/l/-1','value':1}]",
                     "[{'op':'add','path':'/l/1e0','value':1}]",
                     "[{'op':'remove','path':'/l/-'}]",
                     "[{'op':'add','path':'/s/x','value':1}]",
                     "[{'op':'add','path':'a','value':1}]",
                     "[{'op':'add','path':'/a~2b','value':1}]",
                     "[{'op':'add','path':'/a~','value':1}]",
                     "[{'op':'add','path':'/a'}]",
                     "[{'op':'test','path':'/l'}]",
                     "[{'op':'add','value':1}]",
                     "[{'op':'jump','path':'/l'}]",
                     "[{'path':'/l'}]",
                     "[{'op':5,'path':'/l'}]",
                     "[{'op':'add','path':5,'value':1}]",
                     "[{'op':'move','path':'/a'}]",
                     "[{'op':'move','from':'/l','path':'/l/0'}]",
                     "[{'op':'copy','from':'/no','path':'/a'}]",
                     "[{'op':'remove','path':'/l/18446744073709551616'}]",
                     "[{'op':'test','path':'/missing','value':null}]"})
    BOOST_TEST(rejects("{'l':[1,2],'s':'t'}", patch), patch);
}

BOOST_AUTO_TEST_CASE(speaks_as_the_apiserver) {
  auto doc = js("{}");
  auto r = apply_json_patch(doc, js("[{'op':'remove','path':'/x'}]"), doc.GetAllocator());
  BOOST_REQUIRE(!r);
  BOOST_TEST(r.error().message == "the server rejected our request due to an error in our request");
  BOOST_TEST(r.error().causes.at(0).message ==
             R"(remove operation does not apply: /x: missing key "x")");
}

BOOST_AUTO_TEST_CASE(refuses_what_is_no_patch) {
  for (auto patch : {"{}", "5", "null", "[1]", "[[]]"})
    BOOST_TEST(patched("{}", patch).starts_with("400 "), patch);
}

BOOST_AUTO_TEST_CASE(bounds_operations_copies_depth_and_work) {
  std::string many = "[";
  for (int i = 0; i < 10'001; ++i)
    many += std::string(i ? "," : "") + "{'op':'test','path':'','value':{}}";
  BOOST_TEST(patched("{}", many + "]").starts_with("413 "));

  std::string bomb = "[{'op':'add','path':'/a','value':['" + std::string(1000, 'x') + "']}";
  for (int i = 0; i < 40; ++i)
    bomb += ",{'op':'copy','from':'/a','path':'/a/-'}";
  BOOST_TEST(patched("{}", bomb + "]").starts_with("413 "));

  std::string deep = "[{'op':'add','path':'/a','value':{}}";
  for (int i = 0; i < 300; ++i)
    deep += ",{'op':'copy','from':'','path':'/a'}";
  BOOST_TEST(rejects("{}", deep + "]"));

  std::string nested = "[";
  std::string target = "{";
  for (int i = 0; i < 200; ++i) {
    target += std::string(i ? "," : "") + "'k" + std::to_string(i) + "':{}";
    if (i)
      nested += std::string(i > 1 ? "," : "") + "{'op':'move','from':'/k" + std::to_string(i - 1) +
                "','path':'/k" + std::to_string(i) + "/n'}";
  }
  BOOST_TEST(rejects(target + "}", nested + "]"));

  json_patch_limits l;
  l.max_steps = 100;
  std::string list = "{'l':[0";
  for (int i = 0; i < 200; ++i)
    list += ",0";
  BOOST_TEST(patched(list + "]}", "[{'op':'add','path':'/l/0','value':1}]", l).starts_with("413 "));
}

BOOST_AUTO_TEST_CASE(ends_soon_on_large_documents) {
  std::string target = "{'l':[0";
  for (int i = 0; i < 200'000; ++i)
    target += ",0";
  target += "],'o':{'k':0";
  for (int i = 0; i < 100'000; ++i)
    target += ",'k" + std::to_string(i) + "':0";
  target += "}}";
  for (std::string op : {"{'op':'add','path':'/l/0','value':1}", "{'op':'remove','path':'/l/0'}",
                         "{'op':'replace','path':'/o/k99999','value':1}",
                         "{'op':'move','from':'/o','path':'/p'},"
                         "{'op':'move','from':'/p','path':'/o'}"}) {
    std::string patch = "[" + op;
    for (int i = 0; i < 4'999; ++i)
      patch += "," + op;
    BOOST_TEST(patched(target, patch + "]").starts_with("413 "), op);
  }
}

BOOST_AUTO_TEST_CASE(survives_patches_of_any_shape) {
  std::mt19937 rng(13);
  const char* ops[] = {"add", "remove", "replace", "move", "copy", "test"};
  const char* paths[] = {"",     "/a",     "/a/b", "/a/0",   "/l",  "/l/0",    "/l/-",
                         "/l/1", "/a/b/c", "/",    "/l/0/x", "/~1", "/a/b/l/0"};
  const char* values[] = {"1", "null", "{'b':{'c':1,'l':[1]}}", "[1,[2]]", "'s'", "{}"};
  int applied = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string patch = "[";
    for (unsigned k = 0, n = 1 + rng() % 5; k < n; ++k)
      patch += std::string(k ? "," : "") + "{'op':'" + ops[rng() % 6] + "','path':'" +
               paths[rng() % 13] + "','from':'" + paths[rng() % 13] +
               "','value':" + values[rng() % 6] + "}";
    auto doc = js("{'a':{'b':{'c':1}},'l':[1,{'x':2}]}");
    auto r = apply_json_patch(doc, js(patch + "]"), doc.GetAllocator());
    if (!r) {
      BOOST_REQUIRE(http_code(r.error().why) == 422);
      continue;
    }
    ++applied;
    BOOST_REQUIRE(json::parse(json::to_string(doc)).has_value());
  }
  BOOST_TEST(applied > 1000);
}

BOOST_AUTO_TEST_CASE(pointers_unescape_in_the_right_order) {
  auto t = parse_pointer("/a~1b/m~0n/~01/");
  BOOST_REQUIRE(t.has_value());
  BOOST_TEST(*t == (std::vector<std::string>{"a/b", "m~n", "~1", ""}),
             boost::test_tools::per_element());
  BOOST_TEST(parse_pointer("").value().empty());
  BOOST_TEST(!parse_pointer("a").has_value());
  BOOST_TEST(parse_index("0").value() == 0u);
  BOOST_TEST(!parse_index("00").has_value());
  BOOST_TEST(!parse_index("").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
