// Conversions between types, and sizes.

#include "api/cel/functions.hpp"
#include "api/cel/times.hpp"
#include "api/text/quote.hpp"

#include <charconv>
#include <cmath>

namespace thespis::api::cel {

namespace {

value same_value(evaluation&, const value* a, size_t) {
  return a[0];
}

value mismatch(evaluation& run, std::string_view from, std::string_view to) {
  return run.error("type conversion error from '" + std::string{from} + "' to '" + std::string{to} +
                   "'");
}

template <class T>
std::optional<T> parse_number(std::string_view s) {
  T out{};
  if (!s.empty() && s[0] == '+')
    s.remove_prefix(1);
  auto done = std::from_chars(s.data(), s.data() + s.size(), out);
  if (done.ec != std::errc{} || done.ptr != s.data() + s.size() || s.empty())
    return std::nullopt;
  return out;
}

value int_of_uint(evaluation& run, const value* a, size_t) {
  return a[0].natural > INT64_MAX ? run.error("integer overflow")
                                  : value::of(static_cast<int64_t>(a[0].natural));
}

value int_of_double(evaluation& run, const value* a, size_t) {
  if (!(a[0].real > -9223372036854775808.0 && a[0].real < 9223372036854775808.0))
    return run.error("integer overflow");
  return value::of(static_cast<int64_t>(a[0].real));
}

value int_of_string(evaluation& run, const value* a, size_t) {
  auto n = parse_number<int64_t>(a[0].str());
  return n ? value::of(*n) : mismatch(run, "string", "int");
}

value int_of_timestamp(evaluation&, const value* a, size_t) {
  return value::of(a[0].integer);
}

value uint_of_int(evaluation& run, const value* a, size_t) {
  return a[0].integer < 0 ? run.error("unsigned integer overflow")
                          : value::of_uint(static_cast<uint64_t>(a[0].integer));
}

value uint_of_double(evaluation& run, const value* a, size_t) {
  if (!(a[0].real >= 0 && a[0].real < 18446744073709551616.0))
    return run.error("unsigned integer overflow");
  return value::of_uint(static_cast<uint64_t>(a[0].real));
}

value uint_of_string(evaluation& run, const value* a, size_t) {
  auto n = parse_number<uint64_t>(a[0].str());
  return n ? value::of_uint(*n) : mismatch(run, "string", "uint");
}

value double_of_int(evaluation&, const value* a, size_t) {
  return value::of(static_cast<double>(a[0].integer));
}

value double_of_uint(evaluation&, const value* a, size_t) {
  return value::of(static_cast<double>(a[0].natural));
}

value double_of_string(evaluation& run, const value* a, size_t) {
  auto s = a[0].str();
  auto unsigned_part = s.substr(!s.empty() && (s[0] == '+' || s[0] == '-'));
  auto negative = !s.empty() && s[0] == '-';
  if (unsigned_part == "Infinity" || unsigned_part == "Inf" || unsigned_part == "inf")
    return value::of(negative ? -INFINITY : INFINITY);
  if (s == "NaN" || s == "nan")
    return value::of(std::nan(""));
  auto n = parse_number<double>(s);
  return n ? value::of(*n) : mismatch(run, "string", "double");
}

value string_of_int(evaluation& run, const value* a, size_t) {
  return run.string(std::to_string(a[0].integer));
}

value string_of_uint(evaluation& run, const value* a, size_t) {
  return run.string(std::to_string(a[0].natural));
}

value string_of_double(evaluation& run, const value* a, size_t) {
  return run.string(format_double(a[0].real));
}

value string_of_bool(evaluation&, const value* a, size_t) {
  return value::of(std::string_view{a[0].boolean ? "true" : "false"});
}

value string_of_bytes(evaluation& run, const value* a, size_t) {
  if (!is_utf8(a[0].str()))
    return run.error("invalid UTF-8 in bytes, cannot convert to string");
  return value::of(a[0].str());
}

value string_of_timestamp(evaluation& run, const value* a, size_t) {
  return run.string(format_timestamp({a[0].integer, a[0].size}));
}

value string_of_duration(evaluation& run, const value* a, size_t) {
  return run.string(format_seconds(a[0].integer));
}

value bytes_of_string(evaluation&, const value* a, size_t) {
  return value::of_bytes(a[0].str());
}

value bool_of_string(evaluation& run, const value* a, size_t) {
  for (std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (a[0].str() == yes)
      return value::of(true);
  for (std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (a[0].str() == no)
      return value::of(false);
  return mismatch(run, "string", "bool");
}

value timestamp_of_string(evaluation& run, const value* a, size_t) {
  auto t = parse_timestamp(a[0].str());
  return t ? value::of_timestamp(t->seconds, t->nanoseconds)
           : mismatch(run, "string", "google.protobuf.Timestamp");
}

value timestamp_of_int(evaluation& run, const value* a, size_t) {
  if (a[0].integer < min_timestamp || a[0].integer > max_timestamp)
    return run.error("timestamp overflow");
  return value::of_timestamp(a[0].integer, 0);
}

value duration_of_string(evaluation& run, const value* a, size_t) {
  auto d = parse_cel_duration(a[0].str());
  return d ? value::of_duration(*d) : mismatch(run, "string", "google.protobuf.Duration");
}

value duration_of_int(evaluation&, const value* a, size_t) {
  return value::of_duration(a[0].integer);
}

value type_of(evaluation&, const value* a, size_t) {
  return value::of(simple(a[0].form));
}

value size_of_text(evaluation&, const value* a, size_t) {
  return value::of(static_cast<int64_t>(code_points(a[0].str())));
}

value size_of_bytes(evaluation&, const value* a, size_t) {
  return value::of(static_cast<int64_t>(a[0].size));
}

value size_of_container(evaluation& run, const value* a, size_t) {
  return value::of(static_cast<int64_t>(run.count(a[0])));
}

constexpr declaration table[] = {
    {"dyn", "(A) -> dyn", same_value, price::keep_size},
    {"type", "(A) -> type(A)", type_of},
    {"int", "(int) -> int", same_value},
    {"int", "(uint) -> int", int_of_uint},
    {"int", "(double) -> int", int_of_double},
    {"int", "(string) -> int", int_of_string},
    {"int", "(timestamp) -> int", int_of_timestamp},
    {"int", "(duration) -> int", int_of_timestamp},
    {"uint", "(uint) -> uint", same_value},
    {"uint", "(int) -> uint", uint_of_int},
    {"uint", "(double) -> uint", uint_of_double},
    {"uint", "(string) -> uint", uint_of_string},
    {"double", "(double) -> double", same_value},
    {"double", "(int) -> double", double_of_int},
    {"double", "(uint) -> double", double_of_uint},
    {"double", "(string) -> double", double_of_string},
    {"string", "(string) -> string", same_value, price::keep_size},
    {"string", "(bool) -> string", string_of_bool},
    {"string", "(int) -> string", string_of_int},
    {"string", "(uint) -> string", string_of_uint},
    {"string", "(double) -> string", string_of_double},
    {"string", "(bytes) -> string", string_of_bytes, price::traverse},
    {"string", "(timestamp) -> string", string_of_timestamp},
    {"string", "(duration) -> string", string_of_duration},
    {"bytes", "(bytes) -> bytes", same_value, price::keep_size},
    {"bytes", "(string) -> bytes", bytes_of_string, price::traverse},
    {"bool", "(bool) -> bool", same_value},
    {"bool", "(string) -> bool", bool_of_string},
    {"timestamp", "(timestamp) -> timestamp", same_value},
    {"timestamp", "(string) -> timestamp", timestamp_of_string},
    {"timestamp", "(int) -> timestamp", timestamp_of_int},
    {"duration", "(duration) -> duration", same_value},
    {"duration", "(string) -> duration", duration_of_string},
    {"duration", "(int) -> duration", duration_of_int},
    {"size", "(string) -> int", size_of_text},
    {"size", "(bytes) -> int", size_of_bytes},
    {"size", "(list(A)) -> int", size_of_container},
    {"size", "(map(A, B)) -> int", size_of_container},
    {"size", "string.() -> int", size_of_text},
    {"size", "bytes.() -> int", size_of_bytes},
    {"size", "list(A).() -> int", size_of_container},
    {"size", "map(A, B).() -> int", size_of_container},
};

} // namespace

library conversions() {
  return table;
}

std::string format_double(double d) {
  if (std::isnan(d))
    return "NaN";
  if (std::isinf(d))
    return d < 0 ? "-Inf" : "+Inf";
  char buffer[400];
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), d, std::chars_format::scientific).ptr;
  std::string scientific{buffer, end};
  auto exponent = std::stoi(scientific.substr(scientific.find('e') + 1));
  // Go's %g with the shortest digits turns to exponents from 10^6 on, or below 10^-4.
  if (exponent < -4 || exponent >= 6)
    return scientific;
  end = std::to_chars(buffer, buffer + sizeof(buffer), d, std::chars_format::fixed).ptr;
  return {buffer, end};
}

} // namespace thespis::api::cel
