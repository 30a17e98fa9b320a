#include "api/text/cidr.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace thespis::api {

namespace {

__extension__ using number = unsigned __int128;

number number_of(const ip_address& a) {
  number n = 0;
  for (uint8_t b : a.bytes())
    n = n << 8 | b;
  return n;
}

ip_address address_of(number n, bool v4) {
  if (v4)
    return ip_address::v4(static_cast<uint32_t>(n));
  std::array<uint8_t, 16> bytes;
  for (size_t i = 16; i-- > 0; n >>= 8)
    bytes[i] = static_cast<uint8_t>(n);
  return ip_address::v6(bytes);
}

/// The bits of an address of that width that lie beyond the prefix.
number host_mask(unsigned bits, unsigned prefix) {
  unsigned host = bits - prefix;
  return host >= 128 ? ~number{0} : (number{1} << host) - 1;
}

} // namespace

ip_address ip_address::v4(uint32_t address) {
  ip_address a;
  for (size_t i = 0; i < 4; ++i)
    a.bytes_[12 + i] = static_cast<uint8_t>(address >> (24 - 8 * i));
  return a;
}

ip_address ip_address::v6(const std::array<uint8_t, 16>& bytes) {
  ip_address a;
  a.v4_ = false;
  a.bytes_ = bytes;
  return a;
}

uint32_t ip_address::to_v4() const {
  return v4_ ? static_cast<uint32_t>(number_of(*this)) : 0;
}

bool ip_address::is_loopback() const {
  return v4_ ? bytes_[12] == 127 : number_of(*this) == 1;
}

bool ip_address::is_unspecified() const {
  return number_of(*this) == 0;
}

bool ip_address::is_link_local() const {
  return v4_ ? bytes_[12] == 169 && bytes_[13] == 254
             : bytes_[0] == 0xFE && (bytes_[1] & 0xC0) == 0x80;
}

bool ip_address::is_multicast() const {
  return v4_ ? (bytes_[12] & 0xF0) == 0xE0 : bytes_[0] == 0xFF;
}

std::string ip_address::to_string() const {
  char buf[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data() + (v4_ ? 12 : 0), buf, sizeof buf);
  return buf;
}

std::optional<ip_address> parse_ip(std::string_view text) {
  // inet_pton wants a terminated string; nothing longer is an address.
  char buf[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof buf || text.find('\0') != text.npos)
    return std::nullopt;
  std::copy(text.begin(), text.end(), buf);
  in_addr four;
  if (::inet_pton(AF_INET, buf, &four) == 1)
    return ip_address::v4(ntohl(four.s_addr));
  std::array<uint8_t, 16> six;
  if (::inet_pton(AF_INET6, buf, six.data()) == 1)
    return ip_address::v6(six);
  return std::nullopt;
}

cidr::cidr(ip_address base, unsigned prefix) : prefix_(std::min(prefix, base.bits())) {
  base_ = address_of(number_of(base) & ~host_mask(base.bits(), prefix_), base.is_v4());
}

bool cidr::contains(const ip_address& a) const {
  return a.is_v4() == base_.is_v4() && cidr(a, prefix_).base_ == base_;
}

bool cidr::overlaps(const cidr& o) const {
  return prefix_ <= o.prefix_ ? contains(o.base_) : o.contains(base_);
}

uint64_t cidr::size() const {
  unsigned host = base_.bits() - prefix_;
  return uint64_t{1} << std::min(host, 63u);
}

std::optional<ip_address> cidr::nth(uint64_t n) const {
  if (number{n} > host_mask(base_.bits(), prefix_))
    return std::nullopt;
  return address_of(number_of(base_) + n, base_.is_v4());
}

std::optional<uint64_t> cidr::index_of(const ip_address& a) const {
  if (!contains(a))
    return std::nullopt;
  number n = number_of(a) - number_of(base_);
  if (n > UINT64_MAX)
    return std::nullopt;
  return static_cast<uint64_t>(n);
}

std::optional<cidr> cidr::subnet(unsigned prefix, uint64_t n) const {
  if (prefix < prefix_ || prefix > base_.bits())
    return std::nullopt;
  unsigned extra = prefix - prefix_, host = base_.bits() - prefix;
  if (extra < 64 && n >> extra != 0)
    return std::nullopt;
  number offset = host >= 128 ? 0 : number{n} << host;
  return cidr(address_of(number_of(base_) + offset, base_.is_v4()), prefix);
}

std::string cidr::to_string() const {
  return base_.to_string() + "/" + std::to_string(prefix_);
}

std::optional<cidr> parse_cidr(std::string_view text) {
  size_t slash = text.find('/');
  if (slash == text.npos)
    return std::nullopt;
  auto base = parse_ip(text.substr(0, slash));
  auto digits = text.substr(slash + 1);
  if (!base || digits.empty() || (digits.size() > 1 && digits.front() == '0'))
    return std::nullopt;
  unsigned prefix = 0;
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
  if (ec != std::errc{} || end != digits.data() + digits.size() || prefix > base->bits())
    return std::nullopt;
  return cidr(*base, prefix);
}

std::vector<std::string> check_ip(std::string_view s) {
  if (parse_ip(s))
    return {};
  return {"must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"};
}

std::vector<std::string> check_cidr(std::string_view s) {
  if (parse_cidr(s))
    return {};
  return {"must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"};
}

} // namespace thespis::api
