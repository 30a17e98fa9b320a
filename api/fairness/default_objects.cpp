// The flow schemas and priority levels that Kubernetes 1.34 starts with.
#include "api/fairness/configuration.hpp"

#include "api/object/typed.hpp"

#include <algorithm>
#include <initializer_list>

namespace thespis::api::fairness {

namespace {

constexpr const char* autoupdate = "apf.kubernetes.io/autoupdate-spec";
constexpr const char* everyone[] = {"system:unauthenticated", "system:authenticated"};

using names = std::vector<std::string>;

struct level_facts {
  const char* name;
  int32_t shares, lendable, queues, hand;
};

v1::priority_level_configuration limited(const level_facts& f) {
  v1::priority_level_configuration p;
  p.metadata.name = f.name;
  p.metadata.annotations[autoupdate] = "true";
  p.spec.type = "Limited";
  auto& limits = p.spec.limited.ensure();
  limits.nominal_concurrency_shares = f.shares;
  limits.lendable_percent = f.lendable;
  auto& response = limits.limit_response.ensure();
  response.type = f.queues > 0 ? "Queue" : "Reject";
  if (f.queues > 0) {
    auto& q = response.queuing.ensure();
    q.queues = f.queues;
    q.hand_size = f.hand;
    q.queue_length_limit = 50;
  }
  return p;
}

v1::priority_level_configuration exempt_level() {
  v1::priority_level_configuration p;
  p.metadata.name = "exempt";
  p.metadata.annotations[autoupdate] = "true";
  p.spec.type = "Exempt";
  auto& e = p.spec.exempt.ensure();
  e.nominal_concurrency_shares = 0;
  e.lendable_percent = 0;
  return p;
}

v1::flow_subject user(const char* name) {
  v1::flow_subject s;
  s.kind = "User";
  s.user.ensure().name = name;
  return s;
}

v1::flow_subject group(const char* name) {
  v1::flow_subject s;
  s.kind = "Group";
  s.group.ensure().name = name;
  return s;
}

v1::flow_subject system_account(const char* name) {
  v1::flow_subject s;
  s.kind = "ServiceAccount";
  auto& account = s.service_account.ensure();
  account.namespace_ = "kube-system";
  account.name = name;
  return s;
}

v1::resource_policy_rule resources(names verbs, names groups, names kinds, names namespaces,
                                   bool cluster) {
  v1::resource_policy_rule r;
  r.verbs = std::move(verbs);
  r.api_groups = std::move(groups);
  r.resources = std::move(kinds);
  r.namespaces = std::move(namespaces);
  if (cluster)
    r.cluster_scope = true;
  return r;
}

v1::non_resource_policy_rule paths(names verbs, names urls) {
  v1::non_resource_policy_rule r;
  r.verbs = std::move(verbs);
  r.non_resource_urls = std::move(urls);
  return r;
}

v1::policy_rules_with_subjects anything(std::vector<v1::flow_subject> subjects) {
  v1::policy_rules_with_subjects r;
  r.subjects = std::move(subjects);
  r.resource_rules = {resources({"*"}, {"*"}, {"*"}, {"*"}, true)};
  r.non_resource_rules = {paths({"*"}, {"*"})};
  return r;
}

v1::policy_rules_with_subjects leases(std::vector<v1::flow_subject> subjects) {
  v1::policy_rules_with_subjects r;
  r.subjects = std::move(subjects);
  r.resource_rules = {
      resources({"get", "create", "update"}, {"coordination.k8s.io"}, {"leases"}, {"*"}, false)};
  return r;
}

v1::flow_schema schema_of(const char* name, int32_t precedence, const char* level,
                          const char* distinguisher, v1::policy_rules_with_subjects rule) {
  v1::flow_schema s;
  s.metadata.name = name;
  s.metadata.annotations[autoupdate] = "true";
  s.spec.priority_level_configuration.name = level;
  s.spec.matching_precedence = precedence;
  if (*distinguisher)
    s.spec.distinguisher_method.ensure().type = distinguisher;
  s.spec.rules = {std::move(rule)};
  return s;
}

default_objects make_mandatory() {
  default_objects d;
  d.levels = {exempt_level(), limited({"catch-all", 5, 0, 0, 0})};
  d.schemas = {schema_of("exempt", 1, "exempt", "", anything({group("system:masters")})),
               schema_of("catch-all", 10000, "catch-all", "ByUser",
                         anything({group(everyone[0]), group(everyone[1])}))};
  return d;
}

v1::flow_schema probes() {
  v1::policy_rules_with_subjects r;
  r.subjects = {group(everyone[0]), group(everyone[1])};
  r.non_resource_rules = {paths({"get"}, {"/healthz", "/readyz", "/livez"})};
  return schema_of("probes", 2, "exempt", "", std::move(r));
}

v1::flow_schema nodes_themselves() {
  v1::policy_rules_with_subjects r;
  r.subjects = {group("system:nodes")};
  r.resource_rules = {resources({"*"}, {""}, {"nodes", "nodes/status"}, {"*"}, true),
                      resources({"*"}, {"coordination.k8s.io"}, {"leases"}, {"*"}, false)};
  return schema_of("system-node-high", 400, "node-high", "ByUser", std::move(r));
}

v1::flow_schema endpoint_writers() {
  v1::policy_rules_with_subjects r;
  r.subjects = {user("system:kube-controller-manager"), system_account("endpoint-controller"),
                system_account("endpointslicemirroring-controller")};
  r.resource_rules = {resources({"get", "create", "update"}, {""}, {"endpoints"}, {"*"}, false)};
  return schema_of("endpoint-controller", 150, "workload-high", "ByUser", std::move(r));
}

default_objects make_suggested() {
  default_objects d;
  for (const auto& f : {level_facts{"system", 30, 33, 64, 6},
                        {"node-high", 40, 25, 64, 6},
                        {"leader-election", 10, 0, 16, 4},
                        {"workload-high", 40, 50, 128, 6},
                        {"workload-low", 100, 90, 128, 6},
                        {"global-default", 20, 50, 128, 6}})
    d.levels.push_back(limited(f));
  const auto manager = user("system:kube-controller-manager");
  const auto scheduler = user("system:kube-scheduler");
  d.schemas = {
      schema_of("system-nodes", 500, "system", "ByUser", anything({group("system:nodes")})),
      nodes_themselves(),
      probes(),
      schema_of("system-leader-election", 100, "leader-election", "ByUser",
                leases({manager, scheduler, system_account("*")})),
      schema_of("workload-leader-election", 200, "leader-election", "ByUser",
                leases({system_account("*")})),
      endpoint_writers(),
      schema_of("kube-controller-manager", 800, "workload-high", "ByNamespace",
                anything({manager})),
      schema_of("kube-scheduler", 800, "workload-high", "ByNamespace", anything({scheduler})),
      schema_of("kube-system-service-accounts", 900, "workload-high", "ByNamespace",
                anything({system_account("*")})),
      schema_of("service-accounts", 9000, "workload-low", "ByUser",
                anything({group("system:serviceaccounts")})),
      schema_of("global-default", 9900, "global-default", "ByUser",
                anything({group(everyone[0]), group(everyone[1])}))};
  return d;
}

template <class T>
call call_of(verb v, const T& x) {
  call c;
  c.verb = v;
  c.resource = T::resource_name;
  if (v != verb::create)
    c.name = x.metadata.name;
  json::document doc;
  c.body = json::to_string(v1::to_json(x, doc.GetAllocator()));
  return c;
}

template <class T>
void bring_up(const reader& state, const T& wanted, bool always, std::vector<call>& calls) {
  const auto object = state.get(T::resource_name, {}, wanted.metadata.name);
  if (!object) {
    calls.push_back(call_of(verb::create, wanted));
    return;
  }
  auto next = *typed<T>(*object);
  const auto keep = next.metadata.annotations.find(autoupdate);
  if (!always) {
    if (keep != next.metadata.annotations.end() ? keep->second != "true"
                                                : next.metadata.generation != 1)
      return;
  }
  // Of a mandatory level people may choose the size; what makes it what it is stays.
  auto spec = wanted.spec;
  if constexpr (requires { spec.limited; })
    if (always && keep != next.metadata.annotations.end() && keep->second == "false") {
      spec.limited = next.spec.limited;
      spec.exempt = next.spec.exempt;
      spec.type = wanted.spec.type;
    }
  if (next.spec == spec)
    return;
  next.spec = spec;
  calls.push_back(call_of(verb::update, next));
}

} // namespace

const default_objects& mandatory() {
  static const auto objects = make_mandatory();
  return objects;
}

const default_objects& suggested() {
  static const auto objects = make_suggested();
  return objects;
}

bool is_mandatory(std::string_view name) {
  return name == "exempt" || name == "catch-all";
}

std::vector<call> reconcile_objects(const reader& state) {
  std::vector<call> calls;
  for (const auto* set : {&mandatory(), &suggested()})
    for (const auto& level : set->levels)
      bring_up(state, level, set == &mandatory(), calls);
  for (const auto* set : {&mandatory(), &suggested()})
    for (const auto& s : set->schemas)
      bring_up(state, s, set == &mandatory(), calls);
  return calls;
}

} // namespace thespis::api::fairness
