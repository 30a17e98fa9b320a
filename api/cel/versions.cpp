// Kubernetes' semantic versions (semver.org 2.0.0).

#include "api/cel/functions.hpp"
#include "api/cel/objects.hpp"

#include <charconv>

namespace thespis::api::cel {

namespace {

constexpr std::string_view digits = "0123456789";

bool numeric(std::string_view s) {
  return !s.empty() && s.find_first_not_of(digits) == std::string_view::npos;
}

std::optional<uint64_t> number(std::string_view s, std::string_view what, std::string& why) {
  uint64_t n = 0;
  auto done = std::from_chars(s.data(), s.data() + s.size(), n);
  if (!numeric(s) || done.ec != std::errc{})
    why =
        "Invalid character(s) found in " + std::string{what} + " number \"" + std::string{s} + "\"";
  else if (s.size() > 1 && s[0] == '0')
    why = std::string{what} + " number must not contain leading zeroes \"" + std::string{s} + "\"";
  return why.empty() ? std::optional{n} : std::nullopt;
}

/// Whether all dot-separated parts are well-formed.
bool well_formed(std::string_view s, bool prerelease) {
  for (;;) {
    auto dot = s.find('.');
    auto part = s.substr(0, dot);
    if (part.empty() ||
        part.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-") !=
            std::string_view::npos ||
        (prerelease && numeric(part) && part.size() > 1 && part[0] == '0'))
      return false;
    if (dot == std::string_view::npos)
      return true;
    s = s.substr(dot + 1);
  }
}

std::optional<semver_rep> parse_version(std::string_view s, std::string& why) {
  semver_rep out;
  if (s.empty()) {
    why = "Version string empty";
    return std::nullopt;
  }
  auto first = s.find('.');
  auto second = first == std::string_view::npos ? first : s.find('.', first + 1);
  if (second == std::string_view::npos) {
    why = "No Major.Minor.Patch elements found";
    return std::nullopt;
  }
  auto patch = s.substr(second + 1);
  if (auto plus = patch.find('+'); plus != std::string_view::npos) {
    out.build = patch.substr(plus + 1);
    patch = patch.substr(0, plus);
    if (!well_formed(out.build, false))
      why = "Invalid character(s) found in build meta data \"" + std::string{out.build} + "\"";
  }
  if (auto dash = patch.find('-'); dash != std::string_view::npos) {
    out.prerelease = patch.substr(dash + 1);
    patch = patch.substr(0, dash);
    if (!well_formed(out.prerelease, true))
      why = "Invalid character(s) found in prerelease \"" + std::string{out.prerelease} + "\"";
  }
  if (!why.empty())
    return std::nullopt;
  auto major = number(s.substr(0, first), "major", why);
  auto minor = major ? number(s.substr(first + 1, second - first - 1), "minor", why) : std::nullopt;
  auto last = minor ? number(patch, "patch", why) : std::nullopt;
  if (!last)
    return std::nullopt;
  out.major = *major, out.minor = *minor, out.patch = *last;
  return out;
}

/// Without a leading v and leading zeros, with missing numbers filled up.
std::optional<std::string> normalize(std::string_view s, std::string& why) {
  if (s.starts_with("v"))
    s.remove_prefix(1);
  std::vector<std::string> parts;
  for (;;) {
    auto dot = parts.size() == 2 ? std::string_view::npos : s.find('.');
    auto part = s.substr(0, dot);
    if (part.size() > 1) {
      auto start = part.find_first_not_of('0');
      part = start == std::string_view::npos ? std::string_view{} : part.substr(start);
      auto lead = part.empty() || digits.find(part[0]) == std::string_view::npos;
      parts.push_back((lead ? "0" : "") + std::string{part});
    } else {
      parts.emplace_back(part);
    }
    if (dot == std::string_view::npos)
      break;
    s = s.substr(dot + 1);
  }
  if (parts.size() < 3 && parts.back().find_first_of("+-") != std::string::npos) {
    why = "short version cannot contain PreRelease/Build meta data";
    return std::nullopt;
  }
  parts.resize(std::max<size_t>(parts.size(), 3), "0");
  return parts[0] + "." + parts[1] + "." + parts[2];
}

std::optional<semver_rep> read(evaluation& run, const value* a, size_t count, std::string& why) {
  auto text = a[0].str();
  if (count > 1 && a[1].boolean) {
    auto normal = normalize(text, why);
    if (!normal)
      return std::nullopt;
    text = run.text(*normal);
  }
  return parse_version(text, why);
}

value make_semver(evaluation& run, const value* a, size_t count) {
  std::string why;
  auto v = read(run, a, count, why);
  return v ? run.version(*v) : run.error(why);
}

value is_semver(evaluation& run, const value* a, size_t count) {
  std::string why;
  return value::of(read(run, a, count, why).has_value());
}

value major(evaluation&, const value* a, size_t) {
  return value::of(static_cast<int64_t>(a[0].version->major));
}

value minor(evaluation&, const value* a, size_t) {
  return value::of(static_cast<int64_t>(a[0].version->minor));
}

value patch(evaluation&, const value* a, size_t) {
  return value::of(static_cast<int64_t>(a[0].version->patch));
}

value is_greater(evaluation&, const value* a, size_t) {
  return value::of(compare(*a[0].version, *a[1].version) > 0);
}

value is_less(evaluation&, const value* a, size_t) {
  return value::of(compare(*a[0].version, *a[1].version) < 0);
}

value compare_to(evaluation&, const value* a, size_t) {
  return value::of(int64_t{compare(*a[0].version, *a[1].version)});
}

int order(uint64_t a, uint64_t b) {
  return a < b ? -1 : a > b;
}

int order(std::string_view a, std::string_view b) {
  auto c = a.compare(b);
  return c < 0 ? -1 : c > 0;
}

/// Two identifiers of prereleases: numbers before words, numbers by value.
int compare_parts(std::string_view a, std::string_view b) {
  if (numeric(a) != numeric(b))
    return numeric(a) ? -1 : 1;
  if (numeric(a) && a.size() != b.size())
    return order(a.size(), b.size());
  return order(a, b);
}

int compare_prereleases(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty())
    return a.empty() && b.empty() ? 0 : a.empty() ? 1 : -1;
  for (;;) {
    auto x = a.find('.'), y = b.find('.');
    if (auto c = compare_parts(a.substr(0, x), b.substr(0, y)); c != 0)
      return c;
    if (x == std::string_view::npos || y == std::string_view::npos)
      return x == y ? 0 : x == std::string_view::npos ? -1 : 1;
    a = a.substr(x + 1);
    b = b.substr(y + 1);
  }
}

constexpr declaration table[] = {
    {"semver", "(string) -> Semver", make_semver, price::traverse},
    {"semver", "(string, bool) -> Semver", make_semver, price::traverse},
    {"isSemver", "(string) -> bool", is_semver, price::traverse},
    {"isSemver", "(string, bool) -> bool", is_semver, price::traverse},
    {"major", "Semver.() -> int", major},
    {"minor", "Semver.() -> int", minor},
    {"patch", "Semver.() -> int", patch},
    {"isGreaterThan", "Semver.(Semver) -> bool", is_greater},
    {"isLessThan", "Semver.(Semver) -> bool", is_less},
    {"compareTo", "Semver.(Semver) -> int", compare_to},
};

} // namespace

int compare(const semver_rep& a, const semver_rep& b) {
  if (auto c = order(a.major, b.major); c != 0)
    return c;
  if (auto c = order(a.minor, b.minor); c != 0)
    return c;
  if (auto c = order(a.patch, b.patch); c != 0)
    return c;
  return compare_prereleases(a.prerelease, b.prerelease);
}

library versions() {
  return table;
}

} // namespace thespis::api::cel
