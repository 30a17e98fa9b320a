#include "api/admission/webhook_config.hpp"

#include "api/text/base64.hpp"
#include "api/validation/access.hpp"

#include <algorithm>

namespace thespis::api::admission {

namespace {

std::vector<std::string> strings(const json::value& obj, std::string_view key) {
  std::vector<std::string> out;
  if (const auto& list = member(obj, key); list.IsArray())
    for (const auto& v : list.GetArray())
      out.emplace_back(json::as_string(v));
  return out;
}

bool any_or(const std::vector<std::string>& list, std::string_view wanted) {
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& s) { return s == "*" || s == wanted; });
}

/// "pods", "pods/log", "pods/*", "*/scale", "*", "*/*"
bool resource_matches(std::string_view pattern, std::string_view resource, std::string_view sub) {
  auto slash = pattern.find('/');
  auto p = pattern.substr(0, slash);
  auto s = slash == pattern.npos ? std::string_view{} : pattern.substr(slash + 1);
  return (p == "*" || p == resource) && (s == "*" || s == sub);
}

void read_client(const json::value& client, webhook& h) {
  h.url = text(client, "url");
  h.ca_bundle = decode_base64(text(client, "caBundle")).value_or(std::string{});
  const auto& service = member(client, "service");
  h.service = text(service, "name");
  h.service_ns = text(service, "namespace");
  h.path = text(service, "path");
  h.port = static_cast<int>(json::get_int(service, "port", 443));
}

} // namespace

webhook_rule read_rule(const json::value& v) {
  webhook_rule r{strings(v, "operations"), strings(v, "apiGroups"), strings(v, "apiVersions"),
                 strings(v, "resources"), std::string(json::get_string(v, "scope", "*"))};
  return r;
}

bool webhook_rule::matches(const request& r, const resource_type& as) const {
  if (!any_or(operations, to_string(r.action)) || !any_or(groups, as.schema->group) ||
      !any_or(versions, as.version))
    return false;
  if (scope != "*" && (scope == "Namespaced") != r.type.namespaced)
    return false;
  return std::any_of(resources.begin(), resources.end(), [&](const auto& p) {
    return resource_matches(p, as.schema->plural, r.call.subresource);
  });
}

bool webhook_rule::may_match(std::string_view group, std::string_view plural) const {
  return any_or(groups, group) &&
         std::any_of(resources.begin(), resources.end(), [&](const std::string& p) {
           auto head = std::string_view(p).substr(0, p.find('/'));
           return head == "*" || head == plural;
         });
}

std::vector<webhook> read_webhooks(const object& configuration) {
  std::vector<webhook> out;
  auto doc = configuration.parse();
  const auto& list = member(doc, "webhooks");
  if (!list.IsArray())
    return out;
  for (const auto& v : list.GetArray()) {
    auto& h = out.emplace_back();
    h.name = text(v, "name");
    h.configuration = configuration.name();
    h.equivalent = text(v, "matchPolicy") != "Exact";
    h.fail_open = text(v, "failurePolicy") == "Ignore";
    h.reinvoke = text(v, "reinvocationPolicy") == "IfNeeded";
    h.side_effects = text(v, "sideEffects");
    h.timeout =
        std::chrono::seconds{std::clamp<int64_t>(json::get_int(v, "timeoutSeconds", 10), 1, 30)};
    // A selector left out selects everything.
    for (auto [key, into] :
         {std::pair{"namespaceSelector", &h.namespaces}, std::pair{"objectSelector", &h.objects}})
      if (const auto& s = member(v, key); !s.IsNull())
        *into = read_label_selector(&s).value_or(label_selector::nothing());
    auto versions = strings(v, "admissionReviewVersions");
    h.v1_reviews = std::find(versions.begin(), versions.end(), "v1") != versions.end();
    if (const auto& rules = member(v, "rules"); rules.IsArray())
      for (const auto& r : rules.GetArray())
        h.rules.push_back(read_rule(r));
    if (const auto& conditions = member(v, "matchConditions"); conditions.IsArray())
      for (const auto& c : conditions.GetArray())
        h.conditions.push_back({std::string(text(c, "name")), std::string(text(c, "expression"))});
    read_client(member(v, "clientConfig"), h);
  }
  return out;
}

webhook_list webhook_source::get(const reader& state) const {
  auto now = state.list(resource_).objects;
  if (now.empty())
    return nullptr;
  const std::lock_guard lock{mutex_};
  if (list_ && now == known_)
    return list_;
  std::vector<webhook> all;
  for (const auto& o : now) {
    auto some = read_webhooks(*o);
    std::move(some.begin(), some.end(), std::back_inserter(all));
  }
  known_ = std::move(now);
  list_ = std::make_shared<const std::vector<webhook>>(std::move(all));
  return list_;
}

} // namespace thespis::api::admission
