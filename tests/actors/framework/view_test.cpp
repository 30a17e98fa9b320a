// The cache behind a controller: found by name and owner, parsed when asked for.
#include "actors/framework/view.hpp"
#include "api/generated/core_v1_config.hpp"
#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::actors;
using enum api::event_kind;

namespace {

/// A projection that tells how often one was made.
struct key_count {
  static constexpr std::string_view resource_name = "configmaps";
  static inline int made = 0;
  static key_count of(const api::object& o) {
    ++made;
    const auto doc = o.parse();
    const auto* data = api::json::find(doc, "data");
    return {data ? data->MemberCount() : 0};
  }
  size_t keys = 0;
};

struct seen : view {
  uint64_t revision = 0;

  void tell(api::event_kind kind, const std::string& name, const std::string& data = "{}",
            const std::string& owner = {}, const std::string& ns = "default") {
    auto doc = *api::yaml::parse(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + ", namespace: " + ns +
        (owner.empty()
             ? ""
             : ", ownerReferences: [{apiVersion: v1, kind: Pod, name: x, uid: " + owner + "}]") +
        "}, data: " + data + "}");
    auto object = api::seal(api::make_draft("configmaps", doc), ++revision);
    apply("configmaps", {revision, false, {{kind, object}}});
  }

  std::string owned(const std::string& uid) const {
    std::string res;
    for (const auto& o : owned_objects("configmaps", uid))
      res += o->name() + ' ';
    return res;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(view_suite)

BOOST_AUTO_TEST_CASE(finds_by_name_within_a_namespace_whatever_was_replaced) {
  seen v;
  v.tell(added, "a", "{k: one}");
  v.tell(added, "a", "{k: other}", {}, "else");
  v.tell(modified, "a", "{k: two}");
  BOOST_TEST(v.count("configmaps") == 2);
  BOOST_TEST(v.get<api::v1::config_map>("default", "a")->data.at("k") == "two");
  BOOST_TEST(v.get<api::v1::config_map>("else", "a")->data.at("k") == "other");
  BOOST_TEST(!v.get<api::v1::config_map>("default", "b"));
  v.tell(deleted, "a");
  BOOST_TEST(!v.find("configmaps", "default", "a"));
  BOOST_TEST(v.list<api::v1::config_map>("else").size() == 1);
}

BOOST_AUTO_TEST_CASE(lists_in_the_order_of_names) {
  seen v;
  for (const auto* name : {"c", "a", "b"})
    v.tell(added, name);
  std::string names;
  v.for_each("configmaps", "default", [&](const api::object_ptr& o) { names += o->name(); });
  BOOST_TEST(names == "abc");
}

BOOST_AUTO_TEST_CASE(the_index_of_owners_follows_changes) {
  seen v;
  v.tell(added, "a", "{}", "u1");
  v.tell(added, "b", "{}", "u1");
  BOOST_TEST(v.owned("u1") == "a b ");
  v.tell(modified, "a", "{k: v}", "u1");
  BOOST_TEST(v.owned("u1") == "a b ");
  BOOST_TEST(v.owned_objects("configmaps", "u1").front()->revision() == 3);
  v.tell(modified, "a", "{k: v}", "u2");
  BOOST_TEST(v.owned("u1") == "b ");
  BOOST_TEST(v.owned("u2") == "a ");
  v.tell(deleted, "b");
  BOOST_TEST(v.owned("u1") == "");
}

BOOST_AUTO_TEST_CASE(parses_once_until_it_changes_or_is_told_to_forget) {
  seen v;
  key_count::made = 0;
  v.tell(added, "a", "{k: v}");
  for (int i = 0; i < 3; ++i)
    BOOST_TEST(v.get<key_count>("default", "a")->keys == 1);
  BOOST_TEST(key_count::made == 1);
  v.tell(modified, "a", "{k: v, l: w}");
  BOOST_TEST(v.get<key_count>("default", "a")->keys == 2);
  BOOST_TEST(key_count::made == 2);
  const auto held = v.get<key_count>("default", "a");
  v.forget_parsed();
  BOOST_TEST(held->keys == 2);
  BOOST_TEST(v.get<key_count>("default", "a")->keys == 2);
  BOOST_TEST(key_count::made == 3);
}

BOOST_AUTO_TEST_CASE(one_resource_may_be_read_in_two_ways) {
  seen v;
  v.tell(added, "a", "{k: v}");
  BOOST_TEST(v.get<key_count>("default", "a")->keys == 1);
  BOOST_TEST(v.get<api::v1::config_map>("default", "a")->data.at("k") == "v");
  BOOST_TEST(v.get<key_count>("default", "a")->keys == 1);
}

BOOST_AUTO_TEST_SUITE_END()
