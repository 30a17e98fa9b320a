#include "api/pipeline/cluster_fixture.hpp"
#include "api/pipeline/metadata.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

/// Writes down what it is asked, labels what may be labelled, and refuses what it is told to.
class recorder final : public admission::plugin {
public:
  std::string_view name() const override { return "Recorder"; }

  result<void> mutate(admission::request& r) override {
    note("mutate", r);
    if (r.object && label) {
      auto& a = r.object->GetAllocator();
      auto& metadata = json::ensure_object(*r.object, "metadata", a);
      json::set(json::ensure_object(metadata, "labels", a), "seen", "yes", a);
      json::set(metadata, "creationTimestamp", "2001-01-01T00:00:00Z", a);
      json::set(json::ensure_object(*r.object, "status", a), "phase", "Forged", a);
      r.changed = true;
    }
    return {};
  }

  result<void> validate(admission::request& r) override {
    note("validate", r);
    if (refusing)
      return fail(admission::refuse(r, "not today"));
    r.holds.push_back(held);
    return {};
  }

  bool may_call_out(const call& c) const override { return c.resource == "secrets"; }

  std::vector<std::string> log;
  bool label = false;
  bool refusing = false;
  std::shared_ptr<int> held = std::make_shared<int>(1);

private:
  void note(std::string phase, const admission::request& r) {
    log.push_back(phase + " " + std::string(to_string(r.action)) + " " + r.type.resource +
                  (r.call.subresource.empty() ? "" : "/" + r.call.subresource) + " " + r.ns + "/" +
                  r.name + " " + (r.object ? r.object_type.name : "-") +
                  (r.old_object ? " old" : "") + (r.dry_run ? " dry" : ""));
  }
};

struct observed : cluster {
  observed() : observed(std::make_shared<recorder>()) {}
  explicit observed(std::shared_ptr<recorder> p) : cluster({p}), seen(std::move(p)) {
    seen->log.clear();
  }
  object_ptr pod() {
    auto o =
        ok(create("pods", "default",
                  R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})"))
            .object;
    seen->log.clear();
    return o;
  }
  std::shared_ptr<recorder> seen;
};

using lines = std::vector<std::string>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(admission_chain, observed)

BOOST_AUTO_TEST_CASE(is_asked_before_and_after_validation) {
  ok(create("configmaps", "default", R"({"metadata":{"name":"m"}})"));
  ok(update("configmaps", "default", "m", R"({"metadata":{"name":"m"},"data":{"a":"b"}})"));
  ok(patch("configmaps", "default", "m", R"({"data":{"a":"c"}})"));
  ok(remove("configmaps", "default", "m"));
  BOOST_TEST(seen->log == (lines{"mutate CREATE configmaps default/m ConfigMap",
                                 "validate CREATE configmaps default/m ConfigMap",
                                 "mutate UPDATE configmaps default/m ConfigMap old",
                                 "validate UPDATE configmaps default/m ConfigMap old",
                                 "mutate UPDATE configmaps default/m ConfigMap old",
                                 "validate UPDATE configmaps default/m ConfigMap old",
                                 "mutate DELETE configmaps default/m - old",
                                 "validate DELETE configmaps default/m - old"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_validates_what_is_valid) {
  create("configmaps", "default", R"({"metadata":{"name":"M"}})");
  BOOST_TEST(seen->log == lines{"mutate CREATE configmaps default/M ConfigMap"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(learns_a_generated_name_with_the_finished_object) {
  ok(create("configmaps", "default", R"({"metadata":{"generateName":"m-"}})"));
  BOOST_TEST(seen->log == (lines{"mutate CREATE configmaps default/ ConfigMap",
                                 "validate CREATE configmaps default/m-10000 ConfigMap"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sees_subresources_in_their_own_shape) {
  pod();
  ok(create("pods", "default", R"({"metadata":{"name":"p"},"target":{"name":"n"}})", "p",
            "binding"));
  ok(patch("pods", "default", "p", R"({"status":{"phase":"Running"}})", patch_kind::json_merge,
           "status"));
  ok(create("pods", "default", R"({"metadata":{"name":"p"}})", "p", "eviction"));
  BOOST_TEST(seen->log == (lines{"mutate CREATE pods/binding default/p Binding",
                                 "validate CREATE pods/binding default/p Binding",
                                 "mutate UPDATE pods/status default/p Pod old",
                                 "validate UPDATE pods/status default/p Pod old",
                                 "mutate CREATE pods/eviction default/p Eviction",
                                 "validate CREATE pods/eviction default/p Eviction"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(sees_a_scale_once_and_not_its_workload) {
  ok(create("replicationcontrollers", "default", R"({"metadata":{"name":"r"},
      "spec":{"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},
      "spec":{"containers":[{"name":"c","image":"i"}]}}}})"));
  seen->log.clear();
  ok(patch("replicationcontrollers", "default", "r", R"({"spec":{"replicas":3}})",
           patch_kind::json_merge, "scale"));
  BOOST_TEST(seen->log ==
                 (lines{"mutate UPDATE replicationcontrollers/scale default/r Scale old",
                        "validate UPDATE replicationcontrollers/scale default/r Scale old"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(changes_what_a_client_could_change_and_no_more) {
  pod();
  seen->label = true;
  auto o = ok(patch("pods", "default", "p", R"({"metadata":{"annotations":{"x":"y"}}})")).object;
  BOOST_TEST(text_at(*o, {"metadata", "labels", "seen"}) == "yes");
  BOOST_TEST(text_at(*o, {"status", "phase"}) == "Pending");
  BOOST_TEST(text_at(*o, {"metadata", "creationTimestamp"}) == "2030-01-02T00:00:00Z");
  BOOST_TEST(text_at(*o, {"metadata", "annotations", "x"}) == "y");
}

BOOST_AUTO_TEST_CASE(refuses_and_nothing_is_written) {
  seen->refusing = true;
  auto before = state->last;
  auto r = create("configmaps", "default", R"({"metadata":{"name":"m"}})");
  BOOST_TEST(http_code(r.failure.why) == 403);
  BOOST_TEST(r.failure.message == "configmaps \"m\" is forbidden: not today");
  r = create("configmaps", "default", R"({"metadata":{"generateName":"m-"}})");
  BOOST_TEST(r.failure.message == "configmaps \"m-10000\" is forbidden: not today");
  BOOST_TEST(state->last == before);
}

BOOST_AUTO_TEST_CASE(knows_rehearsals) {
  auto c = make(verb::create, "configmaps", "default", "", R"({"metadata":{"name":"m"}})", "");
  c.dry_run = true;
  ok(send(c));
  BOOST_TEST(seen->log.back() == "validate CREATE configmaps default/m ConfigMap dry");
  pod();
  ok(remove("pods", "default", "p", R"({"dryRun":["All"]})"));
  BOOST_TEST(seen->log.back() == "validate DELETE pods default/p - old dry");
}

BOOST_AUTO_TEST_CASE(holds_what_was_reserved_until_the_write_is_settled) {
  {
    auto p = prepare(
        make(verb::create, "configmaps", "default", "", R"({"metadata":{"name":"m"}})", ""));
    BOOST_TEST(std::get<prepared_write>(p).holds.size() == 1u);
    BOOST_TEST(seen->held.use_count() == 2);
  }
  BOOST_TEST(seen->held.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(says_which_calls_may_wait) {
  BOOST_TEST(line->may_call_out(make(verb::create, "secrets", "default", "", "", "")));
  BOOST_TEST(!line->may_call_out(make(verb::create, "pods", "default", "", "", "")));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(namespace_lifecycle, cluster)

BOOST_AUTO_TEST_CASE(keeps_the_system_namespaces) {
  for (std::string name : {"kube-system", "kube-public"})
    ok(create("namespaces", "", R"({"metadata":{"name":")" + name + R"("}})"));
  for (std::string name : {"default", "kube-system", "kube-public"})
    BOOST_TEST(remove("namespaces", "", name).failure.message ==
               "namespaces \"" + name + "\" is forbidden: this namespace may not be deleted");
  BOOST_TEST(!remove("namespaces", "", "absent").ok);
}

BOOST_AUTO_TEST_CASE(lets_nothing_into_a_namespace_that_is_missing_or_leaving) {
  BOOST_TEST(create("configmaps", "x", R"({"metadata":{"name":"m"}})").failure.message ==
             "namespaces \"x\" not found");
  ok(create("namespaces", "", R"({"metadata":{"name":"x"}})"));
  ok(create("configmaps", "x", R"({"metadata":{"name":"m"}})"));
  ok(remove("namespaces", "", "x"));
  auto r = create("configmaps", "x", R"({"metadata":{"name":"n"}})");
  BOOST_TEST(r.failure.message == "configmaps \"n\" is forbidden: unable to create new content in "
                                  "namespace x because it is being terminated");
  BOOST_TEST(r.failure.causes.at(0).reason == "NamespaceTerminating");
  ok(patch("configmaps", "x", "m", R"({"data":{"a":"b"}})"));
  ok(remove("configmaps", "x", "m"));
}

BOOST_AUTO_TEST_SUITE_END()
