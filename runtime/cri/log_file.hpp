// Reads container logs in CRI's file format: a line is `TIME stdout|stderr F|P TEXT`, where P
// marks a part of a line that goes on in the next entry of its stream.
#pragma once

#include "api/result.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::runtime {

enum class log_stream : uint8_t { out, err };

/// One entry of a log file. The views point into the parsed line.
struct log_entry {
  std::string_view time; ///< RFC 3339 with a fraction, as written
  log_stream stream = log_stream::out;
  bool partial = false;
  std::string_view text;
};

/// Parses one line without its newline; nullopt for what is no entry.
std::optional<log_entry> parse_log_line(std::string_view line);

/// Nanoseconds since the Unix epoch of an RFC 3339 time; nullopt when it is malformed.
std::optional<int64_t> parse_log_time(std::string_view time);

/// The PodLogOptions of the Kubernetes API that concern one file.
struct log_options {
  std::optional<int64_t> tail_lines;  ///< the last lines only
  std::optional<int64_t> since;       ///< entries from then on, nanoseconds since the epoch
  std::optional<int64_t> limit_bytes; ///< of output
  std::optional<log_stream> stream;   ///< of one stream only
  bool timestamps = false;            ///< each line begins with its time, nine digits of fraction
};

/// Reads one container's log from where the options say, and on as the file grows. It keeps the
/// file open, so it survives rotation by rename: what was written to the old file is read to its
/// end, then the new one from its start. Waiting for growth is the caller's. Not thread-safe.
class log_reader {
public:
  /// Errors: not_found (no such file), internal_error.
  static api::result<log_reader> open(std::filesystem::path file, log_options options);

  ~log_reader();
  log_reader(log_reader&& other) noexcept;
  log_reader& operator=(log_reader&& other) noexcept;

  /// The next output, about `max_bytes` long at most; empty when there is none for now. An entry
  /// is given only once its line is complete in the file.
  api::result<std::string> read(size_t max_bytes);

  /// The byte limit is reached: there will be no more output.
  bool finished() const { return limit_ && *limit_ <= 0; }

private:
  log_reader(std::filesystem::path file, log_options options, int fd);

  int64_t tail_start(int64_t lines, int64_t size) const;
  void render(std::string_view line, std::string& out);
  bool fill(size_t max_bytes);
  bool move_to_new_file();

  std::filesystem::path file_;
  log_options options_;
  int fd_ = -1;
  int64_t offset_ = 0;     ///< in the file, of the first byte not in pending_
  std::string pending_;    ///< read, but not yet given out
  bool line_open_ = false; ///< the last output was a partial entry
  std::optional<int64_t> limit_;
};

} // namespace thespis::runtime
