#include "config/files.hpp"
#include "config/kubeconfig.hpp"
#include "proxy/data/data_path.hpp"
#include "proxy/policy/policy_kernel.hpp"
#include "runtime/cri/node_cleanup.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/subcommands.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace thespis::tools {

namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds patience{60};

/// Reports each step of the way as it is done.
class narrator {
public:
  void done(const std::string& step) {
    std::printf(" ✓ %s\n", step.c_str());
    std::fflush(stdout);
  }
  void trouble(const std::string& what) {
    std::fprintf(stderr, " ✗ %s\n", what.c_str());
    status_ = 1;
  }
  int status() const { return status_; }

private:
  int status_ = 0;
};

/// Whether the data directory's lock was free within that time.
bool wait_until_free(const std::string& data_dir, std::chrono::seconds limit) {
  auto end = steady_clock::now() + limit;
  while (instance_lock::holder(data_dir) != 0) {
    if (steady_clock::now() > end)
      return false;
    ::poll(nullptr, 0, 50);
  }
  return true;
}

/// Ends the process that holds the data directory, in order if it can, by force if it must.
bool end_process(const std::string& data_dir, narrator& tell) {
  auto pid = instance_lock::holder(data_dir);
  if (pid == 0)
    return true;
  if (::kill(pid, SIGTERM) != 0 && errno == EPERM) {
    tell.trouble("Process " + std::to_string(pid) + " belongs to another user; run this as root");
    return false;
  }
  if (!wait_until_free(data_dir, patience)) {
    // The lock is still held, so the number is still that process's.
    ::kill(pid, SIGKILL);
    if (!wait_until_free(data_dir, patience)) {
      tell.trouble("Process " + std::to_string(pid) + " cannot be ended");
      return false;
    }
    tell.trouble("Process " + std::to_string(pid) + " did not end in time and was killed");
    return true;
  }
  tell.done("Stopped the cluster's process");
  return true;
}

void clean_up_pods(const std::string& data_dir, const instance_state& state, narrator& tell) {
  if (!fs::exists(runtime::node_layout{data_dir}.containerd_dir()))
    return;
  runtime::containerd_options options;
  options.data_dir = data_dir;
  if (!state.cni_bin_dir.empty())
    options.cni_bin_dir = state.cni_bin_dir;
  auto report = runtime::clean_up_node(options);
  auto pods = report.sandboxes_removed == 1 ? std::string{"one pod"}
                                            : std::to_string(report.sandboxes_removed) + " pods";
  tell.done("Removed " + pods + ", network and mounts");
  for (const auto& problem : report.problems)
    tell.trouble(problem);
}

void clean_up_services(const std::string& data_dir, const instance_state& state, narrator& tell) {
  if (::geteuid() != 0)
    return;
  proxy::data_path_options options;
  options.table = state.proxy_table.empty() ? proxy_table_name(data_dir) : state.proxy_table;
  auto path = proxy::data_path::open(options);
  auto removed = path ? path->remove_all() : api::result<void>{api::fail(path.error())};
  for (const auto family : proxy::both_families) {
    if (family == proxy::ip_family::v6 && !proxy::kernel_has_ipv6())
      continue;
    auto policies = proxy::policy_kernel::open(family, proxy::policy_table_name(options.table));
    if (auto gone = policies ? policies->hold({}) : api::result<void>{api::fail(policies.error())};
        removed && !gone)
      removed = std::move(gone);
  }
  if (removed)
    tell.done("Removed the rules of services");
  else
    tell.trouble("The rules of services are still there: " + removed.error().message);
}

void clean_up_kubeconfig(const std::string& data_dir, const instance_state& state, narrator& tell) {
  auto ca = config::read_file(data_dir + "/pki/ca.crt");
  if (!ca || state.kubeconfig.empty())
    return;
  auto removed = config::remove_from_kubeconfig(state.kubeconfig, state.context, *ca);
  if (removed)
    tell.done("Removed the cluster from " + state.kubeconfig);
  else
    tell.trouble(removed.error().message);
}

/// Mount points below the directory: removing it would reach through them.
std::vector<std::string> mounts_below(const std::string& dir) {
  std::vector<std::string> out;
  std::ifstream in{"/proc/self/mountinfo"};
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields{line};
    std::string id, parent, device, root, where;
    fields >> id >> parent >> device >> root >> where;
    if (where.starts_with(dir + "/"))
      out.push_back(where);
  }
  return out;
}

void purge(const std::string& data_dir, narrator& tell) {
  auto mounts = mounts_below(data_dir);
  if (!mounts.empty())
    return tell.trouble(data_dir + " stays: something is mounted at " + mounts.front());
  std::error_code code;
  fs::remove_all(data_dir, code);
  if (code)
    tell.trouble(data_dir + ": cannot remove: " + code.message());
  else
    tell.done("Removed " + data_dir);
}

} // namespace

int run_down(const down_request& request) {
  const auto& dir = request.data_dir;
  auto state = read_state(dir);
  if (!state && state.error().why != api::reason::not_found)
    return complain(state.error().message);
  if (!state && instance_lock::holder(dir) == 0) {
    std::printf("%s Nothing to do.\n", state.error().message.c_str());
    return 0;
  }
  narrator tell;
  if (!end_process(dir, tell))
    return 1;
  auto lock = instance_lock::take(dir);
  if (!lock)
    return complain(lock.error().message);
  auto known = state.value_or(instance_state{});
  clean_up_services(dir, known, tell);
  clean_up_pods(dir, known, tell);
  clean_up_kubeconfig(dir, known, tell);
  if (request.purge && tell.status() == 0)
    purge(dir, tell);
  return tell.status();
}

} // namespace thespis::tools
