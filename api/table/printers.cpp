// The columns of the kinds whose rows are computed, as Kubernetes 1.34 prints them.
#include "api/table/columns.hpp"

namespace thespis::api::table {

using schema::column;

column col(std::string name, std::string type, std::string about, int priority) {
  column c;
  c.format = name == "Name" && priority == 0 ? "name" : "";
  c.name = std::move(name);
  c.type = std::move(type);
  c.about = std::move(about);
  c.priority = priority;
  return c;
}

column name_column() {
  return col("Name", "string", "The name of the object, unique within its namespace.");
}

column age_column() {
  return col("Age", "string", "The time since the object was created.");
}

namespace {

std::vector<column> with_containers(std::vector<column> columns, bool selector = true) {
  columns.push_back(col("Containers", "string", "Names of the containers in the template.", 1));
  columns.push_back(col("Images", "string", "Images of the containers in the template.", 1));
  if (selector)
    columns.push_back(col("Selector", "string", "Which pods belong to the object.", 1));
  return columns;
}

std::vector<column> pod_columns() {
  return {name_column(),
          col("Ready", "string", "Ready containers of all containers."),
          col("Status", "string", "The pod's state in one word."),
          col("Restarts", "string", "How often its containers were restarted, and when last."),
          age_column(),
          col("IP", "string", "The pod's address.", 1),
          col("Node", "string", "The node the pod runs on.", 1),
          col("Nominated Node", "string", "The node that is being made free for the pod.", 1),
          col("Readiness Gates", "string", "Readiness gates that are open, of all.", 1)};
}

std::vector<column> deployment_columns() {
  return with_containers({name_column(), col("Ready", "string", "Ready pods of the pods wanted."),
                          col("Up-to-date", "string", "Pods made from the present template."),
                          col("Available", "string", "Pods ready for minReadySeconds."),
                          age_column()});
}

std::vector<column> replica_columns() {
  return with_containers({name_column(), col("Desired", "integer", "Pods wanted."),
                          col("Current", "integer", "Pods there are."),
                          col("Ready", "integer", "Pods that are ready."), age_column()});
}

std::vector<column> daemon_set_columns() {
  return with_containers(
      {name_column(), col("Desired", "integer", "Nodes that should run the pod."),
       col("Current", "integer", "Nodes that run the pod."),
       col("Ready", "integer", "Pods that are ready."),
       col("Up-to-date", "integer", "Pods made from the present template."),
       col("Available", "integer", "Pods ready for minReadySeconds."),
       col("Node Selector", "string", "Which nodes run the pod."), age_column()});
}

std::vector<column> stateful_set_columns() {
  return with_containers(
      {name_column(), col("Ready", "string", "Ready pods of the pods wanted."), age_column()},
      false);
}

std::vector<column> job_columns() {
  return with_containers({name_column(), col("Status", "string", "The job's state in one word."),
                          col("Completions", "string", "Pods that succeeded, of those wanted."),
                          col("Duration", "string", "How long the job ran or runs."),
                          age_column()});
}

std::vector<column> service_columns() {
  return {name_column(),
          col("Type", "string", "How the service is reached."),
          col("Cluster-IP", "string", "The service's address within the cluster."),
          col("External-IP", "string", "Addresses outside the cluster."),
          col("Port(s)", "string", "Ports of the service, with their node ports."),
          age_column(),
          col("Selector", "string", "Which pods serve.", 1)};
}

std::vector<column> endpoint_slice_columns() {
  return {name_column(), col("AddressType", "string", "The kind of all addresses of the slice."),
          col("Ports", "string", "Ports of the endpoints."),
          col("Endpoints", "string", "Addresses of the endpoints."), age_column()};
}

std::vector<column> node_columns() {
  return {name_column(),
          col("Status", "string", "Whether the node is ready and takes pods."),
          col("Roles", "string", "The node's roles."),
          age_column(),
          col("Version", "string", "The version of the node's agent."),
          col("Internal-IP", "string", "The node's address within the cluster.", 1),
          col("External-IP", "string", "The node's address outside the cluster.", 1),
          col("OS-Image", "string", "The node's operating system.", 1),
          col("Kernel-Version", "string", "The node's kernel.", 1),
          col("Container-Runtime", "string", "The node's container runtime.", 1)};
}

std::vector<column> event_columns() {
  return {col("Last Seen", "string", "The time since it happened last."),
          col("Type", "string", "Normal or Warning."),
          col("Reason", "string", "Why, in one word."),
          col("Object", "string", "What it is about."),
          col("Subobject", "string", "Which part of the object.", 1),
          col("Source", "string", "Who reports it.", 1),
          col("Message", "string", "What happened."),
          col("First Seen", "string", "The time since it happened first.", 1),
          col("Count", "string", "How often it happened.", 1),
          col("Name", "string", "The name of the event.", 1)};
}

printer_map make_printers() {
  printer_map m;
  m["pods"] = {pod_columns(), pod_cells};
  m["deployments.apps"] = {deployment_columns(), deployment_cells};
  m["replicasets.apps"] = {replica_columns(), replica_set_cells};
  m["replicationcontrollers"] = {replica_columns(), replication_controller_cells};
  m["daemonsets.apps"] = {daemon_set_columns(), daemon_set_cells};
  m["statefulsets.apps"] = {stateful_set_columns(), stateful_set_cells};
  m["jobs.batch"] = {job_columns(), job_cells};
  m["services"] = {service_columns(), service_cells};
  m["endpoints"] = {
      {name_column(), col("Endpoints", "string", "Ready addresses and ports."), age_column()},
      endpoints_cells};
  m["endpointslices.discovery.k8s.io"] = {endpoint_slice_columns(), endpoint_slice_cells};
  m["nodes"] = {node_columns(), node_cells};
  m["namespaces"] = {
      {name_column(), col("Status", "string", "Active or Terminating."), age_column()},
      namespace_cells};
  m["events"] = {event_columns(), event_cells};
  m["events.events.k8s.io"] = m["events"];
  m["configmaps"] = {{name_column(), col("Data", "string", "Number of keys."), age_column()},
                     config_map_cells};
  m["secrets"] = {{name_column(), col("Type", "string", "What the secret is for."),
                   col("Data", "string", "Number of keys."), age_column()},
                  secret_cells};
  m["serviceaccounts"] = {
      {name_column(), col("Secrets", "string", "Number of secrets."), age_column()},
      service_account_cells};
  m["leases.coordination.k8s.io"] = {
      {name_column(), col("Holder", "string", "Who holds it."), age_column()}, lease_cells};
  add_storage_printers(m);
  add_policy_printers(m);
  add_network_printers(m);
  add_access_printers(m);
  add_admission_printers(m);
  add_small_printers(m);
  return m;
}

} // namespace

const printer* find_printer(std::string_view resource) {
  static const printer_map printers = make_printers();
  auto it = printers.find(resource);
  return it == printers.end() ? nullptr : &it->second;
}

} // namespace thespis::api::table
