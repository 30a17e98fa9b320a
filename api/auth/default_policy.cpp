#include "api/auth/default_policy.hpp"

#include "api/auth/access.hpp"
#include "api/auth/rules.hpp"
#include "api/object/typed.hpp"

#include <algorithm>
#include <set>

namespace thespis::api::auth {

namespace {

constexpr std::string_view aggregate_label = "rbac.authorization.k8s.io/aggregate-to-";

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end > 0)
      out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> out;
  while (true) {
    const auto end = text.find(by);
    out.push_back(text.substr(0, end));
    if (end == text.npos)
      return out;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> verbs_of(std::string_view text) {
  std::set<std::string> out;
  for (const auto& word : words_of(text)) {
    if (word == "r")
      out.insert({"get", "list", "watch"});
    else if (word == "w")
      out.insert({"create", "delete", "deletecollection", "patch", "update"});
    else
      out.insert(word);
  }
  return {out.begin(), out.end()};
}

std::vector<std::string> sorted(std::vector<std::string> list) {
  std::sort(list.begin(), list.end());
  return list;
}

v1::policy_rule rule_of(std::string_view line) {
  if (line == "e")
    line = "create patch update | - events.k8s.io | events";
  const auto parts = split(line, '|');
  v1::policy_rule r;
  r.verbs = verbs_of(parts[0]);
  if (parts.size() == 2) {
    r.non_resource_urls = sorted(words_of(parts[1]));
    return r;
  }
  for (auto& group : words_of(parts[1]))
    r.api_groups.push_back(group == "-" ? "" : std::move(group));
  r.api_groups = sorted(std::move(r.api_groups));
  r.resources = sorted(words_of(parts[2]));
  if (parts.size() > 3)
    r.resource_names = sorted(words_of(parts[3]));
  return r;
}

template <class F>
void each_line(std::string_view text, F f) {
  for (const auto& line : split(text, '\n'))
    if (!line.empty())
      f(line);
}

void mark(v1::object_meta& m) {
  m.labels.emplace("kubernetes.io/bootstrapping", "rbac-defaults");
  m.annotations.emplace(autoupdate_annotation, "true");
}

/// "NAMESPACE/NAME" of namespaced objects; names may hold no slash, namespaces no colon.
void set_name(v1::object_meta& m, std::string_view text, bool namespaced) {
  const auto slash = namespaced ? text.find('/') : text.npos;
  if (slash != text.npos)
    m.namespace_ = text.substr(0, slash);
  m.name = slash == text.npos ? text : text.substr(slash + 1);
  mark(m);
}

std::vector<v1::cluster_role> parse_cluster_roles(std::string_view text) {
  std::vector<v1::cluster_role> out;
  each_line(text, [&](std::string_view line) {
    if (line == "e" || line.find('|') != line.npos) {
      out.back().rules.push_back(rule_of(line));
      return;
    }
    auto& role = out.emplace_back();
    const auto words = words_of(line);
    set_name(role.metadata, words.front(), false);
    for (size_t i = 1; i < words.size(); ++i) {
      const auto label = std::string{aggregate_label} + words[i].substr(1);
      if (words[i].front() == '+')
        role.metadata.labels.emplace(label, "true");
      else
        role.aggregation_rule.ensure().cluster_role_selectors.emplace_back().match_labels.emplace(
            label, "true");
    }
  });
  return out;
}

v1::subject subject_of(std::string_view word) {
  v1::subject s;
  const auto name = word.substr(2);
  if (word.front() == 's') {
    s.kind = "ServiceAccount";
    s.namespace_ = name.substr(0, name.find('/'));
    s.name = name.substr(name.find('/') + 1);
    return s;
  }
  s.kind = word.front() == 'g' ? "Group" : "User";
  s.api_group = rbac_group;
  s.name = name;
  return s;
}

v1::role_ref ref_of(std::string kind, std::string_view name) {
  v1::role_ref r;
  r.api_group = rbac_group;
  r.kind = std::move(kind);
  r.name = name;
  return r;
}

template <class Binding>
std::vector<Binding> parse_bindings(std::string_view text, const std::string& kind) {
  std::vector<Binding> out;
  each_line(text, [&](std::string_view line) {
    auto& b = out.emplace_back();
    const auto equals = line.find(" = ");
    const auto bar = line.find(" |");
    set_name(b.metadata, line.substr(0, equals), kind == "Role");
    b.role_ref = ref_of(kind, line.substr(equals + 3, bar - equals - 3));
    for (const auto& word : words_of(line.substr(bar + 2)))
      b.subjects.push_back(subject_of(word));
  });
  return out;
}

default_policy make_policy() {
  default_policy p;
  p.cluster_roles = parse_cluster_roles(default_cluster_roles());
  p.cluster_role_bindings =
      parse_bindings<v1::cluster_role_binding>(default_cluster_role_bindings(), "ClusterRole");
  for (auto& role : parse_cluster_roles(default_controller_roles())) {
    const auto account = role.metadata.name;
    role.metadata.name = "system:controller:" + account;
    auto& b = p.cluster_role_bindings.emplace_back();
    set_name(b.metadata, role.metadata.name, false);
    b.role_ref = ref_of("ClusterRole", role.metadata.name);
    b.subjects.push_back(subject_of("s:kube-system/" + account));
    p.cluster_roles.push_back(std::move(role));
  }
  for (auto& role : parse_cluster_roles(default_roles())) {
    auto& r = p.roles.emplace_back();
    set_name(r.metadata, role.metadata.name, true);
    r.rules = std::move(role.rules);
  }
  p.role_bindings = parse_bindings<v1::role_binding>(default_role_bindings(), "Role");
  return p;
}

// -- Bringing objects up to date -----------------------------------------------------------------

template <class T>
call call_of(verb v, const T& x) {
  call c;
  c.verb = v;
  c.resource = T::resource_name;
  c.ns = x.metadata.namespace_;
  if (v != verb::create)
    c.name = x.metadata.name;
  if (v != verb::remove) {
    json::document doc;
    c.body = json::to_string(v1::to_json(x, doc.GetAllocator()));
  }
  return c;
}

/// Adds labels and annotations that are missing; people's own values stay.
template <class T>
void merge_metadata(T& present, const T& wanted) {
  for (const auto& [k, v] : wanted.metadata.labels)
    present.metadata.labels.emplace(k, v);
  for (const auto& [k, v] : wanted.metadata.annotations)
    present.metadata.annotations.emplace(k, v);
}

void add_missing_rules(rule_list& present, const rule_list& wanted) {
  std::vector<const v1::policy_rule*> held;
  for (const auto& r : present)
    held.push_back(&r);
  rule_list missing;
  if (!rules_cover(held, wanted, &missing))
    for (auto& r : compact_rules(missing))
      present.push_back(std::move(r));
}

void merge(v1::cluster_role& present, const v1::cluster_role& wanted) {
  if (!wanted.aggregation_rule)
    return add_missing_rules(present.rules, wanted.rules);
  auto& selectors = present.aggregation_rule.ensure().cluster_role_selectors;
  for (const auto& s : wanted.aggregation_rule->cluster_role_selectors)
    if (std::find(selectors.begin(), selectors.end(), s) == selectors.end())
      selectors.push_back(s);
}

void merge(v1::role& present, const v1::role& wanted) {
  add_missing_rules(present.rules, wanted.rules);
}

template <class Binding>
void merge_subjects(Binding& present, const Binding& wanted) {
  for (const auto& s : wanted.subjects)
    if (std::find(present.subjects.begin(), present.subjects.end(), s) == present.subjects.end())
      present.subjects.push_back(s);
}

void merge(v1::cluster_role_binding& present, const v1::cluster_role_binding& wanted) {
  merge_subjects(present, wanted);
}

void merge(v1::role_binding& present, const v1::role_binding& wanted) {
  merge_subjects(present, wanted);
}

/// Whether the present object leads to another role, which no update can change.
template <class T>
bool leads_elsewhere(const T& present, const T& wanted) {
  if constexpr (requires { present.role_ref; })
    return !(present.role_ref == wanted.role_ref);
  else
    return false;
}

template <class T>
void bring_up(const reader& state, const T& wanted, std::vector<call>& calls) {
  const auto object = state.get(T::resource_name, wanted.metadata.namespace_, wanted.metadata.name);
  if (!object) {
    calls.push_back(call_of(verb::create, wanted));
    return;
  }
  const auto present = typed<T>(*object);
  const auto keep = present->metadata.annotations.find(std::string{autoupdate_annotation});
  if (keep != present->metadata.annotations.end() && keep->second == "false")
    return;
  if (leads_elsewhere(*present, wanted)) {
    calls.push_back(call_of(verb::remove, *present));
    calls.push_back(call_of(verb::create, wanted));
    return;
  }
  auto next = *present;
  merge_metadata(next, wanted);
  merge(next, wanted);
  if (!(next == *present))
    calls.push_back(call_of(verb::update, next));
}

} // namespace

const default_policy& kubernetes_policy() {
  static const default_policy policy = make_policy();
  return policy;
}

index_ptr default_index() {
  static const index_ptr index = [] {
    const auto& p = kubernetes_policy();
    rbac_source source;
    for (const auto& r : p.cluster_roles)
      source.add(r);
    for (const auto& r : p.roles)
      source.add(r);
    for (const auto& b : p.cluster_role_bindings)
      source.add(b);
    for (const auto& b : p.role_bindings)
      source.add(b);
    return source.index();
  }();
  return index;
}

std::vector<call> reconcile_policy(const reader& state) {
  const auto& p = kubernetes_policy();
  std::vector<call> calls;
  for (const auto& x : p.cluster_roles)
    bring_up(state, x, calls);
  for (const auto& x : p.cluster_role_bindings)
    bring_up(state, x, calls);
  for (const auto& x : p.roles)
    bring_up(state, x, calls);
  for (const auto& x : p.role_bindings)
    bring_up(state, x, calls);
  return calls;
}

} // namespace thespis::api::auth
