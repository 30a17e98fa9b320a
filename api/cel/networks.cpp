// Kubernetes' IP address and CIDR functions.

#include "api/cel/functions.hpp"
#include "api/cel/objects.hpp"
#include "api/text/quote.hpp"

#include <charconv>

namespace thespis::api::cel {

namespace {

bool is_v4_mapped(const ip_address& a) {
  constexpr std::array<uint8_t, 12> prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return !a.is_v4() && std::equal(prefix.begin(), prefix.end(), a.bytes().begin());
}

/// An address, or why the text is none.
std::optional<ip_address> parse_address(std::string_view text, std::string& why) {
  if (text.find('%') != std::string_view::npos) {
    why = "IP address with zone value is not allowed";
    return std::nullopt;
  }
  auto a = parse_ip(text);
  if (!a)
    why = "unable to parse IP";
  else if (is_v4_mapped(*a))
    why = "IPv4-mapped IPv6 address is not allowed";
  return why.empty() ? a : std::nullopt;
}

std::optional<cidr_rep> parse_range(std::string_view text, std::string& why) {
  auto slash = text.rfind('/');
  if (slash == std::string_view::npos) {
    why = "no '/'";
    return std::nullopt;
  }
  auto a = parse_address(text.substr(0, slash), why);
  auto digits = text.substr(slash + 1);
  unsigned prefix = 0;
  auto done = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (a && (digits.empty() || done.ec != std::errc{} || done.ptr != digits.data() + digits.size() ||
            (digits.size() > 1 && digits[0] == '0') || prefix > a->bits()))
    why = "prefix length out of range";
  return why.empty() ? std::optional{cidr_rep{*a, prefix}} : std::nullopt;
}

value make_ip(evaluation& run, const value* a, size_t) {
  std::string why;
  auto ip = parse_address(a[0].str(), why);
  return ip ? run.ip(*ip)
            : run.error("IP Address " + quote_go(a[0].str()) +
                        " parse error during conversion from string: " + why);
}

value make_cidr(evaluation& run, const value* a, size_t) {
  std::string why;
  auto range = parse_range(a[0].str(), why);
  return range ? run.range(*range)
               : run.error("network address parse error during conversion from string: "
                           "netip.ParsePrefix(" +
                           quote_go(a[0].str()) + "): " + why);
}

value is_ip(evaluation&, const value* a, size_t) {
  std::string why;
  return value::of(parse_address(a[0].str(), why).has_value());
}

value is_cidr(evaluation&, const value* a, size_t) {
  std::string why;
  return value::of(parse_range(a[0].str(), why).has_value());
}

value is_canonical(evaluation& run, const value* a, size_t) {
  auto ip = make_ip(run, a, 1);
  return ip.is_error() ? ip : value::of(ip.ip->to_string() == a[0].str());
}

value family(evaluation&, const value* a, size_t) {
  return value::of(int64_t{a[0].ip->is_v4() ? 4 : 6});
}

value is_unspecified(evaluation&, const value* a, size_t) {
  return value::of(a[0].ip->is_unspecified());
}

value is_loopback(evaluation&, const value* a, size_t) {
  return value::of(a[0].ip->is_loopback());
}

bool link_local_multicast(const ip_address& a) {
  const auto& b = a.bytes();
  return a.is_v4() ? (a.to_v4() >> 8) == 0xE00000 : b[0] == 0xFF && (b[1] & 0x0F) == 2;
}

value is_link_local_multicast(evaluation&, const value* a, size_t) {
  return value::of(link_local_multicast(*a[0].ip));
}

value is_link_local_unicast(evaluation&, const value* a, size_t) {
  return value::of(a[0].ip->is_link_local() && !a[0].ip->is_multicast());
}

value is_global_unicast(evaluation&, const value* a, size_t) {
  const auto& ip = *a[0].ip;
  auto broadcast = ip.is_v4() && ip.to_v4() == 0xFFFFFFFF;
  return value::of(!broadcast && !ip.is_unspecified() && !ip.is_loopback() && !ip.is_multicast() &&
                   !ip.is_link_local());
}

value ip_text(evaluation& run, const value* a, size_t) {
  return run.string(a[0].ip->to_string());
}

value range_text(evaluation& run, const value* a, size_t) {
  return run.string(a[0].range->address.to_string() + "/" + std::to_string(a[0].range->prefix));
}

value contains_ip(evaluation&, const value* a, size_t) {
  return value::of(a[0].range->masked().contains(*a[1].ip));
}

value contains_ip_text(evaluation& run, const value* a, size_t) {
  auto ip = make_ip(run, a + 1, 1);
  return ip.is_error() ? ip : value::of(a[0].range->masked().contains(*ip.ip));
}

bool covers(const cidr_rep& outer, const cidr_rep& inner) {
  return outer.address.is_v4() == inner.address.is_v4() && outer.prefix <= inner.prefix &&
         outer.masked().contains(inner.address);
}

value contains_range(evaluation&, const value* a, size_t) {
  return value::of(covers(*a[0].range, *a[1].range));
}

value contains_range_text(evaluation& run, const value* a, size_t) {
  auto inner = make_cidr(run, a + 1, 1);
  return inner.is_error() ? inner : value::of(covers(*a[0].range, *inner.range));
}

value ip_of_range(evaluation& run, const value* a, size_t) {
  return run.ip(a[0].range->address);
}

value masked(evaluation& run, const value* a, size_t) {
  return run.range({a[0].range->masked().base(), a[0].range->prefix});
}

value prefix_length(evaluation&, const value* a, size_t) {
  return value::of(static_cast<int64_t>(a[0].range->prefix));
}

constexpr declaration table[] = {
    {"ip", "(string) -> IP", make_ip, price::traverse},
    {"isIP", "(string) -> bool", is_ip, price::traverse},
    {"ip.isCanonical", "(string) -> bool", is_canonical, price::traverse_twice},
    {"string", "(IP) -> string", ip_text},
    {"family", "IP.() -> int", family},
    {"isUnspecified", "IP.() -> bool", is_unspecified},
    {"isLoopback", "IP.() -> bool", is_loopback},
    {"isLinkLocalMulticast", "IP.() -> bool", is_link_local_multicast},
    {"isLinkLocalUnicast", "IP.() -> bool", is_link_local_unicast},
    {"isGlobalUnicast", "IP.() -> bool", is_global_unicast},
    {"cidr", "(string) -> CIDR", make_cidr, price::traverse},
    {"isCIDR", "(string) -> bool", is_cidr, price::traverse},
    {"string", "(CIDR) -> string", range_text},
    {"containsIP", "CIDR.(IP) -> bool", contains_ip, price::contains_ip},
    {"containsIP", "CIDR.(string) -> bool", contains_ip_text, price::contains_ip_text},
    {"containsCIDR", "CIDR.(CIDR) -> bool", contains_range, price::contains_cidr},
    {"containsCIDR", "CIDR.(string) -> bool", contains_range_text, price::contains_cidr_text},
    {"ip", "CIDR.() -> IP", ip_of_range},
    {"masked", "CIDR.() -> CIDR", masked},
    {"prefixLength", "CIDR.() -> int", prefix_length},
};

} // namespace

library networks() {
  return table;
}

} // namespace thespis::api::cel
