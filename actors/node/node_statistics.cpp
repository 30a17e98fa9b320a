#include "actors/node/node_statistics.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

namespace thespis::actors {

namespace {

namespace fs = std::filesystem;
using steady = std::chrono::steady_clock;

constexpr int64_t sector = 512; // the unit of st_blocks
/// At most this share of the time goes into measuring one folder.
constexpr int pause_factor = 20;

int64_t number_in(const fs::path& file) {
  std::ifstream in{file};
  int64_t res = 0;
  return in >> res ? res : 0;
}

node_supply memory_supply() {
  std::ifstream in{"/proc/meminfo"};
  node_supply res;
  std::string key, unit;
  for (int64_t kib = 0; in >> key >> kib; std::getline(in, unit)) {
    if (key == "MemTotal:")
      res.capacity = kib * 1024;
    if (key == "MemAvailable:")
      res.available = kib * 1024;
  }
  return res;
}

node_supply process_supply() {
  node_supply res;
  res.capacity =
      std::min(number_in("/proc/sys/kernel/pid_max"), number_in("/proc/sys/kernel/threads-max"));
  std::ifstream in{"/proc/loadavg"};
  std::string word;
  for (int i = 0; i < 4; ++i)
    in >> word; // the fourth is RUNNING/ALL
  const auto slash = word.find('/');
  if (slash == std::string::npos)
    return {};
  res.available = res.capacity - std::strtoll(word.c_str() + slash + 1, nullptr, 10);
  return res;
}

void add_disk(node_statistics& s, const std::string& name, const std::string& path) {
  struct statvfs v {};
  if (statvfs(path.c_str(), &v) != 0)
    return;
  const auto unit = static_cast<int64_t>(v.f_frsize);
  s.supplies[name + ".available"] = {static_cast<int64_t>(v.f_bavail) * unit,
                                     static_cast<int64_t>(v.f_blocks) * unit};
  // Some file systems have no fixed number of inodes.
  if (v.f_files > 0)
    s.supplies[name + ".inodesFree"] = {static_cast<int64_t>(v.f_favail),
                                        static_cast<int64_t>(v.f_files)};
}

bool on_one_disk(const std::string& a, const std::string& b) {
  struct stat first {};
  struct stat second {};
  return stat(a.c_str(), &first) != 0 || stat(b.c_str(), &second) != 0 ||
         first.st_dev == second.st_dev;
}

/// What a folder takes on its own disk; links are not followed, hard links count once.
disk_footprint walk(const std::string& folder) {
  disk_footprint res;
  std::set<ino_t> seen;
  struct stat root {};
  if (lstat(folder.c_str(), &root) != 0)
    return res;
  std::error_code failed;
  auto i = fs::recursive_directory_iterator{folder, fs::directory_options::skip_permission_denied,
                                            failed};
  for (; !failed && i != fs::recursive_directory_iterator{}; i.increment(failed)) {
    struct stat s {};
    if (lstat(i->path().c_str(), &s) != 0)
      continue;
    if (s.st_dev != root.st_dev) {
      i.disable_recursion_pending();
      continue;
    }
    if (s.st_nlink > 1 && !S_ISDIR(s.st_mode) && !seen.insert(s.st_ino).second)
      continue;
    res.bytes += static_cast<int64_t>(s.st_blocks) * sector;
    ++res.inodes;
  }
  return res;
}

int64_t processes_of(const node_facts& node, const std::string& uid) {
  const fs::path base = "/sys/fs/cgroup";
  std::error_code failed;
  const auto root = fs::exists(base / "cgroup.controllers", failed) ? base : base / "pids";
  for (const auto& cgroup : pod_cgroups(node, uid))
    if (const auto n = number_in(root / cgroup.substr(1) / "pids.current"); n > 0)
      return n;
  return 0;
}

class machine_statistics final : public statistics_port {
public:
  machine_statistics(node_facts node, std::shared_ptr<runtime::container_runtime> containers)
      : shared_(std::make_shared<shared>()), containers_(std::move(containers)),
        thread_([s = shared_, node = std::move(node)] { work(*s, node); }) {}

  ~machine_statistics() override {
    {
      const std::lock_guard lock{shared_->mutex};
      shared_->closed = true;
      shared_->changed.notify_one();
    }
    thread_.join();
  }

  void read(std::vector<measured_pod> pods, std::function<void(node_statistics)> done) override {
    auto got = std::make_shared<reading>();
    got->pods = std::move(pods);
    got->done = std::move(done);
    // Both are asked at once; whoever answers last hands the reading on.
    const auto answered = [s = shared_, got](auto take) {
      const std::lock_guard lock{s->mutex};
      take();
      if (--got->unanswered > 0)
        return;
      s->waiting.push_back(got);
      s->changed.notify_one();
    };
    containers_->list_container_stats({}, [got, answered](auto stats) {
      answered([&] {
        got->stats_known = stats.has_value();
        if (stats)
          got->stats = std::move(*stats);
      });
    });
    containers_->image_filesystem([got, answered](auto images) {
      answered([&] {
        if (images && !images->empty())
          got->image_folder = images->front().mountpoint;
      });
    });
  }

private:
  struct reading {
    std::vector<measured_pod> pods;
    std::vector<runtime::container_stats> stats;
    bool stats_known = false;
    std::string image_folder;
    std::function<void(node_statistics)> done;
    int unanswered = 2;
  };
  struct shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::shared_ptr<reading>> waiting;
    bool closed = false;
  };
  struct measured {
    disk_footprint size;
    steady::time_point due;
    bool wanted = true;
  };

  class surveyor {
  public:
    explicit surveyor(const node_facts& node) : node_(node) {}

    node_statistics survey(const reading& r) {
      node_statistics res;
      // Nobody is judged by a use of memory that nobody could tell.
      if (r.stats_known || r.pods.empty())
        res.supplies["memory.available"] = memory_supply();
      if (const auto pids = process_supply(); pids.capacity > 0)
        res.supplies["pid.available"] = pids;
      add_disk(res, "nodefs", node_.data_dir);
      if (!r.image_folder.empty() && !on_one_disk(r.image_folder, node_.data_dir))
        add_disk(res, "imagefs", r.image_folder);
      for (auto& [path, m] : known_)
        m.wanted = false;
      for (const auto& p : r.pods)
        measure(p, res.pods[p.uid]);
      std::erase_if(known_, [](const auto& x) { return !x.second.wanted; });
      for (const auto& s : r.stats)
        add(s, res);
      return res;
    }

  private:
    void measure(const measured_pod& p, pod_footprint& res) {
      res.processes = processes_of(node_, p.uid);
      for (const auto& c : p.containers)
        res.container_disks[c] = size_of(p.log_directory + "/" + c);
      for (const auto& v : p.empty_dirs)
        res.volumes[v] =
            size_of(pod_directory(node_, p.uid) + "/volumes/kubernetes.io~empty-dir/" + v);
    }

    static void add(const runtime::container_stats& s, node_statistics& res) {
      const auto uid = s.labels.find("io.kubernetes.pod.uid");
      const auto i = uid == s.labels.end() ? res.pods.end() : res.pods.find(uid->second);
      if (i == res.pods.end())
        return;
      auto& pod = i->second;
      pod.memory += static_cast<int64_t>(s.memory_working_set);
      pod.container_memory[s.name] += static_cast<int64_t>(s.memory_working_set);
      auto& disk = pod.container_disks[s.name];
      disk.bytes += static_cast<int64_t>(s.filesystem_used);
    }

    disk_footprint size_of(const std::string& folder) {
      auto& m = known_[folder];
      m.wanted = true;
      const auto begin = steady::now();
      if (begin < m.due)
        return m.size;
      m.size = walk(folder);
      const auto end = steady::now();
      m.due = end + pause_factor * (end - begin);
      return m.size;
    }

    const node_facts& node_;
    std::map<std::string, measured> known_; ///< by folder
  };

  static void work(shared& s, const node_facts& node) {
    surveyor all{node};
    std::unique_lock lock{s.mutex};
    while (true) {
      s.changed.wait(lock, [&] { return s.closed || !s.waiting.empty(); });
      if (s.closed)
        return;
      const auto next = std::move(s.waiting.front());
      s.waiting.pop_front();
      lock.unlock();
      next->done(all.survey(*next));
      lock.lock();
    }
  }

  const std::shared_ptr<shared> shared_;
  const std::shared_ptr<runtime::container_runtime> containers_;
  std::thread thread_;
};

} // namespace

disk_footprint pod_footprint::disk() const {
  disk_footprint res;
  for (const auto* parts : {&container_disks, &volumes})
    for (const auto& [name, part] : *parts) {
      res.bytes += part.bytes;
      res.inodes += part.inodes;
    }
  return res;
}

std::shared_ptr<statistics_port>
make_machine_statistics(node_facts node, std::shared_ptr<runtime::container_runtime> containers) {
  return std::make_shared<machine_statistics>(std::move(node), std::move(containers));
}

} // namespace thespis::actors
