#include "runtime/cri/log_file.hpp"

#include "api/error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <utility>

namespace thespis::runtime {

namespace {

constexpr size_t block = 64 * 1024;
constexpr int64_t nanos = 1'000'000'000;
constexpr size_t fraction_digits = 9;

/// Cuts the text up to the next blank; nullopt when there is none.
std::optional<std::string_view> cut_word(std::string_view& rest) {
  const auto blank = rest.find(' ');
  if (blank == std::string_view::npos)
    return std::nullopt;
  const auto word = rest.substr(0, blank);
  rest.remove_prefix(blank + 1);
  return word;
}

std::optional<int> cut_number(std::string_view& rest, size_t digits) {
  if (rest.size() < digits)
    return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + digits, value);
  if (error != std::errc{} || end != rest.data() + digits || value < 0)
    return std::nullopt;
  rest.remove_prefix(digits);
  return value;
}

bool cut_char(std::string_view& rest, char c) {
  if (rest.empty() || rest.front() != c)
    return false;
  rest.remove_prefix(1);
  return true;
}

/// Where the fraction of a second begins (or would) in an RFC 3339 time, and where its zone does.
struct time_parts {
  size_t fraction;
  size_t zone;
};

std::optional<time_parts> split_time(std::string_view time) {
  constexpr size_t seconds_end = 19; // "2006-01-02T15:04:05"
  const auto zone = time.find_first_of("Z+-", seconds_end);
  if (time.size() < seconds_end || zone == std::string_view::npos)
    return std::nullopt;
  return time_parts{seconds_end, zone};
}

/// The time with exactly nine digits of fraction, as kubectl shows it.
std::string with_full_fraction(std::string_view time) {
  const auto parts = split_time(time);
  if (!parts)
    return std::string{time};
  std::string fraction{time.substr(parts->fraction, parts->zone - parts->fraction)};
  if (fraction.empty())
    fraction = ".";
  fraction.resize(1 + fraction_digits, '0');
  return std::string{time.substr(0, parts->fraction)} + fraction +
         std::string{time.substr(parts->zone)};
}

ssize_t read_at(int fd, char* buffer, size_t size, int64_t offset) {
  ssize_t n = 0;
  do {
    n = ::pread(fd, buffer, size, offset);
  } while (n < 0 && errno == EINTR);
  return n;
}

int64_t size_of(int fd) {
  struct stat s {};
  return ::fstat(fd, &s) == 0 ? s.st_size : 0;
}

} // namespace

std::optional<log_entry> parse_log_line(std::string_view line) {
  const auto time = cut_word(line);
  const auto stream = time ? cut_word(line) : std::nullopt;
  if (!stream || (*stream != "stdout" && *stream != "stderr"))
    return std::nullopt;
  // An empty line may end right after its tag.
  const auto blank = line.find(' ');
  const auto tags = line.substr(0, blank);
  if (tags.empty() || (tags.front() != 'F' && tags.front() != 'P') ||
      (tags.size() > 1 && tags[1] != ':'))
    return std::nullopt;
  log_entry entry;
  entry.time = *time;
  entry.stream = *stream == "stdout" ? log_stream::out : log_stream::err;
  entry.partial = tags.front() == 'P';
  entry.text = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
  return entry;
}

std::optional<int64_t> parse_log_time(std::string_view time) {
  const auto year = cut_number(time, 4);
  const bool dash1 = cut_char(time, '-');
  const auto month = cut_number(time, 2);
  const bool dash2 = cut_char(time, '-');
  const auto day = cut_number(time, 2);
  const bool letter = cut_char(time, 'T');
  const auto hour = cut_number(time, 2);
  const bool colon1 = cut_char(time, ':');
  const auto minute = cut_number(time, 2);
  const bool colon2 = cut_char(time, ':');
  const auto second = cut_number(time, 2);
  if (!year || !month || !day || !hour || !minute || !second || !dash1 || !dash2 || !letter ||
      !colon1 || !colon2)
    return std::nullopt;
  int64_t fraction = 0;
  if (cut_char(time, '.')) {
    int64_t unit = nanos / 10;
    for (; !time.empty() && time.front() >= '0' && time.front() <= '9'; time.remove_prefix(1)) {
      fraction += (time.front() - '0') * unit;
      unit /= 10;
    }
  }
  int64_t zone = 0;
  if (!cut_char(time, 'Z')) {
    const bool east = cut_char(time, '+');
    if (!east && !cut_char(time, '-'))
      return std::nullopt;
    const auto hours = cut_number(time, 2);
    const bool colon = cut_char(time, ':');
    const auto minutes = cut_number(time, 2);
    if (!hours || !minutes || !colon)
      return std::nullopt;
    zone = (*hours * 60 + *minutes) * (east ? 60 : -60);
  }
  if (!time.empty())
    return std::nullopt;
  std::tm parts{};
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  return (static_cast<int64_t>(::timegm(&parts)) - zone) * nanos + fraction;
}

log_reader::log_reader(std::filesystem::path file, log_options options, int fd)
    : file_{std::move(file)}, options_{std::move(options)}, fd_{fd}, limit_{options_.limit_bytes} {}

log_reader::~log_reader() {
  if (fd_ >= 0)
    ::close(fd_);
}

log_reader::log_reader(log_reader&& other) noexcept
    : file_{std::move(other.file_)}, options_{other.options_}, fd_{std::exchange(other.fd_, -1)},
      offset_{other.offset_}, pending_{std::move(other.pending_)},
      line_open_{other.line_open_}, limit_{other.limit_} {}

log_reader& log_reader::operator=(log_reader&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(options_, other.options_);
  std::swap(fd_, other.fd_);
  std::swap(offset_, other.offset_);
  std::swap(pending_, other.pending_);
  std::swap(line_open_, other.line_open_);
  std::swap(limit_, other.limit_);
  return *this;
}

api::result<log_reader> log_reader::open(std::filesystem::path file, log_options options) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return api::fail(errno == ENOENT ? api::reason::not_found : api::reason::internal_error,
                     "cannot open the log " + file.string() + ": " + ::strerror(errno));
  }
  log_reader reader{std::move(file), std::move(options), fd};
  if (reader.options_.tail_lines)
    reader.offset_ = reader.tail_start(*reader.options_.tail_lines, size_of(fd));
  return reader;
}

/// The offset of the entry that begins the last `lines` lines, found from the end backwards. An
/// entry ends a line when it is not partial; an unfinished last entry counts as none.
int64_t log_reader::tail_start(int64_t lines, int64_t size) const {
  std::string tail; // from `start` to the end of what was not yet counted
  int64_t start = size;
  int64_t counted = 0;
  while (start > 0) {
    const auto wanted = static_cast<size_t>(std::min<int64_t>(start, block));
    std::string chunk(wanted, '\0');
    if (read_at(fd_, chunk.data(), wanted, start - static_cast<int64_t>(wanted)) !=
        static_cast<ssize_t>(wanted))
      return 0;
    start -= static_cast<int64_t>(wanted);
    tail.insert(0, chunk);
    auto end = tail.rfind('\n');
    if (end == std::string::npos)
      continue;
    // Take whole entries off the end while the start of each is in sight.
    for (auto begin = end == 0 ? std::string::npos : tail.rfind('\n', end - 1);
         begin != std::string::npos || start == 0;
         begin = end == 0 ? std::string::npos : tail.rfind('\n', end - 1)) {
      const size_t first = begin == std::string::npos ? 0 : begin + 1;
      const auto entry = parse_log_line(std::string_view{tail}.substr(first, end - first));
      const bool ours = entry && (!options_.stream || *options_.stream == entry->stream);
      if (ours && !entry->partial && ++counted > lines)
        return start + static_cast<int64_t>(end) + 1;
      if (begin == std::string::npos)
        return 0;
      end = begin;
    }
    tail.resize(end + 1);
  }
  return 0;
}

void log_reader::render(std::string_view line, std::string& out) {
  const auto entry = parse_log_line(line);
  if (!entry || (options_.stream && *options_.stream != entry->stream))
    return;
  if (options_.since) {
    const auto time = parse_log_time(entry->time);
    if (time && *time < *options_.since)
      return;
  }
  const size_t before = out.size();
  if (options_.timestamps && !line_open_)
    out += with_full_fraction(entry->time) + " ";
  out += entry->text;
  if (!entry->partial)
    out += '\n';
  line_open_ = entry->partial;
  if (limit_) {
    const auto grown = static_cast<int64_t>(out.size() - before);
    if (grown > *limit_)
      out.resize(before + static_cast<size_t>(*limit_));
    *limit_ -= std::min(grown, *limit_);
  }
}

/// Reads on into pending_; false at the end of the file.
bool log_reader::fill(size_t max_bytes) {
  const size_t old = pending_.size();
  const size_t wanted = std::max(max_bytes, size_t{4096});
  pending_.resize(old + wanted);
  const ssize_t n = read_at(fd_, pending_.data() + old, wanted, offset_);
  pending_.resize(old + static_cast<size_t>(std::max<ssize_t>(n, 0)));
  offset_ += std::max<ssize_t>(n, 0);
  return n > 0;
}

/// At the end of the file: true when the log goes on in a new file, or was cut and begins anew.
bool log_reader::move_to_new_file() {
  struct stat open_file {};
  struct stat named_file {};
  if (::fstat(fd_, &open_file) != 0 || ::stat(file_.c_str(), &named_file) != 0)
    return false;
  if (open_file.st_ino == named_file.st_ino && open_file.st_dev == named_file.st_dev) {
    if (open_file.st_size >= offset_)
      return false;
    offset_ = 0;
    pending_.clear();
    return true;
  }
  if (open_file.st_size > offset_)
    return true; // the old file grew after our last read: first to its end
  const int fd = ::open(file_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  ::close(fd_);
  fd_ = fd;
  offset_ = 0;
  pending_.clear();
  return true;
}

api::result<std::string> log_reader::read(size_t max_bytes) {
  std::string out;
  while (!finished() && out.size() < max_bytes) {
    size_t used = 0;
    for (auto end = pending_.find('\n'); end != std::string::npos && !finished();
         end = pending_.find('\n', used)) {
      render(std::string_view{pending_}.substr(used, end - used), out);
      used = end + 1;
      if (out.size() >= max_bytes)
        break;
    }
    pending_.erase(0, used);
    if (used == 0 && !fill(std::min(max_bytes, block)) && !move_to_new_file())
      break;
  }
  return out;
}

} // namespace thespis::runtime
