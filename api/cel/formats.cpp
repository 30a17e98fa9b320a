// Kubernetes' named string formats.

#include "api/cel/functions.hpp"
#include "api/cel/objects.hpp"
#include "api/cel/times.hpp"
#include "api/cel/url.hpp"
#include "api/text/base64.hpp"

namespace thespis::api::cel {

namespace {

template <complaints (*Check)(std::string_view)>
complaints check_prefix(std::string_view s) {
  return Check(mask_trailing_dash(s));
}

complaints check_uri(std::string_view s) {
  auto why = check_request_uri(s, nullptr);
  return why.empty() ? complaints{} : complaints{why};
}

complaints check_uuid(std::string_view s) {
  size_t digits = 0;
  for (size_t n = 0; n < s.size(); ++n) {
    auto hex = std::isxdigit(static_cast<unsigned char>(s[n])) != 0;
    auto dash = s[n] == '-' && (digits == 8 || digits == 12 || digits == 16 || digits == 20) &&
                n > 0 && s[n - 1] != '-';
    if (!hex && !dash)
      return {"does not match the UUID format"};
    digits += hex;
  }
  return digits == 32 ? complaints{} : complaints{"does not match the UUID format"};
}

complaints check_byte(std::string_view s) {
  return decode_base64(s) ? complaints{} : complaints{"invalid base64"};
}

complaints check_date(std::string_view s) {
  return s.size() == 10 && parse_timestamp(std::string{s} + "T00:00:00Z")
             ? complaints{}
             : complaints{"invalid date"};
}

complaints check_datetime(std::string_view s) {
  return parse_timestamp(s) ? complaints{} : complaints{"invalid datetime"};
}

constexpr format_rep known[] = {
    {"dns1123Label", check_dns1123_label, 30},
    {"dns1123Subdomain", check_dns1123_subdomain, 60},
    {"dns1035Label", check_dns1035_label, 30},
    {"qualifiedName", check_qualified_name, 60},
    {"dns1123LabelPrefix", check_prefix<check_dns1123_label>, 30},
    {"dns1123SubdomainPrefix", check_prefix<check_dns1123_subdomain>, 60},
    {"dns1035LabelPrefix", check_prefix<check_dns1035_label>, 30},
    {"labelValue", check_label_value, 40},
    {"uri", check_uri, 1163},
    {"uuid", check_uuid, 61},
    {"byte", check_byte, 92},
    {"date", check_date, 145},
    {"datetime", check_datetime, 145},
};

value make_format(const format_rep& f) {
  value v;
  v.form = kind::format;
  v.format = &f;
  return v;
}

template <size_t N>
value constant(evaluation&, const value*, size_t) {
  return make_format(known[N]);
}

value named(evaluation& run, const value* a, size_t) {
  for (const auto& f : known)
    if (f.name == a[0].str())
      return run.some(make_format(f));
  return run.none();
}

value validate(evaluation& run, const value* a, size_t) {
  auto found = a[0].format->check(a[1].str());
  if (found.empty())
    return run.none();
  std::vector<value> out;
  for (const auto& c : found)
    out.push_back(run.string(c));
  return run.some(run.list(out));
}

constexpr declaration table[] = {
    {"format.named", "(string) -> optional(Format)", named},
    {"validate", "Format.(string) -> optional(list(string))", validate, price::validate_format},
    {"format.dns1123Label", "() -> Format", constant<0>},
    {"format.dns1123Subdomain", "() -> Format", constant<1>},
    {"format.dns1035Label", "() -> Format", constant<2>},
    {"format.qualifiedName", "() -> Format", constant<3>},
    {"format.dns1123LabelPrefix", "() -> Format", constant<4>},
    {"format.dns1123SubdomainPrefix", "() -> Format", constant<5>},
    {"format.dns1035LabelPrefix", "() -> Format", constant<6>},
    {"format.labelValue", "() -> Format", constant<7>},
    {"format.uri", "() -> Format", constant<8>},
    {"format.uuid", "() -> Format", constant<9>},
    {"format.byte", "() -> Format", constant<10>},
    {"format.date", "() -> Format", constant<11>},
    {"format.datetime", "() -> Format", constant<12>},
};

} // namespace

library formats() {
  return table;
}

} // namespace thespis::api::cel
