#include "api/crd/formats.hpp"

#include "api/text/base64.hpp"
#include "api/text/names.hpp"
#include "api/text/stamp.hpp"
#include "api/text/time.hpp"

#include <arpa/inet.h>
#include <re2/re2.h>

#include <charconv>
#include <map>
#include <memory>
#include <string>

namespace thespis::api::crd {

namespace {

using check = bool (*)(std::string_view);

bool matches(const re2::RE2& r, std::string_view text) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), r);
}

bool is_address(std::string_view text, int family) {
  unsigned char bytes[16];
  return inet_pton(family, std::string(text).c_str(), bytes) == 1;
}

bool is_ipv4(std::string_view t) {
  return is_address(t, AF_INET);
}

bool is_ipv6(std::string_view t) {
  return is_address(t, AF_INET6);
}

bool is_cidr(std::string_view t) {
  const auto slash = t.find('/');
  if (slash == t.npos)
    return false;
  const auto bits = t.substr(slash + 1);
  int n = -1;
  const auto r = std::from_chars(bits.data(), bits.data() + bits.size(), n);
  if (r.ec != std::errc{} || r.ptr != bits.data() + bits.size() || n < 0)
    return false;
  const auto address = t.substr(0, slash);
  return (is_ipv4(address) && n <= 32) || (is_ipv6(address) && n <= 128);
}

bool is_date(std::string_view t) {
  static const re2::RE2 form{"[0-9]{4}-[0-9]{2}-[0-9]{2}"};
  return matches(form, t) && parse_stamp(std::string(t) + "T00:00:00Z").has_value();
}

bool is_date_time(std::string_view t) {
  return parse_stamp(t).has_value();
}

/// What Go's time.ParseDuration and a few words of strfmt take: "1h30m", "2 days".
bool is_duration(std::string_view t) {
  static const re2::RE2 form{
      R"([-+]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*))"};
  static const re2::RE2 words{
      R"(([0-9]+)\s*(ns|nanos?|us|micros?|ms|millis?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?))"};
  return matches(form, t) || matches(words, t);
}

bool is_uuid(std::string_view t) {
  static const re2::RE2 form{
      "(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"};
  return matches(form, t);
}

template <char Version>
bool is_uuid_of(std::string_view t) {
  static const re2::RE2 form{
      std::string("(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?") + Version +
      (Version == '3' ? "[0-9a-f]{3}-?[0-9a-f]{4}" : "[0-9a-f]{3}-?[89ab][0-9a-f]{3}") +
      "-?[0-9a-f]{12}"};
  return matches(form, t);
}

bool is_email(std::string_view t) {
  static const re2::RE2 form{R"(([^<>@\s]+)@([^<>@\s]+))"};
  static const re2::RE2 named{R"([^<>]*<([^<>@\s]+)@([^<>@\s]+)>)"};
  return matches(form, t) || matches(named, t);
}

bool is_hostname(std::string_view t) {
  static const re2::RE2 form{
      R"(([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-_]{0,61}[a-zA-Z0-9])(\.([a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9\-_]{0,61}[a-zA-Z0-9]))*\.?)"};
  return t.size() <= 253 && matches(form, t);
}

bool is_uri(std::string_view t) {
  static const re2::RE2 form{R"((/[^\s]*|[a-zA-Z][a-zA-Z0-9+.\-]*:[^\s]*))"};
  return matches(form, t);
}

bool is_mac(std::string_view t) {
  static const re2::RE2 form{
      R"((?i)([0-9a-f]{2}([:-][0-9a-f]{2}){5}([:-][0-9a-f]{2}){0,14}|[0-9a-f]{4}(\.[0-9a-f]{4}){2,9}))"};
  return matches(form, t);
}

bool is_bytes(std::string_view t) {
  return decode_base64(t).has_value();
}

bool is_hex_color(std::string_view t) {
  static const re2::RE2 form{"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"};
  return matches(form, t);
}

bool is_object_id(std::string_view t) {
  static const re2::RE2 form{"[0-9a-fA-F]{24}"};
  return matches(form, t);
}

bool is_short_name(std::string_view t) {
  static const re2::RE2 form{"[a-z0-9]([-a-z0-9]*[a-z0-9])?"};
  return t.size() <= 63 && matches(form, t);
}

bool is_long_name(std::string_view t) {
  static const re2::RE2 form{R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)"};
  return t.size() <= 253 && matches(form, t);
}

bool anything(std::string_view) {
  return true;
}

const std::map<std::string_view, check>& checks() {
  static const std::map<std::string_view, check> all{{"bsonobjectid", is_object_id},
                                                     {"uri", is_uri},
                                                     {"email", is_email},
                                                     {"hostname", is_hostname},
                                                     {"ipv4", is_ipv4},
                                                     {"ipv6", is_ipv6},
                                                     {"cidr", is_cidr},
                                                     {"mac", is_mac},
                                                     {"uuid", is_uuid},
                                                     {"uuid3", is_uuid_of<'3'>},
                                                     {"uuid4", is_uuid_of<'4'>},
                                                     {"uuid5", is_uuid_of<'5'>},
                                                     {"hexcolor", is_hex_color},
                                                     {"byte", is_bytes},
                                                     {"password", anything},
                                                     {"date", is_date},
                                                     {"duration", is_duration},
                                                     {"datetime", is_date_time},
                                                     {"date-time", is_date_time},
                                                     {"k8s-short-name", is_short_name},
                                                     {"k8s-long-name", is_long_name}};
  return all;
}

} // namespace

bool fits_format(std::string_view format, std::string_view text) {
  const auto i = checks().find(format);
  return i == checks().end() || i->second(text);
}

bool is_known_format(std::string_view format) {
  return checks().contains(format);
}

} // namespace thespis::api::crd
