// Equality, order and JSON of values.

#include "api/cel/objects.hpp"
#include "api/cel/times.hpp"
#include "api/cel/value.hpp"
#include "api/text/base64.hpp"

#include <cmath>

namespace thespis::api::cel {

namespace {

bool is_number(kind k) {
  return k == kind::int_ || k == kind::uint_ || k == kind::double_;
}

int sign(bool less, bool more) {
  return less ? -1 : more;
}

/// A double against an integer, exact beyond 2^53.
std::optional<int> compare_real(double d, int64_t i) {
  if (std::isnan(d))
    return std::nullopt;
  if (d < -9223372036854775808.0)
    return -1;
  if (d >= 9223372036854775808.0)
    return 1;
  auto whole = static_cast<int64_t>(d);
  if (whole != i)
    return sign(whole < i, true);
  auto fraction = d - static_cast<double>(whole);
  return sign(fraction<0, fraction> 0);
}

std::optional<int> compare_real(double d, uint64_t u) {
  if (std::isnan(d))
    return std::nullopt;
  if (d < 0)
    return -1;
  if (d >= 18446744073709551616.0)
    return 1;
  auto whole = static_cast<uint64_t>(d);
  if (whole != u)
    return sign(whole < u, true);
  return sign(false, d > static_cast<double>(whole));
}

std::optional<int> flip(std::optional<int> c) {
  return c ? std::optional{-*c} : c;
}

std::optional<int> compare_numbers(const value& a, const value& b) {
  if (a.form == b.form) {
    if (a.form == kind::int_)
      return sign(a.integer<b.integer, a.integer> b.integer);
    if (a.form == kind::uint_)
      return sign(a.natural<b.natural, a.natural> b.natural);
    if (std::isnan(a.real) || std::isnan(b.real))
      return std::nullopt;
    return sign(a.real<b.real, a.real> b.real);
  }
  if (a.form == kind::double_)
    return b.form == kind::int_ ? compare_real(a.real, b.integer) : compare_real(a.real, b.natural);
  if (b.form == kind::double_)
    return flip(compare_numbers(b, a));
  if (a.form == kind::uint_)
    return flip(compare_numbers(b, a));
  return sign(std::cmp_less(a.integer, b.natural), std::cmp_greater(a.integer, b.natural));
}

bool equal_lists(const value& a, const value& b, evaluation& run) {
  auto n = run.count(a);
  if (n != run.count(b))
    return false;
  run.work(n);
  for (size_t i = 0; i < n; ++i)
    if (!equal(run.item(a, i), run.item(b, i), run))
      return false;
  return true;
}

bool equal_maps(const value& a, const value& b, evaluation& run) {
  if (a.held == backing::lazy || b.held == backing::lazy)
    return a.held == b.held && a.lazy == b.lazy;
  auto n = run.count(a);
  if (n != run.count(b))
    return false;
  run.work(n);
  for (size_t i = 0; i < n; ++i) {
    auto other = run.entry(b, run.key_at(a, i));
    if (!other || !equal(run.value_at(a, i), *other, run))
      return false;
  }
  return true;
}

} // namespace

bool equal(const value& a, const value& b, evaluation& run) {
  if (is_number(a.form) && is_number(b.form))
    return compare_numbers(a, b) == 0;
  if (a.form != b.form)
    return false;
  switch (a.form) {
  case kind::null_:
    return true;
  case kind::boolean:
    return a.boolean == b.boolean;
  case kind::string:
  case kind::bytes:
    run.work(a.size / 64);
    return a.str() == b.str();
  case kind::timestamp:
    return a.integer == b.integer && a.size == b.size;
  case kind::duration:
    return a.integer == b.integer;
  case kind::list:
    return equal_lists(a, b, run);
  case kind::map:
    return equal_maps(a, b, run);
  case kind::type:
    return to_string(*a.named) == to_string(*b.named);
  case kind::optional:
    return a.maybe->present == b.maybe->present &&
           (!a.maybe->present || equal(a.maybe->held, b.maybe->held, run));
  case kind::url:
    return a.url->text == b.url->text;
  case kind::ip:
    return *a.ip == *b.ip;
  case kind::cidr:
    return a.range->address == b.range->address && a.range->prefix == b.range->prefix;
  case kind::quantity:
    return *a.amount == *b.amount;
  case kind::semver:
    return compare(*a.version, *b.version) == 0;
  case kind::format:
    return a.format->name == b.format->name;
  default:
    return a.integer == b.integer;
  }
}

std::optional<int> compare(const value& a, const value& b) {
  if (is_number(a.form) && is_number(b.form))
    return compare_numbers(a, b);
  if (a.form != b.form)
    return std::nullopt;
  switch (a.form) {
  case kind::boolean:
    return sign(a.boolean<b.boolean, a.boolean> b.boolean);
  case kind::string:
  case kind::bytes: {
    auto c = a.str().compare(b.str());
    return sign(c<0, c> 0);
  }
  case kind::timestamp:
    if (a.integer != b.integer)
      return sign(a.integer < b.integer, true);
    return sign(a.size<b.size, a.size> b.size);
  case kind::duration:
    return sign(a.integer<b.integer, a.integer> b.integer);
  default:
    return std::nullopt;
  }
}

namespace {

constexpr unsigned max_json_depth = 128;

result<json::value> write(const value& v, evaluation& run, json::allocator& a, unsigned depth);

result<json::value> write_map(const value& v, evaluation& run, json::allocator& a, unsigned depth) {
  json::value out{rapidjson::kObjectType};
  for (size_t n = 0; n < run.count(v); ++n) {
    auto key = run.key_at(v, n);
    if (!key.is(kind::string))
      return fail(bad_request("JSON object keys must be strings"));
    auto held = write(run.value_at(v, n), run, a, depth + 1);
    if (!held)
      return held;
    out.AddMember(json::make_string(key.str(), a), std::move(*held), a);
  }
  return out;
}

result<json::value> write_list(const value& v, evaluation& run, json::allocator& a,
                               unsigned depth) {
  json::value out{rapidjson::kArrayType};
  for (size_t n = 0; n < run.count(v); ++n) {
    auto held = write(run.item(v, n), run, a, depth + 1);
    if (!held)
      return held;
    out.PushBack(std::move(*held), a);
  }
  return out;
}

result<json::value> write(const value& v, evaluation& run, json::allocator& a, unsigned depth) {
  if (depth > max_json_depth)
    return fail(bad_request("value nested too deeply for JSON"));
  switch (v.form) {
  case kind::null_:
    return json::value{};
  case kind::boolean:
    return json::value{v.boolean};
  case kind::int_:
    return json::value{v.integer};
  case kind::uint_:
    return json::value{v.natural};
  case kind::double_:
    if (!std::isfinite(v.real))
      return fail(bad_request("not a number in JSON"));
    return json::value{v.real};
  case kind::string:
    return json::make_string(v.str(), a);
  case kind::bytes:
    return json::make_string(encode_base64(v.str()), a);
  case kind::timestamp:
    return json::make_string(format_timestamp({v.integer, v.size}), a);
  case kind::duration:
    return json::make_string(format_seconds(v.integer), a);
  case kind::quantity:
    return json::make_string(v.amount->to_string(), a);
  case kind::list:
    if (v.held == backing::json)
      return json::copy(*v.json, a);
    return write_list(v, run, a, depth);
  case kind::map:
    if (v.held == backing::json)
      return json::copy(*v.json, a);
    if (v.held == backing::native)
      return write_map(v, run, a, depth);
    break;
  default:
    break;
  }
  return fail(bad_request("values of type '" + to_string(simple(v.form)) + "' have no JSON"));
}

} // namespace

result<json::value> to_json(const value& v, evaluation& run, json::allocator& a) {
  return write(v, run, a, 0);
}

} // namespace thespis::api::cel
