#include "api/pipeline/cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using thespis::api::testing::cluster;
using thespis::api::testing::text_at;

namespace {

struct ranged : cluster {
  explicit ranged(std::vector<std::string> ranges)
      : cluster({}, nullptr, nullptr, std::move(ranges)) {}

  reply service(const std::string& name, const std::string& spec) {
    return create("services", "default",
                  R"({"metadata":{"name":")" + name + R"("},"spec":{"ports":[{"port":80}])" +
                      (spec.empty() ? "" : ",") + spec + "}}");
  }
  reply change(const std::string& name, const std::string& spec) {
    return patch("services", "default", name, R"({"spec":{)" + spec + "}}");
  }
  /// What of it is about families: "SingleStack IPv4 4", with a digit an address.
  std::string shape(const reply& r) {
    if (!r.ok)
      return r.failure.message;
    std::string res = text_at(*r.object, {"spec", "ipFamilyPolicy"}) + " ";
    for (char c : text_at(*r.object, {"spec", "ipFamilies"}))
      if (c == '4' || c == '6')
        res += c;
    res += " ";
    const auto ips = text_at(*r.object, {"spec", "clusterIPs"});
    if (ips == R"(["None"])")
      return res + "None";
    // A family's addresses tell themselves apart by their marks.
    bool six = false, any = false;
    for (char c : ips) {
      if (c == ',' || c == ']') {
        if (any)
          res += six ? '6' : '4';
        six = any = false;
      } else {
        six |= c == ':';
        any |= c == '.' || c == ':';
      }
    }
    return res;
  }
};

struct dual : ranged {
  dual() : ranged({"10.43.0.0/16", "fd43::/108"}) {}
};
struct only_v4 : ranged {
  only_v4() : ranged({"10.43.0.0/16"}) {}
};
struct v6_first : ranged {
  v6_first() : ranged({"fd43::/108", "10.43.0.0/16"}) {}
};
struct only_v6 : ranged {
  only_v6() : ranged({"fd43::/108"}) {}
};

const std::string refused = "Service \"a\" is invalid: ";

} // namespace

BOOST_AUTO_TEST_SUITE(service_families)

BOOST_FIXTURE_TEST_CASE(are_what_the_policy_asks_for, dual) {
  BOOST_TEST(shape(service("a", "")) == "SingleStack 4 4");
  BOOST_TEST(shape(service("b", R"("ipFamilies":["IPv6"])")) == "SingleStack 6 6");
  BOOST_TEST(shape(service("c", R"("ipFamilyPolicy":"PreferDualStack")")) ==
             "PreferDualStack 46 46");
  BOOST_TEST(shape(service("d", R"("ipFamilyPolicy":"RequireDualStack","ipFamilies":["IPv6"])")) ==
             "RequireDualStack 64 64");
  BOOST_TEST(shape(service("e", R"("ipFamilyPolicy":"PreferDualStack","ipFamilies":["IPv6","IPv4"],
                                   "type":"NodePort")")) == "PreferDualStack 64 64");
  const auto o = get("services", "default", "d");
  BOOST_TEST(text_at(*o, {"spec", "clusterIP"}).starts_with("fd43::"));
  BOOST_TEST(text_at(*o, {"spec", "clusterIPs"})
                 .starts_with("[\"" + text_at(*o, {"spec", "clusterIP"}) + "\",\"10.43."));
}

BOOST_FIXTURE_TEST_CASE(follow_the_addresses_that_were_chosen, dual) {
  BOOST_TEST(shape(service("a", R"("clusterIP":"fd43::77")")) == "SingleStack 6 6");
  BOOST_TEST(shape(service("b", R"("ipFamilyPolicy":"PreferDualStack","clusterIP":"fd43::78",
                                   "clusterIPs":["fd43::78","10.43.0.78"])")) ==
             "PreferDualStack 64 64");
  BOOST_TEST(
      shape(service("c", R"("ipFamilyPolicy":"PreferDualStack","clusterIP":"10.43.0.79")")) ==
      "PreferDualStack 46 46");
  BOOST_TEST(service("d", R"("clusterIP":"fd43::77")").failure.message ==
             "Service \"d\" is invalid: spec.clusterIPs: Invalid value: [\"fd43::77\"]: failed to "
             "allocate IP fd43::77: provided IP is already allocated");
  BOOST_TEST(service("d", R"("clusterIP":"fd44::77")").failure.message ==
             "Service \"d\" is invalid: spec.clusterIPs: Invalid value: [\"fd44::77\"]: failed to "
             "allocate IP fd44::77: the provided IP (fd44::77) is not in the valid range. The "
             "range of valid IPs is fd43::/108");
}

BOOST_FIXTURE_TEST_CASE(of_headless_services_have_no_addresses, dual) {
  const std::string none = R"("clusterIP":"None")", selector = R"(,"selector":{"app":"x"})";
  BOOST_TEST(shape(service("a", none + selector)) == "SingleStack 4 None");
  BOOST_TEST(shape(service("b", none + selector + R"(,"ipFamilies":["IPv6"])")) ==
             "SingleStack 6 None");
  BOOST_TEST(shape(service("c", none + selector + R"(,"ipFamilyPolicy":"RequireDualStack")")) ==
             "RequireDualStack 46 None");
  BOOST_TEST(shape(service("d", none)) == "RequireDualStack 46 None");
  BOOST_TEST(shape(service("e", none + R"(,"ipFamilyPolicy":"SingleStack")")) ==
             "SingleStack 4 None");
  // Without addresses, families may change.
  BOOST_TEST(shape(change("a", R"("ipFamilies":["IPv6"])")) == "SingleStack 6 None");
}

BOOST_FIXTURE_TEST_CASE(are_only_what_a_cluster_has, only_v4) {
  BOOST_TEST(shape(service("a", R"("ipFamilyPolicy":"PreferDualStack")")) == "PreferDualStack 4 4");
  remove("services", "default", "a");
  BOOST_TEST(shape(service("a", R"("ipFamilyPolicy":"RequireDualStack")")) ==
             refused + "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is "
                       "not configured for dual-stack services");
  BOOST_TEST(shape(service("a", R"("ipFamilies":["IPv6"])")) ==
             refused +
                 "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster");
  BOOST_TEST(shape(service("a", R"("clusterIP":"fd43::1")")) ==
             refused +
                 "spec.clusterIPs[0]: Invalid value: [\"fd43::1\"]: IPv6 is not configured on "
                 "this cluster");
  // Who leaves the endpoints to somebody else may name families the cluster lacks.
  BOOST_TEST(shape(service("b", R"("clusterIP":"None")")) == "RequireDualStack 46 None");
}

BOOST_FIXTURE_TEST_CASE(begin_with_the_primary_one, v6_first) {
  BOOST_TEST(shape(service("a", "")) == "SingleStack 6 6");
  BOOST_TEST(shape(service("b", R"("ipFamilyPolicy":"PreferDualStack")")) ==
             "PreferDualStack 64 64");
  BOOST_TEST(shape(service("c", R"("clusterIP":"None")")) == "RequireDualStack 64 None");
}

BOOST_FIXTURE_TEST_CASE(can_be_ipv6_alone, only_v6) {
  BOOST_TEST(shape(service("a", "")) == "SingleStack 6 6");
  BOOST_TEST(
      shape(service("b", R"("ipFamilies":["IPv4"])")) ==
      "Service \"b\" is invalid: spec.ipFamilies[0]: Invalid value: \"IPv4\": not configured "
      "on this cluster");
}

BOOST_FIXTURE_TEST_CASE(are_refused_where_they_contradict, dual) {
  const auto policy = refused + "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be "
                                "'RequireDualStack' or 'PreferDualStack' when multiple ";
  BOOST_TEST(shape(service("a", R"("ipFamilies":["IPv4","IPv6"])")) ==
             policy + "IP families are specified");
  BOOST_TEST(
      shape(service("a", R"("clusterIP":"10.43.0.5","clusterIPs":["10.43.0.5","fd43::5"])")) ==
      policy + "cluster IPs are specified");
  const std::string dual_policy = R"("ipFamilyPolicy":"PreferDualStack",)";
  BOOST_TEST(shape(service("a", dual_policy + R"("ipFamilies":["IPv4","IPv4"])")) ==
             refused + "spec.ipFamilies[1]: Duplicate value: \"IPv4\"");
  BOOST_TEST(shape(service("a", dual_policy + R"("clusterIP":"10.43.0.5",
                                "clusterIPs":["10.43.0.5","10.43.0.6"])")) ==
             refused + "spec.clusterIPs: Invalid value: [\"10.43.0.5\",\"10.43.0.6\"]: may specify "
                       "no more than one IP for each IP family");
  BOOST_TEST(shape(service("a", R"("clusterIP":"10.43.0.5","ipFamilies":["IPv6"])")) ==
             refused +
                 "spec.clusterIPs[0]: Invalid value: \"10.43.0.5\": expected an IPv6 value as "
                 "indicated by `ipFamilies[0]`");
  BOOST_TEST(
      shape(service("a", dual_policy + R"("clusterIP":"None","clusterIPs":["None","fd43::5"])"))
          .find("'None' must be the first and only value") != std::string::npos);
  BOOST_TEST(shape(service("a", R"("clusterIPs":["10.43.0.5"])")) ==
             refused + "spec.clusterIPs: Invalid value: [\"10.43.0.5\"]: must be empty when "
                       "`clusterIP` is not specified");
  BOOST_TEST(shape(service("a", R"("ipFamilies":["IPv5"])")).find("Unsupported value: \"IPv5\"") !=
             std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(are_added_and_given_back_by_the_policy, dual) {
  ok(service("a", R"("clusterIP":"10.43.0.5")"));
  BOOST_TEST(shape(change("a", R"("ipFamilyPolicy":"RequireDualStack")")) ==
             "RequireDualStack 46 46");
  const auto ips = text_at(*get("services", "default", "a"), {"spec", "clusterIPs"});
  BOOST_TEST(ips.starts_with(R"(["10.43.0.5","fd43::)"));
  const auto six = ips.substr(14, ips.size() - 16);
  BOOST_TEST(!service("b", R"("clusterIP":")" + six + "\"").ok);
  BOOST_TEST(shape(change("a", R"("ipFamilyPolicy":"SingleStack")")) == "SingleStack 4 4");
  ok(service("b", R"("clusterIP":")" + six + "\"")); // it was given back
  BOOST_TEST(shape(change("a", R"("ipFamilyPolicy":"PreferDualStack")")) ==
             "PreferDualStack 46 46");
  BOOST_TEST(shape(change("a", R"("selector":{"x":"y"})")) == "PreferDualStack 46 46");
}

BOOST_FIXTURE_TEST_CASE(may_not_lose_or_change_the_first, dual) {
  ok(service("a", R"("ipFamilyPolicy":"RequireDualStack","clusterIP":"10.43.0.5",
                     "clusterIPs":["10.43.0.5","fd43::5"])"));
  const auto policy = "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be "
                      "'SingleStack' to release the secondary ";
  BOOST_TEST(shape(change("a", R"("ipFamilies":["IPv4"])")) == refused + policy + "IP family");
  BOOST_TEST(shape(change("a", R"("clusterIPs":["10.43.0.5"])")) ==
             refused + policy + "cluster IP");
  BOOST_TEST(
      shape(change("a", R"("ipFamilies":["IPv6","IPv4"])"))
          .find("spec.ipFamilies[0]: Invalid value: [\"IPv6\",\"IPv4\"]: may not change once "
                "set") != std::string::npos);
  BOOST_TEST(shape(change("a", R"("clusterIPs":["10.43.0.5","fd43::6"])")) ==
             refused + "spec.clusterIPs[1]: Invalid value: [\"10.43.0.5\",\"fd43::6\"]: may not "
                       "change once set");
  // Who writes it as it was first wanted keeps what was given.
  BOOST_TEST(shape(update("services", "default", "a",
                          R"({"metadata":{"name":"a"},"spec":{"ports":[{"port":81}]}})")) ==
             "RequireDualStack 46 46");
  BOOST_TEST(shape(change("a", R"("ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"],
                                  "clusterIPs":["10.43.0.5"])")) == "SingleStack 4 4");
}

BOOST_FIXTURE_TEST_CASE(go_with_the_type_and_come_back, dual) {
  ok(service("a", R"("ipFamilyPolicy":"PreferDualStack","type":"LoadBalancer",
                     "externalTrafficPolicy":"Local")"));
  const auto r = ok(change("a", R"("type":"ExternalName","externalName":"example.com",
                                   "clusterIP":"","healthCheckNodePort":0)"));
  const auto text = text_at(*r.object, {"spec"});
  for (const char* gone : {"clusterIP", "ipFamil", "healthCheckNodePort", "nodePort",
                           "externalTrafficPolicy", "internalTrafficPolicy"})
    BOOST_TEST(text.find(gone) == std::string::npos, text);
  BOOST_TEST(shape(change("a", R"("type":"ClusterIP","externalName":null)")) == "SingleStack 4 4");
  BOOST_TEST(
      service("b", R"("type":"ExternalName","externalName":"example.com","ipFamilies":["IPv4"])")
          .failure.message == "Service \"b\" is invalid: spec.ipFamilies: Forbidden: may not "
                              "be set for ExternalName services");
}

BOOST_AUTO_TEST_SUITE_END()
