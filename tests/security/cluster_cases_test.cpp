// What the write pipeline must refuse. README.md tells for each case which check it was seen to
// fail without.
#include "api/admission/plugins.hpp"
#include "api/auth/default_policy.hpp"
#include "api/auth/node_restriction.hpp"
#include "api/auth/policy.hpp"
#include "api/auth/service_account_tokens.hpp"
#include "api/pipeline/cluster_fixture.hpp"
#include "api/text/base64.hpp"
#include "signing_request.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using testing::cluster;

namespace {

constexpr const char* rbac = "rbac.authorization.k8s.io";

/// Ann may read pods and write RBAC objects of her namespace; n1 and n2 are nodes.
struct guarded {
  guarded()
      : access(std::make_shared<auth::policy>()),
        c({auth::node_restriction(), admission::cluster_trust_bundle_attest(asking(access)),
           admission::deny_service_external_ips()},
          nullptr, access) {
    for (const char* ns : {"kube-system", "kube-node-lease"})
      make("namespaces", "", R"({"metadata":{"name":")" + std::string{ns} + R"("}})");
    make("serviceaccounts", "default", R"({"metadata":{"name":"default"}})");
    for (const char* node : {"n1", "n2"})
      make("nodes", "", R"({"metadata":{"name":")" + std::string{node} + R"("}})");
    pod_on("n1");
    pod_on("n2");
    for (const char* role : {R"({"metadata":{"name":"ann"},"rules":[
          {"verbs":["get"],"apiGroups":[""],"resources":["pods"]},
          {"verbs":["create","update"],"apiGroups":["rbac.authorization.k8s.io"],"resources":["roles",
           "rolebindings","clusterroles"]}]})",
                             R"({"metadata":{"name":"root"},"rules":[
          {"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]})"})
      make(std::string{"clusterroles."} + rbac, "", role);
    make(std::string{"clusterrolebindings."} + rbac, "", R"({"metadata":{"name":"ann"},"roleRef":
         {"kind":"ClusterRole","name":"ann"},"subjects":[{"kind":"User","name":"ann"}]})");
    access->rebuild(*c.state);
  }

  static admission::authorizer asking(std::shared_ptr<const auth::policy> p) {
    return [p = std::move(p)](const user_info& user, std::string_view verb, std::string_view group,
                              std::string_view resource, std::string_view name) {
      return p->authorize({user, true, verb, group, "*", "", resource, "", name, ""}).allowed();
    };
  }
  void make(std::string resource, std::string ns, std::string body) {
    auto r = as({"root", "", {"system:masters"}}, verb::create, std::move(resource), std::move(ns),
                "", std::move(body));
    BOOST_REQUIRE_MESSAGE(r.empty(), r);
  }
  void pod_on(const std::string& node) {
    make("pods", "default",
         R"({"metadata":{"name":"on-)" + node + R"("},"spec":{"nodeName":")" + node +
             R"(","containers":[{"name":"c","image":"i"}]}})");
  }
  /// The refusal; empty when it was done.
  std::string as(user_info user, verb v, std::string resource, std::string ns, std::string name,
                 std::string body, std::string sub = {}) {
    auto call = cluster::make(v, std::move(resource), std::move(ns), std::move(name),
                              std::move(body), std::move(sub));
    call.user = std::move(user);
    if (v == verb::patch)
      call.patch = patch_kind::json_merge;
    const auto r = c.send(call);
    return r.ok ? "" : r.failure.message;
  }
  std::string create(std::string resource, std::string body, std::string ns = "default") {
    return as({"someone", "", {"dev"}}, verb::create, std::move(resource), std::move(ns), "",
              std::move(body));
  }
  std::string pod(const std::string& spec, const std::string& container = {}) {
    return create("pods", R"({"metadata":{"name":"p"},"spec":{)" + spec +
                              (spec.empty() ? "" : ",") +
                              R"("containers":[{"name":"c","image":"i")" + container + "}]}}");
  }
  std::string as_ann(std::string resource, std::string body, verb v = verb::create,
                     std::string name = {}) {
    const bool wide = resource == "clusterroles";
    return as({"ann", "", {"dev"}}, v, resource + "." + rbac, wide ? "" : "default",
              std::move(name), std::move(body));
  }
  std::string as_node(verb v, std::string resource, std::string ns, std::string name,
                      std::string body, std::string sub = {}) {
    return as({"system:node:n1", "", {"system:nodes"}}, v, std::move(resource), std::move(ns),
              std::move(name), std::move(body), std::move(sub));
  }
  /// Whether the refusal says that.
  static void refused(const std::string& got, std::string_view with) {
    BOOST_TEST(got.find(with) != std::string::npos,
               (got.empty() ? std::string{"done, not refused"} : got));
  }

  std::shared_ptr<auth::policy> access;
  cluster c;
};

std::string endpoints_to(const std::string& ip) {
  return R"({"metadata":{"name":"e"},"subsets":[{"addresses":[{"ip":")" + ip +
         R"("}],"ports":[{"port":80}]}]})";
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(what_traffic_is_led_to, guarded)

BOOST_AUTO_TEST_CASE(endpoints_do_not_lead_to_loopback) {
  refused(create("endpoints", endpoints_to("127.0.0.1")), "loopback range");
  refused(create("endpoints", endpoints_to("::1")), "loopback range");
}

BOOST_AUTO_TEST_CASE(endpoints_do_not_lead_to_link_local_addresses) {
  refused(create("endpoints", endpoints_to("169.254.169.254")), "link-local range");
}

BOOST_AUTO_TEST_CASE(endpoint_slices_do_not_lead_to_loopback) {
  refused(create("endpointslices.discovery.k8s.io",
                 R"({"metadata":{"name":"e"},"addressType":"IPv4","endpoints":[{"addresses":
                    ["127.0.0.1"]}],"ports":[{"name":"","port":80}]})"),
          "loopback range");
}

BOOST_AUTO_TEST_CASE(external_addresses_are_no_machines_own) {
  for (const auto* ip : {"127.0.0.1", "169.254.169.254", "0.0.0.0"})
    refused(create("services", R"({"metadata":{"name":"s"},"spec":{"externalIPs":[")" +
                                   std::string{ip} + R"("],"ports":[{"port":80}]}})"),
            "spec.externalIPs[0]");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(what_pods_may_be, guarded)

BOOST_AUTO_TEST_CASE(a_localhost_seccomp_profile_has_a_name) {
  refused(pod(R"("securityContext":{"seccompProfile":{"type":"Localhost"}})"),
          "spec.securityContext.seccompProfile.localhostProfile");
  refused(pod(R"("securityContext":{"seccompProfile":{"type":"Localhost","localhostProfile":""}})"),
          "spec.securityContext.seccompProfile.localhostProfile");
}

BOOST_AUTO_TEST_CASE(a_localhost_seccomp_profile_stays_in_its_folder) {
  refused(pod(R"("securityContext":{"seccompProfile":{"type":"Localhost","localhostProfile":
              "../../../etc/passwd"}})"),
          "must not contain '..'");
}

BOOST_AUTO_TEST_CASE(sysctls_are_names_and_no_paths) {
  for (const auto* name : {"kernel/../vm.x", "-kernel.x", "kernel..x", ""})
    refused(pod(R"("securityContext":{"sysctls":[{"name":")" + std::string{name} +
                R"(","value":"1"}]})"),
            "spec.securityContext.sysctls[0].name");
}

BOOST_AUTO_TEST_CASE(unsafe_sysctls_are_no_baseline) {
  make("namespaces", "", R"({"metadata":{"name":"base","labels":
       {"pod-security.kubernetes.io/enforce":"baseline"}}})");
  refused(create("pods", R"({"metadata":{"name":"p"},"spec":{"securityContext":{"sysctls":[
                 {"name":"kernel.msgmax","value":"1"}]},"containers":[{"name":"c","image":"i"}]}})",
                 "base"),
          "forbidden sysctls (kernel.msgmax)");
}

BOOST_AUTO_TEST_CASE(ephemeral_containers_do_not_evade_pod_security) {
  make("namespaces", "", R"({"metadata":{"name":"base","labels":
       {"pod-security.kubernetes.io/enforce":"baseline"}}})");
  make("serviceaccounts", "base", R"({"metadata":{"name":"default"}})");
  BOOST_TEST(create("pods", R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":
                     "i"}]}})",
                    "base") == "");
  refused(as({"someone", "", {}}, verb::patch, "pods", "base", "p",
             R"({"spec":{"ephemeralContainers":[{"name":"d","image":"i","securityContext":
                {"privileged":true}}]}})",
             "ephemeralcontainers"),
          "privileged");
}

BOOST_AUTO_TEST_CASE(host_paths_have_no_backsteps) {
  refused(pod(R"("volumes":[{"name":"v","hostPath":{"path":"/var/../etc"}}])"),
          "must not contain '..'");
}

BOOST_AUTO_TEST_CASE(sub_paths_have_no_backsteps) {
  refused(pod(R"("volumes":[{"name":"v","emptyDir":{}}])",
              R"(,"volumeMounts":[{"name":"v","mountPath":"/m","subPath":"../x"}])"),
          "subPath");
}

BOOST_AUTO_TEST_CASE(keys_of_config_maps_are_names_of_files) {
  refused(create("configmaps", R"({"metadata":{"name":"m"},"data":{"../../etc/x":"y"}})"),
          "data[../../etc/x]");
  refused(create("configmaps", R"({"metadata":{"name":"m"},"data":{"..":"y"}})"), "data[..]");
}

BOOST_AUTO_TEST_CASE(paths_of_volume_items_stay_in_their_volume) {
  refused(pod(R"("volumes":[{"name":"v","secret":{"secretName":"s","items":[{"key":"k","path":
              "../../../etc/x"}]}}])"),
          "must not contain '..'");
}

BOOST_AUTO_TEST_CASE(a_running_pod_keeps_its_account_and_its_isolation) {
  BOOST_TEST(pod("") == "");
  for (const auto* change : {R"({"spec":{"serviceAccountName":"other"}})",
                             R"({"spec":{"hostNetwork":true}})", R"({"spec":{"hostPID":true}})"})
    refused(as({"someone", "", {}}, verb::patch, "pods", "default", "p", change),
            "pod updates may not change fields other than");
}

BOOST_AUTO_TEST_CASE(a_status_update_changes_no_spec) {
  make("services", "default", R"({"metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}})");
  BOOST_TEST(as({"someone", "", {}}, verb::patch, "services", "default", "s",
                R"({"spec":{"externalIPs":["203.0.113.1"]}})", "status") == "");
  BOOST_TEST(testing::text_at(*c.get("services", "default", "s"), {"spec", "externalIPs"}) == "");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(what_grants_rights, guarded)

BOOST_AUTO_TEST_CASE(nobody_writes_a_role_beyond_their_own_rights) {
  refused(as_ann("roles", R"({"metadata":{"name":"r"},"rules":[{"verbs":["get"],"apiGroups":[""],
                 "resources":["secrets"]}]})"),
          "attempting to grant RBAC permissions not currently held");
}

BOOST_AUTO_TEST_CASE(nobody_binds_a_role_beyond_their_own_rights) {
  refused(as_ann("rolebindings", R"({"metadata":{"name":"b"},"roleRef":{"kind":"ClusterRole",
                 "name":"root"},"subjects":[{"kind":"User","name":"ann"}]})"),
          "attempting to grant RBAC permissions not currently held");
}

BOOST_AUTO_TEST_CASE(nobody_aggregates_what_they_do_not_hold) {
  refused(as_ann("clusterroles", R"({"metadata":{"name":"a"},"aggregationRule":{
                 "clusterRoleSelectors":[{"matchLabels":{"x":"y"}}]},"rules":[]})"),
          "must have cluster-admin privileges to use an aggregationRule");
}

BOOST_AUTO_TEST_CASE(nobody_attests_for_anothers_signer) {
  make(std::string{"clusterroles."} + rbac, "", R"({"metadata":{"name":"bundles"},"rules":[
       {"verbs":["create"],"apiGroups":["certificates.k8s.io"],"resources":
       ["clustertrustbundles"]}]})");
  make(std::string{"clusterrolebindings."} + rbac, "", R"({"metadata":{"name":"bundles"},"roleRef":
       {"kind":"ClusterRole","name":"bundles"},"subjects":[{"kind":"User","name":"ann"}]})");
  access->rebuild(*c.state);
  refused(as({"ann", "", {"dev"}}, verb::create, "clustertrustbundles.certificates.k8s.io", "", "",
             R"({"metadata":{"name":"kubernetes.io:kube-apiserver-serving:x"},"spec":{"signerName":
                "kubernetes.io/kube-apiserver-serving","trustBundle":)" +
                 json::quote(thespis::test::make_authority("mallory")) + "}}"),
          "user not permitted to attest for signerName");
}

BOOST_AUTO_TEST_CASE(editors_lead_no_traffic_to_other_namespaces) {
  for (const auto* role : {"admin", "edit"})
    for (const auto& r : auth::kubernetes_policy().cluster_roles)
      if (r.metadata.labels.contains("rbac.authorization.k8s.io/aggregate-to-" + std::string{role}))
        for (const auto& rule : r.rules)
          for (const auto& resource : rule.resources)
            if (resource.starts_with("endpoint"))
              for (const auto& verb : rule.verbs)
                BOOST_TEST((verb == "get" || verb == "list" || verb == "watch"),
                           r.metadata.name << " may " << verb << " " << resource);
}

BOOST_AUTO_TEST_CASE(services_claim_no_addresses_of_others) {
  refused(create("services", R"({"metadata":{"name":"s"},"spec":{"externalIPs":["203.0.113.7"],
                 "ports":[{"port":80}]}})"),
          "use of external IPs is denied by admission control");
}

BOOST_AUTO_TEST_CASE(no_client_certificate_makes_a_master) {
  const auto csr =
      encode_base64(thespis::test::make_signing_request("mallory", {"system:masters"}));
  refused(create("certificatesigningrequests.certificates.k8s.io",
                 R"({"metadata":{"name":"c"},"spec":{"signerName":
                    "kubernetes.io/kube-apiserver-client","usages":["client auth"],"request":")" +
                     csr + "\"}}",
                 ""),
          "system:masters");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(what_a_node_may_write, guarded)

BOOST_AUTO_TEST_CASE(a_node_changes_no_other_node) {
  refused(as_node(verb::patch, "nodes", "", "n2", R"({"status":{"phase":"x"}})", "status"),
          "is not allowed to modify node \"n2\"");
}

BOOST_AUTO_TEST_CASE(a_node_gives_itself_no_restricted_labels) {
  refused(as_node(verb::patch, "nodes", "", "n1",
                  R"({"metadata":{"labels":{"node-restriction.kubernetes.io/secure":"yes"}}})"),
          "is not allowed to modify labels");
}

BOOST_AUTO_TEST_CASE(a_node_takes_no_taints_off) {
  refused(as_node(verb::patch, "nodes", "", "n1",
                  R"({"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}})"),
          "taints");
}

BOOST_AUTO_TEST_CASE(a_node_names_itself_no_owner) {
  refused(as_node(verb::patch, "nodes", "", "n1",
                  R"({"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n2",
                     "uid":"u"}]}})"),
          "ownerReferences");
}

BOOST_AUTO_TEST_CASE(a_node_reports_about_no_others_pods) {
  refused(as_node(verb::patch, "pods", "default", "on-n2", R"({"status":{"phase":"Failed"}})",
                  "status"),
          "can only update pod status for pods with spec.nodeName set to itself");
}

BOOST_AUTO_TEST_CASE(a_node_deletes_no_others_pods) {
  refused(as_node(verb::remove, "pods", "default", "on-n2", ""),
          "can only delete pods with spec.nodeName set to itself");
}

BOOST_AUTO_TEST_CASE(a_node_makes_no_pods_but_mirrors) {
  refused(as_node(verb::create, "pods", "default", "",
                  R"({"metadata":{"name":"m"},"spec":{"nodeName":"n1",
                     "automountServiceAccountToken":false,"containers":[{"name":"c","image":"i"}]}})"),
          "can only create mirror pods");
}

BOOST_AUTO_TEST_CASE(a_node_makes_no_mirrors_on_others) {
  refused(as_node(verb::create, "pods", "default", "",
                  R"({"metadata":{"name":"m","annotations":{"kubernetes.io/config.mirror":"x"}},
                     "spec":{"nodeName":"n2","automountServiceAccountToken":false,"containers":
                     [{"name":"c","image":"i"}]}})"),
          "can only create pods with spec.nodeName set to itself");
}

BOOST_AUTO_TEST_CASE(a_mirror_pod_takes_no_secrets) {
  const std::string owner = R"("ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n1",
                               "uid":")" +
                            c.get("nodes", "", "n1")->uid() + R"(","controller":true}])";
  refused(as_node(verb::create, "pods", "default", "",
                  R"({"metadata":{"name":"m",)" + owner +
                      R"(,"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":
                         "n1","automountServiceAccountToken":false,"volumes":[{"name":"v","secret":
                         {"secretName":"s"}}],"containers":[{"name":"c","image":"i"}]}})"),
          "secret");
}

BOOST_AUTO_TEST_CASE(a_node_asks_for_no_others_certificate) {
  const auto ask = [&](const std::string& name, const std::string& signer,
                       const std::string& usage) {
    const auto csr = encode_base64(thespis::test::make_signing_request(
        "system:node:" + name, {"system:nodes"}, "DNS:" + name));
    return as_node(verb::create, "certificatesigningrequests.certificates.k8s.io", "", "",
                   R"({"metadata":{"generateName":"c"},"spec":{"signerName":"kubernetes.io/)" +
                       signer + R"(","usages":["digital signature",")" + usage +
                       R"("],"request":")" + csr + "\"}}");
  };
  BOOST_TEST(ask("n1", "kubelet-serving", "server auth") == "");
  refused(ask("n2", "kubelet-serving", "server auth"),
          "can only create a node CSR with CN=system:node:n1");
  refused(ask("n2", "kube-apiserver-client-kubelet", "client auth"),
          "can only create a node CSR with CN=system:node:n1");
}

BOOST_AUTO_TEST_CASE(a_node_asks_for_tokens_of_its_pods_audiences_only) {
  make("serviceaccounts", "default", R"({"metadata":{"name":"robot"}})");
  make("pods", "default", R"({"metadata":{"name":"speaks"},"spec":{"nodeName":"n1",
       "serviceAccountName":"robot","containers":[{"name":"c","image":"i"}],"volumes":[{"name":"v",
       "projected":{"sources":[{"serviceAccountToken":{"audience":"vault","path":"t"}}]}}]}})");
  auth::token_deps issuer;
  issuer.keys = {*auth::token_key::load(*auth::token_key::make())};
  issuer.state = c.state;
  issuer.now = [this] { return c.now; };
  issuer.new_id = [] { return "id"; };
  pipeline_deps deps;
  deps.state = c.state;
  deps.now = issuer.now;
  deps.new_uid = issuer.new_id;
  deps.random_suffix = [](size_t n) { return std::string(n, 'x'); };
  deps.more_plugins = {auth::node_restriction()};
  deps.tokens = std::make_shared<const auth::service_account_tokens>(issuer);
  const pipeline line{deps};
  const auto ask = [&](const std::string& audiences) {
    auto call = cluster::make(
        verb::create, "serviceaccounts", "default", "robot",
        R"({"spec":{"audiences":[)" + audiences +
            R"(],"expirationSeconds":600,"boundObjectRef":{"kind":"Pod","apiVersion":"v1",)"
            R"("name":"speaks","uid":")" +
            c.get("pods", "default", "speaks")->uid() + R"("}}})",
        "token");
    call.user = {"system:node:n1", "", {"system:nodes"}};
    const auto r = std::get<reply>(line.prepare(call));
    return r.ok ? std::string{} : r.failure.message;
  };
  for (const auto* fine : {"", R"("vault")"})
    BOOST_TEST(ask(fine) == "", fine);
  refused(ask(R"("bank")"), "audience \"bank\" not found in pod spec volume");
  refused(ask(R"("vault","bank")"), "node may only request 0 or 1 audiences");
}

BOOST_AUTO_TEST_CASE(a_node_renews_no_others_lease) {
  refused(as_node(verb::create, "leases.coordination.k8s.io", "kube-node-lease", "",
                  R"({"metadata":{"name":"n2"}})"),
          "can only access node lease with the same name");
}

BOOST_AUTO_TEST_SUITE_END()
