// The fourth part of the node actor: what its containers and the machine use.
#include "actors/node/node_actor.hpp"

namespace thespis::actors {

namespace {

const std::string& label_of(const runtime::container_stats& s, const char* key) {
  static const std::string none;
  const auto i = s.labels.find(key);
  return i == s.labels.end() ? none : i->second;
}

usage_report failed(api::error why) {
  usage_report res;
  res.failure = std::move(why);
  return res;
}

} // namespace

usage_report node_actor::usage_of(const std::vector<runtime::container_stats>& all) const {
  usage_report res;
  res.ok = true;
  res.timestamp = deps_.ports->env.clock->now().time_since_epoch().count();
  std::map<std::string, pod_usage> pods;
  for (const auto& s : all) {
    const auto entry = pods_.find(label_of(s, "io.kubernetes.pod.uid"));
    // Containers that have ended use nothing, and are told of nevertheless.
    if (entry == pods_.end() || s.memory_working_set == 0)
      continue;
    auto& pod = pods[entry->first];
    pod.ns = entry->second.ns;
    pod.name = entry->second.name;
    pod.uid = entry->first;
    pod.containers.push_back({label_of(s, "io.kubernetes.container.name"), s.timestamp,
                              s.cpu_core_nanoseconds, s.memory_working_set});
    res.cpu_nanoseconds += s.cpu_core_nanoseconds;
    res.memory_bytes += s.memory_working_set;
  }
  for (auto& [uid, pod] : pods)
    res.pods.push_back(std::move(pod));
  return res;
}

caf::result<usage_report> node_actor::measure() {
  using promise = caf::typed_response_promise<usage_report>;
  const auto answer = std::make_shared<promise>(this->make_response_promise<usage_report>());
  containers().list_container_stats(
      {}, here<std::vector<runtime::container_stats>>([this, answer](auto all) {
        if (!all) {
          answer->deliver(failed(std::move(all.error())));
          return;
        }
        auto report = std::make_shared<usage_report>(usage_of(*all));
        if (!deps_.host) {
          answer->deliver(std::move(*report));
          return;
        }
        auto read = here<host_usage>([report, answer](auto host) {
          if (!host) {
            answer->deliver(failed(std::move(host.error())));
            return;
          }
          report->cpu_nanoseconds = host->cpu_nanoseconds;
          report->memory_bytes = host->memory_bytes;
          answer->deliver(std::move(*report));
        });
        deps_.ports->volumes->run([port = deps_.host, read] { read(port->read()); });
      }));
  return *answer;
}

} // namespace thespis::actors
