#include "runtime/cri/containerd_config.hpp"

#include "runtime/cri/pause_image.hpp"

#include <sys/mount.h>

#include <fstream>

namespace thespis::runtime {

namespace {

namespace fs = std::filesystem;
constexpr int cap_sys_resource = 24;

bool has_capability(int number) {
  std::ifstream status{"/proc/self/status"};
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("CapEff:"))
      return (std::stoull(line.substr(7), nullptr, 16) >> number & 1U) != 0;
  }
  return false;
}

bool overlay_works(const fs::path& dir) {
  const fs::path base = dir / "overlay-probe";
  std::error_code ec;
  for (const char* part : {"lower", "upper", "work", "merged"})
    fs::create_directories(base / part, ec);
  const std::string options = "lowerdir=" + (base / "lower").string() +
                              ",upperdir=" + (base / "upper").string() +
                              ",workdir=" + (base / "work").string();
  const bool works =
      ::mount("overlay", (base / "merged").c_str(), "overlay", 0, options.c_str()) == 0;
  if (works)
    ::umount2((base / "merged").c_str(), MNT_DETACH);
  fs::remove_all(base, ec);
  return works;
}

/// A TOML basic string.
std::string quote(const std::string& s) {
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + '"';
}

} // namespace

machine_facts probe_machine(const node_layout& layout) {
  machine_facts facts;
  facts.may_lower_oom_score = has_capability(cap_sys_resource);
  if (!overlay_works(layout.containerd_dir()))
    facts.snapshotter = "native";
  return facts;
}

std::string make_containerd_config(const node_layout& layout, const machine_facts& facts,
                                   const std::string& cni_bin_dir) {
  const auto path = [](const fs::path& p) { return quote(p.string()); };
  const std::string cri = R"([plugins."io.containerd.grpc.v1.cri")";
  std::string c = "# Written by Thespis at every start: changes are lost.\nversion = 2\n";
  c += "root = " + path(layout.containerd_root()) + "\n";
  c += "state = " + path(layout.containerd_state()) + "\n";
  c += "disabled_plugins = [";
  for (const char* plugin :
       {"snapshotter.v1.aufs", "snapshotter.v1.btrfs", "snapshotter.v1.devmapper",
        "snapshotter.v1.zfs", "internal.v1.opt", "internal.v1.restart", "internal.v1.tracing",
        "tracing.processor.v1.otlp"})
    c += "\"io.containerd." + std::string{plugin} + "\", ";
  c += "]\n[grpc]\naddress = " + path(layout.containerd_socket()) + "\n";
  c += cri + "]\n";
  // Pods' addresses in the order of the CNI configuration, not IPv4 first.
  c += "ip_pref = \"cni\"\n";
  c += "sandbox_image = " + quote(std::string{pause_image_reference}) + "\n";
  c += "stream_server_address = \"127.0.0.1\"\nstream_server_port = \"0\"\n";
  c += "stream_idle_timeout = \"4h0m0s\"\n";
  c += std::string{"restrict_oom_score_adj = "} + (facts.may_lower_oom_score ? "false" : "true");
  c += "\ntolerate_missing_hugetlb_controller = true\n";
  c += "enable_unprivileged_ports = true\nenable_unprivileged_icmp = true\n";
  c += "netns_mounts_under_state_dir = true\n";
  c += "max_container_log_line_size = 16384\n";
  c += cri + ".cni]\n";
  c += "bin_dir = " + quote(cni_bin_dir) + "\nconf_dir = " + path(layout.cni_config()) + "\n";
  c += "max_conf_num = 1\n";
  c += cri + ".containerd]\n";
  c += "snapshotter = " + quote(facts.snapshotter) + "\ndefault_runtime_name = \"runc\"\n";
  // The second name is what Kubernetes' own tests give their RuntimeClasses.
  for (const char* handler : {"runc", "test-handler"}) {
    const auto runtime = cri + ".containerd.runtimes." + handler;
    c += runtime + "]\nruntime_type = \"io.containerd.runc.v2\"\n";
    c += runtime + ".options]\nSystemdCgroup = false\n";
  }
  c += cri + ".registry]\nconfig_path = " + path(layout.registry_config()) + "\n";
  return c;
}

} // namespace thespis::runtime
