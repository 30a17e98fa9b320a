#include "api/auth/node_restriction.hpp"

#include "api/auth/csr.hpp"
#include "api/auth/node_authorizer.hpp"
#include "api/text/base64.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <array>

namespace thespis::api::auth {

namespace {

using admission::action;
using admission::request;

constexpr std::string_view mirror_annotation = "kubernetes.io/config.mirror";
constexpr std::string_view restricted_domain = "node-restriction.kubernetes.io";

/// Labels of kubernetes.io and k8s.io that a node may give itself.
constexpr std::array<std::string_view, 14> own_labels = {"kubernetes.io/hostname",
                                                         "kubernetes.io/arch",
                                                         "kubernetes.io/os",
                                                         "beta.kubernetes.io/arch",
                                                         "beta.kubernetes.io/os",
                                                         "beta.kubernetes.io/instance-type",
                                                         "node.kubernetes.io/instance-type",
                                                         "failure-domain.beta.kubernetes.io/region",
                                                         "failure-domain.beta.kubernetes.io/zone",
                                                         "failure-domain.kubernetes.io/region",
                                                         "failure-domain.kubernetes.io/zone",
                                                         "topology.kubernetes.io/region",
                                                         "topology.kubernetes.io/zone",
                                                         "node.kubernetes.io/windows-build"};

std::string_view string_at(const json::value& v, std::initializer_list<std::string_view> where) {
  const auto* found = json::at(v, where);
  return found ? json::as_string(*found) : std::string_view{};
}

bool same_at(const json::value& a, const json::value& b,
             std::initializer_list<std::string_view> where) {
  const auto* x = json::at(a, where);
  const auto* y = json::at(b, where);
  return x && y ? json::equal(*x, *y) : !x && !y;
}

result<void> refused(const request& r, const std::string& why) {
  return fail(admission::refuse(r, why));
}

std::string node(std::string_view name) {
  return "node " + quote_go(name);
}

/// A mirror pod refers to nothing that its node could not otherwise read.
result<void> check_new_pod(const request& r, std::string_view self) {
  const auto& pod = *r.object;
  const auto* annotations = json::at(pod, {"metadata", "annotations"});
  if (!annotations || !json::find(*annotations, mirror_annotation))
    return refused(r, "pod does not have " + quote_go(mirror_annotation) + " annotation, " +
                          node(self) + " can only create mirror pods");
  if (string_at(pod, {"spec", "nodeName"}) != self)
    return refused(r, node(self) + " can only create pods with spec.nodeName set to itself");
  if (!string_at(pod, {"spec", "serviceAccountName"}).empty())
    return refused(r, node(self) + " can not create pods that reference a service account");
  const auto* volumes = json::at(pod, {"spec", "volumes"});
  for (rapidjson::SizeType i = 0; volumes && volumes->IsArray() && i < volumes->Size(); ++i)
    for (const char* kind : {"secret", "configMap", "projected", "persistentVolumeClaim"})
      if (json::find((*volumes)[i], kind))
        return refused(r, node(self) + " can not create pods that reference " + kind + "s");
  return {};
}

/// The pod that the request names is on this node.
result<void> check_own_pod(const request& r, std::string_view self, const std::string& doing) {
  const auto pod = r.state.get("pods", r.ns, r.name);
  if (!pod)
    return {}; // whoever carries it out says so
  if (pod->meta().node_name == self)
    return {};
  return refused(r, node(self) + " can only " + doing + " pods with spec.nodeName set to itself");
}

result<void> check_pod(const request& r, std::string_view self) {
  const auto& sub = r.call.subresource;
  if (sub == "eviction")
    return check_own_pod(r, self, "evict");
  if (sub == "status") {
    if (auto ok = check_own_pod(r, self, "update pod status for"); !ok)
      return ok;
    if (r.object && r.old_object && !same_at(*r.object, *r.old_object, {"metadata", "labels"}))
      return refused(r, node(self) + " cannot update labels through pod status");
    return {};
  }
  if (!sub.empty())
    return {};
  if (r.action == action::create)
    return check_new_pod(r, self);
  return r.action == action::remove ? check_own_pod(r, self, "delete") : result<void>{};
}

bool is_forbidden_label(std::string_view key) {
  const auto slash = key.find('/');
  if (slash == key.npos)
    return false;
  const auto domain = key.substr(0, slash);
  auto within = [&](std::string_view of) {
    return domain == of || (domain.ends_with(of) && domain[domain.size() - of.size() - 1] == '.');
  };
  if (within(restricted_domain))
    return true;
  if (within("kubelet.kubernetes.io") || within("node.kubernetes.io"))
    return false;
  return (within("kubernetes.io") || within("k8s.io")) &&
         std::find(own_labels.begin(), own_labels.end(), key) == own_labels.end();
}

/// Labels that the write sets, changes or removes and a node may not, in order.
std::string forbidden_labels(const json::value& now, const json::value* old) {
  const auto* labels = json::at(now, {"metadata", "labels"});
  const auto* before = old ? json::at(*old, {"metadata", "labels"}) : nullptr;
  std::vector<std::string> found;
  auto compare = [&](const json::value* from, const json::value* with) {
    if (!from || !from->IsObject())
      return;
    for (const auto& m : from->GetObject()) {
      const auto key = json::as_string(m.name);
      const auto* other = with ? json::find(*with, key) : nullptr;
      if ((!other || !json::equal(m.value, *other)) && is_forbidden_label(key))
        found.emplace_back(key);
    }
  };
  compare(labels, before);
  compare(before, labels);
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::string out;
  for (const auto& key : found)
    out += (out.empty() ? "" : ", ") + key;
  return out;
}

result<void> check_node(const request& r, std::string_view self) {
  const auto name = r.name.empty() && r.object ? string_at(*r.object, {"metadata", "name"})
                                               : std::string_view{r.name};
  if (name != self)
    return refused(r, node(self) + " is not allowed to modify " + node(name));
  if (!r.object)
    return {};
  if (r.action == action::create && json::at(*r.object, {"spec", "configSource"}))
    return refused(r, node(self) + " is not allowed to create pods with a non-nil configSource");
  if (const auto labels = forbidden_labels(*r.object, r.old_object); !labels.empty())
    return refused(r, node(self) +
                          (r.old_object ? " is not allowed to modify labels: "
                                        : " is not allowed to set the following labels: ") +
                          labels);
  if (!r.old_object)
    return {};
  if (!same_at(*r.object, *r.old_object, {"spec", "taints"}))
    return refused(r, node(self) + " is not allowed to modify taints");
  if (!same_at(*r.object, *r.old_object, {"metadata", "ownerReferences"}))
    return refused(r, node(self) + " is not allowed to modify ownerReferences");
  return {};
}

/// The audiences of the pod's own volumes are what its node may ask tokens for.
result<void> check_audiences(const request& r, const object& pod) {
  const auto* wanted = json::at(*r.object, {"spec", "audiences"});
  if (!wanted || !wanted->IsArray() || wanted->Empty())
    return {};
  if (wanted->Size() > 1)
    return refused(r, "node may only request 0 or 1 audiences");
  const auto audience = json::as_string((*wanted)[0]);
  const auto doc = pod.parse();
  const auto* volumes = json::at(doc, {"spec", "volumes"});
  for (rapidjson::SizeType i = 0; volumes && volumes->IsArray() && i < volumes->Size(); ++i) {
    const auto* sources = json::at((*volumes)[i], {"projected", "sources"});
    for (rapidjson::SizeType k = 0; sources && sources->IsArray() && k < sources->Size(); ++k)
      if (const auto* token = json::find((*sources)[k], "serviceAccountToken");
          token && token->IsObject() && json::get_string(*token, "audience") == audience)
        return {};
  }
  return refused(r, "audience " + quote_go(audience) + " not found in pod spec volume");
}

result<void> check_token(const request& r, std::string_view self) {
  const auto* ref = json::at(*r.object, {"spec", "boundObjectRef"});
  if (!ref || !ref->IsObject() || json::get_string(*ref, "kind") != "Pod" ||
      json::get_string(*ref, "name").empty())
    return refused(r, "node requested token not bound to a pod");
  if (json::get_string(*ref, "uid").empty())
    return refused(r, "node requested token with a pod binding without a uid");
  const auto pod = r.state.get("pods", r.ns, json::get_string(*ref, "name"));
  if (!pod)
    return fail(not_found("pods", json::get_string(*ref, "name")));
  if (pod->uid() != json::get_string(*ref, "uid"))
    return refused(r, "the UID in the bound object reference (" +
                          std::string{json::get_string(*ref, "uid")} +
                          ") does not match the UID in record. The object might have been deleted "
                          "and then recreated");
  if (pod->meta().node_name != self)
    return refused(r, "node requested token bound to a pod scheduled on a different node");
  return check_audiences(r, *pod);
}

/// A node's certificates are of that node.
result<void> check_signing_request(const request& r) {
  const auto& spec = *json::find(*r.object, "spec");
  const auto signer = json::get_string(spec, "signerName");
  if (signer != kubelet_serving_signer && signer != kubelet_client_signer)
    return {};
  const auto asked = read_csr(decode_base64(json::get_string(spec, "request")).value_or(""));
  if (!asked || asked->common_name != r.call.user.name)
    return refused(r, "can only create a node CSR with CN=" + r.call.user.name);
  return {};
}

result<void> check_lease(const request& r, std::string_view self) {
  const auto name = r.name.empty() && r.object ? string_at(*r.object, {"metadata", "name"})
                                               : std::string_view{r.name};
  if (r.ns != "kube-node-lease")
    return refused(r, "can only access leases in the \"kube-node-lease\" system namespace");
  if (name != self)
    return refused(r, "can only access node lease with the same name as the requesting node");
  return {};
}

class restriction final : public admission::plugin {
public:
  std::string_view name() const override { return "NodeRestriction"; }

  result<void> validate(request& r) override {
    const auto self = node_of(r.call.user);
    // Our own node actors are administrators besides.
    if (self.empty() || in_group(r.call.user, masters_group))
      return {};
    const auto& resource = r.type.resource;
    if (resource == "pods")
      return check_pod(r, self);
    if (resource == "nodes")
      return check_node(r, self);
    if (resource == "serviceaccounts" && r.call.subresource == "token" && r.object)
      return check_token(r, self);
    if (resource == "leases.coordination.k8s.io")
      return check_lease(r, self);
    if (resource == "certificatesigningrequests.certificates.k8s.io" &&
        r.action == action::create && r.object && json::find(*r.object, "spec"))
      return check_signing_request(r);
    return {};
  }
};

} // namespace

admission::plugin_ptr node_restriction() {
  return std::make_shared<restriction>();
}

} // namespace thespis::api::auth
