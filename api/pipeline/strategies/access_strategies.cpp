// Roles, bindings, certificate signing requests and the priorities of API requests.
#include "api/auth/escalation.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/validation/access.hpp"
#include "api/validation/certificates.hpp"
#include "api/validation/rbac.hpp"
#include "api/validation/requests.hpp"

namespace thespis::api {

namespace {

void keep_role(const operation&, const json::value& now, const json::value& old, findings& f) {
  validate_binding_update(now, old, f);
}

using grant_check = result<void> (*)(const auth::grant_request&);

/// Nobody grants what they do not hold.
template <grant_check Check>
result<void> check_grant(operation& op, json::document& obj, const json::value* old) {
  if (!op.deps.access)
    return {};
  const auto ns = op.type.namespaced ? std::string_view{op.request.ns} : std::string_view{};
  return Check({*op.deps.access, *op.deps.state, op.request.user, op.type.resource, ns,
                op.request.name, obj, old});
}

std::vector<strategy> rbac_strategies() {
  std::vector<strategy> all(4);
  for (auto& s : all)
    s.create_on_update = true;
  all[0].resource = "roles.rbac.authorization.k8s.io";
  all[0].validate = validate_role;
  all[1].resource = "clusterroles.rbac.authorization.k8s.io";
  all[1].validate = validate_cluster_role;
  all[2].resource = "rolebindings.rbac.authorization.k8s.io";
  all[2].validate = validate_role_binding;
  all[2].validate_update = keep_role;
  all[3].resource = "clusterrolebindings.rbac.authorization.k8s.io";
  all[3].validate = validate_cluster_role_binding;
  all[3].validate_update = keep_role;
  all[0].allocate = all[1].allocate = check_grant<auth::check_role>;
  all[2].allocate = all[3].allocate = check_grant<auth::check_binding>;
  return all;
}

/// Who asks is who is asking, whatever the request says.
void sign_request(operation& op, json::document& csr) {
  auto& a = csr.GetAllocator();
  auto& spec = json::ensure_object(csr, "spec", a);
  for (auto key : {"username", "uid", "groups", "extra"})
    json::erase(spec, key);
  const auto& user = op.request.user;
  json::set(spec, "username", user.name, a);
  if (!user.uid.empty())
    json::set(spec, "uid", user.uid, a);
  json::value groups(rapidjson::kArrayType);
  for (const auto& g : user.groups)
    groups.PushBack(json::make_string(g, a), a);
  if (!groups.Empty())
    json::set(spec, "groups", std::move(groups), a);
  json::value extra(rapidjson::kObjectType);
  for (const auto& [key, values] : user.extra) {
    json::value list(rapidjson::kArrayType);
    for (const auto& value : values)
      list.PushBack(json::make_string(value, a), a);
    extra.AddMember(json::make_string(key, a), list, a);
  }
  if (!extra.ObjectEmpty())
    json::set(spec, "extra", std::move(extra), a);
}

/// Conditions say when they were written and when they changed.
void stamp_conditions(const operation& op, json::value& status, const json::value& old,
                      json::allocator& a) {
  auto* list = json::find(status, "conditions");
  if (!list || !list->IsArray())
    return;
  for (auto& c : list->GetArray()) {
    if (text(c, "lastUpdateTime").empty())
      json::set(c, "lastUpdateTime", op.now, a);
    if (!text(c, "lastTransitionTime").empty())
      continue;
    std::string since(op.now);
    path at("status");
    each(old, "conditions", at, [&](const json::value& o, const path&) {
      if (text(o, "type") == text(c, "type") && text(o, "status") == text(c, "status") &&
          !text(o, "lastTransitionTime").empty())
        since = text(o, "lastTransitionTime");
    });
    json::set(c, "lastTransitionTime", since, a);
  }
}

/// Who writes the status does not decide: what was approved or denied stays as it was said.
void keep_decisions(json::value& status, const json::value& old, json::allocator& a) {
  const auto of = [](auto& s, std::string_view type) {
    std::vector<decltype(json::find(s, ""))> out;
    if (auto* list = json::find(s, "conditions"); list != nullptr && list->IsArray())
      for (auto& c : list->GetArray())
        if (text(c, "type") == type)
          out.push_back(&c);
    return out;
  };
  for (std::string_view type : {"Approved", "Denied"}) {
    const auto before = of(old, type);
    const auto after = of(status, type);
    for (size_t i = 0; before.size() == after.size() && i < after.size(); ++i)
      after[i]->CopyFrom(*before[i], a);
  }
}

/// The request never changes; /approval writes conditions alone, /status the certificate, too.
void keep_request(operation& op, json::document& csr, const json::value& old) {
  auto& a = csr.GetAllocator();
  keep_member(csr, old, "spec", a);
  if (!is_status_call(op))
    return;
  auto& status = json::ensure_object(csr, "status", a);
  if (op.request.subresource == "approval")
    keep_member(status, member(old, "status"), "certificate", a);
  else
    keep_decisions(status, member(old, "status"), a);
  stamp_conditions(op, status, member(old, "status"), a);
}

std::vector<strategy> request_strategies() {
  strategy csr;
  csr.resource = "certificatesigningrequests.certificates.k8s.io";
  csr.prepare_create = sign_request;
  csr.prepare_update = keep_request;
  csr.validate = validate_signing_request;
  csr.validate_update = [](const operation& op, const json::value& now, const json::value& old,
                           findings& f) {
    if (is_status_call(op))
      validate_signing_request_update(now, old,
                                      op.request.subresource == "approval" ? signing_write::approval
                                                                           : signing_write::status,
                                      f);
  };
  csr.validate_create = validate_new_signing_request;

  strategy bundle;
  bundle.resource = "clustertrustbundles.certificates.k8s.io";
  bundle.validate = validate_trust_bundle;
  bundle.validate_update = [](const operation&, const json::value& now, const json::value& old,
                              findings& f) { validate_trust_bundle_update(now, old, f); };

  strategy flow;
  flow.resource = "flowschemas.flowcontrol.apiserver.k8s.io";
  flow.validate = validate_flow_schema;

  strategy level;
  level.resource = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io";
  level.validate = validate_priority_level;

  strategy claim;
  claim.resource = "resourceclaims.resource.k8s.io";
  claim.validate = validate_device_claim;
  claim.validate_update = [](const operation& op, const json::value& now, const json::value& old,
                             findings& f) {
    if (!is_status_call(op))
      validate_device_claim_update(now, old, f);
  };

  strategy tmpl;
  tmpl.resource = "resourceclaimtemplates.resource.k8s.io";
  tmpl.validate = validate_device_claim_template;
  tmpl.validate_update = [](const operation&, const json::value& now, const json::value& old,
                            findings& f) { validate_device_claim_update(now, old, f); };
  return {csr, bundle, flow, level, claim, tmpl};
}

} // namespace

std::vector<strategy> access_strategies() {
  auto all = rbac_strategies();
  for (auto& s : request_strategies())
    all.push_back(s);
  return all;
}

} // namespace thespis::api
