#include "runtime/cri/containerd_process.hpp"

#include "api/error.hpp"
#include "runtime/cri/command.hpp"
#include "runtime/cri/containerd_child.hpp"
#include "runtime/cri/containerd_config.hpp"
#include "runtime/cri/cri_runtime.hpp"
#include "runtime/cri/pause_image.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <future>
#include <thread>

namespace thespis::runtime {

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;
using milliseconds = std::chrono::milliseconds;

constexpr milliseconds probe_interval{25};
constexpr milliseconds probe_deadline{2'000};
constexpr milliseconds first_backoff{200};
constexpr milliseconds last_backoff{10'000};
constexpr milliseconds import_timeout{600'000};

std::string first_line(const fs::path& file) {
  std::ifstream in{file};
  std::string line;
  std::getline(in, line);
  return line;
}

bool write_file(const fs::path& file, const std::string& text) {
  std::ofstream out{file, std::ios::trunc | std::ios::binary};
  out << text;
  out.close();
  return !out.fail();
}

/// Waits for an asynchronous call of the port. The deadline is the port's.
template <class T, class Start>
api::result<T> wait_for(Start start) {
  auto promise = std::make_shared<std::promise<api::result<T>>>();
  auto future = promise->get_future();
  start([promise](api::result<T> r) { promise->set_value(std::move(r)); });
  return future.get();
}

bool cri_serves(container_runtime& cri) {
  const auto status = wait_for<runtime_status>([&](auto cb) { cri.get_status(std::move(cb)); });
  return status && status->runtime_ready.status;
}

fs::path snapshotter_file(const node_layout& layout) {
  return layout.containerd_dir() / "snapshotter";
}

/// Run-time state that names processes and mounts of before a reboot misleads containerd.
void drop_state_of_last_boot(const node_layout& layout) {
  const fs::path record = layout.containerd_dir() / "boot_id";
  const std::string boot = first_line("/proc/sys/kernel/random/boot_id");
  if (first_line(record) == boot)
    return;
  std::error_code ec;
  fs::remove_all(layout.containerd_state(), ec);
  write_file(record, boot + "\n");
}

api::result<void> write_configuration(const containerd_options& options,
                                      const node_layout& layout) {
  const machine_facts facts = probe_machine(layout);
  const std::string text = make_containerd_config(layout, facts, options.cni_bin_dir);
  if (!write_file(layout.containerd_config(), text) ||
      !write_file(snapshotter_file(layout), facts.snapshotter + "\n"))
    return api::fail(api::internal_error("cannot write " + layout.containerd_config().string()));
  return {};
}

/// What is told apart to import an archive once: a changed file is imported again.
std::string archive_mark(const fs::path& archive) {
  std::error_code ec;
  const auto size = fs::file_size(archive, ec);
  const auto time = fs::last_write_time(archive, ec).time_since_epoch().count();
  return archive.filename().string() + " " + std::to_string(size) + " " + std::to_string(time);
}

void import_archives(const node_layout& layout, const fs::path& dir) {
  const fs::path record = layout.containerd_root() / "thespis-imported";
  std::vector<std::string> known;
  std::ifstream in{record};
  for (std::string line; std::getline(in, line);)
    known.push_back(line);
  std::error_code ec;
  std::vector<fs::path> archives;
  for (const auto& entry : fs::directory_iterator{dir, ec}) {
    if (entry.path().extension() == ".tar" && entry.is_regular_file(ec))
      archives.push_back(entry.path());
  }
  std::sort(archives.begin(), archives.end());
  std::ofstream out{record, std::ios::app};
  for (const auto& archive : archives) {
    const std::string mark = archive_mark(archive);
    if (std::find(known.begin(), known.end(), mark) != known.end())
      continue;
    const auto imported = import_image(layout, archive);
    if (!imported) {
      spdlog::error("image archive {}: {}", archive.string(), imported.error().message);
      continue;
    }
    out << mark << "\n";
    for (const auto& reference : *imported)
      spdlog::info("imported image {}", reference);
  }
}

api::result<void> ensure_pause_image(const node_layout& layout, container_runtime& cri) {
  const auto present = wait_for<std::optional<image_info>>(
      [&](auto cb) { cri.get_image(std::string{pause_image_reference}, std::move(cb)); });
  if (present && present->has_value())
    return {};
  const fs::path archive = layout.containerd_dir() / "pause.tar";
  if (!write_file(archive, make_pause_image()))
    return api::fail(api::internal_error("cannot write " + archive.string()));
  const auto imported = import_image(layout, archive);
  std::error_code ec;
  fs::remove(archive, ec);
  if (!imported)
    return api::fail(imported.error());
  return {};
}

} // namespace

struct containerd_process::impl {
  impl(containerd_options o, listener l)
      : options{std::move(o)}, layout{options.data_dir}, on_event{std::move(l)} {}

  ~impl() {
    {
      const std::lock_guard guard{mutex};
      stopping = true;
    }
    changed.notify_all();
    const uint64_t one = 1;
    (void)!::write(wake_fd, &one, sizeof(one));
    if (supervisor.joinable())
      supervisor.join();
    ::close(wake_fd);
    if (lock_fd >= 0)
      ::close(lock_fd);
  }

  api::result<void> take_lock() {
    const fs::path file = layout.containerd_dir() / "lock";
    lock_fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd < 0)
      return api::fail(api::internal_error("cannot open " + file.string()));
    if (::flock(lock_fd, LOCK_EX | LOCK_NB) != 0)
      return api::fail(api::reason::conflict,
                       "another process runs containerd on " + layout.data_dir().string());
    return {};
  }

  /// The supervisor thread: one containerd after the other until told to stop. It also is the
  /// parent whose end takes containerd along.
  void supervise() {
    milliseconds backoff = first_backoff;
    for (;;) {
      const auto started = clock::now();
      const auto child = spawn_containerd(layout, options.program);
      if (!child)
        spdlog::error("containerd: {}", child.error().message);
      else if (watch(*child))
        return;
      if (clock::now() - started > last_backoff)
        backoff = first_backoff;
      std::unique_lock guard{mutex};
      if (changed.wait_for(guard, backoff, [this] { return stopping; }))
        return;
      backoff = std::min(backoff * 2, last_backoff);
    }
  }

  /// Waits for the child's end; true when it was ended by us.
  bool watch(pid_t child) {
    pid = child;
    std::atomic<bool> ended{false};
    std::thread prober{[this, &ended] { announce_serving(ended); }};
    const int pidfd = open_pidfd(child);
    pollfd fds[2] = {{pidfd, POLLIN, 0}, {wake_fd, POLLIN, 0}};
    while (::poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    ::close(pidfd);
    const bool stopped = fds[1].revents != 0;
    if (stopped)
      end_processes({child});
    int status = 0;
    ::waitpid(child, &status, 0);
    pid = 0;
    ended = true;
    prober.join();
    std::unique_lock guard{mutex};
    serving = false;
    if (stopped || stopping)
      return true;
    deaths += 1;
    guard.unlock();
    changed.notify_all();
    spdlog::warn("containerd ended (status {}), starting it again", status);
    if (on_event)
      on_event(containerd_event::died, log_tail(layout));
    return false;
  }

  void announce_serving(const std::atomic<bool>& ended) {
    cri_deadlines deadlines;
    deadlines.query = probe_deadline;
    const auto cri = make_cri_runtime(layout.containerd_socket().string(), deadlines);
    while (!ended) {
      if (cri_serves(*cri)) {
        std::unique_lock guard{mutex};
        const bool again = deaths > 0;
        serving = true;
        guard.unlock();
        changed.notify_all();
        if (again && on_event)
          on_event(containerd_event::serving, {});
        return;
      }
      std::unique_lock guard{mutex};
      changed.wait_for(guard, probe_interval, [&] { return stopping || ended; });
    }
  }

  api::result<void> wait_until_serving() {
    constexpr int hopeless = 3;
    std::unique_lock guard{mutex};
    const bool settled = changed.wait_for(guard, options.start_timeout,
                                          [this] { return serving || deaths >= hopeless; });
    if (serving)
      return {};
    const std::string log = log_tail(layout);
    return settled
               ? api::fail(api::internal_error("containerd does not start; its log ends:\n" + log))
               : api::fail(api::reason::timeout,
                           "containerd does not serve; its log ends:\n" + log);
  }

  const containerd_options options;
  const node_layout layout;
  const listener on_event;
  int lock_fd = -1;
  const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); // readable once stopping
  std::atomic<int> pid{0};
  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false; // these three guarded by mutex
  bool serving = false;
  int deaths = 0;
  std::thread supervisor;
};

containerd_process::containerd_process(std::unique_ptr<impl> i) : impl_{std::move(i)} {}

containerd_process::~containerd_process() = default;

api::result<std::unique_ptr<containerd_process>> containerd_process::start(containerd_options o,
                                                                           listener on_event) {
  auto self = std::make_unique<impl>(std::move(o), std::move(on_event));
  const node_layout& layout = self->layout;
  std::error_code ec;
  for (const auto& dir : {layout.containerd_dir(), layout.containerd_root(), layout.images(),
                          layout.registry_config(), layout.containerd_socket().parent_path()})
    fs::create_directories(dir, ec);
  fs::permissions(layout.containerd_dir(), fs::perms::owner_all, ec);
  if (auto locked = self->take_lock(); !locked)
    return api::fail(std::move(locked.error()));
  end_processes(find_containerd(layout)); // of a predecessor that is on its way out
  drop_state_of_last_boot(layout);
  if (auto written = write_configuration(self->options, layout); !written)
    return api::fail(std::move(written.error()));
  if (!self->options.network.pod_cidrs.empty()) {
    if (auto network = set_up_pod_network(layout, self->options.network); !network)
      return api::fail(std::move(network.error()));
  }
  self->supervisor = std::thread{[impl = self.get()] { impl->supervise(); }};
  if (auto served = self->wait_until_serving(); !served)
    return api::fail(std::move(served.error()));
  const auto cri = make_cri_runtime(layout.containerd_socket().string());
  if (auto pause = ensure_pause_image(layout, *cri); !pause)
    return api::fail(std::move(pause.error()));
  const auto& images = self->options.image_dir;
  import_archives(layout, images.empty() ? layout.images() : images);
  return std::unique_ptr<containerd_process>{new containerd_process{std::move(self)}};
}

const node_layout& containerd_process::layout() const {
  return impl_->layout;
}

std::string containerd_process::socket() const {
  return impl_->layout.containerd_socket().string();
}

int containerd_process::pid() const {
  return impl_->pid;
}

namespace {

/// ctr prints "unpacking REFERENCE (DIGEST)...done" a line for each image.
std::vector<std::string> unpacked_references(const std::string& output) {
  constexpr std::string_view verb = "unpacking ";
  std::vector<std::string> out;
  std::istringstream lines{output};
  for (std::string line; std::getline(lines, line);) {
    const auto start = line.find(verb);
    if (start == std::string::npos)
      continue;
    const auto name = start + verb.size();
    out.push_back(line.substr(name, line.find(' ', name) - name));
  }
  return out;
}

} // namespace

api::result<std::vector<std::string>> import_image(const node_layout& layout,
                                                   const fs::path& archive) {
  std::error_code ec;
  if (!fs::is_regular_file(archive, ec))
    return api::fail(api::reason::not_found, "no such file: " + archive.string());
  const std::string socket = layout.containerd_socket().string();
  if (!fs::exists(socket, ec))
    return api::fail(api::reason::service_unavailable,
                     "no containerd runs on " + layout.data_dir().string());
  const auto output =
      check_command({"ctr", "--address", socket, "--namespace", "k8s.io", "images", "import",
                     "--snapshotter", first_line(snapshotter_file(layout)), archive.string()},
                    import_timeout);
  if (!output)
    return api::fail(output.error());
  auto references = unpacked_references(*output);
  if (references.empty())
    return api::fail(api::bad_request("no image for this platform in " + archive.string()));
  // CRI learns of images from containerd's events, a moment later.
  const auto cri = make_cri_runtime(socket);
  const auto deadline = clock::now() + std::chrono::seconds{30};
  for (const auto& reference : references) {
    for (;;) {
      const auto known = wait_for<std::optional<image_info>>(
          [&](auto cb) { cri->get_image(reference, std::move(cb)); });
      if (known && known->has_value())
        break;
      if (clock::now() > deadline)
        return api::fail(api::reason::timeout, reference + " did not become visible");
      std::this_thread::sleep_for(probe_interval);
    }
  }
  return references;
}

} // namespace thespis::runtime
