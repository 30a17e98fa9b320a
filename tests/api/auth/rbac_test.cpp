// The index against an independent, plainly written reading of RBAC's rules.
#include "api/auth/policy.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <random>

using namespace thespis::api;
using auth::binding;

namespace {

struct test_role {
  bool cluster;
  std::string ns, name;
  auth::rule_list rules;
};

struct world {
  std::vector<test_role> roles;
  std::vector<binding> bindings;
};

struct request {
  user_info user;
  bool is_resource;
  std::string verb, group, ns, resource, subresource, name, path;
  auth::access_query query() const {
    return {user, is_resource, verb, group, "v1", ns, resource, subresource, name, path};
  }
};

// -- The rules, read plainly ---------------------------------------------------------------------

bool contains(const std::vector<std::string>& list, const std::string& what) {
  for (const auto& x : list)
    if (x == what)
      return true;
  return false;
}

bool rule_says_yes(const v1::policy_rule& rule, const request& r) {
  if (!contains(rule.verbs, "*") && !contains(rule.verbs, r.verb))
    return false;
  if (!r.is_resource) {
    for (const auto& url : rule.non_resource_urls) {
      if (url == r.path)
        return true;
      if (!url.empty() && url.back() == '*' &&
          r.path.compare(0, url.size() - 1, url, 0, url.size() - 1) == 0)
        return true;
    }
    return false;
  }
  if (!contains(rule.api_groups, "*") && !contains(rule.api_groups, r.group))
    return false;
  bool resource = contains(rule.resources, "*");
  if (r.subresource.empty()) {
    resource = resource || contains(rule.resources, r.resource);
  } else {
    resource = resource || contains(rule.resources, r.resource + "/" + r.subresource) ||
               contains(rule.resources, "*/" + r.subresource);
  }
  if (!resource)
    return false;
  return rule.resource_names.empty() || contains(rule.resource_names, r.name);
}

bool is_subject(const v1::subject& s, const std::string& binding_ns, const user_info& u) {
  if (s.kind == "User")
    return s.name == u.name;
  if (s.kind == "Group")
    return contains(u.groups, s.name);
  std::string ns = s.namespace_.empty() ? binding_ns : s.namespace_;
  if (ns.empty())
    return false;
  return u.name == "system:serviceaccount:" + ns + ":" + s.name;
}

bool world_says_yes(const world& w, const request& r) {
  if (contains(r.user.groups, "system:masters"))
    return true;
  for (const auto& b : w.bindings) {
    if (!b.ns.empty() && (!r.is_resource || b.ns != r.ns))
      continue;
    bool mine = false;
    for (const auto& s : b.subjects)
      mine = mine || is_subject(s, b.ns, r.user);
    if (!mine)
      continue;
    for (const auto& role : w.roles) {
      bool meant = role.name == b.role.name && role.cluster == (b.role.kind == "ClusterRole") &&
                   (role.cluster || role.ns == b.ns);
      if (!meant)
        continue;
      for (const auto& rule : role.rules)
        if (rule_says_yes(rule, r))
          return true;
    }
  }
  return false;
}

// -- A world at random ---------------------------------------------------------------------------

class dice {
public:
  explicit dice(uint64_t seed) : engine_(seed) {}
  size_t below(size_t n) { return engine_() % n; }
  bool one_in(size_t n) { return below(n) == 0; }
  const std::string& of(const std::vector<std::string>& list) { return list[below(list.size())]; }
  std::vector<std::string> some(const std::vector<std::string>& list, size_t most) {
    std::vector<std::string> out;
    for (size_t n = 1 + below(most); n > 0; --n)
      out.push_back(of(list));
    return out;
  }

private:
  std::mt19937_64 engine_;
};

using words = std::vector<std::string>;
const words verbs = {"get", "list", "watch", "create", "update", "patch", "delete"};
const words groups = {"", "apps", "batch", "example.com"};
const words resources = {"pods", "services", "deployments", "jobs", "widgets"};
const words subresources = {"log", "scale", "status", "exec"};
const words names = {"a", "b", "c", "web"};
const words namespaces = {"default", "one", "two", "three", "kube-system"};
const words users = {"ann",
                     "bob",
                     "cid",
                     "dee",
                     "system:serviceaccount:one:robot",
                     "system:serviceaccount:two:robot",
                     "system:serviceaccount:default:robot"};
const words user_groups = {"dev", "ops", "system:authenticated", "system:serviceaccounts"};
const words paths = {"/healthz", "/healthz/etcd", "/metrics", "/api", "/apis/apps", "/", "/x*y"};
const words path_rules = {"/healthz", "/healthz/*", "/metrics", "*", "/api*", "/apis/*", "/x*y"};

v1::policy_rule random_rule(dice& d) {
  v1::policy_rule r;
  r.verbs = d.one_in(8) ? words{"*"} : d.some(verbs, 3);
  if (d.one_in(5)) {
    r.non_resource_urls = d.some(path_rules, 2);
    return r;
  }
  r.api_groups = d.one_in(8) ? words{"*"} : d.some(groups, 2);
  for (size_t n = 1 + d.below(3); n > 0; --n) {
    if (d.one_in(20))
      r.resources.push_back("*");
    else if (d.one_in(8))
      r.resources.push_back("*/" + d.of(subresources));
    else if (d.one_in(3))
      r.resources.push_back(d.of(resources) + "/" + d.of(subresources));
    else
      r.resources.push_back(d.of(resources));
  }
  if (d.one_in(4))
    r.resource_names = d.some(names, 2);
  return r;
}

v1::subject random_subject(dice& d) {
  v1::subject s;
  switch (d.below(3)) {
  case 0:
    s.kind = "User";
    s.name = d.of(users);
    break;
  case 1:
    s.kind = "Group";
    s.name = d.of(user_groups);
    break;
  default:
    s.kind = "ServiceAccount";
    s.name = "robot";
    s.namespace_ = d.one_in(3) ? "" : d.of(namespaces);
  }
  return s;
}

world random_world(dice& d, size_t roles, size_t bindings) {
  world w;
  for (size_t i = 0; i < roles; ++i) {
    test_role r{d.one_in(2), "", "r" + std::to_string(i % (roles / 2 + 1)), {}};
    if (!r.cluster)
      r.ns = d.of(namespaces);
    bool taken = false;
    for (const auto& other : w.roles)
      taken = taken || (other.cluster == r.cluster && other.ns == r.ns && other.name == r.name);
    if (taken)
      continue;
    for (size_t n = d.below(6); n > 0; --n)
      r.rules.push_back(random_rule(d));
    w.roles.push_back(std::move(r));
  }
  for (size_t i = 0; i < bindings; ++i) {
    binding b;
    b.name = "b" + std::to_string(i);
    b.ns = d.one_in(3) ? "" : d.of(namespaces);
    b.role.api_group = "rbac.authorization.k8s.io";
    b.role.kind = b.ns.empty() || d.one_in(2) ? "ClusterRole" : "Role";
    b.role.name = "r" + std::to_string(d.below(roles / 2 + 2)); // some name nobody
    for (size_t n = d.below(4); n > 0; --n)
      b.subjects.push_back(random_subject(d));
    w.bindings.push_back(std::move(b));
  }
  return w;
}

request random_request(dice& d) {
  request r;
  r.user.name = d.of(users);
  for (const auto& g : user_groups)
    if (d.one_in(4))
      r.user.groups.push_back(g);
  if (d.one_in(200))
    r.user.groups.push_back("system:masters");
  r.verb = d.of(verbs);
  r.is_resource = !d.one_in(6);
  if (!r.is_resource) {
    r.path = d.of(paths);
    return r;
  }
  r.group = d.of(groups);
  r.resource = d.of(resources);
  if (d.one_in(3))
    r.subresource = d.of(subresources);
  if (!d.one_in(3))
    r.ns = d.of(namespaces);
  if (d.one_in(2))
    r.name = d.of(names);
  return r;
}

auth::index_ptr index_of(const world& w) {
  std::map<std::pair<std::string, std::string>, auth::rules_ptr> roles; // of ("", name): cluster
  for (const auto& r : w.roles)
    roles[{r.ns, r.name}] = std::make_shared<const auth::rule_list>(r.rules);
  auto find = [&](const std::string& kind, const std::string& ns, const std::string& name) {
    auto it = roles.find({kind == "Role" ? ns : "", name});
    return it == roles.end() ? nullptr : it->second;
  };
  std::map<std::string, std::vector<binding>> scopes;
  for (const auto& b : w.bindings)
    scopes[b.ns].push_back(b);
  auth::index_ptr index = std::make_shared<const auth::rbac_index>();
  for (const auto& [ns, bindings] : scopes)
    index = index->with(ns, std::make_shared<const auth::rbac_scope>(bindings, find));
  return index;
}

binding simple_binding(std::string ns, std::string kind, std::string role, v1::subject s) {
  binding b;
  b.name = "the-binding";
  b.ns = std::move(ns);
  b.role.api_group = "rbac.authorization.k8s.io";
  b.role.kind = std::move(kind);
  b.role.name = std::move(role);
  b.subjects = {std::move(s)};
  return b;
}

v1::policy_rule rule_of(words verbs, words groups, words resources, words names = {}) {
  v1::policy_rule r;
  r.verbs = std::move(verbs);
  r.api_groups = std::move(groups);
  r.resources = std::move(resources);
  r.resource_names = std::move(names);
  return r;
}

v1::subject user_subject(std::string name) {
  v1::subject s;
  s.kind = "User";
  s.api_group = "rbac.authorization.k8s.io";
  s.name = std::move(name);
  return s;
}

auth::decision ask(const auth::policy& p, const user_info& u, std::string_view verb,
                   std::string_view resource, std::string_view ns) {
  return p.authorize({u, true, verb, "", "v1", ns, resource, "", "", ""});
}

} // namespace

BOOST_AUTO_TEST_SUITE(rbac)

BOOST_AUTO_TEST_CASE(a_million_requests_are_decided_as_a_plain_reading_of_the_rules_decides) {
  size_t asked = 0;
  size_t allowed = 0;
  // Many small worlds for variety, and big ones in which subjects have enough rules to be indexed.
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    dice d{seed};
    const bool big = seed % 20 == 0;
    const auto w = random_world(d, big ? 120 : 12, big ? 200 : 25);
    auth::policy p;
    p.set_index(index_of(w));
    const size_t requests = big ? 2'000 : 10'422;
    for (size_t i = 0; i < requests; ++i) {
      const auto r = random_request(d);
      const bool expected = world_says_yes(w, r);
      const bool got = p.authorize(r.query()).allowed();
      if (expected != got)
        BOOST_FAIL("seed " << seed << ": " << r.user.name << " " << r.verb << " " << r.group << "/"
                           << r.resource << "/" << r.subresource << " in " << r.ns << " " << r.path
                           << ": " << expected << " expected");
      ++asked;
      allowed += expected ? 1 : 0;
    }
  }
  BOOST_TEST(asked >= 1'000'000u);
  // A test in which everything is refused (or allowed) would show nothing.
  BOOST_TEST(allowed > asked / 20);
  BOOST_TEST(allowed < asked - asked / 20);
}

BOOST_AUTO_TEST_CASE(says_which_binding_allows) {
  world w;
  w.roles = {{true, "", "reader", {rule_of({"get"}, {""}, {"pods"})}}};
  w.bindings = {simple_binding("", "ClusterRole", "reader", user_subject("ann"))};
  v1::subject robot;
  robot.kind = "ServiceAccount";
  robot.name = "robot";
  w.bindings.push_back(simple_binding("one", "ClusterRole", "reader", robot));
  auth::policy p;
  p.set_index(index_of(w));
  const user_info ann{"ann", "", {}};
  BOOST_TEST(ask(p, ann, "get", "pods", "").reason ==
             "RBAC: allowed by ClusterRoleBinding \"the-binding\" of ClusterRole \"reader\" to "
             "User \"ann\"");
  const user_info account{"system:serviceaccount:one:robot", "", {}};
  BOOST_TEST(ask(p, account, "get", "pods", "one").reason ==
             "RBAC: allowed by RoleBinding \"the-binding/one\" of ClusterRole \"reader\" to "
             "ServiceAccount \"robot/one\"");
  BOOST_TEST(!ask(p, account, "get", "pods", "two").allowed());
  BOOST_TEST(!ask(p, account, "get", "pods", "").allowed());
}

BOOST_AUTO_TEST_CASE(names_missing_roles_when_it_refuses) {
  world w;
  w.bindings = {simple_binding("", "ClusterRole", "gone", user_subject("ann"))};
  auth::policy p;
  p.set_index(index_of(w));
  const user_info ann{"ann", "", {}};
  auto d = ask(p, ann, "list", "pods", "default");
  BOOST_TEST(!d.allowed());
  BOOST_TEST(d.reason == "RBAC: clusterrole.rbac.authorization.k8s.io \"gone\" not found");
  const auto e =
      auth::access_refused({ann, true, "list", "", "v1", "default", "pods", "", "", ""}, d.reason);
  BOOST_TEST(e.message ==
             "pods is forbidden: User \"ann\" cannot list resource \"pods\" in API group \"\" in "
             "the namespace \"default\": RBAC: clusterrole.rbac.authorization.k8s.io \"gone\" not "
             "found");
}

BOOST_AUTO_TEST_CASE(a_change_of_one_scope_leaves_the_others) {
  world w;
  w.roles = {{true, "", "reader", {rule_of({"get"}, {""}, {"pods"})}}};
  w.bindings = {simple_binding("one", "ClusterRole", "reader", user_subject("ann")),
                simple_binding("two", "ClusterRole", "reader", user_subject("ann"))};
  auth::policy p;
  p.set_index(index_of(w));
  const user_info ann{"ann", "", {}};
  const auto before = p.index();
  p.set_index(p.index()->with("one", nullptr));
  BOOST_TEST(!ask(p, ann, "get", "pods", "one").allowed());
  BOOST_TEST(ask(p, ann, "get", "pods", "two").allowed());
  // Who decides by the old index still does.
  BOOST_TEST(before->decide({ann, true, "get", "", "v1", "one", "pods", "", "", ""}).allowed());
}

BOOST_AUTO_TEST_CASE(a_check_is_quick_at_ten_thousand_bindings) {
  world w;
  dice d{7};
  for (size_t i = 0; i < 10'000; ++i) {
    const auto name = "role-" + std::to_string(i);
    w.roles.push_back({true, "", name, {rule_of({"get"}, {""}, {"pods"}, {name})}});
    // Half of all bindings are one user's: the worst place to search.
    w.bindings.push_back(simple_binding(i % 3 == 0 ? "" : "one", "ClusterRole", name,
                                        user_subject(i % 2 == 0 ? "ann" : "u" + name)));
  }
  auth::policy p;
  p.set_index(index_of(w));
  const user_info ann{"ann", "", {"dev", "ops", "system:authenticated"}};
  constexpr int rounds = 10'000;
  int allowed = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < rounds; ++i)
    allowed += p.authorize({ann, true, "get", "", "v1", "one", "pods", "",
                            i % 2 == 0 ? "role-5000" : "nobody", ""})
                   .allowed();
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - begin;
  BOOST_TEST(allowed == rounds / 2);
  BOOST_TEST_MESSAGE("a check takes " << spent.count() / rounds << " us");
  // A search through the bindings takes some 5,000 us in a build without optimization; the bound
  // leaves room for sanitizers and busy machines.
  BOOST_TEST(spent.count() / rounds < 500);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(rules)

BOOST_AUTO_TEST_CASE(coverage_names_what_is_missing) {
  const auto held = rule_of({"get", "list"}, {""}, {"pods", "*/scale"});
  const auto wanted = auth::rule_list{rule_of({"get", "list", "watch"}, {""}, {"pods"}),
                                      rule_of({"get"}, {""}, {"deployments/scale"})};
  auth::rule_list missing;
  BOOST_TEST(!auth::rules_cover({&held}, wanted, &missing));
  BOOST_REQUIRE(missing.size() == 1u);
  BOOST_TEST(auth::describe_rule(missing[0]) ==
             "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"watch\"]}");
}

BOOST_AUTO_TEST_CASE(names_do_not_cover_all_objects) {
  const auto held = rule_of({"get"}, {""}, {"pods"}, {"a", "b"});
  BOOST_TEST(auth::rules_cover({&held}, {rule_of({"get"}, {""}, {"pods"}, {"b"})}, nullptr));
  BOOST_TEST(!auth::rules_cover({&held}, {rule_of({"get"}, {""}, {"pods"}, {"c"})}, nullptr));
  BOOST_TEST(!auth::rules_cover({&held}, {rule_of({"get"}, {""}, {"pods"})}, nullptr));
}

BOOST_AUTO_TEST_CASE(paths_cover_what_they_begin) {
  v1::policy_rule held, wanted;
  held.verbs = wanted.verbs = {"get"};
  held.non_resource_urls = {"/healthz/*"};
  wanted.non_resource_urls = {"/healthz/etcd", "/healthz/*"};
  BOOST_TEST(auth::rules_cover({&held}, {wanted}, nullptr));
  wanted.non_resource_urls = {"/healthz"};
  BOOST_TEST(!auth::rules_cover({&held}, {wanted}, nullptr));
}

BOOST_AUTO_TEST_CASE(single_verbs_on_one_resource_are_joined_in_messages) {
  const auto joined =
      auth::compact_rules({rule_of({"get"}, {""}, {"pods"}), rule_of({"list"}, {""}, {"pods"}),
                           rule_of({"get"}, {"apps"}, {"pods"})});
  BOOST_REQUIRE(joined.size() == 2u);
  BOOST_TEST(auth::describe_rule(joined[0]) ==
             "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}");
}

BOOST_AUTO_TEST_SUITE_END()
