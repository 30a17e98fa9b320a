#include "actors/controllers/cron_job.hpp"
#include "actors/controllers/job.hpp"
#include "actors/controllers/job_pods.hpp"
#include "actors/pods.hpp"
#include "api/generated/batch_v1.hpp"

using namespace thespis;
using namespace thespis::test;
using api::v1::cron_job;
using api::v1::job;
using api::v1::pod;

namespace {

struct job_fixture : cluster_fixture {
  job_fixture() {
    run_controller([] { return actors::make_job_controller(); });
    run_controller([] { return actors::make_cron_job_controller(); });
  }

  void make_job(const std::string& spec, const std::string& pod_spec = "") {
    create("{apiVersion: batch/v1, kind: Job, metadata: {name: work}, spec: {" + spec +
           "template: {spec: {restartPolicy: Never, " + pod_spec +
           "containers: [{name: main, image: v1}]}}}}");
    settle();
  }

  /// The pods that are neither ended nor ending, by name.
  std::vector<pod> running() const {
    std::vector<pod> res;
    for (auto& p : list<pod>())
      if (p.status.phase != "Succeeded" && p.status.phase != "Failed" &&
          p.metadata.deletion_timestamp.empty())
        res.push_back(std::move(p));
    return res;
  }

  void end(const pod& p, int code, const std::string& condition = "") {
    patch("pods", p.metadata.name,
          "{status: {phase: " + std::string{code ? "Failed" : "Succeeded"} + ", conditions: [" +
              condition +
              "], containerStatuses: [{name: main, image: v1, imageID: a, ready: false, "
              "restartCount: 0, state: {terminated: {exitCode: " +
              std::to_string(code) + ", finishedAt: '" + timestamp() + "'}}}]}}",
          "status");
    settle();
  }

  /// Ends one running pod.
  void end_one(int code) { end(running().at(0), code); }

  api::v1::job_status status(const std::string& name = "work") const {
    return get<job>(name).status;
  }
  /// "Complete:CompletionsReached" of the condition that ended it; empty while it runs.
  std::string outcome() const {
    for (const auto& c : status().conditions)
      if ((c.type == "Complete" || c.type == "Failed") && c.status == "True")
        return c.type + ":" + c.reason;
    return {};
  }
  std::string indexes() const {
    std::set<std::string> all;
    for (const auto& p : running())
      all.insert(p.metadata.annotations.at("batch.kubernetes.io/job-completion-index"));
    std::string res;
    for (const auto& i : all)
      res += (res.empty() ? "" : " ") + i;
    return res;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(job_controller, job_fixture)

BOOST_AUTO_TEST_CASE(pods_that_are_let_go_or_taken_in_are_tracked_or_not) {
  make_job("parallelism: 1, ");
  const auto name = running().at(0).metadata.name;
  const auto finalizers = [&] { return get<pod>(name).metadata.finalizers; };
  const std::vector<std::string> tracked{std::string{actors::jobs::tracking_finalizer}};
  BOOST_TEST(finalizers() == tracked, boost::test_tools::per_element());
  // An orphan of whom nobody keeps track is taken in again, and tracked.
  patch("pods", name, "{metadata: {ownerReferences: null, finalizers: null}}");
  settle();
  BOOST_TEST(get<pod>(name).metadata.owner_references.size() == 1);
  BOOST_TEST(finalizers() == tracked, boost::test_tools::per_element());
  const auto labels = get<pod>(name).metadata.labels;
  std::string none;
  for (const auto& [key, value] : labels)
    none += (none.empty() ? "'" : ", '") + key + "': null";
  patch("pods", name, "{metadata: {labels: {" + none + "}}}");
  settle();
  BOOST_TEST(get<pod>(name).metadata.owner_references.empty());
  BOOST_TEST(finalizers().empty());
  BOOST_TEST(running().size() == 2); // one in its place
}

BOOST_AUTO_TEST_CASE(runs_until_enough_succeeded) {
  make_job("completions: 3, parallelism: 2, ");
  BOOST_TEST(running().size() == 2);
  BOOST_TEST(status().active.value_or(0) == 2);
  BOOST_TEST(status().start_time != "");
  end_one(0);
  BOOST_TEST(running().size() == 2);
  BOOST_TEST(status().succeeded.value_or(0) == 1);
  end_one(0);
  BOOST_TEST(running().size() == 1);
  end_one(0);
  BOOST_TEST(outcome() == "Complete:CompletionsReached");
  BOOST_TEST(status().succeeded.value_or(0) == 3);
  BOOST_TEST(status().completion_time != "");
  BOOST_TEST(!status().active);
  // Counted pods keep nothing that would hold them.
  for (const auto& p : list<pod>())
    BOOST_TEST(p.metadata.finalizers.empty());
}

BOOST_AUTO_TEST_CASE(waits_longer_after_each_failure_and_gives_up) {
  make_job("backoffLimit: 2, ");
  end_one(1);
  BOOST_TEST(running().empty());
  advance(9s);
  BOOST_TEST(running().empty());
  advance(2s);
  BOOST_REQUIRE(running().size() == 1);
  end_one(1);
  advance(19s);
  BOOST_TEST(running().empty());
  advance(2s);
  end_one(1);
  BOOST_TEST(outcome() == "Failed:BackoffLimitExceeded");
  BOOST_TEST(status().failed.value_or(0) == 3);
}

BOOST_AUTO_TEST_CASE(counts_a_deleted_pod_as_failed) {
  make_job("");
  remove("pods", running().at(0).metadata.name);
  advance(15s);
  BOOST_TEST(status().failed.value_or(0) == 1);
  BOOST_TEST(running().size() == 1);
}

BOOST_AUTO_TEST_CASE(fails_after_its_deadline) {
  make_job("activeDeadlineSeconds: 60, parallelism: 2, ");
  advance(59s);
  BOOST_TEST(outcome() == "");
  advance(2s);
  BOOST_TEST(outcome() == "Failed:DeadlineExceeded");
  BOOST_TEST(running().empty());
}

BOOST_AUTO_TEST_CASE(numbers_its_pods_when_indexed) {
  make_job("completionMode: Indexed, completions: 4, parallelism: 2, ");
  BOOST_TEST(indexes() == "0 1");
  const auto first = running().at(0);
  BOOST_TEST(first.spec.hostname.starts_with("work-"));
  BOOST_TEST(first.spec.containers[0].env.at(0).name == "JOB_COMPLETION_INDEX");
  for (int left = 4; left > 0; --left)
    end_one(0);
  BOOST_TEST(outcome() == "Complete:CompletionsReached");
  BOOST_TEST(status().completed_indexes == "0-3");
}

BOOST_AUTO_TEST_CASE(an_index_that_fails_too_often_fails_alone) {
  make_job("completionMode: Indexed, completions: 2, parallelism: 2, backoffLimitPerIndex: 1, "
           "backoffLimit: 100, ");
  const auto fail_index = [&](const char* index) {
    for (const auto& p : running())
      if (p.metadata.annotations.at("batch.kubernetes.io/job-completion-index") == index)
        end(p, 1);
  };
  fail_index("1");
  BOOST_TEST(indexes() == "0");
  advance(11s);
  BOOST_TEST(indexes() == "0 1");
  fail_index("1");
  advance(1h);
  BOOST_TEST(indexes() == "0");
  BOOST_TEST(status().failed_indexes == "1");
  end_one(0);
  BOOST_TEST(outcome() == "Failed:FailedIndexes");
}

BOOST_AUTO_TEST_CASE(follows_its_failure_policy) {
  make_job("backoffLimit: 6, podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: "
           "DisruptionTarget, status: 'True'}]}, {action: FailJob, onExitCodes: {operator: In, "
           "values: [42]}}]}, ");
  end(running().at(0), 1, "{type: DisruptionTarget, status: 'True'}");
  BOOST_TEST(status().failed.value_or(0) == 0);
  advance(20s);
  end_one(42);
  BOOST_TEST(outcome() == "Failed:PodFailurePolicy");
}

BOOST_AUTO_TEST_CASE(ends_early_by_its_success_policy) {
  make_job("completionMode: Indexed, completions: 3, parallelism: 3, successPolicy: {rules: "
           "[{succeededCount: 1}]}, ");
  end_one(0);
  BOOST_TEST(outcome() == "Complete:SuccessPolicy");
  BOOST_TEST(running().empty());
}

BOOST_AUTO_TEST_CASE(suspends_and_resumes) {
  make_job("suspend: true, parallelism: 2, ");
  BOOST_TEST(running().empty());
  BOOST_TEST(status().start_time == "");
  patch("jobs.batch", "work", "{spec: {suspend: false}}");
  settle();
  BOOST_TEST(running().size() == 2);
  BOOST_TEST(status().start_time != "");
  patch("jobs.batch", "work", "{spec: {suspend: true}}");
  settle();
  BOOST_TEST(running().empty());
}

BOOST_AUTO_TEST_CASE(is_forgotten_after_its_ttl) {
  make_job("ttlSecondsAfterFinished: 100, ");
  end_one(0);
  advance(99s);
  BOOST_TEST(get("jobs.batch", "work") != nullptr);
  advance(2s);
  const auto left = get("jobs.batch", "work");
  BOOST_TEST((!left || left->meta().deleting));
}

BOOST_AUTO_TEST_CASE(index_sets_are_written_shortly) {
  using actors::jobs::parse_indexes, actors::jobs::to_text;
  BOOST_TEST(to_text({0, 1, 2, 5, 7, 8}) == "0-2,5,7,8");
  BOOST_TEST(to_text(parse_indexes("0-2,5,7,8", 100)) == "0-2,5,7,8");
  BOOST_TEST(to_text(parse_indexes("3,x,9-,4-1,0-1000000000", 6)) == "0-5");
}

BOOST_AUTO_TEST_CASE(a_cron_job_makes_jobs_in_time) {
  create("{apiVersion: batch/v1, kind: CronJob, metadata: {name: tick}, spec: {schedule: '*/5 * * "
         "* *', successfulJobsHistoryLimit: 1, jobTemplate: {spec: {template: {spec: "
         "{restartPolicy: Never, containers: [{name: main, image: v1}]}}}}}}");
  settle();
  BOOST_TEST(count("jobs.batch") == 0);
  advance(5min + 1s);
  BOOST_REQUIRE(count("jobs.batch") == 1);
  const auto first = list<job>().front();
  BOOST_TEST(first.metadata.owner_references.at(0).name == "tick");
  BOOST_TEST(get<cron_job>("tick").status.active.size() == 1);
  end_one(0);
  BOOST_TEST(get<cron_job>("tick").status.active.empty());
  BOOST_TEST(get<cron_job>("tick").status.last_successful_time != "");
  for (int i = 0; i < 3; ++i) {
    advance(5min);
    end_one(0);
  }
  settle();
  BOOST_TEST(count("jobs.batch") == 1);
  BOOST_TEST(!get("jobs.batch", first.metadata.name));
}

BOOST_AUTO_TEST_CASE(a_cron_job_forbids_or_replaces_what_runs) {
  const auto make = [&](const std::string& name, const std::string& policy) {
    create("{apiVersion: batch/v1, kind: CronJob, metadata: {name: " + name +
           "}, spec: {schedule: '*/5 * * * *', concurrencyPolicy: " + policy +
           ", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: "
           "main, image: v1}]}}}}}}");
  };
  make("forbid", "Forbid");
  make("replace", "Replace");
  make("allow", "Allow");
  advance(15min + 1s);
  const auto jobs_of = [&](const std::string& owner) {
    size_t res = 0;
    for (const auto& j : list<job>())
      res +=
          j.metadata.owner_references.at(0).name == owner && j.metadata.deletion_timestamp.empty();
    return res;
  };
  BOOST_TEST(jobs_of("forbid") == 1);
  BOOST_TEST(jobs_of("replace") == 1);
  BOOST_TEST(jobs_of("allow") == 3);
}

BOOST_AUTO_TEST_SUITE_END()
