#include "actors/pod/host_files.hpp"

#include "api/text/quote.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace thespis::actors {

namespace {

int open_at(int dir, const std::string& path, uint64_t flags, uint64_t resolve) {
  open_how how{};
  how.flags = flags;
  how.resolve = resolve;
  return static_cast<int>(syscall(SYS_openat2, dir, path.c_str(), &how, sizeof how));
}

int open_beneath_at(int dir, const std::string& path) {
  return open_at(dir, path, O_PATH | O_CLOEXEC, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

std::vector<std::string> parts_of(const std::string& relative) {
  std::vector<std::string> res;
  for (const auto& part : std::filesystem::path{relative})
    if (!part.empty() && part != ".")
      res.push_back(part.string());
  return res;
}

// Makes the components one by one, each opened without following a link that somebody may have
// put there in between.
int create_beneath(file_handle root, const std::vector<std::string>& parts) {
  file_handle at = std::move(root);
  for (const auto& part : parts) {
    int next = open_beneath_at(at.get(), part);
    if (next < 0 && errno == ENOENT) {
      struct stat above {};
      if (fstat(at.get(), &above) != 0)
        return -1;
      if (mkdirat(at.get(), part.c_str(), above.st_mode & 07777) != 0 && errno != EEXIST)
        return -1;
      next =
          open_at(at.get(), part, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW, RESOLVE_BENEATH);
      // The process' umask must not narrow what the folder above allows.
      if (next >= 0)
        (void)fchmod(next, above.st_mode & 07777);
    }
    if (next < 0)
      return -1;
    at = file_handle{next};
  }
  return dup(at.get());
}

// Where mounts are below `path`, the deepest last.
std::vector<std::string> mounts_below(const std::string& path) {
  std::vector<std::string> res;
  std::ifstream in{"/proc/self/mountinfo"};
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields{line};
    std::string id, parent, device, root, where;
    fields >> id >> parent >> device >> root >> where;
    std::string plain;
    for (size_t i = 0; i < where.size(); ++i)
      if (where[i] == '\\' && i + 3 < where.size()) {
        plain += static_cast<char>(std::stoi(where.substr(i + 1, 3), nullptr, 8));
        i += 3;
      } else {
        plain += where[i];
      }
    if (plain == path || plain.starts_with(path + "/"))
      res.push_back(std::move(plain));
  }
  return res;
}

api::result<void> remove_below(int dir, const std::string& path) {
  DIR* listing = fdopendir(dup(dir));
  if (!listing)
    return api::fail(file_error("open", path));
  const std::unique_ptr<DIR, int (*)(DIR*)> guard{listing, closedir};
  rewinddir(listing);
  while (const auto* entry = readdir(listing)) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..")
      continue;
    if (unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT)
      continue;
    // A folder: openat refuses what is a link by now, or lies on another file system.
    const file_handle below{open_at(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
                                    RESOLVE_BENEATH | RESOLVE_NO_XDEV)};
    if (!below)
      return api::fail(file_error("remove", path + "/" + name));
    if (auto ok = remove_below(below.get(), path + "/" + name); !ok)
      return ok;
    if (unlinkat(dir, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
      return api::fail(file_error("remove", path + "/" + name));
  }
  return {};
}

} // namespace

file_handle& file_handle::operator=(file_handle&& o) noexcept {
  if (this != &o) {
    if (fd_ >= 0)
      close(fd_);
    fd_ = std::exchange(o.fd_, -1);
  }
  return *this;
}

file_handle::~file_handle() {
  if (fd_ >= 0)
    close(fd_);
}

api::error file_error(std::string_view what, std::string_view path) {
  std::string why = std::strerror(errno);
  if (!why.empty() && why.front() >= 'A' && why.front() <= 'Z')
    why.front() = static_cast<char>(why.front() + 32);
  return api::make_error(api::reason::internal_error,
                         std::string{what} + " " + std::string{path} + ": " + why);
}

api::result<void> make_folders(const std::string& path, mode_t mode) {
  std::string at = path.starts_with('/') ? "" : ".";
  for (const auto& part : parts_of(path)) {
    if (part == "/")
      continue;
    at += "/" + part;
    if (mkdir(at.c_str(), mode) == 0) {
      (void)chmod(at.c_str(), mode);
      continue;
    }
    struct stat there {};
    if (errno != EEXIST || stat(at.c_str(), &there) != 0)
      return api::fail(file_error("mkdir", at));
    if (!S_ISDIR(there.st_mode)) {
      errno = ENOTDIR;
      return api::fail(file_error("mkdir", at));
    }
  }
  return {};
}

api::result<void> write_file(const std::string& path, std::string_view content, mode_t mode) {
  const file_handle f{
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)};
  if (!f || fchmod(f.get(), mode) != 0)
    return api::fail(file_error("open", path));
  while (!content.empty()) {
    const auto n = write(f.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return api::fail(file_error("write", path));
    content.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

std::string read_tail(const std::string& path, size_t limit) {
  const file_handle f{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat s {};
  if (!f || fstat(f.get(), &s) != 0 || !S_ISREG(s.st_mode))
    return {};
  const auto keep = std::min<off_t>(s.st_size, static_cast<off_t>(limit));
  std::string res(static_cast<size_t>(keep), '\0');
  const auto n = pread(f.get(), res.data(), res.size(), s.st_size - keep);
  res.resize(n < 0 ? 0 : static_cast<size_t>(n));
  return res;
}

api::result<file_handle> open_beneath(const std::string& root, const std::string& relative,
                                      bool create) {
  file_handle top{open(root.c_str(), O_PATH | O_CLOEXEC)};
  if (!top)
    return api::fail(file_error("open", root));
  const auto parts = parts_of(relative);
  if (std::find(parts.begin(), parts.end(), "..") != parts.end() || relative.starts_with('/'))
    return api::fail(api::bad_request("path " + api::quote_go(relative) + " leaves the volume"));
  if (parts.empty())
    return top;
  int fd = open_beneath_at(top.get(), relative);
  if (fd < 0 && errno == ENOENT && create)
    fd = create_beneath(std::move(top), parts);
  if (fd >= 0)
    return file_handle{fd};
  if (errno == EXDEV || errno == ELOOP)
    return api::fail(api::bad_request("path " + api::quote_go(relative) + " leaves the volume"));
  return api::fail(file_error("open", root + "/" + relative));
}

api::result<void> bind_mount(const file_handle& source, const std::string& target) {
  struct stat what {};
  if (fstat(source.get(), &what) != 0)
    return api::fail(file_error("stat", source.path()));
  const auto slash = target.rfind('/');
  if (auto ok = make_folders(target.substr(0, slash), 0750); !ok)
    return ok;
  // An earlier container's mount, perhaps of something else.
  while (umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (S_ISDIR(what.st_mode)) {
    (void)unlink(target.c_str());
    if (auto ok = make_folders(target, 0750); !ok)
      return ok;
  } else {
    (void)rmdir(target.c_str());
    if (auto ok = write_file(target, {}, 0640); !ok)
      return ok;
  }
  if (mount(source.path().c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return api::fail(file_error("mount", target));
  return {};
}

api::result<void> remove_tree(const std::string& path) {
  std::error_code failed;
  // A link goes itself; what it leads to is somebody else's.
  if (std::filesystem::is_symlink(path, failed))
    return unlink(path.c_str()) == 0 || errno == ENOENT ? api::result<void>{}
                                                        : api::fail(file_error("remove", path));
  // mountinfo names paths as they really are.
  const auto real = std::filesystem::canonical(path, failed);
  if (failed)
    return failed == std::errc::no_such_file_or_directory ? api::result<void>{}
                                                          : api::fail(file_error("open", path));
  auto mounted = mounts_below(real.string());
  for (auto i = mounted.rbegin(); i != mounted.rend(); ++i)
    if (umount2(i->c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL &&
        errno != ENOENT)
      return api::fail(file_error("unmount", *i));
  const file_handle dir{open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
  if (!dir)
    return errno == ENOENT ? api::result<void>{} : api::fail(file_error("open", path));
  if (auto ok = remove_below(dir.get(), path); !ok)
    return ok;
  if (rmdir(path.c_str()) != 0 && errno != ENOENT)
    return api::fail(file_error("remove", path));
  return {};
}

} // namespace thespis::actors
