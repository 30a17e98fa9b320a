#include "actors/controllers/autoscaler_metrics.hpp"

#include "api/text/labels.hpp"
#include "api/text/quantity.hpp"
#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors::autoscaling {

namespace v1 = api::v1;
namespace json = api::json;

namespace {

judgement fail_with(std::string reason, const std::string& what, std::string told) {
  failure f;
  f.reason = std::move(reason);
  f.summary = "failed to get " + what + ": " + told;
  f.told = std::move(told);
  return {std::nullopt, std::move(f)};
}

std::string milli_text(int64_t milli) {
  return api::quantity::of_milli(milli).to_string();
}

int64_t milli_of(const std::string& text) {
  const auto q = api::parse_quantity(text);
  return q ? q->milli_value() : 0;
}

// --- resources -----------------------------------------------------------------------------------

int64_t amount_of(const usage_rate& u, const std::string& resource) {
  // Parts of a millicore count as a whole one, as Quantity.MilliValue has it.
  return resource == "cpu" ? static_cast<int64_t>((u.cpu_nanocores + 999'999) / 1'000'000)
                           : static_cast<int64_t>(u.memory_bytes);
}

api::result<pod_metrics> no(std::string why) {
  api::error e;
  e.message = std::move(why);
  return api::fail(std::move(e));
}

/// What the pods use of a resource. Errors: Kubernetes' words.
api::result<pod_metrics> used_by(const scene& s, const resource_measure& what) {
  pod_metrics res;
  bool any = false;
  const bool known = what.resource == "cpu" || what.resource == "memory";
  for (const auto& p : s.pods) {
    const auto rate = s.usage ? s.usage->pod(s.ns, p->metadata.name) : std::optional<pod_rate>{};
    if (!rate || rate->uid != p->metadata.uid)
      continue;
    any = true;
    pod_metric m;
    m.timestamp = wall_time{std::chrono::nanoseconds{rate->timestamp}};
    m.window = std::chrono::nanoseconds{rate->window};
    bool found = what.container.empty();
    for (const auto& c : rate->containers)
      if (what.container.empty() || c.name == what.container) {
        found = true;
        m.value += amount_of(c.usage, what.resource);
      }
    if (!found)
      return no("container " + what.container + " not present in metrics for pod " + s.ns + "/" +
                p->metadata.name);
    if (known)
      res[p->metadata.name] = m;
  }
  if (!any)
    return no("no metrics returned from resource metrics API");
  return res;
}

struct resource_words {
  const char* type;
  const char* reason;
  const char* kind; ///< between the resource's name and what is measured
};

judgement by_resource(const v1::metric_target& target, const resource_measure& what, const scene& s,
                      const resource_words& words) {
  const auto whole = what.container.empty() ? what.resource + " resource metric value"
                                            : what.container + " container metric value";
  auto used = used_by(s, what);
  const bool by_amount = !target.average_value.empty();
  const auto measure = by_amount ? " usage: " : " utilization: ";
  const auto failed = [&](const std::string& why) {
    return fail_with(words.reason, whole, "failed to get " + what.resource + measure + why);
  };
  if (!by_amount && !target.average_utilization)
    return fail_with(words.reason, whole,
                     "invalid resource metric source: neither an average utilization target nor an "
                     "average value (usage) target was set");
  if (!used)
    return failed("unable to get metrics for resource " + what.resource + ": " +
                  used.error().message);
  // Everything but CPU is measured in whole units.
  const bool milli = what.resource == "cpu";
  const auto wish = by_amount ? api::parse_quantity(target.average_value) : api::quantity{};
  auto p = by_amount
               ? by_average(s.current, wish ? (milli ? wish->milli_value() : wish->value()) : 1,
                            std::move(*used), s.pods, what, s.now)
               : by_utilization(s.current, *target.average_utilization, std::move(*used), s.pods,
                                what, s.now);
  if (!p)
    return failed(p.error().message);
  finding f;
  f.replicas = p->replicas;
  f.name = what.resource + words.kind;
  v1::metric_value_status current;
  current.average_value = milli ? milli_text(p->average) : std::to_string(p->average);
  if (!by_amount) {
    current.average_utilization = p->utilization;
    f.name += " utilization (percentage of request)";
  }
  f.status.type = words.type;
  if (what.container.empty()) {
    auto& r = f.status.resource.ensure();
    r.name = what.resource;
    r.current = std::move(current);
  } else {
    auto& r = f.status.container_resource.ensure();
    r.name = what.resource;
    r.container = what.container;
    r.current = std::move(current);
  }
  return {std::move(f), std::nullopt};
}

// --- what others measure -------------------------------------------------------------------------

std::string escaped(std::string_view text) {
  static constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text)
    if (std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~')
      out += static_cast<char>(c);
    else
      (out += '%').append({hex[c >> 4], hex[c & 15]});
  return out;
}

std::string selector_text(const v1::metric_identifier& m) {
  if (!m.selector)
    return {};
  json::document doc;
  const auto v = v1::encode(*m.selector, doc.GetAllocator());
  const auto s = api::read_label_selector(&v);
  return s ? s->to_string() : std::string{};
}

struct measured {
  std::string name; ///< of the described object
  int64_t milli = 0;
  wall_time timestamp{};
  std::chrono::nanoseconds window{};
};

/// What a list of metric values says; nullopt: not there yet.
std::optional<api::result<std::vector<measured>>> fetch(const scene& s, const std::string& group,
                                                        const std::string& path,
                                                        const std::string& absent) {
  const auto failed = [](std::string why) {
    api::error e;
    e.message = std::move(why);
    return api::result<std::vector<measured>>{api::fail(std::move(e))};
  };
  if (!s.source)
    return failed(absent);
  auto told = s.source->ask(group, path);
  if (!told)
    return std::nullopt;
  if (!*told)
    return failed(told->error().why == api::reason::not_found && told->error().message.empty()
                      ? absent
                      : told->error().message);
  auto doc = json::parse(**told);
  const auto* items = doc ? json::find(*doc, "items") : nullptr;
  if (!items || !items->IsArray())
    return failed("the answer is no list of metrics");
  std::vector<measured> res;
  for (const auto& i : items->GetArray()) {
    measured m;
    if (const auto* about = json::find(i, "describedObject"))
      m.name = json::get_string(*about, "name");
    m.milli = api::get_quantity(i, "value").milli_value();
    m.timestamp = api::parse_time(json::get_string(i, "timestamp")).value_or(s.now);
    const auto* w = json::find(i, "windowSeconds");
    m.window = std::chrono::seconds{w && w->IsInt64() ? w->GetInt64() : 60};
    res.push_back(std::move(m));
  }
  return res;
}

judgement not_yet() {
  failure f;
  f.pending = true;
  return {std::nullopt, std::move(f)};
}

constexpr const char* custom_group = "custom.metrics.k8s.io";
constexpr const char* external_group = "external.metrics.k8s.io";
constexpr const char* no_custom = "no custom metrics API (custom.metrics.k8s.io) registered";

std::string query_of(std::string pods, std::string metric) {
  std::string out;
  if (!pods.empty())
    out += "labelSelector=" + escaped(pods);
  if (!metric.empty())
    out += (out.empty() ? "" : "&") + ("metricLabelSelector=" + escaped(metric));
  return out.empty() ? out : "?" + out;
}

judgement by_pods(const v1::pods_metric_source& m, const scene& s) {
  const auto failed = [&](const std::string& why) {
    return fail_with("FailedGetPodsMetric", "pods metric value",
                     "unable to get metric " + m.metric.name + ": " + why);
  };
  auto values = fetch(s, custom_group,
                      "/namespaces/" + s.ns + "/pods/*/" + escaped(m.metric.name) +
                          query_of(s.selector, selector_text(m.metric)),
                      no_custom);
  if (!values)
    return not_yet();
  if (!*values)
    return failed("unable to fetch metrics from custom metrics API: " + values->error().message);
  if ((*values)->empty())
    return failed("no metrics returned from custom metrics API");
  pod_metrics metrics;
  for (const auto& v : **values)
    metrics[v.name] = {v.milli, v.timestamp, v.window};
  auto p = by_average(s.current, milli_of(m.target.average_value), std::move(metrics), s.pods, {},
                      s.now);
  if (!p)
    return fail_with("FailedGetPodsMetric", "pods metric value", p.error().message);
  finding f;
  f.replicas = p->replicas;
  f.name = "pods metric " + m.metric.name;
  f.status.type = "Pods";
  auto& st = f.status.pods.ensure();
  st.metric = m.metric;
  st.current.average_value = milli_text(p->average);
  return {std::move(f), std::nullopt};
}

/// One value for all, or shared by them, against its target; the status's current value is filled.
api::result<int32_t> by_total(const v1::metric_target& target, int64_t milli, const scene& s,
                              v1::metric_value_status& current) {
  if (!target.average_value.empty()) {
    const auto p = by_value_per_pod(s.present, milli_of(target.average_value), milli);
    current.average_value = milli_text(p.average);
    return p.replicas;
  }
  auto p = by_value(s.current, milli_of(target.value), milli, s.pods);
  if (!p)
    return api::fail(std::move(p.error()));
  current.value = milli_text(milli);
  return p->replicas;
}

judgement by_object(const v1::object_metric_source& m, const scene& s) {
  const auto failed = [&](std::string why) {
    return fail_with("FailedGetObjectMetric", "object metric value", std::move(why));
  };
  // "ingresses.networking.k8s.io" cannot be told from here; who serves the metric knows the kind.
  const auto group = m.described_object.api_version.find('/') == std::string::npos
                         ? std::string{}
                         : "." + m.described_object.api_version.substr(
                                     0, m.described_object.api_version.find('/'));
  auto kind = m.described_object.kind;
  std::transform(kind.begin(), kind.end(), kind.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  kind += kind.ends_with("s") ? "es" : "s";
  auto path = "/namespaces/" + s.ns + "/" + kind + group + "/" + m.described_object.name + "/" +
              escaped(m.metric.name);
  if (kind == "namespaces")
    path = "/namespaces/" + m.described_object.name + "/metrics/" + escaped(m.metric.name);
  auto values = fetch(s, custom_group, path + query_of({}, selector_text(m.metric)), no_custom);
  if (!values)
    return not_yet();
  const auto about = " " + m.described_object.kind + " on " + s.ns + " " + m.described_object.name +
                     "/unable to fetch metrics from custom metrics API: ";
  if (!*values)
    return failed("unable to get metric " + m.metric.name + ":" + about + values->error().message);
  if ((*values)->empty())
    return failed("unable to get metric " + m.metric.name + ":" + about +
                  "no metrics returned from custom metrics API");
  finding f;
  f.status.type = "Object";
  auto& st = f.status.object.ensure();
  st.metric = m.metric;
  st.described_object = m.described_object;
  auto replicas = by_total(m.target, (*values)->front().milli, s, st.current);
  if (!replicas)
    return failed(replicas.error().message);
  f.replicas = *replicas;
  f.name = m.target.average_value.empty()
               ? m.described_object.kind + " metric " + m.metric.name
               : "external metric " + m.metric.name + "(&LabelSelector{})";
  return {std::move(f), std::nullopt};
}

judgement by_external(const v1::external_metric_source& m, const scene& s) {
  const auto selector = selector_text(m.metric);
  const auto failed = [&](const std::string& why) {
    return fail_with("FailedGetExternalMetric", m.metric.name + " external metric value",
                     "unable to get external metric " + s.ns + "/" + m.metric.name + "/" +
                         (m.metric.selector ? selector : "nil") + ": " + why);
  };
  auto values = fetch(s, external_group,
                      "/namespaces/" + s.ns + "/" + escaped(m.metric.name) +
                          (selector.empty() ? "" : "?labelSelector=" + escaped(selector)),
                      "the server could not find the requested resource (get " + m.metric.name +
                          ".external.metrics.k8s.io)");
  if (!values)
    return not_yet();
  if (!*values)
    return failed("unable to fetch metrics from external metrics API: " + values->error().message);
  if ((*values)->empty())
    return failed("no metrics returned from external metrics API");
  int64_t sum = 0;
  for (const auto& v : **values)
    sum += v.milli;
  finding f;
  f.status.type = "External";
  auto& st = f.status.external.ensure();
  st.metric = m.metric;
  auto replicas = by_total(m.target, sum, s, st.current);
  if (!replicas)
    return failed(replicas.error().message);
  f.replicas = *replicas;
  f.name = "external metric " + m.metric.name + "(" + (m.metric.selector ? selector : "nil") + ")";
  return {std::move(f), std::nullopt};
}

} // namespace

judgement judge(const v1::metric_spec& metric, const scene& s) {
  if (metric.type == "Resource" && metric.resource)
    return by_resource(metric.resource->target, {metric.resource->name, {}}, s,
                       {"Resource", "FailedGetResourceMetric", " resource"});
  if (metric.type == "ContainerResource" && metric.container_resource)
    return by_resource(
        metric.container_resource->target,
        {metric.container_resource->name, metric.container_resource->container}, s,
        {"ContainerResource", "FailedGetContainerResourceMetric", " container resource"});
  if (metric.type == "Pods" && metric.pods)
    return by_pods(*metric.pods, s);
  if (metric.type == "Object" && metric.object)
    return by_object(*metric.object, s);
  if (metric.type == "External" && metric.external)
    return by_external(*metric.external, s);
  auto res = fail_with("InvalidMetricSourceType", "", "");
  res.failed->told = res.failed->summary = "unknown metric source type " + json::quote(metric.type);
  return res;
}

} // namespace thespis::actors::autoscaling
