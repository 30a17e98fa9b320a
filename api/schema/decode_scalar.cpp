#include "api/schema/decode_scalar.hpp"

#include "api/text/base64.hpp"
#include "api/text/quantity.hpp"
#include "api/text/quote.hpp"
#include "api/text/stamp.hpp"

#include <array>
#include <cctype>

namespace thespis::api::schema {
namespace {

scalar_outcome wrong(std::string message = {}) {
  return {false, std::move(message)};
}

scalar_outcome decode_quantity(json::value& v, json::allocator& a) {
  if (!v.IsString() && !v.IsNumber())
    return wrong("quantities must match the regular expression "
                 "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  const auto q = read_quantity(v);
  if (!q)
    return wrong(q.error().message);
  const auto text = q->to_string();
  if (text != json::as_string(v) || !v.IsString())
    v = json::make_string(text, a);
  return {};
}

/// Go's complaint about a time: the first part of the layout that does not fit.
std::string time_complaint(std::string_view text, std::string_view layout) {
  static constexpr std::array<std::string_view, 11> parts = {"2006", "-", "01", "-", "02", "T",
                                                             "15",   ":", "04", ":", "05"};
  auto rest = text;
  std::string_view failed = "Z07:00";
  for (auto part : parts) {
    const bool digits = std::isdigit(static_cast<unsigned char>(part[0]));
    bool fits = rest.size() >= part.size();
    for (size_t i = 0; fits && i < part.size(); ++i)
      fits = digits ? std::isdigit(static_cast<unsigned char>(rest[i])) != 0 : rest[i] == part[i];
    if (!fits) {
      failed = part;
      break;
    }
    rest.remove_prefix(part.size());
  }
  return "parsing time " + quote_go(text) + " as " + quote_go(layout) + ": cannot parse " +
         quote_go(rest) + " as " + quote_go(failed);
}

scalar_outcome decode_time(json::value& v, json::allocator& a, bool micro) {
  if (!v.IsString())
    return wrong("json: cannot unmarshal " + describe_json(shape::string, v) +
                 " into Go value of type string");
  const auto text = json::as_string(v);
  const auto t = parse_stamp(text);
  if (!t)
    return wrong(time_complaint(text, micro ? "2006-01-02T15:04:05.000000Z07:00"
                                            : "2006-01-02T15:04:05Z07:00"));
  const auto canonical = micro ? format_micro_time(*t) : format_time(*t);
  if (canonical != text)
    v = json::make_string(canonical, a);
  return {};
}

scalar_outcome decode_bytes(const json::value& v) {
  if (!v.IsString())
    return wrong();
  const auto text = json::as_string(v);
  if (decode_base64(text))
    return {};
  size_t at = 0;
  const auto is_digit = [](unsigned char c) {
    return std::isalnum(c) || c == '+' || c == '/' || c == '\n' || c == '\r';
  };
  while (at < text.size() && is_digit(static_cast<unsigned char>(text[at])))
    ++at;
  if (at == text.size()) // all digits, so the last quartet is short: Go names where it begins
    at -= text.size() % 4;
  return wrong("illegal base64 data at input byte " + std::to_string(at));
}

scalar_outcome decode_int_or_string(const json::value& v) {
  if (v.IsInt() || v.IsString())
    return {};
  return wrong("json: cannot unmarshal " + describe_json(shape::int32, v) +
               " into Go value of type int32");
}

} // namespace

scalar_outcome decode_scalar(shape form, json::value& v, json::allocator& a) {
  switch (form) {
  case shape::string:
    return {v.IsString(), {}};
  case shape::boolean:
    return {v.IsBool(), {}};
  case shape::int32:
    return {v.IsInt(), {}};
  case shape::int64:
    return {v.IsInt64(), {}};
  case shape::number:
    return {v.IsNumber(), {}};
  case shape::bytes:
    return decode_bytes(v);
  case shape::quantity:
    return decode_quantity(v, a);
  case shape::time:
    return v.IsNull() ? scalar_outcome{} : decode_time(v, a, false);
  case shape::micro_time:
    return v.IsNull() ? scalar_outcome{} : decode_time(v, a, true);
  case shape::int_or_string:
    return decode_int_or_string(v);
  case shape::any:
  case shape::object:
  case shape::list:
  case shape::map:
    return {};
  }
  return {};
}

std::string describe_json(shape wanted, const json::value& v) {
  if (v.IsString())
    return "string";
  if (v.IsBool())
    return "bool";
  if (v.IsArray())
    return "array";
  if (v.IsObject())
    return "object";
  if (v.IsNumber() && (wanted == shape::int32 || wanted == shape::int64))
    return "number " + json::to_string(v);
  return "number";
}

std::string go_type_of(const value_type& t) {
  if (!t.go_type.empty())
    return t.go_type;
  switch (t.form) {
  case shape::string:
    return "string";
  case shape::boolean:
    return "bool";
  case shape::int32:
    return "int32";
  case shape::int64:
    return "int64";
  case shape::number:
    return "float64";
  case shape::bytes:
    return "[]uint8";
  case shape::quantity:
    return "resource.Quantity";
  case shape::time:
    return "v1.Time";
  case shape::micro_time:
    return "v1.MicroTime";
  case shape::int_or_string:
    return "intstr.IntOrString";
  case shape::any:
    return "runtime.RawExtension";
  case shape::object:
    return "v1." + t.object->name;
  case shape::list:
    return "[]" + go_type_of(*t.element);
  case shape::map:
    return t.element->form == shape::quantity ? "v1.ResourceList"
                                              : "map[string]" + go_type_of(*t.element);
  }
  return {};
}

} // namespace thespis::api::schema
