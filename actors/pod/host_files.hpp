// Files of the node that containers may have written to: opened without ever following a link
// out of the folder they belong to.
#pragma once

#include "api/result.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

namespace thespis::actors {

/// An owned file descriptor.
class file_handle {
public:
  file_handle() = default;
  explicit file_handle(int fd) : fd_(fd) {}
  file_handle(file_handle&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  file_handle& operator=(file_handle&& o) noexcept;
  ~file_handle();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// A path that means this file as long as the handle lives.
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
  int fd_ = -1;
};

/// "mkdir /a/b: permission denied", from errno.
api::error file_error(std::string_view what, std::string_view path);

/// Makes the folder and its parents. Errors: internal_error.
api::result<void> make_folders(const std::string& path, mode_t mode);

/// Replaces or makes the whole file. An existing one keeps its inode, and with it its mounts.
/// Errors: internal_error.
api::result<void> write_file(const std::string& path, std::string_view content, mode_t mode);

/// At most `limit` bytes from the file's end; empty when it cannot be read.
std::string read_tail(const std::string& path, size_t limit);

/// Opens (O_PATH) what `relative` names below `root`; links are followed as long as they stay
/// below it. With `create`, missing folders are made with the mode of the one above them.
/// Errors: bad_request when it leads out, internal_error.
api::result<file_handle> open_beneath(const std::string& root, const std::string& relative,
                                      bool create);

/// Mounts the opened file or folder at `target`, which is made (and freed of an earlier mount).
/// Errors: internal_error.
api::result<void> bind_mount(const file_handle& source, const std::string& target);

/// Removes a folder with all below it. What is mounted below goes first, so nothing of it is
/// deleted; links are removed, not followed. A folder that does not exist is a success.
/// Errors: internal_error.
api::result<void> remove_tree(const std::string& path);

} // namespace thespis::actors
