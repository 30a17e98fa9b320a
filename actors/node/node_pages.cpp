// The sixth part of the node actor: the pages that kubelet serves, for nodes/NAME/proxy.
#include "actors/node/node_actor.hpp"

#include "actors/node/node_files.hpp"
#include "actors/node/node_picture.hpp"
#include "api/json.hpp"
#include "api/object/typed.hpp"
#include "api/text/quantity.hpp"
#include "api/text/time.hpp"

namespace thespis::actors {

namespace {

using promise = caf::typed_response_promise<node_page>;

constexpr const char* json_type = "application/json";
constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

int64_t started_at(const api::v1::pod& pod, const std::string& container) {
  for (const auto* list : {&pod.status.container_statuses, &pod.status.init_container_statuses,
                           &pod.status.ephemeral_container_statuses})
    for (const auto& s : *list)
      if (s.name == container && s.state && s.state->running)
        if (const auto t = api::parse_time(s.state->running->started_at))
          return std::chrono::nanoseconds{t->time_since_epoch()}.count();
  return 0;
}

std::string image_of(const api::v1::pod& pod, const std::string& container) {
  for (const auto* list : {&pod.status.container_statuses, &pod.status.init_container_statuses,
                           &pod.status.ephemeral_container_statuses})
    for (const auto& s : *list)
      if (s.name == container)
        return s.image;
  return {};
}

const std::string& label_of(const runtime::container_stats& s, const char* key) {
  static const std::string none;
  const auto i = s.labels.find(key);
  return i == s.labels.end() ? none : i->second;
}

} // namespace

std::vector<measured_pod> node_actor::measured_pods(bool all) const {
  std::vector<measured_pod> res;
  for (const auto& [uid, entry] : pods_) {
    if (!entry.holding.held || !(all || entry.limits_storage))
      continue;
    const auto pod = api::typed<api::v1::pod>(*entry.object);
    auto& p = res.emplace_back();
    p.uid = uid;
    p.log_directory = pod_log_directory(*deps_.ports->facts, entry.ns, entry.name, uid);
    for (const auto& c : pod->spec.containers)
      p.containers.push_back(c.name);
    for (const auto& v : pod->spec.volumes)
      if (v.empty_dir && v.empty_dir->medium.empty())
        p.empty_dirs.push_back(v.name);
  }
  return res;
}

std::shared_ptr<node_picture>
node_actor::picture_of(const std::vector<runtime::container_stats>& all) {
  auto res = std::make_shared<node_picture>();
  res->node = node_name();
  res->time = deps_.ports->env.clock->now().time_since_epoch().count();
  const auto& capacity = deps_.description.status.capacity;
  if (const auto i = capacity.find("cpu"); i != capacity.end())
    res->cores = api::parse_quantity(i->second).value_or(api::quantity{}).value();
  for (const auto& [uid, entry] : pods_)
    res->pods[uid].pod = api::typed<api::v1::pod>(*entry.object);
  for (const auto& s : all) {
    const auto i = res->pods.find(label_of(s, "io.kubernetes.pod.uid"));
    // Containers that have ended use nothing, and are told of nevertheless.
    if (i == res->pods.end() || s.memory_working_set == 0)
      continue;
    auto& pod = i->second;
    auto& c = pod.containers.emplace_back();
    c.name = label_of(s, "io.kubernetes.container.name");
    c.id = s.id;
    c.image = image_of(*pod.pod, c.name);
    c.started_at = started_at(*pod.pod, c.name);
    c.cpu_rate = rates_.take(s.id, s.timestamp, s.cpu_core_nanoseconds);
    c.stats = s;
    pod.running = true;
    res->host.cpu_nanoseconds += s.cpu_core_nanoseconds;
    res->host.memory_bytes += s.memory_working_set;
  }
  return res;
}

void node_actor::look(std::function<void(api::result<std::shared_ptr<node_picture>>)> then) {
  const auto measured = [this, then](const std::shared_ptr<node_picture>& p) {
    p->cpu_rate = rates_.take("", p->time, p->host.cpu_nanoseconds);
    rates_.forget_others();
    if (!deps_.statistics)
      return then(p);
    deps_.statistics->read(measured_pods(true),
                           on_actor<node_statistics>(continuable{this}, [p, then](auto found) {
                             p->supplies = std::move(found.supplies);
                             for (auto& [uid, used] : found.pods)
                               if (const auto i = p->pods.find(uid); i != p->pods.end()) {
                                 for (auto& c : i->second.containers)
                                   c.disk = used.container_disks[c.name];
                                 i->second.footprint = std::move(used);
                               }
                             then(p);
                           }));
  };
  containers().list_container_stats(
      {}, here<std::vector<runtime::container_stats>>([this, measured, then](auto all) {
        if (!all)
          return then(api::fail(std::move(all.error())));
        const auto p = picture_of(*all);
        if (!deps_.host)
          return measured(p);
        auto read = here<host_usage>([p, measured](auto host) {
          if (host)
            p->host = *host;
          measured(p);
        });
        deps_.ports->volumes->run([port = deps_.host, read] { read(port->read()); });
      }));
}

std::string node_actor::pod_list() const {
  std::string res = R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[)";
  bool first = true;
  for (const auto& [uid, entry] : pods_) {
    res += first ? "" : ",";
    first = false;
    res += entry.object->bytes();
  }
  return res + "]}\n";
}

std::string node_actor::configuration() const {
  namespace json = api::json;
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::value c{rapidjson::kObjectType};
  const auto add = [&](const char* key, const std::string& value) { json::set(c, key, value, a); };
  const auto number = [&](const char* key, int64_t value) {
    json::set(c, key, json::value{value}, a);
  };
  const auto thresholds = [&](const char* key, const std::vector<api::threshold>& all) {
    json::value map{rapidjson::kObjectType};
    for (const auto& t : all)
      json::set(map, t.signal, api::value_text(t), a);
    json::set(c, key, std::move(map), a);
  };
  add("kind", "KubeletConfiguration");
  add("apiVersion", "kubelet.config.k8s.io/v1beta1");
  if (!deps_.static_pod_path.empty())
    add("staticPodPath", deps_.static_pod_path);
  add("clusterDomain", deps_.ports->facts->cluster_domain);
  json::value servers{rapidjson::kArrayType};
  for (const auto& s : deps_.ports->facts->dns_servers)
    servers.PushBack(json::make_string(s, a), a);
  json::set(c, "clusterDNS", std::move(servers), a);
  add("cgroupDriver", "cgroupfs");
  add("cgroupRoot", deps_.ports->facts->cgroup_root);
  add("nodeStatusReportFrequency", api::format_duration(deps_.status_interval));
  add("nodeStatusUpdateFrequency", api::format_duration(deps_.lease_interval));
  number("nodeLeaseDurationSeconds", 4 * deps_.lease_interval.count());
  number("imageGCHighThresholdPercent", deps_.images.high_percent);
  number("imageGCLowThresholdPercent", deps_.images.low_percent);
  add("imageMinimumGCAge", api::format_duration(deps_.images.minimum_age));
  thresholds("evictionHard", deps_.eviction.hard);
  thresholds("evictionSoft", deps_.eviction.soft);
  thresholds("evictionMinimumReclaim", deps_.eviction.reclaim);
  json::value graces{rapidjson::kObjectType};
  for (const auto& [signal, grace] : deps_.eviction.soft_grace)
    json::set(graces, signal, api::format_duration(grace), a);
  json::set(c, "evictionSoftGracePeriod", std::move(graces), a);
  number("evictionMaxPodGracePeriod", deps_.eviction.soft_pod_grace.count());
  add("evictionPressureTransitionPeriod", api::format_duration(deps_.eviction.transition));
  const auto& allocatable = deps_.description.status.allocatable;
  if (const auto i = allocatable.find("pods"); i != allocatable.end())
    number("maxPods", api::parse_quantity(i->second).value_or(api::quantity{}).value());
  add("containerLogMaxSize", std::to_string(deps_.logs.max_bytes));
  number("containerLogMaxFiles", deps_.logs.max_files);
  json::set(doc, "kubeletconfig", std::move(c), a);
  return json::to_string(doc);
}

caf::result<node_page> node_actor::show(const node_page_query& q) {
  const auto& path = q.path;
  if (path == "/healthz" || path == "/healthz/ping" || path == "/healthz/log" ||
      path == "/healthz/syncloop")
    return runtime_ready_ ? text_page(200, "ok") : text_page(500, "container runtime is down\n");
  if (path == "/pods" || path == "/pods/")
    return node_page{200, json_type, pod_list()};
  if (path == "/configz")
    return node_page{200, json_type, configuration()};
  using writer = std::string (*)(const node_picture&);
  static const std::map<std::string, std::pair<writer, const char*>> pages{
      {"/stats/summary", {stats_summary, json_type}},
      {"/runningpods", {running_pods, json_type}},
      {"/runningpods/", {running_pods, json_type}},
      {"/metrics", {kubelet_metrics, metrics_type}},
      {"/metrics/resource", {resource_metrics, metrics_type}},
      {"/metrics/cadvisor", {container_metrics, metrics_type}},
  };
  const auto& data = deps_.ports->facts->data_dir;
  const bool logs = !data.empty() && (path == "/logs" || path.starts_with("/logs/"));
  const auto page = pages.find(path);
  if (!logs && page == pages.end())
    return text_page(404, "404 page not found\n");
  // From here on the answer comes by this, and by nothing that is returned.
  const auto answer = std::make_shared<promise>(this->make_response_promise<node_page>());
  if (logs) {
    auto done =
        on_actor<node_page>(continuable{this}, [answer](auto p) { answer->deliver(std::move(p)); });
    deps_.ports->volumes->run([data, path, done] { done(log_page(path.substr(5), data)); });
    return *answer;
  }
  look([answer, write = page->second](auto p) {
    answer->deliver(p ? node_page{200, write.second, write.first(**p)}
                      : text_page(500, p.error().message + "\n"));
  });
  return *answer;
}

} // namespace thespis::actors
