// Rows of roles, bindings, certificates and priorities of requests.
#include "api/table/columns.hpp"

namespace thespis::api::table {

namespace {

/// Names of the subjects of one kind, service accounts with their namespace.
std::string subjects(const json::value& object, std::string_view kind) {
  std::string out;
  for (const auto* s : items_at(object, {"subjects"})) {
    if (json::get_string(*s, "kind") != kind)
      continue;
    auto ns = json::get_string(*s, "namespace");
    out += out.empty() ? "" : ", ";
    if (kind == "ServiceAccount" && !ns.empty())
      out += std::string(ns) + "/";
    out += json::get_string(*s, "name");
  }
  return out;
}

row binding_cells(const json::value& object, timestamp now) {
  return {object_name(object),
          text_at(object, {"roleRef", "kind"}) + "/" + text_at(object, {"roleRef", "name"}),
          object_age(object, now),
          subjects(object, "User"),
          subjects(object, "Group"),
          subjects(object, "ServiceAccount")};
}

std::string request_state(const json::value& object) {
  bool approved = false, denied = false, failed = false;
  for (const auto* c : items_at(object, {"status", "conditions"})) {
    auto type = json::get_string(*c, "type");
    approved = approved || type == "Approved";
    denied = denied || type == "Denied";
    failed = failed || type == "Failed";
  }
  std::string out = denied ? "Denied" : approved ? "Approved" : "Pending";
  if (failed)
    out += ",Failed";
  if (!text_at(object, {"status", "certificate"}).empty())
    out += ",Issued";
  return out;
}

row signing_request_cells(const json::value& object, timestamp now) {
  const auto seconds = int_at(object, {"spec", "expirationSeconds"}, -1);
  return {object_name(object),
          object_age(object, now),
          text_at(object, {"spec", "signerName"}, "<none>"),
          text_at(object, {"spec", "username"}),
          seconds < 0 ? "<none>" : human_duration(std::chrono::seconds(seconds)),
          request_state(object)};
}

row trust_bundle_cells(const json::value& object, timestamp) {
  return {object_name(object), text_at(object, {"spec", "signerName"}, "<none>")};
}

row flow_schema_cells(const json::value& object, timestamp now) {
  std::string dangling = "?";
  for (const auto* c : items_at(object, {"status", "conditions"}))
    if (json::get_string(*c, "type") == "Dangling")
      dangling = json::get_string(*c, "status");
  return {object_name(object),
          text_at(object, {"spec", "priorityLevelConfiguration", "name"}, "<none>"),
          int_at(object, {"spec", "matchingPrecedence"}),
          text_at(object, {"spec", "distinguisherMethod", "type"}, "<none>"),
          object_age(object, now),
          dangling};
}

cell number_or_none(const json::value& object, std::initializer_list<std::string_view> path) {
  const auto* v = json::at(object, path);
  if (v && v->IsInt64())
    return v->GetInt64();
  return "<none>";
}

row priority_level_cells(const json::value& object, timestamp now) {
  return {
      object_name(object),
      text_at(object, {"spec", "type"}),
      number_or_none(object, {"spec", "limited", "nominalConcurrencyShares"}),
      number_or_none(object, {"spec", "limited", "limitResponse", "queuing", "queues"}),
      number_or_none(object, {"spec", "limited", "limitResponse", "queuing", "handSize"}),
      number_or_none(object, {"spec", "limited", "limitResponse", "queuing", "queueLengthLimit"}),
      object_age(object, now)};
}

} // namespace

void add_access_printers(printer_map& m) {
  const printer binding{{name_column(), col("Role", "string", "The role it gives."), age_column(),
                         col("Users", "string", "Users that get it.", 1),
                         col("Groups", "string", "Groups that get it.", 1),
                         col("ServiceAccounts", "string", "Service accounts that get it.", 1)},
                        binding_cells};
  m["rolebindings.rbac.authorization.k8s.io"] = binding;
  m["clusterrolebindings.rbac.authorization.k8s.io"] = binding;
  m["certificatesigningrequests.certificates.k8s.io"] = {
      {name_column(), age_column(), col("SignerName", "string", "Who shall sign."),
       col("Requestor", "string", "Who asks."),
       col("RequestedDuration", "string", "How long the certificate shall hold."),
       col("Condition", "string", "What became of the request.")},
      signing_request_cells};
  m["clustertrustbundles.certificates.k8s.io"] = {
      {name_column(), col("SignerName", "string", "The signer it belongs to.")},
      trust_bundle_cells};
  m["flowschemas.flowcontrol.apiserver.k8s.io"] = {
      {name_column(), col("PriorityLevel", "string", "The priority level."),
       col("MatchingPrecedence", "string", "Of several that match, the lowest counts."),
       col("DistinguisherMethod", "string", "How requests are told apart."), age_column(),
       col("MissingPL", "string", "Whether the priority level is missing.")},
      flow_schema_cells};
  m["prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"] = {
      {name_column(), col("Type", "string", "Limited or Exempt."),
       col("NominalConcurrencyShares", "string", "Its share of the requests at a time."),
       col("Queues", "string", "How many queues there are."),
       col("HandSize", "string", "Among how many queues a sender's requests spread."),
       col("QueueLengthLimit", "string", "How many may wait in a queue."), age_column()},
      priority_level_cells};
}

} // namespace thespis::api::table
