#include "api/rest/protobuf_fields.hpp"

#include <algorithm>
#include <array>

namespace thespis::api::rest {

namespace {

/// Numbers and booleans that no type has as a pointer.
constexpr std::array<std::string_view, 36> plain_names = {"chapAuthDiscovery",
                                                          "chapAuthSession",
                                                          "clusterScope",
                                                          "containerPort",
                                                          "deprecated",
                                                          "exclusiveMaximum",
                                                          "exclusiveMinimum",
                                                          "failureThreshold",
                                                          "generation",
                                                          "globalDefault",
                                                          "hostIPC",
                                                          "hostNetwork",
                                                          "hostPID",
                                                          "hostPort",
                                                          "initialDelaySeconds",
                                                          "insecureSkipTLSVerify",
                                                          "minReadySeconds",
                                                          "nodePort",
                                                          "nullable",
                                                          "observedGeneration",
                                                          "partition",
                                                          "paused",
                                                          "periodSeconds",
                                                          "port",
                                                          "preserveUnknownFields",
                                                          "priority",
                                                          "publishNotReadyAddresses",
                                                          "readOnly",
                                                          "sslEnabled",
                                                          "stdin",
                                                          "stdinOnce",
                                                          "successThreshold",
                                                          "timeoutSeconds",
                                                          "tty",
                                                          "uniqueItems",
                                                          "unschedulable"};

struct member {
  std::string_view type;
  std::string_view name;
};

/// Those that only these types have as plain values.
constexpr std::array<member, 14> plain_members = {{
    {"ContainerStateTerminated", "signal"},
    {"DeviceRequest", "count"},
    {"DeviceSubRequest", "count"},
    {"ExactDeviceRequest", "count"},
    {"JSONSchemaProps", "x-kubernetes-embedded-resource"},
    {"JSONSchemaProps", "x-kubernetes-int-or-string"},
    {"QueuingConfiguration", "handSize"},
    {"QueuingConfiguration", "queueLengthLimit"},
    {"QueuingConfiguration", "queues"},
    {"ScaleSpec", "replicas"},
    {"ServiceBackendPort", "number"},
    {"StatefulSetOrdinals", "start"},
    {"Status", "code"},
    {"StatusDetails", "retryAfterSeconds"},
}};

/// Those that some type has as a pointer in spite of their name.
constexpr std::array<member, 21> pointers = {{
    {"AzureDiskVolumeSource", "readOnly"},
    {"CSIVolumeSource", "readOnly"},
    {"MutatingWebhook", "timeoutSeconds"},
    {"PodSpec", "priority"},
    {"RollingUpdateStatefulSetStrategy", "partition"},
    {"ServiceReference", "port"},
    {"ValidatingWebhook", "timeoutSeconds"},
    {"ClientIPConfig", "timeoutSeconds"},
    {"EndpointPort", "port"},
    {"ContainerStatus", "started"},
    {"DeploymentStatus", "collisionCount"},
    {"DeploymentStatus", "terminatingReplicas"},
    {"DaemonSetStatus", "collisionCount"},
    {"HorizontalPodAutoscalerStatus", "currentCPUUtilizationPercentage"},
    {"HorizontalPodAutoscalerStatus", "observedGeneration"},
    {"JobStatus", "ready"},
    {"JobStatus", "terminating"},
    {"MetricValueStatus", "averageUtilization"},
    {"NodeSwapStatus", "capacity"},
    {"ReplicaSetStatus", "terminatingReplicas"},
    {"StatefulSetStatus", "collisionCount"},
}};

template <size_t N>
bool has(const std::array<member, N>& members, std::string_view type, std::string_view name) {
  return std::any_of(members.begin(), members.end(),
                     [&](const member& m) { return m.type == type && m.name == name; });
}

bool ends_with(std::string_view s, std::string_view tail) {
  return s.size() >= tail.size() && s.substr(s.size() - tail.size()) == tail;
}

} // namespace

free_form free_form_of(const schema::field& f) {
  const auto* t = &f.type;
  while (t->go_type.empty() && t->element)
    t = t->element.get();
  std::string_view go = t->go_type;
  if (ends_with(go, "JSONSchemaPropsOrBool"))
    return free_form::schema_or_bool;
  if (ends_with(go, "JSONSchemaPropsOrArray"))
    return free_form::schema_or_array;
  if (ends_with(go, "JSONSchemaPropsOrStringArray"))
    return free_form::schema_or_strings;
  return free_form::raw;
}

bool is_plain(const schema::struct_type& t, const schema::field& f) {
  if (has(pointers, t.name, f.name))
    return false;
  return std::binary_search(plain_names.begin(), plain_names.end(), f.name) ||
         has(plain_members, t.name, f.name) || ends_with(t.name, "Status") || t.name == "Event" ||
         t.name == "EventSeries";
}

bool keeps_empty_string(const schema::field& f) {
  return f.name == "storageClassName";
}

} // namespace thespis::api::rest
