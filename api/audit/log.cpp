#include "api/audit/log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace thespis::api::audit {

namespace {

std::string lost_line(uint64_t lines) {
  return R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"",)"
         R"("stage":"Panic","verb":"","annotations":{"audit.thespis.dev/lost-events":")" +
         std::to_string(lines) + "\"}}\n";
}

/// The number behind a file put aside ("audit.log.7"); 0 when it is none of ours.
uint64_t number_of(const std::string& name, const std::string& base) {
  if (!name.starts_with(base + ".") || name.size() == base.size() + 1)
    return 0;
  uint64_t n = 0;
  for (const char c : name.substr(base.size() + 1)) {
    if (c < '0' || c > '9' || n > 1'000'000'000)
      return 0;
    n = n * 10 + static_cast<uint64_t>(c - '0');
  }
  return n;
}

} // namespace

log::log(log_options options) : options_(std::move(options)) {}

bool log::reopen() {
  file_ =
      ::open(options_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  struct stat s {};
  if (file_ < 0 || ::fstat(file_, &s) != 0)
    return false;
  size_ = static_cast<size_t>(s.st_size);
  return true;
}

result<std::shared_ptr<log>> log::open(log_options options) {
  auto made = std::shared_ptr<log>(new log(std::move(options)));
  if (!made->reopen())
    return fail(internal_error("cannot open the audit log " + made->options_.path + ": " +
                               std::strerror(errno)));
  made->thread_ = std::thread([l = made.get()] { l->run(); });
  return made;
}

log::~log() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    due_.notify_all();
  }
  if (thread_.joinable())
    thread_.join();
  if (file_ >= 0)
    ::close(file_);
}

void log::write(std::string line) {
  const std::lock_guard lock{mutex_};
  ++numbers_.events;
  if (waiting_.size() + line.size() > options_.max_waiting) {
    ++numbers_.lost;
    ++lost_since_;
    return;
  }
  if (waiting_.empty())
    due_.notify_one();
  waiting_ += line;
  waiting_ += '\n';
  ++waiting_lines_;
}

log_numbers log::numbers() const {
  const std::lock_guard lock{mutex_};
  return numbers_;
}

void log::flush() {
  std::unique_lock lock{mutex_};
  done_.wait(lock, [&] { return waiting_.empty() && lost_since_ == 0 && !busy_; });
}

void log::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    due_.wait(lock, [&] { return stopping_ || !waiting_.empty() || lost_since_ > 0; });
    if (waiting_.empty() && lost_since_ == 0)
      return; // stopping, and all is written
    auto batch = std::exchange(waiting_, {});
    auto lines = std::exchange(waiting_lines_, 0);
    const auto lost = std::exchange(lost_since_, 0);
    busy_ = true;
    ++numbers_.batches;
    lock.unlock();
    if (lost > 0) {
      spdlog::error("audit: {} events were lost: the log does not keep up", lost);
      batch += lost_line(lost);
    }
    put(batch, lines);
    lock.lock();
    busy_ = false;
    done_.notify_all();
  }
}

void log::put(const std::string& batch, uint64_t lines) {
  if (size_ > 0 && size_ + batch.size() > options_.max_bytes)
    rotate();
  size_t sent = 0;
  while (file_ >= 0 && sent < batch.size()) {
    const auto n = ::write(file_, batch.data() + sent, batch.size() - sent);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break;
    sent += static_cast<size_t>(n);
  }
  size_ += sent;
  if (sent == batch.size())
    return;
  const int why = errno;
  // A line cut in two would make the next one unreadable, too.
  if (sent > 0 && file_ >= 0)
    size_ += static_cast<size_t>(std::max<ssize_t>(0, ::write(file_, "\n", 1)));
  spdlog::error("audit: a batch of {} events is not in the log: {}", lines, std::strerror(why));
  const std::lock_guard lock{mutex_};
  numbers_.failed += lines;
}

/// The files put aside are numbered upwards, so that one that goes moves no other.
void log::rotate() {
  namespace fs = std::filesystem;
  ::close(file_);
  const fs::path path{options_.path};
  const auto base = path.filename().string();
  std::vector<uint64_t> numbers;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(path.parent_path(), ec))
    if (const auto n = number_of(entry.path().filename().string(), base))
      numbers.push_back(n);
  std::sort(numbers.begin(), numbers.end());
  const auto next = numbers.empty() ? 1 : numbers.back() + 1;
  fs::rename(path, options_.path + "." + std::to_string(next), ec);
  if (ec)
    spdlog::error("audit: cannot put {} aside: {}", options_.path, ec.message());
  numbers.push_back(next);
  for (size_t i = 0; i + options_.max_files < numbers.size(); ++i)
    fs::remove(options_.path + "." + std::to_string(numbers[i]), ec);
  if (!reopen())
    spdlog::error("audit: cannot open {}: {}", options_.path, std::strerror(errno));
}

} // namespace thespis::api::audit
