// What must hold of every built-in type and resource.
#include "api/schema/default_hooks.hpp"
#include "api/schema/formats.hpp"
#include "api/schema/schema.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace thespis::api;
using namespace thespis::api::schema;

namespace {

const rules* element_rules(const value_type& v) {
  return v.element ? v.element->checks.get() : nullptr;
}

const struct_type* inner_object(const value_type& v) {
  return v.element ? inner_object(*v.element) : v.object;
}

} // namespace

BOOST_AUTO_TEST_SUITE(complete)

BOOST_AUTO_TEST_CASE(every_type_and_field_says_what_it_is) {
  for (const auto* t : registry::builtin().types())
    BOOST_TEST_CONTEXT(t->full_name) {
      BOOST_TEST(!t->about.empty());
      for (const auto& f : t->fields)
        BOOST_TEST(!f.about.empty(), f.name);
    }
}

BOOST_AUTO_TEST_CASE(protobuf_numbers_are_unique) {
  for (const auto* t : registry::builtin().types())
    BOOST_TEST_CONTEXT(t->full_name) {
      std::set<int> numbers;
      for (const auto& f : t->fields)
        if (f.pb)
          BOOST_TEST(numbers.insert(f.pb).second, f.name << " repeats " << f.pb);
      for (const auto& w : t->wraps)
        if (!w.inside)
          BOOST_TEST(numbers.insert(w.pb).second, "a wrap repeats " << w.pb);
    }
}

BOOST_AUTO_TEST_CASE(every_field_of_a_message_has_a_place_in_protobuf) {
  for (const auto* t : registry::builtin().types()) {
    std::set<std::string> wrapped;
    for (const auto& w : t->wraps)
      for (const auto& [name, number] : w.members) {
        BOOST_TEST(number > 0);
        BOOST_TEST((t->find(name) != nullptr), t->full_name << " wraps unknown " << name);
        BOOST_TEST(wrapped.insert(name).second);
      }
    const bool numbered =
        std::any_of(t->fields.begin(), t->fields.end(), [](auto& f) { return f.pb != 0; });
    for (const auto& f : t->fields)
      // The window of metrics is a message of its own there, which is not written.
      if (numbered && !(t->kind && (f.name == "apiVersion" || f.name == "kind")) &&
          !(f.name == "window" && t->full_name.find(".metrics.") != std::string::npos))
        BOOST_TEST((f.pb != 0) != (wrapped.count(f.name) != 0), t->full_name << "." << f.name);
  }
}

BOOST_AUTO_TEST_CASE(wraps_within_wraps_name_one_there_is) {
  for (const auto* t : registry::builtin().types())
    for (const auto& w : t->wraps)
      if (w.inside)
        BOOST_TEST((std::any_of(t->wraps.begin(), t->wraps.end(),
                                [&](auto& o) { return !o.inside && o.pb == w.inside; })),
                   t->full_name);
}

BOOST_AUTO_TEST_CASE(rules_hooks_and_keys_refer_to_what_there_is) {
  for (const auto* t : registry::builtin().types())
    BOOST_TEST_CONTEXT(t->full_name) {
      if (!t->default_hook.empty())
        BOOST_TEST((find_default_hook(t->default_hook) != nullptr));
      for (const auto& f : t->fields) {
        for (const auto* r : {f.type.checks.get(), f.type.keys.get(), element_rules(f.type)})
          if (r && !r->format.empty())
            BOOST_TEST(is_format(r->format), r->format);
        if (!f.default_json.empty())
          BOOST_TEST(json::parse(f.default_json).has_value(), f.default_json);
        const auto* item = inner_object(f.type);
        for (const auto& key : f.type.list_keys)
          BOOST_TEST((item && item->find(key)), f.name << " has no key " << key);
        if (!f.merge_key.empty() && item)
          BOOST_TEST((item->find(f.merge_key) != nullptr), f.name << " merges by " << f.merge_key);
      }
    }
}

BOOST_AUTO_TEST_CASE(resources_are_whole) {
  std::set<std::string> seen, short_names;
  for (const auto& r : registry::builtin().resources())
    BOOST_TEST_CONTEXT(r->group_resource()) {
      BOOST_TEST(seen.insert(r->api_version() + "/" + r->plural).second);
      BOOST_REQUIRE(r->type);
      BOOST_TEST(r->type->kind);
      BOOST_TEST((r->type->find("metadata") != nullptr));
      BOOST_TEST(is_format(r->name_format), r->name_format);
      BOOST_TEST((r->list_type != nullptr) == r->has_verb("list"));
      if (r->find_subresource("status"))
        BOOST_TEST((r->type->find("status") != nullptr));
      if (r->scale)
        BOOST_TEST((r->find_subresource("scale") != nullptr));
    }
}

BOOST_AUTO_TEST_CASE(the_groups_of_kubernetes_are_there) {
  std::set<std::string> groups;
  for (const auto& r : registry::builtin().resources())
    groups.insert(r->api_version());
  for (const auto* wanted : {"v1",
                             "apps/v1",
                             "batch/v1",
                             "autoscaling/v2",
                             "policy/v1",
                             "networking.k8s.io/v1",
                             "discovery.k8s.io/v1",
                             "coordination.k8s.io/v1",
                             "events.k8s.io/v1",
                             "node.k8s.io/v1",
                             "scheduling.k8s.io/v1",
                             "storage.k8s.io/v1",
                             "rbac.authorization.k8s.io/v1",
                             "authentication.k8s.io/v1",
                             "authorization.k8s.io/v1",
                             "certificates.k8s.io/v1",
                             "admissionregistration.k8s.io/v1",
                             "apiextensions.k8s.io/v1",
                             "apiregistration.k8s.io/v1",
                             "flowcontrol.apiserver.k8s.io/v1",
                             "resource.k8s.io/v1"})
    BOOST_TEST(groups.count(wanted) == 1u, wanted);
}

BOOST_AUTO_TEST_SUITE_END()
