// show_files: a folder whose content changes all at once.
#include "actors/pod/host_files.hpp"
#include "actors/pod/volume_files.hpp"
#include "api/text/quote.hpp"

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <set>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

namespace thespis::actors {

namespace {

namespace fs = std::filesystem;

constexpr const char* data_link = "..data";
constexpr const char* new_data_link = "..data_tmp";

bool stays_below(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.starts_with(".."))
    return false;
  for (const auto& part : fs::path{path})
    if (part == "..")
      return false;
  return true;
}

// The owning group reads whatever the owner's mode says.
mode_t effective(mode_t mode, const std::optional<gid_t>& group) {
  return group ? mode | 0440 : mode;
}

bool same_file(const std::string& path, const volume_file& f, const std::optional<gid_t>& group) {
  struct stat s {};
  return lstat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode) &&
         (s.st_mode & 0777) == effective(f.mode, group) && (!group || s.st_gid == *group) &&
         (!f.owner || s.st_uid == *f.owner) && static_cast<size_t>(s.st_size) == f.content.size() &&
         read_tail(path, f.content.size()) == f.content;
}

bool unchanged(const std::string& shown, const volume_files& files,
               const std::optional<gid_t>& group) {
  size_t there = 0;
  std::error_code failed;
  for (auto i = fs::recursive_directory_iterator{shown, failed};
       !failed && i != fs::recursive_directory_iterator{}; i.increment(failed))
    there += i->is_directory(failed) ? 0 : 1;
  if (failed || there != files.size())
    return false;
  for (const auto& [path, f] : files)
    if (!same_file(shown + "/" + path, f, group))
      return false;
  return true;
}

api::result<void> own(const std::string& path, mode_t mode, const std::optional<gid_t>& group,
                      const std::optional<uid_t>& owner = {}) {
  constexpr auto same = static_cast<uid_t>(-1);
  if ((group || owner) && lchown(path.c_str(), owner.value_or(same), group.value_or(same)) != 0)
    return api::fail(file_error("chown", path));
  if (chmod(path.c_str(), mode) != 0)
    return api::fail(file_error("chmod", path));
  return {};
}

api::result<void> fill(const std::string& folder, const volume_files& files,
                       const std::optional<gid_t>& group) {
  const mode_t folder_mode = group ? 02775 : 0755;
  if (auto ok = own(folder, folder_mode, group); !ok)
    return ok;
  for (const auto& [path, f] : files) {
    // Each folder on the way, so that each gets the group.
    for (auto slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const auto at = folder + "/" + path.substr(0, slash);
      if (auto ok = make_folders(at, 0755); !ok)
        return ok;
      if (auto ok = own(at, folder_mode, group); !ok)
        return ok;
    }
    const auto at = folder + "/" + path;
    if (auto ok = write_file(at, f.content, 0600); !ok)
      return ok;
    if (auto ok = own(at, effective(f.mode, group), group, f.owner); !ok)
      return ok;
  }
  return {};
}

// A new folder named by the time, as kubelet's are.
api::result<std::string> make_stamped_folder(const std::string& folder) {
  const auto now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "..%Y_%m_%d_%H_%M_%S.", &parts);
  auto path = folder + "/" + stamp + "XXXXXX";
  if (!mkdtemp(path.data()))
    return api::fail(file_error("mkdir", path));
  return path.substr(folder.size() + 1);
}

std::string first_part(const std::string& path) {
  return path.substr(0, path.find('/'));
}

api::result<void> link_names(const std::string& folder, const std::set<std::string>& names) {
  for (const auto& name : names) {
    const auto at = folder + "/" + name;
    const auto target = std::string{data_link} + "/" + name;
    std::error_code failed;
    if (fs::read_symlink(at, failed) == target && !failed)
      continue;
    if (symlink(target.c_str(), at.c_str()) != 0)
      return api::fail(file_error("symlink", at));
  }
  return {};
}

// Names no longer shown, and the folders that earlier content lay in.
void sweep(const std::string& folder, const std::set<std::string>& names,
           const std::string& current) {
  std::vector<std::string> stale;
  std::error_code failed;
  for (auto i = fs::directory_iterator{folder, failed}; !failed && i != fs::directory_iterator{};
       i.increment(failed)) {
    const auto name = i->path().filename().string();
    if (name != current && name != data_link && !names.contains(name))
      stale.push_back(i->path().string());
  }
  for (const auto& path : stale)
    if (unlink(path.c_str()) != 0 && (errno == EISDIR || errno == EPERM))
      (void)remove_tree(path);
}

} // namespace

api::result<void> show_files(const std::string& folder, const volume_files& files,
                             std::optional<gid_t> group) {
  for (const auto& [path, f] : files)
    if (!stays_below(path))
      return api::fail(api::bad_request("invalid path " + api::quote_go(path) + " in a volume"));
  struct stat there {};
  const bool fresh = lstat(folder.c_str(), &there) != 0;
  if (auto ok = make_folders(folder, 0755); !ok)
    return ok;
  std::error_code none;
  const auto shown = fs::read_symlink(folder + "/" + data_link, none).string();
  if (!none && unchanged(folder + "/" + shown, files, group))
    return {};
  if (fresh)
    if (auto ok = own(folder, group ? 02777 : 0777, group); !ok)
      return ok;
  auto stamped = make_stamped_folder(folder);
  if (!stamped)
    return api::fail(std::move(stamped.error()));
  const auto next = folder + "/" + *stamped;
  if (auto ok = fill(next, files, group); !ok) {
    (void)remove_tree(next);
    return ok;
  }
  const auto turn = folder + "/" + new_data_link;
  (void)unlink(turn.c_str());
  if (symlink(stamped->c_str(), turn.c_str()) != 0 ||
      rename(turn.c_str(), (folder + "/" + data_link).c_str()) != 0) {
    auto failed = file_error("rename", turn);
    (void)remove_tree(next);
    return api::fail(std::move(failed));
  }
  std::set<std::string> names;
  for (const auto& [path, f] : files)
    names.insert(first_part(path));
  if (auto ok = link_names(folder, names); !ok)
    return ok;
  sweep(folder, names, *stamped);
  return {};
}

} // namespace thespis::actors
