#include "tools/cluster/nodes.hpp"

#include "actors/node/folders_actor.hpp"
#include "actors/node/node_actor.hpp"
#include "api/text/threshold.hpp"
#include "proxy/ingress_actor.hpp"
#include "proxy/policy_actor.hpp"
#include "proxy/proxy_actor.hpp"
#include "runtime/cri/cri_runtime.hpp"
#include "runtime/cri/node_layout.hpp"
#include "runtime/cri/simulated_runtime.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cluster/machine_network.hpp"

#include <spdlog/spdlog.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace thespis::tools {

namespace {

constexpr std::chrono::seconds simulated_patience{3};

std::string first_line(const char* path) {
  std::ifstream in{path};
  std::string res;
  std::getline(in, res);
  return res;
}

int64_t memory_kib() {
  std::ifstream in{"/proc/meminfo"};
  std::string key;
  int64_t value = 0;
  in >> key >> value;
  return value;
}

std::string os_image() {
  std::ifstream in{"/etc/os-release"};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("PRETTY_NAME=\""))
      return line.substr(13, line.size() - 14);
  return "Linux";
}

/// The machine's architecture as Go, and with it Kubernetes, names it.
std::string architecture_of(std::string_view machine) {
  return machine == "x86_64"    ? "amd64"
         : machine == "aarch64" ? "arm64"
         : machine == "armv7l"  ? "arm"
                                : std::string{machine};
}

api::v1::node describe_node(const std::string& name, const std::vector<std::string>& addresses) {
  utsname u{};
  ::uname(&u);
  const auto architecture = architecture_of(u.machine);
  api::v1::node n;
  n.metadata.name = name;
  n.metadata.labels = {{"kubernetes.io/hostname", name},
                       {"kubernetes.io/os", "linux"},
                       {"kubernetes.io/arch", architecture},
                       {"beta.kubernetes.io/os", "linux"},
                       {"beta.kubernetes.io/arch", architecture}};
  auto& info = n.status.node_info.ensure();
  info.kernel_version = u.release;
  info.os_image = os_image();
  info.machine_id = first_line("/etc/machine-id");
  info.system_uuid = info.machine_id;
  info.boot_id = first_line("/proc/sys/kernel/random/boot_id");
  info.kubelet_version = "v1.34.0+thespis";
  info.operating_system = "linux";
  info.architecture = architecture;
  for (const auto& address : addresses) {
    auto& internal = n.status.addresses.emplace_back();
    internal.type = "InternalIP";
    internal.address = address;
  }
  auto& host = n.status.addresses.emplace_back();
  host.type = "Hostname";
  host.address = name;
  return n;
}

void set_capacity(api::v1::node& n, int64_t cpu, int64_t memory_kib, int64_t disk_kib,
                  int64_t pods) {
  n.status.capacity = {{"cpu", std::to_string(cpu)},
                       {"memory", std::to_string(memory_kib) + "Ki"},
                       {"ephemeral-storage", std::to_string(disk_kib) + "Ki"},
                       {"hugepages-1Gi", "0"},
                       {"hugepages-2Mi", "0"},
                       {"pods", std::to_string(pods)}};
  n.status.allocatable = n.status.capacity;
}

void start_proxy(const node_host& host, const config::settings& settings, const std::string& node) {
  proxy::proxy_deps deps;
  deps.env = host.env;
  deps.node = node;
  deps.options.table = proxy_table_name(settings.data_dir);
  deps.options.pod_cidrs = settings.network.pod_cidrs();
  deps.options.service_cidrs = settings.network.service_cidrs();
  deps.by_mailbox = settings.network.proxy_mode == "mailbox";
  deps.tell_mode = [file = service_choice_file(settings.data_dir)](const std::string& mode) {
    std::ofstream{file} << mode << '\n';
  };
  host.supervise(std::string{proxy::proxy_role}, [deps](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<proxy::proxy_actor, caf::detached>(deps));
  });
  proxy::policy_deps policies{host.policy_env.value_or(host.env), node,
                              proxy::policy_table_name(deps.options.table)};
  if (proxy::kernel_has_ipv6() &&
      !proxy::ranges_of(deps.options.pod_cidrs, proxy::ip_family::v6).empty())
    policies.families = {proxy::ip_family::v4, proxy::ip_family::v6};
  host.supervise(std::string{proxy::policy_role}, [policies](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<proxy::policy_actor, caf::detached>(policies));
  });
}

void start_ingress(const node_host& host, const config::settings& settings,
                   const std::string& node) {
  proxy::ingress_deps deps;
  deps.env = host.env;
  deps.node = node;
  deps.folder = settings.data_dir + "/ingress";
  deps.options.http_port = static_cast<uint16_t>(settings.network.ingress_http_port);
  deps.options.https_port = static_cast<uint16_t>(settings.network.ingress_https_port);
  deps.options.ipv6 = proxy::kernel_has_ipv6() &&
                      !proxy::ranges_of(settings.network.pod_cidrs(), proxy::ip_family::v6).empty();
  host.supervise(std::string{proxy::ingress_role}, [deps](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<proxy::ingress_actor, caf::detached>(deps));
  });
}

/// Lets the volumes of this machine go with their folders.
void start_folders(const node_host& host, std::shared_ptr<actors::volume_port> disk,
                   const api::v1::node& n) {
  actors::folders_deps deps;
  deps.node = n.metadata.name;
  deps.folder = n.metadata.annotations.at(actors::storage_annotation);
  deps.run = [disk = std::move(disk)](std::function<void()> job) { disk->run(std::move(job)); };
  host.supervise(actors::folders_role(deps.node), [deps](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<actors::folders_actor>(deps));
  });
}

std::shared_ptr<actors::node_facts> facts_of(const api::v1::node& n, const config::settings& s,
                                             const std::vector<std::string>& addresses) {
  auto res = std::make_shared<actors::node_facts>();
  res->name = n.metadata.name;
  res->ip = addresses.front();
  if (addresses.size() > 1)
    res->second_ip = addresses[1];
  res->data_dir = s.data_dir;
  res->cgroup_root = runtime::node_layout{s.data_dir}.cgroup_root();
  res->cluster_domain = s.network.cluster_domain;
  res->allocatable = n.status.allocatable;
  std::ifstream enabled{"/sys/module/apparmor/parameters/enabled"};
  res->apparmor = enabled.get() == 'Y';
  return res;
}

/// When it evicts, which pods it has of its own, what it tidies away.
void set_limits(actors::node_deps& deps, const config::settings& settings) {
  // The configuration was checked when it was read.
  const auto& n = settings.node;
  deps.eviction.hard = api::parse_thresholds(n.eviction_hard).value();
  deps.eviction.transition = n.eviction_pressure_transition_period;
  deps.eviction.soft = api::parse_thresholds(n.eviction_soft).value();
  deps.eviction.soft_grace = api::parse_grace_periods(n.eviction_soft_grace_period).value();
  deps.eviction.soft_pod_grace =
      std::chrono::duration_cast<std::chrono::seconds>(n.eviction_max_pod_grace_period);
  deps.eviction.reclaim = api::parse_minimum_reclaims(n.eviction_minimum_reclaim).value();
  deps.static_pod_path = settings.node.static_pod_path;
  deps.images = {settings.node.image_gc_high_threshold, settings.node.image_gc_low_threshold,
                 settings.node.image_minimum_gc_age};
  deps.logs = {settings.node.container_log_max_size, settings.node.container_log_max_files};
}

} // namespace

std::string machine_address() {
  // Connecting a datagram socket sends nothing; it only picks the way out.
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = inet_addr("192.0.2.1");
  std::string res = "127.0.0.1";
  sockaddr_in self{};
  socklen_t size = sizeof self;
  if (fd >= 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 &&
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&self), &size) == 0) {
    char text[INET_ADDRSTRLEN];
    if (::inet_ntop(AF_INET, &self.sin_addr, text, sizeof text))
      res = text;
  }
  if (fd >= 0)
    ::close(fd);
  return res;
}

api::result<std::unique_ptr<local_node>> local_node::start(const node_host& host,
                                                           const config::settings& settings,
                                                           const std::string& address) {
  std::unique_ptr<local_node> res{new local_node};
  res->name_ = settings.node_name();
  const auto addresses = addresses_of_machine(address, settings.network.pod_cidrs());
  auto description = describe_node(res->name_, addresses.all());
  description.metadata.annotations[actors::storage_annotation] =
      std::filesystem::absolute(settings.data_dir).string() + "/storage";
  struct statvfs disk {};
  ::statvfs(settings.data_dir.c_str(), &disk);
  set_capacity(description, static_cast<int64_t>(std::thread::hardware_concurrency()), memory_kib(),
               static_cast<int64_t>(disk.f_blocks * disk.f_frsize / 1024), settings.node.max_pods);
  const auto pod_cidrs = obtain_pod_cidrs(host.sys, host.env, *host.state, description);
  if (!pod_cidrs)
    return api::fail(pod_cidrs.error());
  description.spec.pod_cidr = pod_cidrs->front();
  description.spec.pod_cidrs = *pod_cidrs;
  auto socket = settings.node.container_runtime_endpoint;
  if (socket.empty()) {
    runtime::containerd_options options;
    options.data_dir = settings.data_dir;
    options.network.pod_cidrs = *pod_cidrs;
    options.network.native_cidrs = settings.network.pod_cidrs();
    options.network.mtu = pod_mtu(settings);
    options.cni_bin_dir = settings.node.cni_bin_dir;
    options.image_dir = settings.image_path();
    auto started = runtime::containerd_process::start(std::move(options));
    if (!started)
      return api::fail(std::move(started.error()));
    res->containerd_ = std::move(*started);
    socket = res->containerd_->socket();
  }
  auto facts = facts_of(description, settings, addresses.all());
  facts->memory_bytes = memory_kib() * 1024;
  facts->dns_servers = host.dns(res->name_, address);
  auto ports = std::make_shared<actors::pod_ports>();
  ports->env = host.env;
  ports->facts = facts;
  ports->containers = runtime::make_cri_runtime(socket);
  ports->volumes = actors::make_disk_volumes(*facts, host.state, host.tokens(res->name_));
  ports->probes = actors::make_network_probes();
  ports->state = host.state;
  std::promise<std::string> version;
  ports->containers->get_version([&](api::result<runtime::runtime_version> v) {
    version.set_value(v ? v->name + "://" + v->version : "containerd://unknown");
  });
  description.status.node_info->container_runtime_version = version.get_future().get();
  actors::node_deps deps;
  deps.ports = ports;
  deps.description = std::move(description);
  deps.lease_interval = std::chrono::ceil<std::chrono::seconds>(settings.node.status_interval);
  deps.statistics = actors::make_machine_statistics(*facts, deps.ports->containers);
  deps.host = actors::machine_usage();
  set_limits(deps, settings);
  host.supervise(actors::node_role(res->name_), [deps](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<actors::node_actor>(deps));
  });
  start_folders(host, ports->volumes, deps.description);
  start_network(host.env, host.supervise, settings, res->name_, addresses);
  // What an earlier process told of how it chose is true no more.
  (void)std::remove(service_choice_file(settings.data_dir).c_str());
  if (settings.network.proxy_mode != "none")
    start_proxy(host, settings, res->name_);
  if (settings.network.ingress)
    start_ingress(host, settings, res->name_);
  return res;
}

local_node::~local_node() = default;

simulated_nodes::simulated_nodes(const node_host& host, const config::settings& settings) {
  for (int64_t i = 0; i < settings.simulation.nodes; ++i) {
    char number[32];
    std::snprintf(number, sizeof number, "sim-%04lld", static_cast<long long>(i));
    const auto name = host.simulated_prefix + number;
    auto description = describe_node(name, {"127.0.0.1"});
    description.metadata.labels["node.thespis.dev/simulated"] = "true";
    description.status.node_info->container_runtime_version = "simulated://0.1";
    set_capacity(description, settings.simulation.cpu, settings.simulation.memory / 1024,
                 int64_t{100} << 20, settings.simulation.max_pods);
    runtime::simulated_options options;
    options.seed = static_cast<uint64_t>(settings.simulation.seed + i);
    auto ports = std::make_shared<actors::pod_ports>();
    ports->env = host.simulated_env ? host.simulated_env(name) : host.env;
    // Without a directory of theirs, simulated pods leave no files.
    auto facts = facts_of(description, settings, {"127.0.0.1"});
    facts->data_dir.clear();
    ports->facts = std::move(facts);
    ports->containers = std::make_shared<runtime::simulated_runtime>(
        runtime::simulation_ports{
            runtime::timer_thread::now,
            [this](auto delay, auto fn) { timers_.schedule_after(delay, std::move(fn)); }},
        std::move(options));
    ports->volumes = actors::make_simulated_volumes();
    ports->probes = actors::make_simulated_probes();
    ports->state = host.state;
    actors::node_deps deps;
    deps.ports = std::move(ports);
    deps.description = std::move(description);
    deps.lease_interval = std::chrono::ceil<std::chrono::seconds>(settings.node.status_interval);
    deps.relist_interval = std::chrono::seconds{0};
    // There may be more of them than ranges; their addresses lead nowhere.
    deps.pod_cidr_patience = simulated_patience;
    host.supervise(actors::node_role(name), [deps](caf::local_actor& self) {
      return caf::actor_cast<caf::strong_actor_ptr>(
          self.home_system().spawn<actors::node_actor>(deps));
    });
  }
}

} // namespace thespis::tools
