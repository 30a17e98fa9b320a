#include "api/rest/reviews.hpp"

#include "api/generated/authentication_v1.hpp"
#include "api/generated/authorization_v1.hpp"
#include "api/rest/answers.hpp"
#include "api/schema/decode.hpp"
#include "api/validation/findings.hpp"

namespace thespis::api::rest {

namespace {

/// What a review's spec asks about. The paths are those of its validation.
template <class Spec>
void check_spec(const Spec& spec, const json::value& doc, findings& f) {
  const path root("spec");
  const path resource(root, "resourceAttributes");
  if (spec.resource_attributes && spec.non_resource_attributes) {
    const auto* value = json::at(doc, {"spec", "nonResourceAttributes"});
    f.invalid(path(root, "nonResourceAttributes"), *value,
              "cannot be specified in combination with resourceAttributes");
  }
  if (!spec.resource_attributes && !spec.non_resource_attributes)
    f.required(resource,
               "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  if constexpr (requires { spec.user; })
    if (spec.user.empty() && spec.groups.empty())
      f.required(path(root, "user"), "at least one of user or group must be specified");
}

/// Reviews are no stored objects: their metadata says nothing.
void check_metadata(const json::value& doc, bool namespaced, findings& f) {
  const auto* metadata = json::find(doc, "metadata");
  if (!metadata || !metadata->IsObject())
    return;
  for (const auto& m : metadata->GetObject()) {
    const auto key = json::as_string(m.name);
    if (key == "managedFields" || key == "creationTimestamp" || (namespaced && key == "namespace"))
      continue;
    f.invalid(path("metadata"), *metadata,
              namespaced ? "must be empty except for namespace" : "must be empty");
    return;
  }
}

result<void> finish(const exchange& x, findings& f) {
  if (f.empty())
    return {};
  return fail(invalid(x.resource->kind + "." + x.resource->group, "", std::move(f.causes())));
}

template <class Spec>
auth::access_query question(const user_info& user, const Spec& spec) {
  if (!spec.resource_attributes) {
    const auto& p = *spec.non_resource_attributes;
    return {user, false, p.verb, "", "", "", "", "", "", p.path};
  }
  const auto& r = *spec.resource_attributes;
  return {user,         true,       r.verb,        r.group, r.version,
          r.namespace_, r.resource, r.subresource, r.name,  ""};
}

v1::subject_access_review_status status_of(const auth::decision& d) {
  v1::subject_access_review_status s;
  s.allowed = d.allowed();
  if (d.what == auth::verdict::deny)
    s.denied = true;
  s.reason = d.reason;
  return s;
}

/// SubjectAccessReview and LocalSubjectAccessReview.
template <class Review>
result<void> review_subject(const exchange& x, const json::value& doc, Review& review) {
  constexpr bool local = std::is_same_v<Review, v1::local_subject_access_review>;
  findings f;
  check_spec(review.spec, doc, f);
  check_metadata(doc, local, f);
  const auto& attributes = review.spec.resource_attributes;
  if constexpr (local) {
    const path spec("spec");
    const path resource(spec, "resourceAttributes");
    if (attributes && attributes->namespace_ != x.target.ns)
      f.invalid(path(resource, "namespace"), attributes->namespace_,
                "must match metadata.namespace");
    if (const auto* p = json::at(doc, {"spec", "nonResourceAttributes"}))
      f.invalid(path(spec, "nonResourceAttributes"), *p, "disallowed on this kind of request");
  }
  if (auto ok = finish(x, f); !ok)
    return ok;
  const user_info user{review.spec.user, review.spec.uid, review.spec.groups, review.spec.extra};
  review.status = status_of(x.server->access().authorize(question(user, review.spec)));
  return {};
}

result<void> review_self(const exchange& x, const json::value& doc,
                         v1::self_subject_access_review& review) {
  findings f;
  check_spec(review.spec, doc, f);
  check_metadata(doc, false, f);
  if (auto ok = finish(x, f); !ok)
    return ok;
  review.status = status_of(x.server->access().authorize(question(x.user, review.spec)));
  return {};
}

result<void> review_rules(const exchange& x, const json::value&,
                          v1::self_subject_rules_review& review) {
  if (review.spec.namespace_.empty())
    return fail(bad_request("no namespace on request"));
  const auto held = x.server->access().rules_of(x.user, review.spec.namespace_);
  auto& s = review.status;
  for (const auto* rule : held.rules) {
    if (!rule->resources.empty())
      s.resource_rules.push_back(
          {rule->verbs, rule->api_groups, rule->resources, rule->resource_names});
    if (!rule->non_resource_urls.empty())
      s.non_resource_rules.push_back({rule->verbs, rule->non_resource_urls});
  }
  for (const auto& problem : held.problems)
    s.evaluation_error += (s.evaluation_error.empty() ? "" : ", ") + problem;
  return {};
}

v1::user_info described(const user_info& user) {
  v1::user_info u;
  u.username = user.name;
  u.uid = user.uid;
  u.groups = user.groups;
  u.extra = user.extra;
  return u;
}

result<void> review_oneself(const exchange& x, const json::value&,
                            v1::self_subject_review& review) {
  review.status.user_info = described(x.user);
  return {};
}

result<void> review_token(const exchange& x, const json::value&, v1::token_review& review) {
  if (review.spec.token.empty())
    return fail(bad_request("token is required for TokenReview in authentication"));
  const auto& tokens = x.server->options.tokens;
  const auto known = tokens ? tokens(review.spec.token, review.spec.audiences) : std::nullopt;
  auto& s = review.status;
  review.spec.token.clear();
  if (!known) {
    s.error = "[invalid bearer token]";
    return {};
  }
  s.authenticated = true;
  s.user = described(known->user);
  s.audiences = known->audiences;
  return {};
}

/// Decodes the body, reviews it, and answers it with its status.
template <class Review>
transport::response run(const exchange& x, json::document& doc,
                        result<void> (*review)(const exchange&, const json::value&, Review&)) {
  Review asked;
  v1::decode(doc, asked);
  if (auto done = review(x, doc, asked); !done)
    return answer(done.error());
  auto form = x.form;
  form.shape = shape::plain;
  return answer(201, json::to_string(v1::to_json(asked, doc.GetAllocator())), form);
}

/// The body in the shape of its kind. Errors: bad_request.
result<json::document> decode(const exchange& x, std::string_view body) {
  const auto& r = *x.resource;
  auto doc = json::parse(body);
  if (!doc)
    return doc;
  const auto kind = json::get_string(*doc, "kind", r.kind);
  if (!doc->IsObject() || kind != r.kind ||
      json::get_string(*doc, "apiVersion", r.api_version()) != r.api_version())
    return fail(bad_request("the body of the request is no " + r.kind));
  if (auto ok = schema::conform(*r.type, *doc, doc->GetAllocator()); !ok)
    return fail(schema::handled_as(r.kind, r.version, ok.error().message));
  return doc;
}

} // namespace

bool is_review(const schema::resource& r) {
  return r.group == "authorization.k8s.io" || r.group == "authentication.k8s.io";
}

transport::response answer_review(const exchange& x, std::string_view body) {
  auto doc = decode(x, body);
  if (!doc)
    return answer(doc.error());
  const auto& kind = x.resource->kind;
  if (kind == "SubjectAccessReview")
    return run<v1::subject_access_review>(x, *doc, review_subject);
  if (kind == "LocalSubjectAccessReview")
    return run<v1::local_subject_access_review>(x, *doc, review_subject);
  if (kind == "SelfSubjectAccessReview")
    return run<v1::self_subject_access_review>(x, *doc, review_self);
  if (kind == "SelfSubjectRulesReview")
    return run<v1::self_subject_rules_review>(x, *doc, review_rules);
  if (kind == "SelfSubjectReview")
    return run<v1::self_subject_review>(x, *doc, review_oneself);
  return run<v1::token_review>(x, *doc, review_token);
}

} // namespace thespis::api::rest
