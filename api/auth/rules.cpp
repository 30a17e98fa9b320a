#include "api/auth/rules.hpp"

#include "api/text/quote.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace thespis::api::auth {

namespace {

bool has(const std::vector<std::string>& list, std::string_view x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

bool has_or_any(const std::vector<std::string>& list, std::string_view x) {
  return std::any_of(list.begin(), list.end(), [&](const auto& e) { return e == "*" || e == x; });
}

bool has_all(const std::vector<std::string>& list, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& x) { return has(list, x); });
}

/// `rule` is a rule's entry: "pods", "pods/log", "*/scale", "*".
bool resource_matches(std::string_view rule, const access_query& q) {
  if (rule == "*")
    return true;
  if (q.subresource.empty())
    return rule == q.resource;
  // RESOURCE/SUBRESOURCE, or */SUBRESOURCE
  const auto tail = q.subresource.size() + 1;
  if (rule.size() < tail || !rule.ends_with(q.subresource) || rule[rule.size() - tail] != '/')
    return false;
  rule.remove_suffix(tail);
  return rule == "*" || rule == q.resource;
}

bool path_matches(std::string_view rule, std::string_view path) {
  if (rule == "*" || rule == path)
    return true;
  if (!rule.ends_with('*'))
    return false;
  while (rule.ends_with('*'))
    rule.remove_suffix(1);
  return path.starts_with(rule);
}

/// Breaks rules down to those that allow one verb on one thing.
rule_list break_down(const rule_list& rules) {
  rule_list out;
  for (const auto& rule : rules) {
    for (const auto& group : rule.api_groups)
      for (const auto& resource : rule.resources)
        for (const auto& verb : rule.verbs) {
          v1::policy_rule one;
          one.api_groups = {group};
          one.resources = {resource};
          one.verbs = {verb};
          if (rule.resource_names.empty())
            out.push_back(one);
          for (const auto& name : rule.resource_names) {
            one.resource_names = {name};
            out.push_back(one);
          }
        }
    for (const auto& url : rule.non_resource_urls)
      for (const auto& verb : rule.verbs) {
        v1::policy_rule one;
        one.non_resource_urls = {url};
        one.verbs = {verb};
        out.push_back(std::move(one));
      }
  }
  return out;
}

bool resources_cover(const std::vector<std::string>& held, const std::vector<std::string>& wanted) {
  if (has(held, "*") || has_all(held, wanted))
    return true;
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& x) {
    const auto slash = x.find('/');
    return has(held, x) || (slash != x.npos && has(held, "*" + x.substr(slash)));
  });
}

bool paths_cover(const std::vector<std::string>& held, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& x) {
    return std::any_of(held.begin(), held.end(), [&](const auto& h) { return path_matches(h, x); });
  });
}

/// `part` is of break_down.
bool rule_covers(const v1::policy_rule& held, const v1::policy_rule& part) {
  const bool names =
      held.resource_names.empty() ||
      (!part.resource_names.empty() && has_all(held.resource_names, part.resource_names));
  return names && (has(held.verbs, "*") || has_all(held.verbs, part.verbs)) &&
         (has(held.api_groups, "*") || has_all(held.api_groups, part.api_groups)) &&
         resources_cover(held.resources, part.resources) &&
         paths_cover(held.non_resource_urls, part.non_resource_urls);
}

bool is_simple(const v1::policy_rule& r) {
  return r.api_groups.size() == 1 && r.resources.size() == 1 && r.resource_names.size() <= 1 &&
         !r.verbs.empty() && r.non_resource_urls.empty();
}

} // namespace

bool rule_allows(const v1::policy_rule& rule, const access_query& q) {
  if (!has_or_any(rule.verbs, q.verb))
    return false;
  if (!q.is_resource)
    return std::any_of(rule.non_resource_urls.begin(), rule.non_resource_urls.end(),
                       [&](const auto& url) { return path_matches(url, q.path); });
  return has_or_any(rule.api_groups, q.group) &&
         std::any_of(rule.resources.begin(), rule.resources.end(),
                     [&](const auto& r) { return resource_matches(r, q); }) &&
         (rule.resource_names.empty() || has(rule.resource_names, q.name));
}

bool rules_cover(const std::vector<const v1::policy_rule*>& held, const rule_list& wanted,
                 rule_list* missing) {
  bool all = true;
  for (auto& part : break_down(wanted)) {
    if (std::any_of(held.begin(), held.end(), [&](const auto* h) { return rule_covers(*h, part); }))
      continue;
    all = false;
    if (!missing)
      return false;
    missing->push_back(std::move(part));
  }
  return all;
}

rule_list compact_rules(const rule_list& rules) {
  using key = std::tuple<std::string, std::string, std::string>;
  rule_list out;
  std::map<key, size_t> simple;
  for (const auto& r : rules) {
    if (!is_simple(r)) {
      out.push_back(r);
      continue;
    }
    key k{r.api_groups.front(), r.resources.front(),
          r.resource_names.empty() ? "" : r.resource_names.front()};
    auto [it, fresh] = simple.emplace(std::move(k), out.size());
    if (fresh) {
      out.push_back(r);
      continue;
    }
    auto& verbs = out[it->second].verbs;
    for (const auto& v : r.verbs)
      if (!has(verbs, v))
        verbs.push_back(v);
  }
  return out;
}

std::string quote_list(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const auto& x : list) {
    if (out.size() > 1)
      out += " ";
    out += quote_go(x);
  }
  return out + "]";
}

std::string describe_rule(const v1::policy_rule& rule) {
  std::string out;
  auto part = [&](std::string_view what, const std::vector<std::string>& list) {
    if (list.empty())
      return;
    out += out.empty() ? "" : ", ";
    out.append(what).append(":").append(quote_list(list));
  };
  part("APIGroups", rule.api_groups);
  part("Resources", rule.resources);
  part("NonResourceURLs", rule.non_resource_urls);
  part("ResourceNames", rule.resource_names);
  part("Verbs", rule.verbs);
  return "{" + out + "}";
}

const rule_list& full_authority() {
  static const rule_list all = [] {
    rule_list rules(2);
    rules[0].verbs = rules[0].api_groups = rules[0].resources = {"*"};
    rules[1].verbs = rules[1].non_resource_urls = {"*"};
    return rules;
  }();
  return all;
}

} // namespace thespis::api::auth
