// The built-in plug-ins, for api/admission and whoever puts a pipeline together.
#pragma once

#include "api/admission/plugin.hpp"

namespace thespis::api::admission {

/// Nothing new in namespaces that are missing or on their way out; some namespaces stay for ever.
plugin_ptr namespace_lifecycle();
/// Containers get the defaults of their namespace's LimitRanges, and stay within their bounds.
plugin_ptr limit_ranger();
/// Pods run as a service account, and find its token in a volume.
plugin_ptr service_account(const ports& p);
/// New nodes are closed until they are seen ready.
plugin_ptr taint_nodes_by_condition();

/// Who and what the Pod Security Standards do not apply to.
struct pod_security_exemptions {
  std::vector<std::string> users, namespaces, runtime_classes;
};
/// Pods keep to the Pod Security Standard that their namespace's labels name.
plugin_ptr pod_security(pod_security_exemptions exempt = {});

/// Pods get the number that their PriorityClass stands for.
plugin_ptr priority();
/// Pods put up with an unready or unreachable node for a while, five minutes as a rule.
plugin_ptr default_toleration_seconds(const ports& p);
/// Claims that name no class get the default one.
plugin_ptr default_storage_class();
/// Claims and volumes stay as long as they are in use.
plugin_ptr storage_object_in_use_protection();
/// Claims grow only where their class allows it.
plugin_ptr claim_resize();
/// Pods get what their RuntimeClass costs and where it runs.
plugin_ptr runtime_class();
/// Only who may approve for a signer approves, only who may sign for it signs.
plugin_ptr certificate_approval(authorizer allowed);
plugin_ptr certificate_signing(authorizer allowed);
/// Only who may attest for a signer says what its certificates are verified by.
plugin_ptr cluster_trust_bundle_attest(authorizer allowed);
/// Nobody asks for a certificate of system:masters.
plugin_ptr certificate_subject_restriction();
/// Ingresses that name no class get the default one.
plugin_ptr default_ingress_class();
/// Services claim no addresses outside of the cluster. Not in the list by default, as in
/// Kubernetes.
plugin_ptr deny_service_external_ips();

/// Others' servers fill in and judge, as the webhook configurations say.
plugin_ptr mutating_webhooks(const ports& p);
plugin_ptr validating_webhooks(const ports& p);
/// Namespaces hold no more than their ResourceQuotas allow, however many write at once.
plugin_ptr resource_quota(const ports& p);

/// All that are on by default, in Kubernetes' order.
std::vector<plugin_ptr> default_plugins(const ports& p);

} // namespace thespis::api::admission
