#include "api/patch/strategic_merge.hpp"

#include "patch_support.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>

using namespace thespis::api;
using namespace thespis::api::patch;

namespace {

const pod_types types;

/// The merged document, or "CODE message".
std::string merged(std::string target, std::string patch, const type_schema* schema = &types.pod) {
  auto doc = js(std::move(target));
  auto ok = apply_strategic_merge(doc, js(std::move(patch)), schema, doc.GetAllocator());
  if (!ok)
    return std::to_string(http_code(ok.error().why)) + " " + ok.error().message;
  return json::to_string(doc);
}

std::string spec(std::string target, std::string patch) {
  return merged("{'spec':" + target + "}", "{'spec':" + patch + "}");
}

std::string in_spec(const std::string& expected) {
  return canonical("{'spec':" + expected + "}");
}

} // namespace

BOOST_AUTO_TEST_SUITE(strategic_merge)

BOOST_AUTO_TEST_CASE(merges_lists_of_objects_by_their_key) {
  BOOST_TEST(spec("{'containers':[{'name':'a','image':'1'},{'name':'b','image':'1'}]}",
                  "{'containers':[{'name':'b','image':'2'}]}") ==
             in_spec("{'containers':[{'name':'a','image':'1'},{'name':'b','image':'2'}]}"));
}

BOOST_AUTO_TEST_CASE(puts_new_elements_first_without_an_order) {
  BOOST_TEST(spec("{'containers':[{'name':'a'}]}", "{'containers':[{'name':'z'}]}") ==
             in_spec("{'containers':[{'name':'z'},{'name':'a'}]}"));
}

BOOST_AUTO_TEST_CASE(follows_set_element_order) {
  BOOST_TEST(spec("{'containers':[{'name':'a'},{'name':'b'},{'name':'server'}]}",
                  "{'$setElementOrder/containers':[{'name':'b'},{'name':'new'},{'name':'a'}],"
                  "'containers':[{'name':'new','image':'x'}]}") ==
             in_spec("{'containers':[{'name':'b'},{'name':'new','image':'x'},{'name':'a'},"
                     "{'name':'server'}]}"));
  // Alone, it only reorders; kubectl sends it with every apply.
  BOOST_TEST(spec("{'containers':[{'name':'a'},{'name':'b'}]}",
                  "{'$setElementOrder/containers':[{'name':'b'},{'name':'a'}]}") ==
             in_spec("{'containers':[{'name':'b'},{'name':'a'}]}"));
  BOOST_TEST(spec("{}", "{'$setElementOrder/containers':[{'name':'b'}]}") == in_spec("{}"));
  BOOST_TEST(spec("{}", "{'$setElementOrder/containers':[{'name':'b'},{'name':'a'}],"
                        "'containers':[{'name':'b'},{'name':'a'}]}") ==
             in_spec("{'containers':[{'name':'b'},{'name':'a'}]}"));
}

BOOST_AUTO_TEST_CASE(refuses_an_order_that_contradicts_the_list) {
  auto r = spec("{'containers':[{'name':'a'}]}",
                "{'$setElementOrder/containers':[{'name':'a'},{'name':'b'}],"
                "'containers':[{'name':'b'},{'name':'a'}]}");
  BOOST_TEST(r == "400 The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match "
                  "$setElementOrder list:\n[map[name:a] map[name:b]]\n");
  BOOST_TEST(spec("{}", "{'$setElementOrder/containers':5}").starts_with("400 "));
  BOOST_TEST(spec("{}", "{'$setElementOrder/containers':[{'x':1}]}").starts_with("400 "));
}

BOOST_AUTO_TEST_CASE(deletes_an_element_by_directive) {
  BOOST_TEST(
      spec("{'containers':[{'name':'a'},{'name':'b'}]}",
           "{'containers':[{'name':'a','$patch':'delete'},{'name':'no','$patch':'delete'}]}") ==
      in_spec("{'containers':[{'name':'b'}]}"));
  BOOST_TEST(spec("{'containers':[{'name':'a'},{'name':'b'}]}",
                  "{'$setElementOrder/containers':[{'name':'b'}],"
                  "'containers':[{'$patch':'delete','name':'a'}]}") ==
             in_spec("{'containers':[{'name':'b'}]}"));
}

BOOST_AUTO_TEST_CASE(replaces_by_directive) {
  BOOST_TEST(spec("{'containers':[{'name':'a'},{'name':'b'}]}",
                  "{'containers':[{'name':'c','x':null},{'$patch':'replace'}]}") ==
             in_spec("{'containers':[{'name':'c'}]}"));
  BOOST_TEST(spec("{'a':1,'b':2}", "{'$patch':'replace','c':3}") == in_spec("{'c':3}"));
  BOOST_TEST(spec("{'containers':[{'name':'a'}]}",
                  "{'containers':[{'name':'c','x':1},{'name':'c','x':2},{'$patch':'replace'}]}") ==
             in_spec("{'containers':[{'name':'c','x':1},{'name':'c','x':2}]}"));
  BOOST_TEST(spec("{'a':1,'b':2}", "{'$patch':'delete'}") == in_spec("{}"));
  BOOST_TEST(spec("{'a':1}", "{'$patch':'merge','b':2}") == in_spec("{'a':1,'b':2}"));
}

BOOST_AUTO_TEST_CASE(replaces_by_schema) {
  BOOST_TEST(spec("{'selector':{'a':'1','b':'2'}}", "{'selector':{'a':'3'}}") ==
             in_spec("{'selector':{'a':'3'}}"));
  BOOST_TEST(spec("{'args':['a','b']}", "{'args':['c']}") == in_spec("{'args':['c']}"));
}

BOOST_AUTO_TEST_CASE(retains_only_the_named_keys) {
  BOOST_TEST(spec("{'volumes':[{'name':'v','emptyDir':{},'x':1}]}",
                  "{'volumes':[{'name':'v','$retainKeys':['name','hostPath'],"
                  "'hostPath':{'path':'/p'},'emptyDir':null}]}") ==
             in_spec("{'volumes':[{'name':'v','hostPath':{'path':'/p'}}]}"));
  BOOST_TEST(spec("{'a':1}", "{'$retainKeys':['b'],'a':2}") ==
             "400 invalid patch format of retainKeys");
  BOOST_TEST(spec("{'a':1}", "{'$retainKeys':'a'}").starts_with("400 "));
}

BOOST_AUTO_TEST_CASE(merges_lists_of_scalars) {
  BOOST_TEST(
      merged("{'metadata':{'finalizers':['a','b']}}", "{'metadata':{'finalizers':['b','c']}}") ==
      canonical("{'metadata':{'finalizers':['a','b','c']}}"));
  BOOST_TEST(merged("{'metadata':{'finalizers':['a','b']}}",
                    "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a']}}") ==
             canonical("{'metadata':{'finalizers':['b']}}"));
  BOOST_TEST(merged("{'metadata':{'finalizers':['a','b']}}",
                    "{'metadata':{'$setElementOrder/finalizers':['c','b'],"
                    "'$deleteFromPrimitiveList/finalizers':['a'],'finalizers':['c']}}") ==
             canonical("{'metadata':{'finalizers':['c','b']}}"));
  BOOST_TEST(
      merged("{'metadata':{}}", "{'metadata':{'$deleteFromPrimitiveList/finalizers':['a']}}") ==
      canonical("{'metadata':{}}"));
  BOOST_TEST(merged("{'metadata':{}}", "{'metadata':{'$deleteFromPrimitiveList/finalizers':1}}") ==
             "400 invalid patch format of primitive list");
}

BOOST_AUTO_TEST_CASE(deletes_on_null_and_cleans_new_values) {
  BOOST_TEST(spec("{'a':1,'b':{'c':1}}", "{'a':null,'b':{'c':null},'no':null}") ==
             in_spec("{'b':{}}"));
  BOOST_TEST(spec("{}", "{'b':{'c':null,'d':1,'$retainKeys':['d']},"
                        "'containers':[{'name':'x','$patch':'delete'},{'name':'y','z':null}]}") ==
             in_spec("{'b':{'d':1},'containers':[{'name':'y'}]}"));
  BOOST_TEST(spec("{'a':'s'}", "{'a':{'b':null,'c':1}}") == in_spec("{'a':{'c':1}}"));
  BOOST_TEST(spec("{}", "{'v':{'$patch':'delete'}}") == in_spec("{}"));
}

BOOST_AUTO_TEST_CASE(recurses_into_merged_elements) {
  BOOST_TEST(
      spec("{'containers':[{'name':'a','env':[{'name':'X','value':'1'},{'name':'Y','value':'1'}],"
           "'ports':[{'containerPort':80},{'containerPort':81}]}]}",
           "{'containers':[{'name':'a','env':[{'name':'Y','value':null,'valueFrom':{}}],"
           "'ports':[{'containerPort':80,'$patch':'delete'}]}]}") ==
      in_spec("{'containers':[{'name':'a','env':[{'name':'X','value':'1'},"
              "{'name':'Y','valueFrom':{}}],'ports':[{'containerPort':81}]}]}"));
}

BOOST_AUTO_TEST_CASE(refuses_what_kubernetes_refuses) {
  BOOST_TEST(spec("{'containers':[{'name':'a'}]}", "{'containers':[{'image':'x'}]}") ==
             "400 map: map[image:x] does not contain declared merge key: name");
  BOOST_TEST(spec("{'a':1}", "{'$patch':'explode'}") ==
             "400 unknown patch type: explode in map: map[$patch:explode]");
  BOOST_TEST(
      spec("{'containers':[{'name':'a'}]}", "{'containers':[{'name':'a','$patch':'merge'}]}") ==
      "400 merging lists cannot yet be specified in the patch");
  BOOST_TEST(spec("{'containers':[{'name':'a'}]}", "{'containers':[['x']]}").starts_with("422 "));
  BOOST_TEST(spec("{'containers':[{'name':'a'}]}", "{'containers':['x']}").starts_with("400 "));
  for (auto patch : {"[]", "5", "null", "'x'"})
    BOOST_TEST(merged("{}", patch) == "400 invalid JSON document", patch);
}

BOOST_AUTO_TEST_CASE(falls_back_to_json_merge_without_a_schema) {
  BOOST_TEST(merged("{'a':{'b':1,'l':[{'name':'x'}]}}", "{'a':{'c':2,'l':[{'name':'y'}]}}",
                    nullptr) == canonical("{'a':{'b':1,'l':[{'name':'y'}],'c':2}}"));
}

BOOST_AUTO_TEST_CASE(merges_very_long_lists_in_bounded_time) {
  auto list = [](int from, int to, const char* extra) {
    std::string s = "{'spec':{'containers':[";
    for (int i = from; i < to; ++i)
      s += std::string(i == from ? "" : ",") + "{'name':'" + std::to_string(i) + "'" + extra + "}";
    return s + "]}}";
  };
  auto out = js(merged(list(0, 40'000, ""), list(20'000, 60'000, ",'v':1")));
  BOOST_TEST(json::at(out, {"spec", "containers"})->Size() == 60'000u);
  out = js(merged(list(0, 40'000, ""), list(0, 39'999, ",'$patch':'delete'")));
  BOOST_TEST(json::at(out, {"spec", "containers"})->Size() == 1u);
}

// Two-way diff as kubectl makes it, for containers with scalar fields and an env list.
namespace {

json::value diff_list(const json::value& from, const json::value& to, json::allocator& a);

json::value diff_object(const json::value& from, const json::value& to, json::allocator& a) {
  json::value out(rapidjson::kObjectType);
  for (const auto& m : from.GetObject())
    if (!json::find(to, json::as_string(m.name)))
      json::set(out, json::as_string(m.name), json::value(), a);
  for (const auto& m : to.GetObject()) {
    auto name = json::as_string(m.name);
    const auto* old = json::find(from, name);
    bool list = name == "containers" || name == "env";
    if (old && json::equal(*old, m.value))
      continue;
    if (old && list) {
      json::value order(rapidjson::kArrayType);
      for (const auto& e : m.value.GetArray()) {
        json::value item(rapidjson::kObjectType);
        json::set(item, "name", json::copy(*json::find(e, "name"), a), a);
        order.PushBack(item, a);
      }
      json::set(out, "$setElementOrder/" + std::string(name), std::move(order), a);
      json::set(out, name, diff_list(*old, m.value, a), a);
    } else {
      json::set(out, name, json::copy(m.value, a), a);
    }
  }
  return out;
}

const json::value* element(const json::value& list, std::string_view name) {
  for (const auto& e : list.GetArray())
    if (json::get_string(e, "name") == name)
      return &e;
  return nullptr;
}

json::value diff_list(const json::value& from, const json::value& to, json::allocator& a) {
  json::value out(rapidjson::kArrayType);
  for (const auto& e : to.GetArray()) {
    const auto* old = element(from, json::get_string(e, "name"));
    if (old && json::equal(*old, e))
      continue;
    auto item = old ? diff_object(*old, e, a) : json::copy(e, a);
    json::set(item, "name", json::get_string(e, "name"), a);
    out.PushBack(item, a);
  }
  for (const auto& e : from.GetArray())
    if (!element(to, json::get_string(e, "name"))) {
      json::value item(rapidjson::kObjectType);
      json::set(item, "name", json::get_string(e, "name"), a);
      json::set(item, "$patch", "delete", a);
      out.PushBack(item, a);
    }
  return out;
}

json::value random_list(std::mt19937& rng, bool containers, json::allocator& a) {
  std::string names = "abcdefgh";
  std::shuffle(names.begin(), names.end(), rng);
  json::value out(rapidjson::kArrayType);
  for (unsigned i = 0, n = rng() % 5; i < n; ++i) {
    json::value e(rapidjson::kObjectType);
    json::set(e, "name", std::string(1, names[i]), a);
    for (const char* f : {"x", "y"})
      if (rng() % 2)
        json::set(e, f, json::value(static_cast<int64_t>(rng() % 3)), a);
    if (containers && rng() % 2)
      json::set(e, "env", random_list(rng, false, a), a);
    out.PushBack(e, a);
  }
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_diff_applied_gives_the_modified_object) {
  std::mt19937 rng(5);
  for (int i = 0; i < 3000; ++i) {
    json::document doc;
    auto& a = doc.GetAllocator();
    json::value from(rapidjson::kObjectType), to(rapidjson::kObjectType);
    json::set(from, "containers", random_list(rng, true, a), a);
    json::set(to, "containers", random_list(rng, true, a), a);
    auto patch = diff_object(from, to, a);
    auto before = json::to_string(from), text = json::to_string(patch);
    auto r = apply_strategic_merge(from, patch, &types.spec, a);
    BOOST_REQUIRE_MESSAGE(r.has_value(), text);
    BOOST_REQUIRE_MESSAGE(json::equal(from, to), before << " + " << text << " gave "
                                                        << json::to_string(from) << ", not "
                                                        << json::to_string(to));
    // Applying it again changes nothing.
    BOOST_REQUIRE(apply_strategic_merge(from, patch, &types.spec, a).has_value());
    BOOST_REQUIRE(json::equal(from, to));
  }
}

BOOST_AUTO_TEST_CASE(survives_patches_of_any_shape) {
  std::mt19937 rng(9);
  const char* keys[] = {"spec",
                        "containers",
                        "name",
                        "env",
                        "$patch",
                        "$retainKeys",
                        "volumes",
                        "$setElementOrder/containers",
                        "$deleteFromPrimitiveList/finalizers",
                        "metadata",
                        "finalizers",
                        "$setElementOrder/finalizers"};
  const char* words[] = {"delete", "replace", "merge", "a", "b", "name"};
  auto make = [&](auto&& self, int depth, json::allocator& a) -> json::value {
    switch (rng() % (depth > 0 ? 7 : 3)) {
    case 0:
      return json::make_string(words[rng() % 6], a);
    case 1:
      return json::value();
    case 2:
      return json::value(static_cast<int64_t>(rng() % 2));
    case 3:
    case 4: {
      json::value list(rapidjson::kArrayType);
      for (unsigned i = rng() % 4; i > 0; --i)
        list.PushBack(self(self, depth - 1, a), a);
      return list;
    }
    default: {
      json::value obj(rapidjson::kObjectType);
      for (unsigned i = rng() % 5; i > 0; --i)
        json::set(obj, keys[rng() % 12], self(self, depth - 1, a), a);
      return obj;
    }
    }
  };
  int applied = 0;
  for (int i = 0; i < 20'000; ++i) {
    json::document doc;
    auto& a = doc.GetAllocator();
    doc.SetObject();
    json::set(doc, "spec", make(make, 4, a), a);
    json::set(doc, "metadata", make(make, 3, a), a);
    json::value patch(rapidjson::kObjectType);
    json::set(patch, "spec", make(make, 4, a), a);
    json::set(patch, "metadata", make(make, 3, a), a);
    auto r = apply_strategic_merge(doc, patch, &types.pod, a);
    if (r) {
      ++applied;
      BOOST_REQUIRE(json::parse(json::to_string(doc)).has_value());
    } else {
      int code = http_code(r.error().why);
      BOOST_REQUIRE(code == 400 || code == 422);
    }
  }
  BOOST_TEST(applied > 1000);
}

BOOST_AUTO_TEST_SUITE_END()
