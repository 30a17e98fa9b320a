#include "config/files.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace thespis::config {

namespace {

/// A file descriptor that is closed with its scope.
class descriptor {
public:
  explicit descriptor(int fd) : fd_{fd} {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  int get() const { return fd_; }

private:
  int fd_;
};

tl::unexpected<api::error> failed(std::string_view what, const std::string& path, int code) {
  return api::fail(code == ENOENT ? api::reason::not_found : api::reason::internal_error,
                   path + ": cannot " + std::string{what} + ": " + std::strerror(code));
}

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    auto n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    content.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

/// The file a chain of symbolic links leads to; `path` itself when there is none yet.
std::string resolve(const std::string& path) {
  auto* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr)
    return path;
  std::string out{real};
  std::free(real);
  return out;
}

} // namespace

api::result<void> write_file(const std::string& path, std::string_view content, mode_t mode) {
  auto target = resolve(path);
  auto folder = std::filesystem::path{target}.parent_path().string();
  if (folder.empty())
    folder = ".";
  std::string temporary = target + ".XXXXXX";
  // Made with 0600, so a secret is never readable in between.
  descriptor file{::mkostemp(temporary.data(), O_CLOEXEC)};
  if (file.get() < 0)
    return failed("write", path, errno);
  auto give_up = [&](int code) {
    ::unlink(temporary.c_str());
    return failed("write", path, code);
  };
  struct stat old {};
  bool keeps_owner = ::stat(target.c_str(), &old) == 0 && old.st_uid != ::geteuid();
  if (keeps_owner && ::fchown(file.get(), old.st_uid, old.st_gid) != 0)
    return give_up(errno);
  if (::fchmod(file.get(), mode) != 0 || !write_all(file.get(), content) ||
      ::fsync(file.get()) != 0 || ::rename(temporary.c_str(), target.c_str()) != 0)
    return give_up(errno);
  descriptor directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.get() < 0 || ::fsync(directory.get()) != 0)
    return failed("sync the folder of", path, errno);
  return {};
}

api::result<std::string> read_file(const std::string& path, size_t max_bytes) {
  descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.get() < 0)
    return failed("read", path, errno);
  std::string content;
  char buffer[16384];
  while (true) {
    auto n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return failed("read", path, errno);
    if (n == 0)
      return content;
    content.append(buffer, static_cast<size_t>(n));
    if (content.size() > max_bytes) {
      return api::fail(api::reason::request_entity_too_large,
                       path + ": larger than " + std::to_string(max_bytes) + " bytes");
    }
  }
}

api::result<void> make_directory(const std::string& path, mode_t mode) {
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code)
    return failed("make the directory", path, code.value());
  if (::chmod(path.c_str(), mode) != 0)
    return failed("set the mode of", path, errno);
  return {};
}

} // namespace thespis::config
