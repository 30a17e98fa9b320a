// What a decision of RBAC costs at ten thousand bindings.
#include "api/auth/policy.hpp"
#include "tools/bench/bench.hpp"

namespace thespis::tools::bench {

namespace {

namespace auth = api::auth;
namespace v1 = api::v1;

constexpr int bindings = 10'000;

v1::cluster_role role_of(const std::string& name) {
  v1::cluster_role r;
  r.metadata.name = name;
  auto& rule = r.rules.emplace_back();
  rule.verbs = {"get"};
  rule.api_groups = {""};
  rule.resources = {"pods"};
  rule.resource_names = {name};
  return r;
}

template <class Binding>
Binding binding_of(const std::string& role, const std::string& user, const std::string& ns) {
  Binding b;
  b.metadata.name = role;
  b.metadata.namespace_ = ns;
  b.role_ref.api_group = "rbac.authorization.k8s.io";
  b.role_ref.kind = "ClusterRole";
  b.role_ref.name = role;
  auto& s = b.subjects.emplace_back();
  s.kind = "User";
  s.api_group = b.role_ref.api_group;
  s.name = user;
  return b;
}

/// Half of all bindings are one user's: the worst place to search.
auth::index_ptr crowded_index() {
  auth::rbac_source source;
  for (int i = 0; i < bindings; ++i) {
    const auto name = "role-" + std::to_string(i);
    const auto user = i % 2 == 0 ? std::string{"ann"} : "user-" + std::to_string(i);
    source.add(role_of(name));
    if (i % 3 == 0)
      source.add(binding_of<v1::cluster_role_binding>(name, user, ""));
    else
      source.add(binding_of<v1::role_binding>(name, user, "bench"));
  }
  return source.index();
}

} // namespace

api::result<figures> measure_rights(const context& c) {
  auth::policy policy;
  policy.set_index(crowded_index());
  const api::user_info ann{"ann", "", {"dev", "ops", "system:authenticated"}};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{c.opts.seconds};
  const auto begin = std::chrono::steady_clock::now();
  uint64_t asked = 0, allowed = 0;
  while (std::chrono::steady_clock::now() < end)
    for (int i = 0; i < 1000; ++i, ++asked)
      allowed += policy
                     .authorize({ann, true, "get", "", "v1", "bench", "pods", "",
                                 asked % 2 == 0 ? "role-5000" : "nobody", ""})
                     .allowed();
  const std::chrono::duration<double, std::micro> spent = std::chrono::steady_clock::now() - begin;
  if (allowed != asked / 2)
    return api::fail(api::internal_error("a decision was wrong"));
  figure f;
  f.what = "RBAC decision, " + std::to_string(bindings) + " bindings";
  f.value = spent.count() / static_cast<double>(asked);
  f.unit = "µs";
  f.target = 5;
  f.less_is_better = true;
  f.note = "half of them one user's, half of the questions refused";
  return figures{f};
}

} // namespace thespis::tools::bench
