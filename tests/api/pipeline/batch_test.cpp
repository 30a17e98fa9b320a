// Jobs, CronJobs, DaemonSets and StatefulSets as they are created and changed.
#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct with_workloads : cluster {
  static std::string pod(const std::string& restart) {
    return R"({"metadata":{"labels":{"app":"x"}},"spec":{)" + restart +
           R"("containers":[{"name":"c","image":"i"}]}})";
  }
  static std::string job(const std::string& spec = {},
                         const std::string& restart = R"("restartPolicy":"Never",)") {
    return R"({"metadata":{"name":"j"},"spec":{)" + spec + R"("template":)" + pod(restart) + "}}";
  }
  static std::string cron_job(const std::string& spec, const std::string& name = "c") {
    return R"({"metadata":{"name":")" + name + R"("},"spec":{)" + spec +
           R"(,"jobTemplate":{"spec":{"template":)" + pod(R"("restartPolicy":"OnFailure",)") +
           "}}}}";
  }
  static std::string set(const std::string& spec = {}) {
    return R"({"metadata":{"name":"s"},"spec":{)" + spec +
           R"("selector":{"matchLabels":{"app":"x"}},"template":)" + pod("") + "}}";
  }
  std::string refused(const std::string& resource, const std::string& body) {
    auto r = create(resource, "default", body);
    return r.ok ? "accepted" : r.failure.message;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(batch, with_workloads)

BOOST_AUTO_TEST_CASE(a_job_gets_labels_and_a_selector_of_its_own) {
  auto r = ok(create("jobs.batch", "default", job()));
  const auto uid = std::string(r.object->uid());
  BOOST_TEST(text_at(*r.object, {"spec", "selector"}) ==
             R"({"matchLabels":{"batch.kubernetes.io/controller-uid":")" + uid + "\"}}");
  BOOST_TEST(text_at(*r.object, {"spec", "template", "metadata", "labels"}) ==
             R"({"app":"x","controller-uid":")" + uid +
                 R"(","job-name":"j","batch.kubernetes.io/controller-uid":")" + uid +
                 R"(","batch.kubernetes.io/job-name":"j"})");
  BOOST_TEST(text_at(*r.object, {"spec", "completions"}) == "1");
  BOOST_TEST(text_at(*r.object, {"spec", "backoffLimit"}) == "6");
  BOOST_TEST(text_at(*r.object, {"spec", "completionMode"}) == "NonIndexed");
  BOOST_TEST(text_at(*r.object, {"metadata", "labels"}) == R"({"app":"x"})");
}

BOOST_AUTO_TEST_CASE(a_job_of_a_generated_name_is_labelled_with_the_name_it_got) {
  ok(create("jobs.batch", "default",
            R"({"metadata":{"name":"g-10000"},"spec":{"template":)" +
                pod(R"("restartPolicy":"Never",)") + "}}"));
  auto r = ok(create("jobs.batch", "default",
                     R"({"metadata":{"generateName":"g-"},"spec":{"template":)" +
                         pod(R"("restartPolicy":"Never",)") + "}}"));
  BOOST_TEST(r.object->name() == "g-10001");
  BOOST_TEST(text_at(*r.object, {"spec", "template", "metadata", "labels", "job-name"}) ==
             "g-10001");
  BOOST_TEST(text_at(*r.object, {"spec", "template", "metadata", "labels", "controller-uid"}) ==
             r.object->uid());
}

BOOST_AUTO_TEST_CASE(a_job_whose_selector_was_written_by_hand_must_say_so) {
  BOOST_TEST(refused("jobs.batch", job(R"("selector":{"matchLabels":{"app":"x"}},)"))
                 .find("`selector` not auto-generated") != std::string::npos);
  auto r = ok(create("jobs.batch", "default",
                     job(R"("manualSelector":true,"selector":{"matchLabels":{"app":"x"}},)")));
  BOOST_TEST(text_at(*r.object, {"spec", "template", "metadata", "labels"}) == R"({"app":"x"})");
}

BOOST_AUTO_TEST_CASE(pods_of_a_job_must_end) {
  BOOST_TEST(refused("jobs.batch", job({}, "")) ==
             "Job.batch \"j\" is invalid: spec.template.spec.restartPolicy: Required value: valid "
             "values: \"OnFailure\", \"Never\"");
}

BOOST_AUTO_TEST_CASE(indexes_need_their_mode) {
  BOOST_TEST(refused("jobs.batch", job(R"("completionMode":"Indexed","parallelism":2,)")) ==
             "Job.batch \"j\" is invalid: spec.completions: Required value: when completion mode "
             "is Indexed");
  BOOST_TEST(refused("jobs.batch", job(R"("backoffLimitPerIndex":1,)")) ==
             "Job.batch \"j\" is invalid: spec.backoffLimitPerIndex: Invalid value: 1: requires "
             "indexed completion mode");
}

BOOST_AUTO_TEST_CASE(failure_policies_are_checked_rule_by_rule) {
  BOOST_TEST(
      refused("jobs.batch", job(R"("podFailurePolicy":{"rules":[{"action":"Ignore"}]},)")) ==
      "Job.batch \"j\" is invalid: spec.podFailurePolicy.rules[0]: Invalid value: specifying one "
      "of OnExitCodes and OnPodConditions is required");
  BOOST_TEST(refused("jobs.batch", job(R"("podFailurePolicy":{"rules":[{"action":"FailJob",
      "onExitCodes":{"operator":"In","values":[0]}}]},)")) ==
             "Job.batch \"j\" is invalid: spec.podFailurePolicy.rules[0].onExitCodes.values[0]: "
             "Invalid value: 0: must not be 0 for the In operator");
}

BOOST_AUTO_TEST_CASE(a_job_that_runs_keeps_its_template) {
  ok(create("jobs.batch", "default", job()));
  auto r = patch("jobs.batch", "default", "j", R"({"spec":{"completions":2}})");
  BOOST_TEST(r.failure.message ==
             "Job.batch \"j\" is invalid: spec.completions: Invalid value: 2: field is immutable");
  r = patch("jobs.batch", "default", "j", R"({"spec":{"parallelism":3,"suspend":true}})");
  BOOST_TEST(r.ok, r.failure.message);
}

BOOST_AUTO_TEST_CASE(cron_jobs_are_checked_for_schedule_zone_and_name) {
  const auto why = [&](const std::string& spec) {
    return refused("cronjobs.batch", cron_job(spec));
  };
  BOOST_TEST(why(R"("schedule":"* * *")") ==
             "CronJob.batch \"c\" is invalid: spec.schedule: Invalid value: \"* * *\": expected "
             "exactly 5 fields, found 3: [* * *]");
  BOOST_TEST(why(R"("schedule":"61 * * * *")") ==
             "CronJob.batch \"c\" is invalid: spec.schedule: Invalid value: \"61 * * * *\": end of "
             "range (61) above maximum (59): 61");
  BOOST_TEST(why(R"("schedule":"TZ=UTC 1 * * * *")").find("cannot use TZ or CRON_TZ in schedule") !=
             std::string::npos);
  BOOST_TEST(why(R"("schedule":"@daily","timeZone":"")") ==
             "CronJob.batch \"c\" is invalid: spec.timeZone: Invalid value: \"\": timeZone must be "
             "nil or non-empty string");
  BOOST_TEST(why(R"("schedule":"@daily","timeZone":"Local")").find("explicit time zone") !=
             std::string::npos);
  BOOST_TEST(
      why(R"("schedule":"@daily","timeZone":"../etc/passwd")").find("invalid location name") !=
      std::string::npos);
  BOOST_TEST(refused("cronjobs.batch", cron_job(R"("schedule":"@daily")", std::string(53, 'a')))
                 .find("must be no more than 52 characters") != std::string::npos);
  auto r =
      ok(create("cronjobs.batch", "default", cron_job(R"("schedule":"*/5 9-17 * * mon-fri")")));
  BOOST_TEST(text_at(*r.object, {"spec", "concurrencyPolicy"}) == "Allow");
  // Only a job itself gets a job's defaults.
  BOOST_TEST(text_at(*r.object, {"spec", "jobTemplate", "spec", "completions"}) == "");
}

BOOST_AUTO_TEST_CASE(daemon_sets_follow_the_rules_of_their_rollout) {
  const auto rolling = [&](const std::string& r) {
    return refused("daemonsets.apps", set(R"("updateStrategy":{"rollingUpdate":)" + r + "},"));
  };
  BOOST_TEST(rolling(R"({"maxUnavailable":1,"maxSurge":1})") ==
             "DaemonSet.apps \"s\" is invalid: spec.updateStrategy.rollingUpdate.maxSurge: Invalid "
             "value: 1: may not be set when maxUnavailable is non-zero");
  BOOST_TEST(rolling(R"({"maxUnavailable":0,"maxSurge":0})") ==
             "DaemonSet.apps \"s\" is invalid: spec.updateStrategy.rollingUpdate.maxUnavailable: "
             "Required value: cannot be 0 when maxSurge is 0");
  auto r = ok(create("daemonsets.apps", "default", set()));
  BOOST_TEST(text_at(*r.object, {"status"}) ==
             R"({"currentNumberScheduled":0,"numberMisscheduled":0,"desiredNumberScheduled":0,)"
             R"("numberReady":0})");
}

BOOST_AUTO_TEST_CASE(stateful_sets_change_in_few_fields) {
  BOOST_TEST(refused("statefulsets.apps", set(R"("podManagementPolicy":"Wild",)")) ==
             "StatefulSet.apps \"s\" is invalid: spec.podManagementPolicy: Invalid value: "
             "\"Wild\": must be 'OrderedReady' or 'Parallel'");
  ok(create("statefulsets.apps", "default", set()));
  BOOST_TEST(patch("statefulsets.apps", "default", "s", R"({"spec":{"replicas":3}})").ok);
  auto r = patch("statefulsets.apps", "default", "s", R"({"spec":{"serviceName":"z"}})");
  BOOST_TEST(r.failure.message ==
             "StatefulSet.apps \"s\" is invalid: spec: Forbidden: updates to statefulset spec for "
             "fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
             "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
             "'minReadySeconds' are forbidden");
}

BOOST_AUTO_TEST_CASE(stateful_sets_mount_what_they_claim) {
  const auto with = [&](const std::string& mounted) {
    return R"({"metadata":{"name":"m"},"spec":{"serviceName":"m","selector":{"matchLabels":)"
           R"({"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[)"
           R"({"name":"c","image":"i","volumeMounts":[{"name":")" +
           mounted +
           R"(","mountPath":"/d"}]}]}},"volumeClaimTemplates":[{"metadata":{"name":"data"},)"
           R"("spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":)"
           R"("1Gi"}}}}]}})";
  };
  ok(create("statefulsets.apps", "default", with("data")));
  BOOST_TEST(refused("statefulsets.apps", with("other")) ==
             "StatefulSet.apps \"m\" is invalid: "
             "spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"other\"");
}

BOOST_AUTO_TEST_SUITE_END()
