// Rows of webhooks, admission policies, extensions of the API and device claims.
#include "api/table/columns.hpp"

namespace thespis::api::table {

namespace {

row webhook_cells(const json::value& object, timestamp now) {
  return {object_name(object), count_at(object, {"webhooks"}), object_age(object, now)};
}

std::string parameter_kind(const json::value& object) {
  const auto* k = json::at(object, {"spec", "paramKind"});
  if (!k || !k->IsObject())
    return "<unset>";
  return std::string(json::get_string(*k, "apiVersion")) + "/" +
         std::string(json::get_string(*k, "kind"));
}

row validating_policy_cells(const json::value& object, timestamp now) {
  return {object_name(object), count_at(object, {"spec", "validations"}), parameter_kind(object),
          object_age(object, now)};
}

row mutating_policy_cells(const json::value& object, timestamp now) {
  return {object_name(object), count_at(object, {"spec", "mutations"}), parameter_kind(object),
          object_age(object, now)};
}

row policy_binding_cells(const json::value& object, timestamp now) {
  std::string parameters = "<unset>";
  if (const auto* ref = json::at(object, {"spec", "paramRef"}); ref && ref->IsObject()) {
    const auto name = json::get_string(*ref, "name"), ns = json::get_string(*ref, "namespace");
    if (!name.empty())
      parameters = (ns.empty() ? "" : std::string(ns) + "/") + std::string(name);
    else if (const auto* selector = json::find(*ref, "selector"))
      parameters = format_label_selector(selector);
  }
  return {object_name(object), text_at(object, {"spec", "policyName"}), parameters,
          object_age(object, now)};
}

row api_service_cells(const json::value& object, timestamp now) {
  std::string service = "Local", available = "Unknown";
  if (const auto* s = json::at(object, {"spec", "service"}); s && s->IsObject())
    service = std::string(json::get_string(*s, "namespace")) + "/" +
              std::string(json::get_string(*s, "name"));
  for (const auto* c : items_at(object, {"status", "conditions"}))
    if (json::get_string(*c, "type") == "Available") {
      available = json::get_string(*c, "status");
      if (available != "True")
        available += " (" + std::string(json::get_string(*c, "reason")) + ")";
    }
  return {object_name(object), service, available, object_age(object, now)};
}

std::string claim_state(const json::value& object) {
  const bool deleted = !text_at(object, {"metadata", "deletionTimestamp"}).empty();
  std::string out = deleted ? "deleted" : "";
  if (const auto* a = json::at(object, {"status", "allocation"}); !a || !a->IsObject())
    return deleted ? out : "pending";
  out += out.empty() ? "allocated" : ",allocated";
  return count_at(object, {"status", "reservedFor"}) > 0 ? out + ",reserved" : out;
}

row device_claim_cells(const json::value& object, timestamp now) {
  return {object_name(object), claim_state(object), object_age(object, now)};
}

row slice_cells(const json::value& object, timestamp now) {
  return {object_name(object), text_at(object, {"spec", "nodeName"}, "<unset>"),
          text_at(object, {"spec", "driver"}), text_at(object, {"spec", "pool", "name"}),
          object_age(object, now)};
}

} // namespace

void add_admission_printers(printer_map& m) {
  const printer webhooks{
      {name_column(), col("Webhooks", "integer", "How many services it names."), age_column()},
      webhook_cells};
  const printer binding{{name_column(), col("PolicyName", "string", "The policy."),
                         col("ParamRef", "string", "Its parameters."), age_column()},
                        policy_binding_cells};
  const auto group = [](const char* plural) {
    return std::string(plural) + ".admissionregistration.k8s.io";
  };
  m[group("mutatingwebhookconfigurations")] = webhooks;
  m[group("validatingwebhookconfigurations")] = webhooks;
  m[group("validatingadmissionpolicies")] = {
      {name_column(), col("Validations", "integer", "How many conditions it has."),
       col("ParamKind", "string", "The kind of its parameters."), age_column()},
      validating_policy_cells};
  m[group("mutatingadmissionpolicies")] = {
      {name_column(), col("Mutations", "integer", "How many changes it makes."),
       col("ParamKind", "string", "The kind of its parameters."), age_column()},
      mutating_policy_cells};
  m[group("validatingadmissionpolicybindings")] = binding;
  m[group("mutatingadmissionpolicybindings")] = binding;
  m["apiservices.apiregistration.k8s.io"] = {
      {name_column(), col("Service", "string", "Who answers for the group and version."),
       col("Available", "string", "Whether it can be used."), age_column()},
      api_service_cells};
  m["resourceclaims.resource.k8s.io"] = {
      {name_column(), col("State", "string", "What became of the claim."), age_column()},
      device_claim_cells};
  m["resourceslices.resource.k8s.io"] = {
      {name_column(), col("Node", "string", "The node the devices are on."),
       col("Driver", "string", "The driver."), col("Pool", "string", "The pool."), age_column()},
      slice_cells};
}

} // namespace thespis::api::table
