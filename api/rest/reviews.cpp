#include "api/rest/reviews.hpp"

#include "api/rest/answers.hpp"

namespace thespis::api::rest {

namespace {

/// What resourceAttributes or nonResourceAttributes of a review's spec ask about.
result<request_target> asked_target(const json::value& spec) {
  request_target t;
  const auto* resource = json::find(spec, "resourceAttributes");
  const auto* path = json::find(spec, "nonResourceAttributes");
  bool of_resource = resource && resource->IsObject();
  bool of_path = path && path->IsObject();
  if (of_resource == of_path)
    return fail(bad_request("spec: exactly one of nonResourceAttributes or resourceAttributes "
                            "must be specified"));
  if (of_path) {
    t.path = json::get_string(*path, "path");
    t.verb = json::get_string(*path, "verb");
    return t;
  }
  t.is_resource = true;
  t.verb = json::get_string(*resource, "verb");
  t.group = json::get_string(*resource, "group");
  t.version = json::get_string(*resource, "version");
  t.ns = json::get_string(*resource, "namespace");
  t.resource = json::get_string(*resource, "resource");
  t.subresource = json::get_string(*resource, "subresource");
  t.name = json::get_string(*resource, "name");
  return t;
}

user_info asked_user(const json::value& spec) {
  user_info user;
  user.name = json::get_string(spec, "user");
  user.uid = json::get_string(spec, "uid");
  if (const auto* groups = json::find(spec, "groups"); groups && groups->IsArray())
    for (const auto& g : groups->GetArray())
      user.groups.emplace_back(json::as_string(g));
  return user;
}

json::value user_json(const user_info& user, json::allocator& a) {
  json::value out(rapidjson::kObjectType);
  json::set(out, "username", user.name, a);
  if (!user.uid.empty())
    json::set(out, "uid", user.uid, a);
  json::value groups(rapidjson::kArrayType);
  for (const auto& g : user.groups)
    groups.PushBack(json::make_string(g, a), a);
  json::set(out, "groups", std::move(groups), a);
  return out;
}

json::value access_status(const exchange& x, const user_info& user, const request_target& t,
                          json::allocator& a) {
  json::value status(rapidjson::kObjectType);
  bool allowed = x.server->options.authorize({user, t});
  json::set(status, "allowed", json::value(allowed), a);
  return status;
}

/// Everything, or what the server cannot enumerate.
json::value rules_status(const exchange& x, json::allocator& a) {
  request_target all;
  all.is_resource = true;
  all.verb = all.group = all.resource = "*";
  bool allowed = x.server->options.authorize({x.user, all});
  auto any = [&] {
    json::value list(rapidjson::kArrayType);
    list.PushBack(json::make_string("*", a), a);
    return list;
  };
  auto rules = [&](std::initializer_list<std::string_view> members) {
    json::value list(rapidjson::kArrayType);
    if (allowed) {
      json::value rule(rapidjson::kObjectType);
      for (auto m : members)
        json::set(rule, m, any(), a);
      list.PushBack(rule, a);
    }
    return list;
  };
  json::value status(rapidjson::kObjectType);
  json::set(status, "resourceRules", rules({"verbs", "apiGroups", "resources"}), a);
  json::set(status, "nonResourceRules", rules({"verbs", "nonResourceURLs"}), a);
  json::set(status, "incomplete", json::value(!allowed), a);
  return status;
}

json::value token_status(const exchange& x, const json::value& spec, json::allocator& a) {
  const auto& tokens = x.server->options.tokens;
  auto user = tokens ? tokens(json::get_string(spec, "token")) : std::nullopt;
  json::value status(rapidjson::kObjectType);
  json::set(status, "authenticated", json::value(user.has_value()), a);
  if (user)
    json::set(status, "user", user_json(*user, a), a);
  return status;
}

result<json::value> status_of(const exchange& x, const json::value& review, json::allocator& a) {
  static const json::value nothing(rapidjson::kObjectType);
  const auto* found = json::find(review, "spec");
  const auto& spec = found && found->IsObject() ? *found : nothing;
  const auto& kind = x.resource->kind;
  if (kind == "SelfSubjectReview") {
    json::value status(rapidjson::kObjectType);
    json::set(status, "userInfo", user_json(x.user, a), a);
    return status;
  }
  if (kind == "SelfSubjectRulesReview")
    return rules_status(x, a);
  if (kind == "TokenReview")
    return token_status(x, spec, a);
  auto target = asked_target(spec);
  if (!target)
    return fail(std::move(target.error()));
  return access_status(x, kind == "SelfSubjectAccessReview" ? x.user : asked_user(spec), *target,
                       a);
}

} // namespace

bool is_review(const schema::resource& r) {
  return r.group == "authorization.k8s.io" || r.group == "authentication.k8s.io";
}

transport::response answer_review(const exchange& x, std::string_view body) {
  auto doc = json::parse(body);
  if (!doc)
    return answer(doc.error());
  if (!doc->IsObject() || json::get_string(*doc, "kind", x.resource->kind) != x.resource->kind)
    return answer(bad_request("the body of the request is no " + x.resource->kind));
  auto& a = doc->GetAllocator();
  auto status = status_of(x, *doc, a);
  if (!status)
    return answer(status.error());
  json::set(*doc, "kind", x.resource->kind, a);
  json::set(*doc, "apiVersion", x.resource->api_version(), a);
  json::set(*doc, "status", std::move(*status), a);
  auto form = x.form;
  form.shape = shape::plain;
  return answer(201, json::to_string(*doc), form);
}

} // namespace thespis::api::rest
