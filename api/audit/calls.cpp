#include "api/audit/calls.hpp"

#include "api/json.hpp"

#include <algorithm>

namespace thespis::api::audit {

namespace {

constexpr const char* agent = "thespis/actor";

std::string_view verb_of(const call& c) {
  static constexpr std::string_view verbs[] = {"create", "update", "patch", "delete"};
  return verbs[static_cast<size_t>(c.verb)];
}

/// What REST would have been asked.
std::string uri_of(const auth::access_query& q) {
  std::string out = q.group.empty() ? "/api/" : "/apis/" + std::string{q.group} + "/";
  out += q.version;
  if (!q.ns.empty())
    out.append("/namespaces/").append(q.ns);
  out.append("/").append(q.resource);
  for (const auto part : {q.name, q.subresource})
    if (!part.empty())
      out.append("/").append(part);
  return out + (q.verb == "watch" ? "?watch=true" : "");
}

std::string reference_of(const auth::access_query& q) {
  std::string out = "{\"resource\":" + json::quote(q.resource);
  for (const auto& [key, value] :
       {std::pair{"namespace", q.ns}, std::pair{"name", q.name}, std::pair{"apiGroup", q.group},
        std::pair{"apiVersion", q.version}, std::pair{"subresource", q.subresource}})
    if (!value.empty())
      out.append(",\"").append(key).append("\":").append(json::quote(value));
  return out + "}";
}

void decide(record& r, bool allowed) {
  r.annotations.emplace_back("authorization.k8s.io/decision", allowed ? "allow" : "forbid");
}

} // namespace

std::shared_ptr<record> call_auditor::make(const user_info& user, std::string_view verb,
                                           const std::string& group_resource,
                                           const std::string& version, const std::string& ns,
                                           const std::string& name,
                                           const std::string& subresource) const {
  const auto dot = std::min(group_resource.find('.'), group_resource.size());
  const std::string_view whole{group_resource};
  auth::access_query q{user,
                       true,
                       verb,
                       whole.substr(std::min(dot + 1, whole.size())),
                       version,
                       ns,
                       whole.substr(0, dot),
                       subresource,
                       name,
                       ""};
  const auto how = to_->rules.decide(q);
  if (how.how == level::none)
    return nullptr;
  const auto type = version.empty() ? schemas_.find_group_resource(group_resource) : nullptr;
  if (type)
    q.version = type->version;
  auto r = std::make_shared<record>(to_, how);
  r->id = to_->new_id();
  r->uri = uri_of(q);
  r->verb = verb;
  r->user = user;
  {
    const std::lock_guard lock{mutex_};
    if (const auto i = addresses_.find(user.name); i != addresses_.end())
      r->addresses = {i->second};
  }
  r->user_agent = agent;
  r->object_ref = reference_of(q);
  r->received = to_->now();
  r->tell(stage::request_received, 0);
  return r;
}

void call_auditor::arrived(const std::string& user, const std::string& address) {
  const std::lock_guard lock{mutex_};
  addresses_[user] = address;
}

void call_auditor::left(const std::string& user) {
  const std::lock_guard lock{mutex_};
  addresses_.erase(user);
}

std::shared_ptr<record> call_auditor::begin(const call& c) const {
  auto r = make(c.user, verb_of(c), c.resource, c.version, c.ns, c.name, c.subresource);
  if (r)
    r->set_request(c.body);
  return r;
}

void call_auditor::end(const std::shared_ptr<record>& r, const reply& answer) {
  if (!r)
    return;
  decide(*r, answer.ok || answer.failure.why != reason::forbidden);
  if (!answer.ok)
    r->tell(stage::response_complete, http_code(answer.failure), to_status_json(answer.failure));
  else
    r->tell(stage::response_complete, answer.created ? 201 : 200,
            answer.object ? answer.object->bytes() : std::string_view{answer.body});
}

void call_auditor::watched(const user_info& user, const std::string& resource,
                           const selection& what, const error* why) const {
  const auto r = make(user, "watch", resource, "", what.ns, what.name, "");
  if (!r)
    return;
  decide(*r, why == nullptr);
  if (why == nullptr)
    r->tell(stage::response_started, 200);
  else
    r->tell(stage::response_complete, http_code(*why), to_status_json(*why));
}

} // namespace thespis::api::audit
