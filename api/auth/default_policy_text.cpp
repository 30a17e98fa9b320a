// The roles and bindings that Kubernetes 1.34 comes with, in a notation of our own (see
// default_policy.hpp for how it is read). Facts: names, groups, resources, verbs.
#include "api/auth/default_policy.hpp"

namespace thespis::api::auth {

namespace {

// `r` is get list watch, `w` create delete deletecollection patch update, `-` the core group.
constexpr std::string_view default_cluster_roles_text = R"(
cluster-admin
* | * | *
* | *
system:discovery
get | /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/
system:public-info-viewer
get | /healthz /livez /readyz /version /version/
system:monitoring
get | /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*
system:cluster-trust-bundle-discovery
r | certificates.k8s.io | clustertrustbundles
system:service-account-issuer-discovery
get | /.well-known/openid-configuration /openid/v1/jwks
system:basic-user
create | authorization.k8s.io | selfsubjectaccessreviews selfsubjectrulesreviews
create | authentication.k8s.io | selfsubjectreviews

admin <admin
edit <edit +admin
view <view +edit
system:aggregate-to-admin +admin
create | authorization.k8s.io | localsubjectaccessreviews
r w | rbac.authorization.k8s.io | roles rolebindings
system:aggregate-to-edit +edit
r | - | pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy
impersonate | - | serviceaccounts
w | - | pods pods/attach pods/exec pods/portforward pods/proxy
create | - | pods/eviction
w | - | configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy
create | - | serviceaccounts/token
w | apps | daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale
w | autoscaling | horizontalpodautoscalers
w | batch | cronjobs jobs
w | extensions | daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale
w | policy | poddisruptionbudgets
w | networking.k8s.io | ingresses networkpolicies
r w | coordination.k8s.io | leases
w | resource.k8s.io | resourceclaims resourceclaimtemplates
system:aggregate-to-view +view
r | - | configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status
r | - | bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status
r | - | namespaces
r | discovery.k8s.io | endpointslices
r | apps | controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status
r | autoscaling | horizontalpodautoscalers horizontalpodautoscalers/status
r | batch | cronjobs cronjobs/status jobs jobs/status
r | extensions | daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale
r | policy | poddisruptionbudgets poddisruptionbudgets/status
r | networking.k8s.io | ingresses ingresses/status networkpolicies
r | resource.k8s.io | resourceclaims resourceclaims/status resourceclaimtemplates

system:auth-delegator
create | authentication.k8s.io | tokenreviews
create | authorization.k8s.io | subjectaccessreviews
system:heapster
r | - | events namespaces nodes pods
r | extensions | deployments
system:kube-aggregator
r | - | endpoints services
system:kube-dns
list watch | - | endpoints services
system:kubelet-api-admin
r | - | nodes
proxy | - | nodes
* | - | nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats
system:node
create | authentication.k8s.io | tokenreviews
create | authorization.k8s.io | localsubjectaccessreviews subjectaccessreviews
r | - | services
create r | - | nodes
patch update | - | nodes/status
patch update | - | nodes
create patch update | - | events
r | - | pods
create delete | - | pods
patch update | - | pods/status
create | - | pods/eviction
r | - | configmaps secrets
get | - | persistentvolumeclaims persistentvolumes
get | - | endpoints
create r | certificates.k8s.io | certificatesigningrequests
create delete get patch update | coordination.k8s.io | leases
get | storage.k8s.io | volumeattachments
create | - | serviceaccounts/token
get patch update | - | persistentvolumeclaims/status
r | storage.k8s.io | csidrivers
create delete get patch update | storage.k8s.io | csinodes
r | node.k8s.io | runtimeclasses
r | resource.k8s.io | resourceclaims
create delete deletecollection get list patch update watch | resource.k8s.io | resourceslices
r | certificates.k8s.io | clustertrustbundles
system:node-bootstrapper
create r | certificates.k8s.io | certificatesigningrequests
system:node-problem-detector
get | - | nodes
patch | - | nodes/status
create patch update | - events.k8s.io | events
system:node-proxier
list watch | - | endpoints services
r | - | nodes
create patch update | - events.k8s.io | events
list watch | discovery.k8s.io | endpointslices
list watch | networking.k8s.io | servicecidrs
system:persistent-volume-provisioner
create delete r | - | persistentvolumes
get list update watch | - | persistentvolumeclaims
r | storage.k8s.io | storageclasses
watch | - | events
create patch update | - events.k8s.io | events
system:volume-scheduler
patch update r | - | persistentvolumes
r | storage.k8s.io | storageclasses
patch update r | - | persistentvolumeclaims
system:kube-scheduler
create patch update | - events.k8s.io | events
create | coordination.k8s.io | leases
get list update watch | coordination.k8s.io | leases | kube-scheduler
r | - | nodes
delete r | - | pods
create | - | bindings pods/binding
patch update | - | pods/status
r | - | replicationcontrollers services
r | apps extensions | replicasets
r | apps | statefulsets
r | policy | poddisruptionbudgets
r | - | persistentvolumeclaims persistentvolumes
create | authentication.k8s.io | tokenreviews
create | authorization.k8s.io | subjectaccessreviews
r | storage.k8s.io | csinodes
r | - | namespaces
r | storage.k8s.io | csidrivers
r | storage.k8s.io | csistoragecapacities
r | storage.k8s.io | volumeattachments
r | resource.k8s.io | deviceclasses
patch update r | resource.k8s.io | resourceclaims
patch update | resource.k8s.io | resourceclaims/status
r | resource.k8s.io | resourceslices
system:kube-controller-manager
create patch update | - events.k8s.io | events
create | coordination.k8s.io | leases
get list update watch | coordination.k8s.io | leases | kube-controller-manager
create | - | secrets serviceaccounts
delete | - | secrets
get | - | configmaps namespaces secrets serviceaccounts
update | - | secrets serviceaccounts
create | authentication.k8s.io | tokenreviews
create | authorization.k8s.io | subjectaccessreviews
list watch | * | *
create | - | serviceaccounts/token

system:certificates.k8s.io:certificatesigningrequests:nodeclient
create | certificates.k8s.io | certificatesigningrequests/nodeclient
system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
create | certificates.k8s.io | certificatesigningrequests/selfnodeclient
system:certificates.k8s.io:kube-apiserver-client-approver
approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client
system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client-kubelet
system:certificates.k8s.io:kubelet-serving-approver
approve | certificates.k8s.io | signers | kubernetes.io/kubelet-serving
system:certificates.k8s.io:legacy-unknown-approver
approve | certificates.k8s.io | signers | kubernetes.io/legacy-unknown
)";

// Each is bound to the service account of its name in kube-system. `e` is events.
constexpr std::string_view default_controller_roles_text = R"(
attachdetach-controller
list watch | - | persistentvolumeclaims persistentvolumes
r | - | nodes
patch update | - | nodes/status
list watch | - | pods
e
create delete r | storage.k8s.io | volumeattachments
r | storage.k8s.io | csidrivers
r | storage.k8s.io | csinodes
certificate-controller
delete r | certificates.k8s.io | certificatesigningrequests
update | certificates.k8s.io | certificatesigningrequests/approval certificatesigningrequests/status
approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client-kubelet
sign | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown
create | authorization.k8s.io | subjectaccessreviews
e
clusterrole-aggregation-controller
escalate patch update r | rbac.authorization.k8s.io | clusterroles
cronjob-controller
update r | batch | cronjobs
create delete patch update r | batch | jobs
update | batch | cronjobs/status
update | batch | cronjobs/finalizers
delete list watch | - | pods
e
daemon-set-controller
r | apps extensions | daemonsets
update | apps extensions | daemonsets/status
update | apps extensions | daemonsets/finalizers
list watch | - | nodes
create delete list patch watch | - | pods
create | - | pods/binding
create delete patch update r | apps | controllerrevisions
e
deployment-controller
update r | apps extensions | deployments
update | apps extensions | deployments/status
update | apps extensions | deployments/finalizers
create delete patch update r | apps extensions | replicasets
update r | - | pods
e
disruption-controller
r | apps extensions | deployments
r | apps extensions | replicasets
r | - | replicationcontrollers
r | policy | poddisruptionbudgets
r | apps | statefulsets
update | policy | poddisruptionbudgets/status
patch update | - | pods/status
get | * | */scale
e
endpoint-controller
r | - | pods services
create delete update r | - | endpoints
create | - | endpoints/restricted
e
endpointslice-controller
r | - | nodes pods services
update | - | services/finalizers
create delete update r | discovery.k8s.io | endpointslices
e
endpointslicemirroring-controller
r | - | endpoints services
update | - | services/finalizers
update | - | endpoints/finalizers
create delete update r | discovery.k8s.io | endpointslices
e
ephemeral-volume-controller
r | - | pods
update | - | pods/finalizers
create r | - | persistentvolumeclaims
e
expand-controller
patch update r | - | persistentvolumes
patch update | - | persistentvolumeclaims/status
r | - | persistentvolumeclaims
get | - | services
e
generic-garbage-collector
delete patch update r | * | *
e
horizontal-pod-autoscaler
r | autoscaling | horizontalpodautoscalers
update | autoscaling | horizontalpodautoscalers/status
get update | * | */scale
list watch | - | pods
list watch | metrics.k8s.io | pods
r | custom.metrics.k8s.io | *
r | external.metrics.k8s.io | *
e
job-controller
patch update r | batch | jobs
update | batch | jobs/status
update | batch | jobs/finalizers
create delete list patch watch | - | pods
e
legacy-service-account-token-cleaner
get | - | configmaps | kube-apiserver-legacy-service-account-token-tracking
delete patch | - | secrets
namespace-controller
delete r | - | namespaces
update | - | namespaces/finalize namespaces/status
delete deletecollection r | * | *
node-controller
delete patch update r | - | nodes
patch update | - | nodes/status
patch update | - | pods/status
delete r | - | pods
e
persistent-volume-binder
create delete update r | - | persistentvolumes
update | - | persistentvolumes/status
update r | - | persistentvolumeclaims
update | - | persistentvolumeclaims/status
create delete r | - | pods
r | storage.k8s.io | storageclasses
list watch | - | nodes
watch | - | events
get | - | services
e
pod-garbage-collector
delete list watch | - | pods
r | - | nodes
patch | - | pods/status
pv-protection-controller
update r | - | persistentvolumes
e
pvc-protection-controller
update r | - | persistentvolumeclaims
r | - | pods
e
replicaset-controller
update r | apps extensions | replicasets
update | apps extensions | replicasets/status
update | apps extensions | replicasets/finalizers
create delete list patch watch | - | pods
e
replication-controller
update r | - | replicationcontrollers
update | - | replicationcontrollers/status
update | - | replicationcontrollers/finalizers
create delete list patch watch | - | pods
e
resource-claim-controller
r | - | pods
update | - | pods/finalizers
create delete r | resource.k8s.io | resourceclaims
patch update | resource.k8s.io | resourceclaims resourceclaims/status
patch update | - | pods/status
e
resourcequota-controller
list watch | * | *
update | - | resourcequotas/status
e
root-ca-cert-publisher
create update | - | configmaps
e
route-controller
list watch | - | nodes
patch | - | nodes/status
e
service-account-controller
create | - | serviceaccounts
e
service-cidrs-controller
patch update r | networking.k8s.io | servicecidrs
patch update | networking.k8s.io | servicecidrs/finalizers
patch update | networking.k8s.io | servicecidrs/status
r | networking.k8s.io | ipaddresses
e
service-controller
r | - | services
patch update | - | services/status
list watch | - | nodes
e
statefulset-controller
list watch | - | pods
r | apps | statefulsets
update | apps | statefulsets/status
update | apps | statefulsets/finalizers
create delete get patch update | - | pods
create delete patch update r | apps | controllerrevisions
create r | - | persistentvolumeclaims
delete update | - | persistentvolumeclaims
update | - | pods/finalizers
e
ttl-after-finished-controller
delete r | batch | jobs
e
ttl-controller
list patch update watch | - | nodes
e
validatingadmissionpolicy-status-controller
r | admissionregistration.k8s.io | validatingadmissionpolicies
get patch update | admissionregistration.k8s.io | validatingadmissionpolicies/status
e
volumeattributesclass-protection-controller
r | - | persistentvolumeclaims
r | - | persistentvolumes
update r | storage.k8s.io | volumeattributesclasses
e
)";

constexpr std::string_view default_roles_text = R"(
kube-public/system:controller:bootstrap-signer
r | - | configmaps
update | - | configmaps | cluster-info
e
kube-system/extension-apiserver-authentication-reader
r | - | configmaps | extension-apiserver-authentication
kube-system/system::leader-locking-kube-controller-manager
create get list update watch | coordination.k8s.io | leases
create get list update watch | coordination.k8s.io | leasecandidates
kube-system/system::leader-locking-kube-scheduler
create get list update watch | coordination.k8s.io | leases
create get list update watch | coordination.k8s.io | leasecandidates
kube-system/system:controller:bootstrap-signer
r | - | secrets
kube-system/system:controller:cloud-provider
create r | - | configmaps
kube-system/system:controller:token-cleaner
delete r | - | secrets
e
)";

// BINDING = ROLE: subjects, as g:GROUP, u:USER or s:NAMESPACE/ACCOUNT.
constexpr std::string_view default_cluster_role_bindings_text = R"(
cluster-admin = cluster-admin | g:system:masters
system:monitoring = system:monitoring | g:system:monitoring
system:discovery = system:discovery | g:system:authenticated
system:basic-user = system:basic-user | g:system:authenticated
system:public-info-viewer = system:public-info-viewer | g:system:authenticated g:system:unauthenticated
system:node-proxier = system:node-proxier | u:system:kube-proxy
system:kube-controller-manager = system:kube-controller-manager | u:system:kube-controller-manager
system:kube-dns = system:kube-dns | s:kube-system/kube-dns
system:kube-scheduler = system:kube-scheduler | u:system:kube-scheduler
system:volume-scheduler = system:volume-scheduler | u:system:kube-scheduler
system:node = system:node |
system:cluster-trust-bundle-discovery = system:cluster-trust-bundle-discovery | g:system:serviceaccounts
system:service-account-issuer-discovery = system:service-account-issuer-discovery | g:system:serviceaccounts
)";

constexpr std::string_view default_role_bindings_text = R"(
kube-public/system:controller:bootstrap-signer = system:controller:bootstrap-signer | s:kube-system/bootstrap-signer
kube-system/system::extension-apiserver-authentication-reader = extension-apiserver-authentication-reader | u:system:kube-controller-manager u:system:kube-scheduler
kube-system/system::leader-locking-kube-controller-manager = system::leader-locking-kube-controller-manager | u:system:kube-controller-manager s:kube-system/kube-controller-manager
kube-system/system::leader-locking-kube-scheduler = system::leader-locking-kube-scheduler | u:system:kube-scheduler s:kube-system/kube-scheduler
kube-system/system:controller:bootstrap-signer = system:controller:bootstrap-signer | s:kube-system/bootstrap-signer
kube-system/system:controller:cloud-provider = system:controller:cloud-provider | s:kube-system/cloud-provider
kube-system/system:controller:token-cleaner = system:controller:token-cleaner | s:kube-system/token-cleaner
)";

} // namespace

std::string_view default_cluster_roles() {
  return default_cluster_roles_text;
}

std::string_view default_controller_roles() {
  return default_controller_roles_text;
}

std::string_view default_roles() {
  return default_roles_text;
}

std::string_view default_cluster_role_bindings() {
  return default_cluster_role_bindings_text;
}

std::string_view default_role_bindings() {
  return default_role_bindings_text;
}

} // namespace thespis::api::auth
