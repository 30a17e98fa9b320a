// Regular expressions. RE2 runs in linear time, and its syntax is Go's.

#include "api/cel/functions.hpp"

#include <re2/re2.h>

#include <mutex>

namespace thespis::api::cel {

namespace {

using pattern_ptr = std::shared_ptr<const re2::RE2>;

constexpr size_t max_cached = 512;
constexpr int64_t max_program_bytes = 1 << 20;

re2::StringPiece piece(std::string_view s) {
  return {s.data(), s.size()};
}

pattern_ptr compile(std::string_view pattern) {
  RE2::Options options{RE2::Quiet};
  options.set_max_mem(max_program_bytes);
  return std::make_shared<const re2::RE2>(piece(pattern), options);
}

/// Compiled patterns of the whole process: most are literals of programs that run again and again.
class pattern_cache {
public:
  pattern_ptr get(std::string_view pattern) {
    std::lock_guard guard{mutex_};
    auto it = known_.find(pattern);
    if (it != known_.end())
      return it->second;
    auto made = compile(pattern);
    if (known_.size() >= max_cached)
      known_.clear();
    known_.emplace(std::string{pattern}, made);
    return made;
  }

private:
  std::mutex mutex_;
  std::map<std::string, pattern_ptr, std::less<>> known_;
};

pattern_ptr find_pattern(std::string_view pattern) {
  static pattern_cache cache;
  return cache.get(pattern);
}

std::string problem(const re2::RE2& re) {
  auto why = re.error();
  switch (re.error_code()) {
  case RE2::ErrorMissingBracket:
    why = "missing closing ]";
    break;
  case RE2::ErrorMissingParen:
    why = "missing closing )";
    break;
  case RE2::ErrorRepeatArgument:
    why = "missing argument to repetition operator";
    break;
  case RE2::ErrorBadEscape:
    why = "invalid escape sequence";
    break;
  case RE2::ErrorBadPerlOp:
    why = "invalid or unsupported Perl syntax";
    break;
  case RE2::ErrorBadCharRange:
    why = "invalid character class range";
    break;
  case RE2::ErrorRepeatSize:
    why = "invalid repeat count";
    break;
  case RE2::ErrorTrailingBackslash:
    why = "trailing backslash at end of expression";
    break;
  case RE2::ErrorPatternTooLarge:
    why = "expression too large";
    break;
  default:
    why = why.substr(0, why.find(':'));
    break;
  }
  auto part =
      re.error_code() == RE2::ErrorMissingParen || re.error_code() == RE2::ErrorPatternTooLarge
          ? re.pattern()
          : re.error_arg();
  return "error parsing regexp: " + why +
         (re.error_code() == RE2::ErrorTrailingBackslash ? ": ``" : ": `" + part + "`");
}

value matches(evaluation& run, const value* a, size_t) {
  auto re = find_pattern(a[1].str());
  if (!re->ok())
    return run.error(problem(*re));
  return value::of(re2::RE2::PartialMatch(piece(a[0].str()), *re));
}

value find(evaluation& run, const value* a, size_t) {
  auto re = find_pattern(a[1].str());
  if (!re->ok())
    return run.error("Illegal regex: " + problem(*re));
  re2::StringPiece found;
  auto text = piece(a[0].str());
  if (!re->Match(text, 0, text.size(), RE2::UNANCHORED, &found, 1))
    return value::of(std::string_view{""});
  return value::of(std::string_view{found.data(), found.size()});
}

value find_all(evaluation& run, const value* a, size_t count) {
  auto re = find_pattern(a[1].str());
  if (!re->ok())
    return run.error("Illegal regex: " + problem(*re));
  auto most = count > 2 ? a[2].integer : int64_t{-1};
  auto text = piece(a[0].str());
  std::vector<value> out;
  size_t pos = 0;
  auto last_end = std::string_view::npos;
  while (pos <= text.size() && (most < 0 || static_cast<int64_t>(out.size()) < most)) {
    re2::StringPiece found;
    if (!re->Match(text, pos, text.size(), RE2::UNANCHORED, &found, 1))
      break;
    auto start = static_cast<size_t>(found.data() - text.data());
    // As Go: an empty match right behind another one does not count.
    if (!found.empty() || start != last_end)
      out.push_back(value::of(std::string_view{found.data(), found.size()}));
    last_end = start + found.size();
    pos = found.empty() ? last_end + 1 : last_end;
    while (pos < text.size() && (static_cast<unsigned char>(text[pos]) & 0xC0) == 0x80)
      ++pos;
  }
  return run.list(out);
}

constexpr declaration table[] = {
    {"matches", "(string, string) -> bool", matches, price::matches},
    {"matches", "string.(string) -> bool", matches, price::matches},
    {"find", "string.(string) -> string", find, price::matches},
    {"findAll", "string.(string) -> list(string)", find_all, price::matches},
    {"findAll", "string.(string, int) -> list(string)", find_all, price::matches},
};

} // namespace

library patterns() {
  return table;
}

std::optional<std::string> pattern_problem(std::string_view pattern) {
  auto re = find_pattern(pattern);
  return re->ok() ? std::nullopt : std::optional{problem(*re)};
}

} // namespace thespis::api::cel
