// Rows of kinds with little to tell.
#include "api/table/columns.hpp"
#include "api/text/quantity.hpp"

namespace thespis::api::table {

namespace {

/// Kinds that Kubernetes has no printer for show when they were created, as it is written.
row created_cells(const json::value& object, timestamp) {
  return {object_name(object), text_at(object, {"metadata", "creationTimestamp"})};
}

row pod_template_cells(const json::value& object, timestamp) {
  std::vector<std::string> names, images;
  for (const auto* c : items_at(object, {"template", "spec", "containers"})) {
    names.emplace_back(json::get_string(*c, "name"));
    images.emplace_back(json::get_string(*c, "image"));
  }
  return {object_name(object), join(names, ""), join(images, ""),
          format_labels(json::at(object, {"template", "metadata", "labels"}))};
}

row component_cells(const json::value& object, timestamp) {
  std::string status = "Unknown", message, error;
  for (const auto* c : items_at(object, {"conditions"}))
    if (json::get_string(*c, "type") == "Healthy") {
      status = json::get_string(*c, "status") == "True" ? "Healthy" : "Unhealthy";
      message = json::get_string(*c, "message");
      error = json::get_string(*c, "error");
    }
  return {object_name(object), status, message, error};
}

row candidate_cells(const json::value& object, timestamp now) {
  return {object_name(object),
          text_at(object, {"spec", "leaseName"}),
          text_at(object, {"spec", "binaryVersion"}),
          text_at(object, {"spec", "emulationVersion"}),
          text_at(object, {"spec", "strategy"}),
          object_age(object, now)};
}

/// What the containers of a pod use together.
row pod_usage_cells(const json::value& object, timestamp) {
  quantity cpu, memory;
  for (const auto* c : items_at(object, {"containers"}))
    if (const auto* usage = json::find(*c, "usage")) {
      cpu += get_quantity(*usage, "cpu");
      memory += get_quantity(*usage, "memory");
    }
  return {object_name(object), cpu.to_string(), memory.to_string(), text_at(object, {"window"})};
}

} // namespace

void add_small_printers(printer_map& m) {
  const printer created{{name_column(), col("Created At", "date", "When the object was created.")},
                        created_cells};
  for (const char* plain :
       {"limitranges", "roles.rbac.authorization.k8s.io", "clusterroles.rbac.authorization.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io"})
    m[plain] = created;
  m["podtemplates"] = {{name_column(), col("Containers", "string", "Names of the containers."),
                        col("Images", "string", "Images of the containers."),
                        col("Pod Labels", "string", "Labels of the pods.")},
                       pod_template_cells};
  m["componentstatuses"] = {{name_column(), col("Status", "string", "Whether it is well."),
                             col("Message", "string", "What it says."),
                             col("Error", "string", "Why it could not be asked.")},
                            component_cells};
  m["leasecandidates.coordination.k8s.io"] = {
      {name_column(), col("LeaseName", "string", "The lease."),
       col("BinaryVersion", "string", "The candidate's version."),
       col("EmulationVersion", "string", "The version whose behaviour it keeps."),
       col("Strategy", "string", "How a holder is chosen."), age_column()},
      candidate_cells};
  m["pods.metrics.k8s.io"] = {{name_column(), col("cpu", "string", "Cores that it used."),
                               col("memory", "string", "Memory that it used."),
                               col("Window", "string", "Over how long that was measured.")},
                              pod_usage_cells};
}

} // namespace thespis::api::table
