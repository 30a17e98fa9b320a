#include "api/patch/json_merge.hpp"

#include "patch_support.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::patch;

namespace {

std::string merged(std::string target, std::string patch) {
  auto doc = js(std::move(target));
  apply_json_merge(doc, js(std::move(patch)), doc.GetAllocator());
  return json::to_string(doc);
}

/// The patch that turns `from` into `to`; neither may hold nulls inside objects.
json::value diff(const json::value& from, const json::value& to, json::allocator& a) {
  if (!from.IsObject() || !to.IsObject())
    return json::copy(to, a);
  json::value out(rapidjson::kObjectType);
  for (const auto& m : from.GetObject())
    if (!json::find(to, json::as_string(m.name)))
      json::set(out, json::as_string(m.name), json::value(), a);
  for (const auto& m : to.GetObject()) {
    const auto* old = json::find(from, json::as_string(m.name));
    if (!old)
      json::set(out, json::as_string(m.name), json::copy(m.value, a), a);
    else if (!json::equal(*old, m.value))
      json::set(out, json::as_string(m.name), diff(*old, m.value, a), a);
  }
  return out;
}

json::value random_value(std::mt19937& rng, int depth, json::allocator& a) {
  switch (rng() % (depth > 0 ? 6 : 3)) {
  case 0:
    return json::value(static_cast<int64_t>(rng() % 4));
  case 1:
    return json::make_string(std::string(rng() % 3, 'x'), a);
  case 2:
    return json::value(rng() % 2 == 0);
  case 3: {
    json::value list(rapidjson::kArrayType);
    for (unsigned i = rng() % 3; i > 0; --i)
      list.PushBack(random_value(rng, depth - 1, a), a);
    return list;
  }
  default: {
    json::value obj(rapidjson::kObjectType);
    for (unsigned i = rng() % 6; i > 0; --i)
      json::set(obj, std::string(1, static_cast<char>('a' + rng() % 8)),
                random_value(rng, depth - 1, a), a);
    return obj;
  }
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(json_merge)

BOOST_AUTO_TEST_CASE(passes_the_appendix_of_rfc_7396) {
  struct {
    const char *target, *patch, *expected;
  } cases[] = {
      {"{'a':'b'}", "{'a':'c'}", "{'a':'c'}"},
      {"{'a':'b'}", "{'b':'c'}", "{'a':'b','b':'c'}"},
      {"{'a':'b'}", "{'a':null}", "{}"},
      {"{'a':'b','b':'c'}", "{'a':null}", "{'b':'c'}"},
      {"{'a':['b']}", "{'a':'c'}", "{'a':'c'}"},
      {"{'a':'c'}", "{'a':['b']}", "{'a':['b']}"},
      {"{'a':{'b':'c'}}", "{'a':{'b':'d','c':null}}", "{'a':{'b':'d'}}"},
      {"{'a':[{'b':'c'}]}", "{'a':[1]}", "{'a':[1]}"},
      {"['a','b']", "['c','d']", "['c','d']"},
      {"{'a':'b'}", "['c']", "['c']"},
      {"{'a':'foo'}", "null", "null"},
      {"{'a':'foo'}", "'bar'", "'bar'"},
      {"{'e':null}", "{'a':1}", "{'e':null,'a':1}"},
      {"[1,2]", "{'a':'b','c':null}", "{'a':'b'}"},
      {"{}", "{'a':{'bb':{'ccc':null}}}", "{'a':{'bb':{}}}"},
  };
  for (const auto& c : cases)
    BOOST_TEST(merged(c.target, c.patch) == canonical(c.expected));
}

BOOST_AUTO_TEST_CASE(keeps_the_nulls_of_lists) {
  BOOST_TEST(merged("{}", "{'a':[null,{'b':null}]}") == canonical("{'a':[null,{'b':null}]}"));
}

BOOST_AUTO_TEST_CASE(reinstates_a_key_in_its_place) {
  BOOST_TEST(merged("{'a':1,'b':2,'c':3}", "{'b':{'x':1}}") ==
             canonical("{'a':1,'b':{'x':1},'c':3}"));
}

BOOST_AUTO_TEST_CASE(merges_very_many_keys_in_bounded_time) {
  auto make = [](int from, int to, const char* v) {
    std::string s = "{";
    for (int i = from; i < to; ++i)
      s += (i == from ? "'k" : ",'k") + std::to_string(i) + "':" + v;
    return js(s + "}");
  };
  auto doc = make(0, 100'000, "1");
  apply_json_merge(doc, make(50'000, 150'000, "2"), doc.GetAllocator());
  BOOST_TEST(doc.MemberCount() == 150'000u);
  apply_json_merge(doc, make(0, 140'000, "null"), doc.GetAllocator());
  BOOST_TEST(doc.MemberCount() == 10'000u);
  BOOST_TEST(json::get_int(doc, "k149999") == 2);
}

BOOST_AUTO_TEST_CASE(a_diff_applied_gives_the_modified_value) {
  std::mt19937 rng(11);
  for (int i = 0; i < 3000; ++i) {
    json::document doc;
    auto& a = doc.GetAllocator();
    auto from = random_value(rng, 4, a);
    auto to = random_value(rng, 4, a);
    auto patch = diff(from, to, a);
    apply_json_merge(from, patch, a);
    BOOST_REQUIRE_MESSAGE(json::equal(from, to), json::to_string(from)
                                                     << " != " << json::to_string(to));
  }
}

BOOST_AUTO_TEST_SUITE_END()
