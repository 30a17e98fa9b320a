#include "runtime/cri/log_rotation.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <vector>

namespace thespis::runtime {

namespace fs = std::filesystem;

namespace {

const std::string compressed = ".gz";
const std::string unfinished = ".tmp";

std::string stamp_of(std::chrono::sys_seconds t) {
  const auto seconds = std::chrono::system_clock::to_time_t(t);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &parts);
  return text;
}

/// Files "<log>.*", oldest first: their names are times.
std::vector<fs::path> rotated_files(const fs::path& log) {
  std::vector<fs::path> res;
  const auto prefix = log.filename().string() + ".";
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator{log.parent_path(), ec})
    if (entry.path().filename().string().starts_with(prefix))
      res.push_back(entry.path());
  std::sort(res.begin(), res.end());
  return res;
}

/// Replaces a file by a gzipped one. Left as it is on an error.
void compress(const fs::path& file) {
  const fs::path target = file.string() + compressed;
  const fs::path half_done = target.string() + unfinished;
  const auto close = [](gzFile f) { ::gzclose(f); };
  std::error_code ec;
  {
    std::ifstream in{file, std::ios::binary};
    std::unique_ptr<gzFile_s, decltype(close)> out{::gzopen(half_done.c_str(), "wb"), close};
    if (!in || !out)
      return;
    std::array<char, 64 * 1024> block;
    while (in.read(block.data(), block.size()) || in.gcount() > 0)
      if (::gzwrite(out.get(), block.data(), static_cast<unsigned>(in.gcount())) <= 0) {
        fs::remove(half_done, ec);
        return;
      }
  }
  fs::rename(half_done, target, ec);
  if (!ec)
    fs::remove(file, ec);
}

} // namespace

bool log_is_full(const fs::path& log, const log_limits& limits) {
  std::error_code ec;
  const auto size = fs::file_size(log, ec);
  return !ec && size > static_cast<uintmax_t>(limits.max_bytes);
}

api::result<fs::path> rotate_log(const fs::path& log, const log_limits& limits,
                                 std::chrono::sys_seconds now) {
  std::error_code ec;
  std::vector<fs::path> old;
  for (const auto& file : rotated_files(log))
    if (file.extension() == unfinished)
      fs::remove(file, ec);
    else
      old.push_back(file);
  // Beside these there will be the one in use and the one that was.
  const auto keep = static_cast<size_t>(std::max<int64_t>(limits.max_files - 2, 0));
  const size_t excess = old.size() > keep ? old.size() - keep : 0;
  for (size_t i = 0; i < old.size(); ++i) {
    if (i < excess)
      fs::remove(old[i], ec);
    else if (old[i].extension() != compressed)
      compress(old[i]);
  }
  const fs::path target = log.string() + "." + stamp_of(now);
  fs::rename(log, target, ec);
  if (ec)
    return api::fail(api::internal_error("cannot rotate " + log.string() + ": " + ec.message()));
  return target;
}

void remove_log(const fs::path& log) {
  std::error_code ec;
  for (const auto& file : rotated_files(log))
    fs::remove(file, ec);
  fs::remove(log, ec);
}

} // namespace thespis::runtime
