// Rows of what governs others: budgets, quotas, schedules, autoscalers, revisions.
#include "api/table/columns.hpp"

#include <algorithm>

namespace thespis::api::table {

namespace {

/// A number or percentage, as written.
std::string amount_at(const json::value& object, std::initializer_list<std::string_view> path,
                      std::string_view fallback) {
  const auto* v = json::at(object, path);
  if (v && v->IsInt64())
    return std::to_string(v->GetInt64());
  return v && v->IsString() ? std::string(json::as_string(*v)) : std::string(fallback);
}

row budget_cells(const json::value& object, timestamp now) {
  return {object_name(object), amount_at(object, {"spec", "minAvailable"}, "N/A"),
          amount_at(object, {"spec", "maxUnavailable"}, "N/A"),
          int_at(object, {"status", "disruptionsAllowed"}), object_age(object, now)};
}

row quota_cells(const json::value& object, timestamp now) {
  std::vector<std::string> names;
  if (const auto* hard = json::at(object, {"status", "hard"}); hard && hard->IsObject())
    for (const auto& m : hard->GetObject())
      names.emplace_back(json::as_string(m.name));
  std::sort(names.begin(), names.end());
  std::string requests, limits;
  for (const auto& name : names) {
    auto& text = name.starts_with("limits.") ? limits : requests;
    text += (text.empty() ? "" : ", ") + name + ": " +
            amount_at(object, {"status", "used", name}, "0") + "/" +
            amount_at(object, {"status", "hard", name}, "0");
  }
  return {object_name(object), requests, limits, object_age(object, now)};
}

row cron_job_cells(const json::value& object, timestamp now) {
  const auto* suspend = json::at(object, {"spec", "suspend"});
  const auto last = text_at(object, {"status", "lastScheduleTime"});
  std::vector<std::string> names, images;
  for (const auto* c :
       items_at(object, {"spec", "jobTemplate", "spec", "template", "spec", "containers"})) {
    names.emplace_back(json::get_string(*c, "name"));
    images.emplace_back(json::get_string(*c, "image"));
  }
  return {object_name(object),
          text_at(object, {"spec", "schedule"}),
          text_at(object, {"spec", "timeZone"}, "<none>"),
          !suspend || !suspend->IsBool() ? "<unset>"
          : suspend->GetBool()           ? "True"
                                         : "False",
          count_at(object, {"status", "active"}),
          last.empty() ? "<none>" : age_of(last, now),
          object_age(object, now),
          join(names, ""),
          join(images, ""),
          format_label_selector(json::at(object, {"spec", "jobTemplate", "spec", "selector"}))};
}

constexpr std::string_view unknown = "<unknown>";

/// "12%/80%", "200m/500m", as the target says how it is measured. `of_pod`: averages of a pod are
/// the only measure and go without saying.
std::string metric_text(const json::value& source, const json::value* status, bool of_pod) {
  const auto current = [&](std::string_view key) {
    return status ? amount_at(*status, {"current", key}, unknown) : std::string(unknown);
  };
  if (const auto average = amount_at(source, {"target", "averageValue"}, ""); !average.empty())
    return current("averageValue") + "/" + average + (of_pod ? "" : " (avg)");
  if (!of_pod)
    return current("value") + "/" + amount_at(source, {"target", "value"}, "0");
  const auto used = current("averageUtilization");
  const auto wanted = amount_at(source, {"target", "averageUtilization"}, "");
  return (used == unknown ? used : used + "%") + "/" + (wanted.empty() ? "<auto>" : wanted + "%");
}

/// The member that a MetricSpec's type names.
std::string member_of(std::string type) {
  if (!type.empty() && type[0] >= 'A' && type[0] <= 'Z')
    type[0] = static_cast<char>(type[0] - 'A' + 'a');
  return type;
}

std::string autoscaler_targets(const json::value& object) {
  constexpr size_t shown = 2;
  const auto specs = items_at(object, {"spec", "metrics"});
  const auto statuses = items_at(object, {"status", "currentMetrics"});
  if (specs.empty())
    return "<none>";
  std::string out;
  for (size_t i = 0; i < std::min(shown, specs.size()); ++i) {
    const auto key = member_of(std::string(json::get_string(*specs[i], "type")));
    const auto* source = json::find(*specs[i], key);
    const auto* status = i < statuses.size() ? json::find(*statuses[i], key) : nullptr;
    out += i ? ", " : "";
    if (!source)
      out += "<unknown type>";
    else if (key == "resource" || key == "containerResource")
      out += std::string(json::get_string(*source, "name")) + ": " +
             metric_text(*source, status, true);
    else
      out += metric_text(*source, status, key == "pods");
  }
  if (specs.size() > shown)
    out += " + " + std::to_string(specs.size() - shown) + " more...";
  return out;
}

row autoscaler_cells(const json::value& object, timestamp now) {
  return {object_name(object),
          text_at(object, {"spec", "scaleTargetRef", "kind"}) + "/" +
              text_at(object, {"spec", "scaleTargetRef", "name"}),
          autoscaler_targets(object),
          amount_at(object, {"spec", "minReplicas"}, "<unset>"),
          int_at(object, {"spec", "maxReplicas"}),
          int_at(object, {"status", "currentReplicas"}),
          object_age(object, now)};
}

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return s;
}

row revision_cells(const json::value& object, timestamp now) {
  std::string owner = "<none>";
  for (const auto* o : items_at(object, {"metadata", "ownerReferences"}))
    if (json::get_bool(*o, "controller")) {
      const std::string version(json::get_string(*o, "apiVersion"));
      const auto slash = version.find('/');
      owner = lower(std::string(json::get_string(*o, "kind")) +
                    (slash == version.npos ? "" : "." + version.substr(0, slash))) +
              "/" + std::string(json::get_string(*o, "name"));
    }
  return {object_name(object), owner, int_at(object, {"revision"}), object_age(object, now)};
}

} // namespace

void add_policy_printers(printer_map& m) {
  m["poddisruptionbudgets.policy"] = {
      {name_column(), col("Min Available", "string", "Pods that must stay."),
       col("Max Unavailable", "string", "Pods that may be away."),
       col("Allowed Disruptions", "integer", "Evictions allowed now."), age_column()},
      budget_cells};
  m["resourcequotas"] = {{name_column(), col("Request", "string", "What is used, of what may be."),
                          col("Limit", "string", "Limits that are set, of those that may be."),
                          age_column()},
                         quota_cells};
  m["cronjobs.batch"] = {{name_column(), col("Schedule", "string", "When it runs."),
                          col("Timezone", "string", "The time zone of the schedule."),
                          col("Suspend", "boolean", "Whether it is paused."),
                          col("Active", "integer", "Jobs that run."),
                          col("Last Schedule", "string", "Time since the last run began."),
                          age_column(), col("Containers", "string", "Names of the containers.", 1),
                          col("Images", "string", "Images of the containers.", 1),
                          col("Selector", "string", "Which pods belong to a job.", 1)},
                         cron_job_cells};
  m["horizontalpodautoscalers.autoscaling"] = {
      {name_column(), col("Reference", "string", "What is scaled."),
       col("Targets", "string", "What is measured, of what it shall be."),
       col("MinPods", "string", "The fewest pods."), col("MaxPods", "string", "The most pods."),
       col("Replicas", "string", "Pods there are."), age_column()},
      autoscaler_cells};
  m["controllerrevisions.apps"] = {{name_column(), col("Controller", "string", "Whose it is."),
                                    col("Revision", "string", "Its number."), age_column()},
                                   revision_cells};
}

} // namespace thespis::api::table
