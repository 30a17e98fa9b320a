// Rows of the kinds beyond pods, workloads and services.
#include "api/table/cells.hpp"
#include "api/table/table.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::table;

namespace {

const timestamp now = *parse_time("2026-01-01T12:00:00Z");

std::string text(const cell& c) {
  struct {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(const std::string& s) const { return s; }
    std::string operator()(int64_t n) const { return std::to_string(n); }
    std::string operator()(double d) const { return std::to_string(d); }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
  } shown;
  return std::visit(shown, c);
}

/// The cells as "a|b|c"; as many as there are columns.
std::string cells(std::string_view resource, std::string_view text_of_object) {
  auto doc = json::parse(text_of_object);
  BOOST_REQUIRE_MESSAGE(doc, text_of_object);
  const auto* p = find_printer(resource);
  BOOST_REQUIRE(p);
  const auto r = p->cells(*doc, now);
  BOOST_TEST(r.size() == p->columns.size());
  std::string out;
  for (const auto& c : r)
    out += (out.empty() ? "" : "|") + text(c);
  return out;
}

constexpr std::string_view meta =
    R"("metadata":{"name":"x","creationTimestamp":"2026-01-01T11:00:00Z"})";

std::string with_meta(std::string_view rest) {
  return "{" + std::string(meta) + "," + std::string(rest) + "}";
}

std::string columns(std::string_view resource) {
  std::string out;
  for (const auto& c : find_printer(resource)->columns)
    out += (out.empty() ? "" : "|") + c.name;
  return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(kinds_tables)

BOOST_AUTO_TEST_CASE(volumes_tell_their_claim_and_modes) {
  BOOST_TEST(
      columns("persistentvolumes") ==
      "Name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|"
      "Reason|Age|VolumeMode");
  BOOST_TEST(
      cells(
          "persistentvolumes",
          with_meta(
              R"("spec":{"capacity":{"storage":"5Gi"},"accessModes":["ReadWriteMany","ReadWriteOnce"],
    "persistentVolumeReclaimPolicy":"Retain","claimRef":{"namespace":"d","name":"c"},
    "storageClassName":"fast","volumeMode":"Filesystem"},"status":{"phase":"Bound"})")) ==
      "x|5Gi|RWO,RWX|Retain|Bound|d/c|fast|<unset>||60m|Filesystem");
}

BOOST_AUTO_TEST_CASE(claims_tell_what_they_got_once_they_are_bound) {
  BOOST_TEST(cells("persistentvolumeclaims",
                   with_meta(R"("spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"fast",
    "resources":{"requests":{"storage":"1Gi"}}},"status":{"phase":"Pending"})")) ==
             "x|Pending||||fast|<unset>|60m|<unset>");
  BOOST_TEST(
      cells("persistentvolumeclaims", with_meta(R"("spec":{"volumeName":"pv","volumeMode":"Block"},
    "status":{"phase":"Bound","capacity":{"storage":"2Gi"},"accessModes":["ReadOnlyMany"]})")) ==
      "x|Bound|pv|2Gi|ROX||<unset>|60m|Block");
}

BOOST_AUTO_TEST_CASE(the_default_storage_class_is_marked) {
  BOOST_TEST(cells("storageclasses.storage.k8s.io",
                   R"({"metadata":{"name":"s","creationTimestamp":"2026-01-01T11:59:00Z",
    "annotations":{"storageclass.kubernetes.io/is-default-class":"true"}},
    "provisioner":"p","reclaimPolicy":"Delete","volumeBindingMode":"WaitForFirstConsumer",
    "allowVolumeExpansion":true})") == "s (default)|p|Delete|WaitForFirstConsumer|true|60s");
}

BOOST_AUTO_TEST_CASE(budgets_show_what_is_not_set) {
  BOOST_TEST(
      cells("poddisruptionbudgets.policy",
            with_meta(R"("spec":{"minAvailable":"50%"},"status":{"disruptionsAllowed":2})")) ==
      "x|50%|N/A|2|60m");
  BOOST_TEST(cells("poddisruptionbudgets.policy", with_meta(R"("spec":{"maxUnavailable":1})")) ==
             "x|N/A|1|0|60m");
}

BOOST_AUTO_TEST_CASE(quotas_show_limits_apart) {
  BOOST_TEST(columns("resourcequotas") == "Name|Request|Limit|Age");
  BOOST_TEST(cells("resourcequotas",
                   with_meta(R"("status":{"hard":{"pods":"10","limits.cpu":"4","requests.cpu":"2"},
    "used":{"pods":"3","limits.cpu":"500m"}})")) ==
             "x|pods: 3/10, requests.cpu: 0/2|limits.cpu: 500m/4|60m");
}

BOOST_AUTO_TEST_CASE(cron_jobs_show_when_they_last_ran) {
  BOOST_TEST(
      cells("cronjobs.batch",
            with_meta(R"("spec":{"schedule":"*/5 * * * *","suspend":false,"jobTemplate":{"spec":
    {"template":{"spec":{"containers":[{"name":"c","image":"i"}]}}}}},
    "status":{"lastScheduleTime":"2026-01-01T11:58:00Z","active":[{}]})")) ==
      "x|*/5 * * * *|<none>|False|1|2m|60m|c|i|<none>");
}

BOOST_AUTO_TEST_CASE(autoscalers_show_each_metric_of_its_target) {
  constexpr std::string_view object =
      R"("spec":{"scaleTargetRef":{"kind":"Deployment","name":"web"},
    "minReplicas":1,"maxReplicas":9,"metrics":[
    {"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}},
    {"type":"Pods","pods":{"metric":{"name":"q"},"target":{"type":"AverageValue","averageValue":"10"}}},
    {"type":"External","external":{"metric":{"name":"z"},"target":{"type":"Value","value":"3"}}}]},
    "status":{"currentReplicas":2,"currentMetrics":[
    {"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":12}}}]})";
  BOOST_TEST(cells("horizontalpodautoscalers.autoscaling", with_meta(object)) ==
             "x|Deployment/web|cpu: 12%/80%, <unknown>/10 + 1 more...|1|9|2|60m");
}

BOOST_AUTO_TEST_CASE(ingresses_show_hosts_and_addresses) {
  BOOST_TEST(cells("ingresses.networking.k8s.io",
                   with_meta(R"("spec":{"ingressClassName":"nginx","tls":[{}],"rules":[{"host":"a"},
    {"host":"b"},{"host":"c"},{"host":"d"}]},"status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"},
    {"hostname":"lb"}]}})")) == "x|nginx|a,b,c + 1 more...|1.2.3.4,lb|80, 443|60m");
  BOOST_TEST(cells("ingresses.networking.k8s.io", with_meta(R"("spec":{})")) ==
             "x|<none>|*||80|60m");
}

BOOST_AUTO_TEST_CASE(bindings_show_role_and_subjects) {
  BOOST_TEST(cells("rolebindings.rbac.authorization.k8s.io",
                   with_meta(R"("roleRef":{"kind":"Role","name":"r"},"subjects":[
    {"kind":"User","name":"u"},{"kind":"User","name":"v"},
    {"kind":"ServiceAccount","namespace":"n","name":"s"}])")) == "x|Role/r|60m|u, v||n/s");
}

BOOST_AUTO_TEST_CASE(kinds_without_a_printer_show_the_time_of_creation_as_it_is) {
  for (auto resource : {"roles.rbac.authorization.k8s.io", "limitranges",
                        "customresourcedefinitions.apiextensions.k8s.io"}) {
    BOOST_TEST(columns(resource) == "Name|Created At");
    BOOST_TEST(cells(resource, with_meta(R"("spec":{})")) == "x|2026-01-01T11:00:00Z");
  }
}

BOOST_AUTO_TEST_CASE(signing_requests_tell_what_became_of_them) {
  BOOST_TEST(cells("certificatesigningrequests.certificates.k8s.io",
                   with_meta(R"("spec":{"signerName":"s","username":"u","expirationSeconds":3600},
    "status":{"conditions":[{"type":"Approved"}],"certificate":"eA=="})")) ==
             "x|60m|s|u|60m|Approved,Issued");
  BOOST_TEST(cells("certificatesigningrequests.certificates.k8s.io",
                   with_meta(R"("spec":{"signerName":"s","username":"u"})")) ==
             "x|60m|s|u|<none>|Pending");
}

BOOST_AUTO_TEST_CASE(device_claims_tell_how_far_they_are) {
  const auto* resource = "resourceclaims.resource.k8s.io";
  BOOST_TEST(cells(resource, with_meta(R"("spec":{})")) == "x|pending|60m");
  BOOST_TEST(cells(resource, with_meta(R"("status":{"allocation":{},"reservedFor":[{}]})")) ==
             "x|allocated,reserved|60m");
}

BOOST_AUTO_TEST_CASE(api_services_tell_who_answers) {
  BOOST_TEST(cells("apiservices.apiregistration.k8s.io", with_meta(R"("spec":{},
    "status":{"conditions":[{"type":"Available","status":"True"}]})")) == "x|Local|True|60m");
  BOOST_TEST(cells("apiservices.apiregistration.k8s.io",
                   with_meta(R"("spec":{"service":{"namespace":"n","name":"s"}},
    "status":{"conditions":[{"type":"Available","status":"False","reason":"Gone"}]})")) ==
             "x|n/s|False (Gone)|60m");
}

BOOST_AUTO_TEST_CASE(events_of_both_groups_look_alike) {
  const auto core =
      cells("events", with_meta(R"("involvedObject":{"kind":"Pod","name":"p"},"type":"Normal",
    "reason":"R","message":"m","count":2,"source":{"component":"c","host":"h"},
    "firstTimestamp":"2026-01-01T11:00:00Z","lastTimestamp":"2026-01-01T11:59:00Z")"));
  BOOST_TEST(core == "60s|Normal|R|pod/p||c, h|m|60m|2|x");
  BOOST_TEST(cells("events.events.k8s.io",
                   with_meta(R"("regarding":{"kind":"Pod","name":"p"},"type":"Normal",
    "reason":"R","note":"m","deprecatedCount":2,"deprecatedSource":{"component":"c","host":"h"},
    "deprecatedFirstTimestamp":"2026-01-01T11:00:00Z",
    "deprecatedLastTimestamp":"2026-01-01T11:59:00Z")")) == core);
}

BOOST_AUTO_TEST_CASE(every_resource_has_a_row_even_for_an_empty_object) {
  for (const auto& r : schema::registry::builtin().resources()) {
    if (!r->has_verb("list"))
      continue;
    const auto* p = find_printer(r->group_resource());
    const auto& shown = p ? p->columns : r->columns;
    BOOST_TEST_CONTEXT(r->group_resource()) {
      // Only kinds that Kubernetes shows by name and age may do without columns.
      if (shown.empty())
        BOOST_TEST((r->plural == "deviceclasses" || r->plural == "resourceclaimtemplates"));
      else
        BOOST_TEST((shown.front().name == "Name" || r->plural == "events"));
      for (const auto& c : shown)
        BOOST_TEST(!c.about.empty());
      if (p)
        BOOST_TEST(p->cells(*json::parse("{}"), now).size() == p->columns.size());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
