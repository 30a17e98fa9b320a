#include "api/audit/policy.hpp"

#include "api/json.hpp"
#include "api/text/quote.hpp"
#include "api/yaml.hpp"

#include <algorithm>

namespace thespis::api::audit {

namespace {

constexpr std::string_view level_names[] = {"None", "Metadata", "Request", "RequestResponse"};
constexpr std::string_view stage_names[] = {"RequestReceived", "ResponseStarted",
                                            "ResponseComplete", "Panic"};

constexpr std::string_view standard_policy = R"(
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- {level: None, nonResourceURLs: [/healthz*, /livez*, /readyz*, /version, /metrics]}
- {level: None, resources: [{group: coordination.k8s.io, resources: [leases]}]}
- {level: None, resources: [{group: "", resources: [events]}, {group: events.k8s.io}]}
- level: Metadata
  resources:
  - {group: "", resources: [secrets, configmaps, serviceaccounts/token]}
  - {group: authentication.k8s.io}
  - {group: certificates.k8s.io}
- {level: Metadata, verbs: [get, list, watch]}
- {level: Request, resources: [{group: "*"}]}
- {level: Metadata}
)";

bool contains(const std::vector<std::string>& list, std::string_view what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

bool names_resource(std::string_view wanted, const auth::access_query& q) {
  if (wanted == "*")
    return true;
  const auto slash = wanted.find('/');
  if (slash == wanted.npos)
    return q.subresource.empty() && wanted == q.resource;
  const auto resource = wanted.substr(0, slash);
  const auto sub = wanted.substr(slash + 1);
  return (resource == "*" || resource == q.resource) &&
         (sub == q.subresource || (sub == "*" && resource != "*"));
}

bool covers(const group_resources& g, const auth::access_query& q) {
  if (g.group != "*" && g.group != q.group)
    return false;
  if (!g.names.empty() && !contains(g.names, q.name))
    return false;
  return g.resources.empty() || std::any_of(g.resources.begin(), g.resources.end(),
                                            [&](const auto& r) { return names_resource(r, q); });
}

bool covers_path(std::string_view wanted, std::string_view path) {
  if (wanted.ends_with('*'))
    return path.starts_with(wanted.substr(0, wanted.size() - 1));
  return wanted == path;
}

bool covers(const rule& r, const auth::access_query& q) {
  if (!r.users.empty() && !contains(r.users, q.user.name))
    return false;
  if (!r.groups.empty() && std::none_of(r.groups.begin(), r.groups.end(),
                                        [&](const auto& g) { return auth::in_group(q.user, g); }))
    return false;
  if (!r.verbs.empty() && !contains(r.verbs, q.verb))
    return false;
  if (!r.resources.empty() || !r.namespaces.empty())
    return q.is_resource && (r.namespaces.empty() || contains(r.namespaces, q.ns)) &&
           (r.resources.empty() || std::any_of(r.resources.begin(), r.resources.end(),
                                               [&](const auto& g) { return covers(g, q); }));
  if (r.urls.empty())
    return true;
  return !q.is_resource && std::any_of(r.urls.begin(), r.urls.end(),
                                       [&](const auto& u) { return covers_path(u, q.path); });
}

/// Reads with the path of what it reads, so that a refusal can name it.
class policy_reader {
public:
  result<std::vector<rule>> read(const json::value& doc);

private:
  void refuse(const std::string& at, const std::string& why) {
    if (problem_.empty())
      problem_ = at + ": " + why;
  }
  void check_keys(const json::value& map, const std::string& at,
                  std::initializer_list<std::string_view> known);
  std::vector<std::string> texts(const json::value& map, const char* key, const std::string& at);
  uint8_t stages(const json::value& map, const std::string& at);
  level level_at(const json::value& map, const std::string& at);
  std::vector<group_resources> resources(const json::value& map, const std::string& at);
  rule read_rule(const json::value& map, const std::string& at);

  std::string problem_;
  uint8_t omitted_ = 0;
  bool omit_managed_fields_ = false;
};

void policy_reader::check_keys(const json::value& map, const std::string& at,
                               std::initializer_list<std::string_view> known) {
  if (!map.IsObject())
    return refuse(at.empty() ? "policy" : at, "must be a map");
  for (const auto& m : map.GetObject())
    if (std::find(known.begin(), known.end(), json::as_string(m.name)) == known.end())
      refuse((at.empty() ? "" : at + ".") + std::string{json::as_string(m.name)}, "unknown field");
}

std::vector<std::string> policy_reader::texts(const json::value& map, const char* key,
                                              const std::string& at) {
  std::vector<std::string> out;
  const auto* list = json::find(map, key);
  if (list == nullptr || list->IsNull())
    return out;
  if (!list->IsArray()) {
    refuse(at + "." + key, "must be a list");
    return out;
  }
  for (const auto& item : list->GetArray()) {
    if (!item.IsString())
      refuse(at + "." + key, "must be a list of strings");
    else
      out.emplace_back(json::as_string(item));
  }
  return out;
}

uint8_t policy_reader::stages(const json::value& map, const std::string& at) {
  unsigned bits = 0;
  for (const auto& name : texts(map, "omitStages", at)) {
    const auto* found = std::find(std::begin(stage_names), std::end(stage_names), name);
    if (found == std::end(stage_names))
      refuse(at + ".omitStages", "unknown stage " + quote_go(name));
    else
      bits |= 1U << (found - std::begin(stage_names));
  }
  return static_cast<uint8_t>(bits);
}

level policy_reader::level_at(const json::value& map, const std::string& at) {
  const auto name = json::get_string(map, "level");
  const auto* found = std::find(std::begin(level_names), std::end(level_names), name);
  if (found == std::end(level_names)) {
    refuse(at + ".level",
           name.empty()
               ? "required"
               : "must be None, Metadata, Request or RequestResponse, not " + quote_go(name));
    return level::none;
  }
  return static_cast<level>(found - std::begin(level_names));
}

std::vector<group_resources> policy_reader::resources(const json::value& map,
                                                      const std::string& at) {
  std::vector<group_resources> out;
  const auto* list = json::find(map, "resources");
  if (list == nullptr || list->IsNull())
    return out;
  if (!list->IsArray()) {
    refuse(at + ".resources", "must be a list");
    return out;
  }
  for (rapidjson::SizeType i = 0; i < list->Size(); ++i) {
    const auto here = at + ".resources[" + std::to_string(i) + "]";
    const auto& item = (*list)[i];
    check_keys(item, here, {"group", "resources", "resourceNames"});
    if (!item.IsObject())
      continue;
    group_resources g;
    g.group = json::get_string(item, "group");
    g.resources = texts(item, "resources", here);
    g.names = texts(item, "resourceNames", here);
    if (!g.names.empty() && g.resources.empty())
      refuse(here + ".resourceNames", "using resourceNames requires at least one resource");
    out.push_back(std::move(g));
  }
  return out;
}

rule policy_reader::read_rule(const json::value& map, const std::string& at) {
  rule r;
  check_keys(map, at,
             {"level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs",
              "omitStages", "omitManagedFields"});
  if (!map.IsObject())
    return r;
  r.then.how = level_at(map, at);
  r.then.omitted = omitted_ | stages(map, at);
  const auto* omit = json::find(map, "omitManagedFields");
  r.then.omit_managed_fields =
      omit != nullptr && omit->IsBool() ? omit->GetBool() : omit_managed_fields_;
  r.users = texts(map, "users", at);
  r.groups = texts(map, "userGroups", at);
  r.verbs = texts(map, "verbs", at);
  r.namespaces = texts(map, "namespaces", at);
  r.urls = texts(map, "nonResourceURLs", at);
  r.resources = resources(map, at);
  for (const auto& url : r.urls) {
    if (url != "*" && !url.starts_with('/'))
      refuse(at + ".nonResourceURLs",
             quote_go(url) + ": non-resource URL rules must begin with a '/' character");
    if (url.find('*') < url.size() - 1)
      refuse(at + ".nonResourceURLs",
             quote_go(url) + ": non-resource URL wildcards '*' must be the final character");
  }
  if (!r.urls.empty() && (!r.resources.empty() || !r.namespaces.empty()))
    refuse(at + ".nonResourceURLs", "rules cannot apply to both regular resources and "
                                    "non-resource URLs");
  return r;
}

result<std::vector<rule>> policy_reader::read(const json::value& doc) {
  check_keys(doc, "",
             {"apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields"});
  std::vector<rule> out;
  if (problem_.empty()) {
    if (json::get_string(doc, "apiVersion") != "audit.k8s.io/v1" ||
        json::get_string(doc, "kind") != "Policy")
      refuse("kind", "must be a Policy of audit.k8s.io/v1");
    omitted_ = stages(doc, "policy");
    omit_managed_fields_ = json::get_bool(doc, "omitManagedFields");
    const auto* rules = json::find(doc, "rules");
    if (rules == nullptr || !rules->IsArray() || rules->Empty())
      refuse("rules", "must have at least one rule");
    else
      for (rapidjson::SizeType i = 0; i < rules->Size(); ++i)
        out.push_back(read_rule((*rules)[i], "rules[" + std::to_string(i) + "]"));
  }
  if (!problem_.empty())
    return fail(bad_request("audit policy: " + problem_));
  return out;
}

} // namespace

std::string_view to_string(level l) {
  return level_names[static_cast<size_t>(l)];
}

std::string_view to_string(stage s) {
  return stage_names[static_cast<size_t>(s)];
}

result<policy> policy::parse(std::string_view text) {
  auto doc = yaml::parse(text);
  if (!doc)
    return fail(bad_request("audit policy: " + doc.error().message));
  auto rules = policy_reader{}.read(*doc);
  if (!rules)
    return fail(std::move(rules.error()));
  policy p;
  p.rules_ = std::move(*rules);
  return p;
}

const policy& policy::standard() {
  static const auto made = std::move(*parse(standard_policy));
  return made;
}

decision policy::decide(const auth::access_query& q) const {
  for (const auto& r : rules_)
    if (covers(r, q))
      return r.then;
  return {};
}

} // namespace thespis::api::audit
