// Volumes on this machine's disk.
#include "actors/controllers/volume_match.hpp"
#include "actors/pod/host_files.hpp"
#include "actors/pod/volume_files.hpp"
#include "actors/pod/volume_port.hpp"
#include "api/object/typed.hpp"
#include "api/text/quantity.hpp"
#include "api/text/quote.hpp"
#include "runtime/cri/node_cleanup.hpp"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace thespis::actors {

namespace {

namespace fs = std::filesystem;

/// Jobs in their order on one thread. The thread shares the queue: the last owner of the port may
/// be one of its own jobs.
struct job_queue {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> jobs;
  bool closed = false;

  void push(std::function<void()> job) {
    const std::lock_guard lock{mutex};
    jobs.push_back(std::move(job));
    changed.notify_one();
  }
  void close() {
    const std::lock_guard lock{mutex};
    closed = true;
    changed.notify_one();
  }
  // What is queued before the close is still done: callers wait for their answers.
  void work() {
    std::unique_lock lock{mutex};
    while (true) {
      changed.wait(lock, [this] { return closed || !jobs.empty(); });
      if (jobs.empty())
        return;
      auto job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;
      lock.lock();
    }
  }
};

bool is_mounted(const std::string& path) {
  struct stat here {};
  struct stat above {};
  return stat(path.c_str(), &here) == 0 && stat((path + "/..").c_str(), &above) == 0 &&
         here.st_dev != above.st_dev;
}

// What a memory-backed folder may hold when it does not say: what the pod may use at all.
int64_t memory_of(const api::v1::pod& pod, const node_facts& node) {
  const auto parsed = [](const std::string& text) {
    return api::parse_quantity(text).value_or(api::quantity{}).value();
  };
  int64_t sum = 0;
  for (const auto& c : pod.spec.containers) {
    const auto i = c.resources ? c.resources->limits.find("memory")
                               : std::map<std::string, std::string>::const_iterator{};
    if (!c.resources || i == c.resources->limits.end()) {
      const auto all = node.allocatable.find("memory");
      return all == node.allocatable.end() ? node.memory_bytes : parsed(all->second);
    }
    sum += parsed(i->second);
  }
  return sum;
}

api::result<void> give_to_group(const std::string& folder, gid_t group) {
  struct stat s {};
  if (stat(folder.c_str(), &s) != 0)
    return api::fail(file_error("stat", folder));
  const mode_t wanted = s.st_mode | S_ISGID | 0770;
  if (s.st_gid == group && s.st_mode == wanted)
    return {};
  if (chown(folder.c_str(), static_cast<uid_t>(-1), group) != 0 ||
      chmod(folder.c_str(), wanted & 07777) != 0)
    return api::fail(file_error("chown", folder));
  return {};
}

api::result<void> make_empty_dir(const std::string& folder,
                                 const api::v1::empty_dir_volume_source& v, const api::v1::pod& pod,
                                 const node_facts& node) {
  const bool memory = v.medium == "Memory";
  if (!memory && !v.medium.empty())
    return api::fail(api::bad_request("unknown storage medium " + api::quote_go(v.medium)));
  if (auto ok = make_folders(folder.substr(0, folder.rfind('/')), 0750); !ok)
    return ok;
  if (mkdir(folder.c_str(), 0777) == 0) {
    if (chmod(folder.c_str(), 0777) != 0)
      return api::fail(file_error("chmod", folder));
  } else if (errno != EEXIST) {
    return api::fail(file_error("mkdir", folder));
  }
  if (!memory || is_mounted(folder))
    return {};
  auto size = v.size_limit.empty()
                  ? 0
                  : api::parse_quantity(v.size_limit).value_or(api::quantity{}).value();
  if (size <= 0)
    size = memory_of(pod, node);
  const auto options = "mode=0777" + (size > 0 ? ",size=" + std::to_string(size) : std::string{});
  if (mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    return api::fail(file_error("mount", folder));
  return {};
}

api::result<void> check_host_path(const api::v1::host_path_volume_source& v) {
  if (v.type.empty())
    return {};
  struct stat s {};
  bool exists = stat(v.path.c_str(), &s) == 0;
  if (!exists && v.type == "DirectoryOrCreate") {
    if (auto ok = make_folders(v.path, 0755); !ok)
      return ok;
    exists = stat(v.path.c_str(), &s) == 0;
  }
  if (!exists && v.type == "FileOrCreate") {
    if (auto ok = write_file(v.path, {}, 0644); !ok)
      return ok;
    exists = stat(v.path.c_str(), &s) == 0;
  }
  const auto expect = [&](bool right, const char* what) -> api::result<void> {
    if (exists && right)
      return {};
    return api::fail(
        api::bad_request("hostPath type check failed: " + v.path + " is not a " + what));
  };
  if (v.type == "Directory" || v.type == "DirectoryOrCreate")
    return expect(S_ISDIR(s.st_mode), "directory");
  if (v.type == "File" || v.type == "FileOrCreate")
    return expect(S_ISREG(s.st_mode), "file");
  if (v.type == "Socket")
    return expect(S_ISSOCK(s.st_mode), "socket file");
  if (v.type == "CharDevice")
    return expect(S_ISCHR(s.st_mode), "character device");
  if (v.type == "BlockDevice")
    return expect(S_ISBLK(s.st_mode), "block device");
  return api::fail(api::bad_request(v.type + " is an invalid volume type"));
}

// Drivers of the Container Storage Interface cannot register with this node.
api::error no_driver(const std::string& name) {
  return api::bad_request("kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver "
                          "name " +
                          name + " not found in the list of registered CSI drivers");
}

const char* folder_of(const api::v1::volume& v) {
  return v.empty_dir      ? "kubernetes.io~empty-dir"
         : v.config_map   ? "kubernetes.io~configmap"
         : v.secret       ? "kubernetes.io~secret"
         : v.downward_api ? "kubernetes.io~downward-api"
                          : "kubernetes.io~projected";
}

/// Makes one pod's volumes; runs on the port's thread.
class preparation {
public:
  preparation(const node_facts& node, const api::reader& state, pod_tokens& tokens,
              const api::v1::pod& pod)
      : node_(node), state_(state), tokens_(tokens), pod_(pod) {}

  api::result<volume_paths> run() {
    volume_paths res;
    for (const auto& v : pod_.spec.volumes) {
      auto path = make(v);
      if (!path) {
        path.error().message = "MountVolume.SetUp failed for volume " + api::quote_go(v.name) +
                               " : " + path.error().message;
        return api::fail(std::move(path.error()));
      }
      res[v.name] = std::move(*path);
    }
    return res;
  }

private:
  api::result<std::string> make(const api::v1::volume& v) {
    const auto given = [](std::string path, api::result<void> ok) -> api::result<std::string> {
      if (!ok)
        return api::fail(std::move(ok.error()));
      return path;
    };
    if (v.host_path)
      return given(v.host_path->path, check_host_path(*v.host_path));
    if (v.persistent_volume_claim || v.ephemeral)
      return claimed(v);
    if (v.csi)
      return api::fail(no_driver(v.csi->driver));
    if (v.image)
      return api::fail(api::bad_request("the container runtime does not support image volumes"));
    if (!v.empty_dir && !is_filled(v))
      return api::fail(api::bad_request("this type of volume is not supported"));
    const auto folder =
        pod_directory(node_, pod_.metadata.uid) + "/volumes/" + folder_of(v) + "/" + v.name;
    const auto group = fs_group();
    if (v.empty_dir) {
      auto ok = make_empty_dir(folder, *v.empty_dir, pod_, node_);
      if (ok && group)
        ok = give_to_group(folder, *group);
      return given(folder, std::move(ok));
    }
    auto files = collect_files(pod_, v, node_, state_, tokens_);
    if (!files)
      return api::fail(std::move(files.error()));
    return given(folder, show_files(folder, *files, group));
  }

  /// The folder of the volume that the pod's claim is bound to.
  api::result<std::string> claimed(const api::v1::volume& v) {
    const auto name =
        v.ephemeral ? pod_.metadata.name + "-" + v.name : v.persistent_volume_claim->claim_name;
    const auto c = state_.get("persistentvolumeclaims", pod_.metadata.namespace_, name);
    if (!c)
      return api::fail(
          api::bad_request("persistentvolumeclaim " + api::quote_go(name) + " not found"));
    const auto claim = api::typed<api::v1::persistent_volume_claim>(*c);
    const auto o = state_.get("persistentvolumes", {}, claim->spec.volume_name);
    if (!o || claim->status.phase != "Bound")
      return api::fail(api::bad_request("PVC is not bound"));
    const auto pv = api::typed<api::v1::persistent_volume>(*o);
    if (!pv->spec.claim_ref || pv->spec.claim_ref->uid != c->uid())
      return api::fail(api::bad_request("PVC is not bound"));
    if (pv->spec.volume_mode == "Block")
      return api::fail(api::bad_request("block volumes are not supported"));
    if (pv->spec.host_path) {
      struct stat s {};
      const auto& path = pv->spec.host_path->path;
      const bool there = stat(path.c_str(), &s) == 0;
      if (auto ok = check_host_path(*pv->spec.host_path); !ok)
        return api::fail(std::move(ok.error()));
      // Containers may run as any user.
      if (!there && has_note(pv->metadata, volume_notes::provisioned_by) &&
          chmod(path.c_str(), 0777) != 0)
        return api::fail(file_error("chmod", path));
      return path;
    }
    if (pv->spec.local)
      return local(pv->spec.local->path);
    if (pv->spec.csi)
      return api::fail(no_driver(pv->spec.csi->driver));
    return api::fail(api::bad_request("this type of volume is not supported"));
  }

  api::result<std::string> local(const std::string& path) const {
    struct stat s {};
    if (stat(path.c_str(), &s) != 0)
      return api::fail(api::bad_request("path " + api::quote_go(path) + " does not exist"));
    if (!S_ISDIR(s.st_mode))
      return api::fail(api::bad_request("path " + api::quote_go(path) + " is not a directory"));
    if (const auto group = fs_group())
      if (auto ok = give_to_group(path, *group); !ok)
        return api::fail(std::move(ok.error()));
    return path;
  }

  std::optional<gid_t> fs_group() const {
    const auto* sc = pod_.spec.security_context.get();
    if (!sc || !sc->fs_group)
      return std::nullopt;
    return static_cast<gid_t>(*sc->fs_group);
  }

  const node_facts& node_;
  const api::reader& state_;
  pod_tokens& tokens_;
  const api::v1::pod& pod_;
};

// A uid that names a folder of its own, and no other.
bool is_folder_name(const std::string& uid) {
  return !uid.empty() && uid.front() != '.' && uid.find('/') == std::string::npos;
}

class disk_volumes : public volume_port {
public:
  disk_volumes(node_facts node, std::shared_ptr<const api::reader> state, pod_token_deps tokens)
      : node_(std::make_shared<const node_facts>(std::move(node))), state_(std::move(state)),
        tokens_(std::make_shared<pod_tokens>(std::move(tokens))),
        queue_(std::make_shared<job_queue>()), thread_([q = queue_] { q->work(); }) {}

  ~disk_volumes() override {
    queue_->close();
    if (thread_.get_id() == std::this_thread::get_id())
      thread_.detach();
    else
      thread_.join();
  }

  void prepare(std::shared_ptr<const api::v1::pod> pod,
               std::function<void(api::result<volume_paths>)> done) override {
    queue_->push([node = node_, state = state_, tokens = tokens_, pod = std::move(pod),
                  done = std::move(done)] {
      done(preparation{*node, *state, *tokens, *pod}.run());
    });
  }

  void release(std::string uid, std::function<void(api::result<void>)> done) override {
    queue_->push([node = node_, tokens = tokens_, uid = std::move(uid), done = std::move(done)] {
      tokens->forget(uid);
      done(remove_folder(*node, uid));
    });
  }

  void remove(std::string uid, std::function<void(api::result<void>)> done) override {
    queue_->push([node = node_, tokens = tokens_, uid = std::move(uid), done = std::move(done)] {
      tokens->forget(uid);
      auto ok = remove_folder(*node, uid);
      if (ok)
        ok = remove_logs(*node, uid);
      done(std::move(ok));
    });
  }

  void run(std::function<void()> job) override { queue_->push(std::move(job)); }

  std::vector<std::string> leftovers() const override {
    std::vector<std::string> res;
    std::error_code failed;
    for (auto i = fs::directory_iterator{node_->data_dir + "/pods", failed};
         !failed && i != fs::directory_iterator{}; i.increment(failed))
      res.push_back(i->path().filename().string());
    return res;
  }

private:
  static api::result<void> remove_folder(const node_facts& node, const std::string& uid) {
    if (!is_folder_name(uid))
      return api::fail(api::bad_request("no such pod: " + api::quote_go(uid)));
    for (const auto& cgroup : pod_cgroups(node, uid))
      runtime::remove_cgroup(cgroup);
    auto ok = remove_tree(pod_directory(node, uid));
    if (!ok)
      spdlog::warn("pod {}: {}", uid, ok.error().message);
    return ok;
  }

  static api::result<void> remove_logs(const node_facts& node, const std::string& uid) {
    std::vector<std::string> found;
    std::error_code failed;
    for (auto i = fs::directory_iterator{node.data_dir + "/logs/pods", failed};
         !failed && i != fs::directory_iterator{}; i.increment(failed))
      if (i->path().filename().string().ends_with("_" + uid))
        found.push_back(i->path().string());
    for (const auto& path : found)
      if (auto ok = remove_tree(path); !ok)
        return ok;
    return {};
  }

  const std::shared_ptr<const node_facts> node_;
  const std::shared_ptr<const api::reader> state_;
  const std::shared_ptr<pod_tokens> tokens_; ///< of the thread
  const std::shared_ptr<job_queue> queue_;
  std::thread thread_;
};

} // namespace

std::shared_ptr<volume_port> make_disk_volumes(node_facts node,
                                               std::shared_ptr<const api::reader> state,
                                               pod_token_deps tokens) {
  return std::make_shared<disk_volumes>(std::move(node), std::move(state), std::move(tokens));
}

} // namespace thespis::actors
