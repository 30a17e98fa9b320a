#include "actors/node/node_picture.hpp"

#include "api/json.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <cstdio>

namespace thespis::actors {

namespace {

namespace json = api::json;

std::string time_text(int64_t nanoseconds) {
  return api::format_time(
      std::chrono::sys_time<std::chrono::nanoseconds>{std::chrono::nanoseconds{nanoseconds}});
}

/// A JSON object that grows, with the types of kubelet's stats API.
class object {
public:
  explicit object(json::allocator& a) : a_(a) {}
  object& add(rapidjson::GenericStringRef<char> key, uint64_t n) {
    value_.AddMember(key, n, a_);
    return *this;
  }
  object& add(rapidjson::GenericStringRef<char> key, const std::string& text) {
    json::value v{text.c_str(), static_cast<rapidjson::SizeType>(text.size()), a_};
    value_.AddMember(key, v, a_);
    return *this;
  }
  object& add(rapidjson::GenericStringRef<char> key, json::value v) {
    value_.AddMember(key, v, a_);
    return *this;
  }
  json::value take() { return std::move(value_); }

private:
  json::allocator& a_;
  json::value value_{rapidjson::kObjectType};
};

uint64_t amount(int64_t n) {
  return static_cast<uint64_t>(std::max<int64_t>(n, 0));
}

json::value cpu(int64_t time, uint64_t rate, uint64_t total, json::allocator& a) {
  return object{a}
      .add("time", time_text(time))
      .add("usageNanoCores", rate)
      .add("usageCoreNanoSeconds", total)
      .take();
}

json::value memory(const runtime::container_stats& s, int64_t time, json::allocator& a) {
  return object{a}
      .add("time", time_text(time))
      .add("usageBytes", s.memory_usage)
      .add("workingSetBytes", s.memory_working_set)
      .add("rssBytes", s.memory_rss)
      .add("pageFaults", s.memory_page_faults)
      .take();
}

/// A file system, and what somebody uses of it. `name` is nodefs or imagefs.
json::value disk(const node_picture& p, const std::string& name, const disk_footprint* used,
                 json::allocator& a) {
  object res{a};
  res.add("time", time_text(p.time));
  const auto own = p.supplies.contains(name + ".available") ? name : std::string{"nodefs"};
  if (const auto i = p.supplies.find(own + ".available"); i != p.supplies.end()) {
    res.add("availableBytes", amount(i->second.available))
        .add("capacityBytes", amount(i->second.capacity));
    res.add("usedBytes",
            used ? amount(used->bytes) : amount(i->second.capacity - i->second.available));
  }
  if (const auto i = p.supplies.find(own + ".inodesFree"); i != p.supplies.end()) {
    res.add("inodesFree", amount(i->second.available)).add("inodes", amount(i->second.capacity));
    res.add("inodesUsed",
            used ? amount(used->inodes) : amount(i->second.capacity - i->second.available));
  }
  return res.take();
}

json::value container_of(const node_picture& p, const pictured_container& c, json::allocator& a) {
  const disk_footprint layer{static_cast<int64_t>(c.stats.filesystem_used), 0};
  const disk_footprint log{std::max<int64_t>(c.disk.bytes - layer.bytes, 0), c.disk.inodes};
  object res{a};
  res.add("name", c.name);
  if (c.started_at > 0)
    res.add("startTime", time_text(c.started_at));
  return res.add("cpu", cpu(c.stats.timestamp, c.cpu_rate, c.stats.cpu_core_nanoseconds, a))
      .add("memory", memory(c.stats, c.stats.timestamp, a))
      .add("rootfs", disk(p, "imagefs", &layer, a))
      .add("logs", disk(p, "nodefs", &log, a))
      .take();
}

/// What all containers of a pod use together.
struct sum_of {
  explicit sum_of(const pictured_pod& pod) {
    for (const auto& c : pod.containers) {
      rate += c.cpu_rate;
      stats.cpu_core_nanoseconds += c.stats.cpu_core_nanoseconds;
      stats.memory_usage += c.stats.memory_usage;
      stats.memory_working_set += c.stats.memory_working_set;
      stats.memory_rss += c.stats.memory_rss;
      stats.memory_page_faults += c.stats.memory_page_faults;
      stats.timestamp = std::max(stats.timestamp, c.stats.timestamp);
    }
  }
  runtime::container_stats stats;
  uint64_t rate = 0;
};

json::value pod_of(const node_picture& p, const pictured_pod& pod, json::allocator& a) {
  const auto& meta = pod.pod->metadata;
  object ref{a};
  ref.add("name", meta.name).add("namespace", meta.namespace_).add("uid", meta.uid);
  json::value containers{rapidjson::kArrayType};
  for (const auto& c : pod.containers)
    containers.PushBack(container_of(p, c, a), a);
  json::value volumes{rapidjson::kArrayType};
  for (const auto& [name, used] : pod.footprint.volumes) {
    auto v = disk(p, "nodefs", &used, a);
    json::set(v, "name", name, a);
    volumes.PushBack(v, a);
  }
  const sum_of all{pod};
  const auto used = pod.footprint.disk();
  object res{a};
  res.add("podRef", ref.take());
  if (!pod.pod->status.start_time.empty())
    res.add("startTime", pod.pod->status.start_time);
  res.add("containers", std::move(containers))
      .add("cpu", cpu(all.stats.timestamp, all.rate, all.stats.cpu_core_nanoseconds, a))
      .add("memory", memory(all.stats, all.stats.timestamp, a));
  if (!volumes.Empty())
    res.add("volume", std::move(volumes));
  return res.add("ephemeral-storage", disk(p, "nodefs", &used, a))
      .add("process_stats", object{a}.add("process_count", amount(pod.footprint.processes)).take())
      .take();
}

json::value node_of(const node_picture& p, json::allocator& a) {
  object mem{a};
  mem.add("time", time_text(p.time));
  if (const auto i = p.supplies.find("memory.available"); i != p.supplies.end())
    mem.add("availableBytes", amount(i->second.available))
        .add("usageBytes", amount(i->second.capacity - i->second.available));
  mem.add("workingSetBytes", p.host.memory_bytes);
  object limits{a};
  limits.add("time", time_text(p.time));
  if (const auto i = p.supplies.find("pid.available"); i != p.supplies.end())
    limits.add("maxpid", amount(i->second.capacity))
        .add("curproc", amount(i->second.capacity - i->second.available));
  object res{a};
  res.add("nodeName", p.node);
  if (p.started_at > 0)
    res.add("startTime", time_text(p.started_at));
  return res.add("cpu", cpu(p.time, p.cpu_rate, p.host.cpu_nanoseconds, a))
      .add("memory", mem.take())
      .add("fs", disk(p, "nodefs", nullptr, a))
      .add("runtime", object{a}.add("imageFs", disk(p, "imagefs", nullptr, a)).take())
      .add("rlimit", limits.take())
      .take();
}

// --- Prometheus' text ----------------------------------------------------------------------------

std::string escaped(const std::string& s) {
  std::string res;
  for (const char c : s) {
    if (c == '\\' || c == '"')
      res += '\\';
    res += c == '\n' ? ' ' : c;
  }
  return res;
}

std::string seconds_text(double s) {
  char text[48];
  std::snprintf(text, sizeof text, "%.9g", s);
  return text;
}

class metrics {
public:
  void begin(const std::string& name, const char* type, const char* help) {
    name_ = name;
    out_ += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
  }
  void sample(const std::vector<std::pair<const char*, std::string>>& labels,
              const std::string& value, int64_t nanoseconds = 0) {
    out_ += name_;
    for (size_t i = 0; i < labels.size(); ++i)
      out_ += (i == 0 ? "{" : ",") + std::string{labels[i].first} + "=\"" +
              escaped(labels[i].second) + "\"";
    out_ += labels.empty() ? " " : "} ";
    out_ += value;
    if (nanoseconds > 0)
      out_ += " " + std::to_string(nanoseconds / 1'000'000);
    out_ += "\n";
  }
  std::string take() { return std::move(out_); }

private:
  std::string name_;
  std::string out_;
};

double in_seconds(uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e9;
}

template <class F>
void each_container(const node_picture& p, F f) {
  for (const auto& [uid, pod] : p.pods)
    for (const auto& c : pod.containers)
      f(pod.pod->metadata, c);
}

} // namespace

uint64_t cpu_rates::take(const std::string& who, int64_t time, uint64_t nanoseconds) {
  auto& r = known_[who];
  r.wanted = true;
  if (r.time > 0 && time > r.time && nanoseconds >= r.nanoseconds)
    r.rate = static_cast<uint64_t>(static_cast<double>(nanoseconds - r.nanoseconds) * 1e9 /
                                   static_cast<double>(time - r.time));
  else if (time != r.time)
    r.rate = 0; // the first reading, or of another process
  r.time = time;
  r.nanoseconds = nanoseconds;
  return r.rate;
}

void cpu_rates::forget_others() {
  std::erase_if(known_, [](const auto& x) { return !x.second.wanted; });
  for (auto& [who, r] : known_)
    r.wanted = false;
}

std::string stats_summary(const node_picture& p) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::value pods{rapidjson::kArrayType};
  for (const auto& [uid, pod] : p.pods)
    if (pod.running)
      pods.PushBack(pod_of(p, pod, a), a);
  doc.AddMember("node", node_of(p, a), a);
  doc.AddMember("pods", pods, a);
  return json::to_string(doc);
}

std::string resource_metrics(const node_picture& p) {
  metrics m;
  m.begin("container_cpu_usage_seconds_total", "counter",
          "[STABLE] Cumulative cpu time consumed by the container in core-seconds");
  const auto labels = [](const auto& meta, const auto& c) {
    return std::vector<std::pair<const char*, std::string>>{
        {"container", c.name}, {"namespace", meta.namespace_}, {"pod", meta.name}};
  };
  each_container(p, [&](const auto& meta, const auto& c) {
    m.sample(labels(meta, c), seconds_text(in_seconds(c.stats.cpu_core_nanoseconds)),
             c.stats.timestamp);
  });
  m.begin("container_memory_working_set_bytes", "gauge",
          "[STABLE] Current working set of the container in bytes");
  each_container(p, [&](const auto& meta, const auto& c) {
    m.sample(labels(meta, c), std::to_string(c.stats.memory_working_set), c.stats.timestamp);
  });
  m.begin("container_start_time_seconds", "gauge",
          "[STABLE] Start time of the container since unix epoch in seconds");
  each_container(p, [&](const auto& meta, const auto& c) {
    m.sample(labels(meta, c), seconds_text(in_seconds(amount(c.started_at))));
  });
  m.begin("node_cpu_usage_seconds_total", "counter",
          "[STABLE] Cumulative cpu time consumed by the node in core-seconds");
  m.sample({}, seconds_text(in_seconds(p.host.cpu_nanoseconds)), p.time);
  m.begin("node_memory_working_set_bytes", "gauge",
          "[STABLE] Current working set of the node in bytes");
  m.sample({}, std::to_string(p.host.memory_bytes), p.time);
  const auto each_pod = [&](auto value) {
    for (const auto& [uid, pod] : p.pods)
      if (!pod.containers.empty()) {
        const sum_of all{pod};
        m.sample({{"namespace", pod.pod->metadata.namespace_}, {"pod", pod.pod->metadata.name}},
                 value(all), all.stats.timestamp);
      }
  };
  m.begin("pod_cpu_usage_seconds_total", "counter",
          "[STABLE] Cumulative cpu time consumed by the pod in core-seconds");
  each_pod([](const sum_of& s) { return seconds_text(in_seconds(s.stats.cpu_core_nanoseconds)); });
  m.begin("pod_memory_working_set_bytes", "gauge",
          "[STABLE] Current working set of the pod in bytes");
  each_pod([](const sum_of& s) { return std::to_string(s.stats.memory_working_set); });
  m.begin("resource_scrape_error", "gauge",
          "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise");
  m.sample({}, "0");
  return m.take();
}

std::string container_metrics(const node_picture& p) {
  metrics m;
  const auto labels = [](const auto& meta, const auto& c) {
    return std::vector<std::pair<const char*, std::string>>{
        {"container", c.name},          {"id", "/" + c.id}, {"image", c.image}, {"name", c.id},
        {"namespace", meta.namespace_}, {"pod", meta.name}};
  };
  const auto each = [&](const char* name, const char* type, const char* help, auto value) {
    m.begin(name, type, help);
    each_container(p, [&](const auto& meta, const auto& c) {
      m.sample(labels(meta, c), value(c), c.stats.timestamp);
    });
  };
  each("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.",
       [](const auto& c) { return seconds_text(in_seconds(c.stats.cpu_core_nanoseconds)); });
  each("container_memory_working_set_bytes", "gauge", "Current working set in bytes.",
       [](const auto& c) { return std::to_string(c.stats.memory_working_set); });
  each("container_memory_usage_bytes", "gauge",
       "Current memory usage in bytes, including all memory regardless of when it was accessed",
       [](const auto& c) { return std::to_string(c.stats.memory_usage); });
  each("container_memory_rss", "gauge", "Size of RSS in bytes.",
       [](const auto& c) { return std::to_string(c.stats.memory_rss); });
  each("container_fs_usage_bytes", "gauge",
       "Number of bytes that are consumed by the container on this filesystem.",
       [](const auto& c) { return std::to_string(c.stats.filesystem_used); });
  each("container_start_time_seconds", "gauge",
       "Start time of the container since unix epoch in seconds.",
       [](const auto& c) { return seconds_text(in_seconds(amount(c.started_at))); });
  m.begin("machine_cpu_cores", "gauge", "Number of logical CPU cores.");
  m.sample({}, std::to_string(p.cores));
  if (const auto i = p.supplies.find("memory.available"); i != p.supplies.end()) {
    m.begin("machine_memory_bytes", "gauge", "Amount of memory installed on the machine.");
    m.sample({}, std::to_string(i->second.capacity));
  }
  return m.take();
}

std::string kubelet_metrics(const node_picture& p) {
  metrics m;
  m.begin("kubelet_node_name", "gauge", "The node's name. The count is always 1.");
  m.sample({{"node", p.node}}, "1");
  m.begin("kubelet_running_pods", "gauge", "Number of pods that have a running pod sandbox");
  m.sample({}, std::to_string(std::count_if(p.pods.begin(), p.pods.end(),
                                            [](const auto& x) { return x.second.running; })));
  size_t containers = 0;
  size_t own = 0;
  for (const auto& [uid, pod] : p.pods) {
    containers += pod.containers.size();
    own += pod.pod->metadata.annotations.contains("kubernetes.io/config.mirror") ? 1 : 0;
  }
  m.begin("kubelet_running_containers", "gauge", "Number of containers currently running");
  m.sample({{"container_state", "running"}}, std::to_string(containers));
  m.begin("kubelet_desired_pods", "gauge",
          "The number of pods the kubelet is being instructed to run");
  m.sample({{"static", ""}}, std::to_string(p.pods.size() - own));
  m.sample({{"static", "true"}}, std::to_string(own));
  return m.take();
}

std::string running_pods(const node_picture& p) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::value items{rapidjson::kArrayType};
  for (const auto& [uid, pod] : p.pods) {
    if (!pod.running)
      continue;
    const auto& meta = pod.pod->metadata;
    json::value containers{rapidjson::kArrayType};
    for (const auto& c : pod.containers)
      containers.PushBack(object{a}.add("name", c.name).add("image", c.image).take(), a);
    object about{a};
    about.add("name", meta.name).add("namespace", meta.namespace_).add("uid", meta.uid);
    object spec{a};
    spec.add("containers", std::move(containers));
    items.PushBack(object{a}
                       .add("metadata", about.take())
                       .add("spec", spec.take())
                       .add("status", json::value{rapidjson::kObjectType})
                       .take(),
                   a);
  }
  json::set(doc, "kind", std::string{"PodList"}, a);
  json::set(doc, "apiVersion", std::string{"v1"}, a);
  doc.AddMember("metadata", json::value{rapidjson::kObjectType}, a);
  doc.AddMember("items", items, a);
  return json::to_string(doc);
}

} // namespace thespis::actors
