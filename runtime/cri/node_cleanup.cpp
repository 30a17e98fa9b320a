#include "runtime/cri/node_cleanup.hpp"

#include "runtime/cri/containerd_child.hpp"
#include "runtime/cri/cri_runtime.hpp"
#include "runtime/cri/peer_network.hpp"

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <future>
#include <sstream>

namespace thespis::runtime {

namespace {

namespace fs = std::filesystem;

/// Stops and removes all sandboxes at once; counts those that went.
void remove_sandboxes(container_runtime& cri, cleanup_report& report) {
  struct progress {
    std::mutex mutex;
    std::condition_variable changed;
    size_t left = 0;
    size_t removed = 0;
    std::vector<std::string> problems;
  };
  std::promise<api::result<std::vector<sandbox_summary>>> listed;
  cri.list_sandboxes({}, [&](auto r) { listed.set_value(std::move(r)); });
  const auto sandboxes = listed.get_future().get();
  if (!sandboxes) {
    report.problems.push_back("cannot list the sandboxes: " + sandboxes.error().message);
    return;
  }
  const auto state = std::make_shared<progress>();
  state->left = sandboxes->size();
  const auto finish = [state](const std::string& id, const api::result<void>& r) {
    const std::lock_guard lock{state->mutex};
    state->left -= 1;
    if (r)
      state->removed += 1;
    else
      state->problems.push_back("sandbox " + id + ": " + r.error().message);
    state->changed.notify_all();
  };
  for (const auto& sandbox : *sandboxes) {
    cri.stop_sandbox(sandbox.id, [&cri, id = sandbox.id, finish](api::result<void> stopped) {
      if (!stopped)
        return finish(id, stopped);
      cri.remove_sandbox(id, [id, finish](api::result<void> removed) { finish(id, removed); });
    });
  }
  std::unique_lock lock{state->mutex};
  state->changed.wait(lock, [&] { return state->left == 0; });
  report.sandboxes_removed += state->removed;
  report.problems.insert(report.problems.end(), state->problems.begin(), state->problems.end());
}

/// Mount points at or below `dir`, the innermost first.
std::vector<std::string> mounts_below(const std::string& dir) {
  std::vector<std::string> out;
  std::ifstream mounts{"/proc/self/mountinfo"};
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields{line};
    std::string id;
    std::string parent;
    std::string device;
    std::string root;
    std::string point;
    fields >> id >> parent >> device >> root >> point;
    // The kernel writes blanks, tabs, newlines and backslashes as octal escapes.
    std::string path;
    for (size_t i = 0; i < point.size(); ++i) {
      if (point[i] == '\\' && i + 3 < point.size()) {
        path += static_cast<char>(std::stoi(point.substr(i + 1, 3), nullptr, 8));
        i += 3;
      } else {
        path += point[i];
      }
    }
    if (path == dir || path.starts_with(dir + "/"))
      out.push_back(path);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

size_t unmount_all(const node_layout& layout, cleanup_report& report) {
  size_t count = 0;
  for (const auto& point : mounts_below(layout.data_dir().string())) {
    if (::umount2(point.c_str(), MNT_DETACH) == 0)
      ++count;
    else
      report.problems.push_back("cannot unmount " + point + ": " + ::strerror(errno));
  }
  return count;
}

void remove_empty_tree(const fs::path& dir) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator{dir, ec}) {
    if (entry.is_directory(ec) && !entry.is_symlink(ec))
      remove_empty_tree(entry.path());
  }
  ::rmdir(dir.c_str());
}

/// The directories of the tasks that containerd knew last, one a container or sandbox.
std::vector<fs::path> task_bundles(const node_layout& layout) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator{
           layout.containerd_state() / "io.containerd.runtime.v2.task" / "k8s.io", ec})
    out.push_back(entry.path());
  return out;
}

/// What killed shims leave outside the data directory: sockets, runc's state, CNI's results.
void remove_task_traces(const std::vector<fs::path>& bundles) {
  std::error_code ec;
  for (const auto& bundle : bundles) {
    const std::string id = bundle.filename().string();
    std::ifstream in{bundle / "address"};
    std::string address;
    std::getline(in, address);
    constexpr std::string_view scheme = "unix://";
    if (address.starts_with(scheme))
      fs::remove(address.substr(scheme.size()), ec);
    fs::remove_all(fs::path{"/run/containerd/runc/k8s.io"} / id, ec);
    for (const auto& result : fs::directory_iterator{"/var/lib/cni/results", ec}) {
      if (result.path().filename().string().find(id) != std::string::npos)
        fs::remove(result.path(), ec);
    }
  }
}

} // namespace

void remove_cgroup(const std::string& cgroup) {
  if (cgroup.size() < 2 || cgroup.front() != '/' || cgroup.find("..") != std::string::npos)
    return;
  const fs::path base = "/sys/fs/cgroup";
  const std::string relative = cgroup.substr(1);
  std::error_code ec;
  if (fs::exists(base / "cgroup.controllers", ec))
    return remove_empty_tree(base / relative);
  for (const auto& hierarchy : fs::directory_iterator{base, ec}) {
    if (fs::is_directory(hierarchy.path() / relative, ec))
      remove_empty_tree(hierarchy.path() / relative);
  }
}

cleanup_report clean_up_node(const containerd_options& options, bool remove_images) {
  cleanup_report report;
  const node_layout layout{options.data_dir};
  std::error_code ec;
  if (fs::exists(layout.containerd_root(), ec)) {
    const auto containerd = containerd_process::start(options);
    if (containerd) {
      const auto cri = make_cri_runtime((*containerd)->socket());
      remove_sandboxes(*cri, report);
    } else {
      report.problems.push_back(containerd.error().message);
      if (containerd.error().why == api::reason::conflict)
        return report;
    }
  }
  end_processes(find_containerd(layout));
  const auto shims = find_shims(layout);
  const auto containers = find_children(shims);
  kill_processes(shims);
  kill_processes(containers);
  remove_task_traces(task_bundles(layout));
  report.processes_killed = shims.size() + containers.size();
  report.mounts_removed = unmount_all(layout, report);
  tear_down_peers(layout);
  tear_down_pod_network(layout);
  remove_cgroup(layout.cgroup_root());
  fs::remove_all(layout.containerd_state(), ec);
  if (remove_images)
    fs::remove_all(layout.containerd_dir(), ec);
  if (const auto dir = layout.containerd_socket().parent_path(); dir != layout.containerd_dir())
    fs::remove_all(dir, ec);
  return report;
}

} // namespace thespis::runtime
