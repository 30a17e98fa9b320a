#include "proxy/dns/wire.hpp"

#include <ldns/ldns.h>

#include <algorithm>
#include <memory>

namespace thespis::proxy::dns {

namespace {

constexpr uint8_t response_bit = 0x80, truncated_bit = 0x02, recursion_bit = 0x01;
constexpr uint32_t negative_seconds = 5;
constexpr uint32_t kept_at_most = 30;
constexpr size_t plain_udp_size = 512;

struct free_packet {
  void operator()(ldns_pkt* p) const { ldns_pkt_free(p); }
};
struct free_text {
  void operator()(char* p) const { LDNS_FREE(p); }
};
using packet = std::unique_ptr<ldns_pkt, free_packet>;
using text = std::unique_ptr<char, free_text>;

uint8_t byte_at(std::string_view s, size_t i) {
  return static_cast<uint8_t>(s[i]);
}

uint16_t u16(std::string_view s, size_t i) {
  return static_cast<uint16_t>(byte_at(s, i) << 8 | byte_at(s, i + 1));
}

uint32_t u32(std::string_view s, size_t i) {
  return static_cast<uint32_t>(u16(s, i)) << 16 | u16(s, i + 2);
}

void put16(std::string& s, size_t i, uint16_t v) {
  s[i] = static_cast<char>(v >> 8);
  s[i + 1] = static_cast<char>(v);
}

packet parse(std::string_view bytes) {
  ldns_pkt* p = nullptr;
  const auto status =
      ldns_wire2pkt(&p, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  return packet{status == LDNS_STATUS_OK ? p : nullptr};
}

std::string to_bytes(const ldns_pkt* p) {
  uint8_t* data = nullptr;
  size_t size = 0;
  if (ldns_pkt2wire(&data, p, &size) != LDNS_STATUS_OK)
    return {};
  std::string res{reinterpret_cast<char*>(data), size};
  LDNS_FREE(data);
  return res;
}

/// The place behind a name that is not followed; npos when it leaves the message, or is compressed
/// where it may not be.
size_t skip_name(std::string_view s, size_t at, bool pointers = true) {
  while (at < s.size()) {
    const uint8_t n = byte_at(s, at);
    if (n == 0)
      return at + 1;
    if ((n & 0xc0) == 0xc0)
      return pointers && at + 2 <= s.size() ? at + 2 : s.npos;
    if (n & 0xc0)
      return s.npos;
    at += 1u + n;
  }
  return s.npos;
}

/// The bytes of the one question of a message, empty when there is none or it is compressed.
std::string_view question_bytes(std::string_view s) {
  if (s.size() < header_size || u16(s, 4) != 1)
    return {};
  // A first name has nothing before it to point to.
  const size_t end = skip_name(s, header_size, false);
  return end == s.npos || end + 4 > s.size() ? std::string_view{}
                                             : s.substr(header_size, end + 4 - header_size);
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

void push(ldns_pkt* p, ldns_pkt_section section, const record& r, uint32_t ttl) {
  const ldns_enum_rr_type type = static_cast<ldns_rr_type>(r.type);
  const text name{ldns_rr_type2str(type)};
  const auto line = r.owner + ". " + std::to_string(ttl) + " IN " + name.get() + " " + r.data;
  ldns_rr* rr = nullptr;
  if (ldns_rr_new_frm_str(&rr, line.c_str(), 0, nullptr, nullptr) == LDNS_STATUS_OK)
    ldns_pkt_push_rr(p, section, rr);
}

record soa_of(const std::string& domain) {
  return {domain, type_soa,
          "ns.dns." + domain + ". hostmaster." + domain + ". 1 7200 1800 86400 " +
              std::to_string(negative_seconds)};
}

/// An answer's packet with the header and the question of `q`.
packet begin_answer(const query& q, rcode code, bool authoritative) {
  packet p{ldns_pkt_new()};
  ldns_pkt_set_id(p.get(), q.id);
  ldns_pkt_set_qr(p.get(), true);
  ldns_pkt_set_aa(p.get(), authoritative);
  ldns_pkt_set_rd(p.get(), q.recursion_desired);
  ldns_pkt_set_ra(p.get(), true);
  ldns_pkt_set_rcode(p.get(), static_cast<ldns_pkt_rcode>(code));
  ldns_rr* question = nullptr;
  size_t at = 0;
  if (ldns_wire2rr(&question, reinterpret_cast<const uint8_t*>(q.question.data()),
                   q.question.size(), &at, LDNS_SECTION_QUESTION) == LDNS_STATUS_OK)
    ldns_pkt_push_rr(p.get(), LDNS_SECTION_QUESTION, question);
  if (q.edns)
    ldns_pkt_set_edns_udp_size(p.get(), static_cast<uint16_t>(max_udp_size));
  return p;
}

std::string fit(std::string bytes, size_t max_size) {
  return bytes.size() <= max_size ? std::move(bytes) : truncated(bytes);
}

} // namespace

uint16_t id_of(std::string_view message) {
  return u16(message, 0);
}

void set_id(std::string& message, uint16_t id) {
  put16(message, 0, id);
}

parsed_query parse_query(std::string_view bytes) {
  if (bytes.size() < header_size || byte_at(bytes, 2) & response_bit)
    return ignored{};
  if ((byte_at(bytes, 2) >> 3 & 15) != 0)
    return bad_query{rcode::not_implemented};
  // The question is taken as it is on the wire, so that it can be echoed; it may not be compressed.
  const auto question = question_bytes(bytes);
  const auto p = question.empty() ? nullptr : parse(bytes);
  if (!p || ldns_pkt_ancount(p.get()) || ldns_pkt_nscount(p.get()))
    return bad_query{rcode::format_error};
  const ldns_rr* rr = ldns_rr_list_rr(ldns_pkt_question(p.get()), 0);
  if (ldns_rdf_size(ldns_rr_owner(rr)) + 4 != question.size())
    return bad_query{rcode::format_error};
  if (ldns_pkt_edns_version(p.get()) != 0)
    return bad_query{rcode::not_implemented};
  if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
    return bad_query{rcode::refused};
  query q;
  q.id = id_of(bytes);
  q.recursion_desired = byte_at(bytes, 2) & recursion_bit;
  q.edns = ldns_pkt_edns(p.get());
  if (q.edns)
    q.udp_size = std::clamp<size_t>(ldns_pkt_edns_udp_size(p.get()), plain_udp_size, max_udp_size);
  q.type = static_cast<uint16_t>(ldns_rr_get_type(rr));
  q.question = question;
  const text name{ldns_rdf2str(ldns_rr_owner(rr))};
  q.name = name.get();
  if (q.name.ends_with('.'))
    q.name.pop_back();
  std::transform(q.name.begin(), q.name.end(), q.name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return q;
}

std::string encode_answer(const query& q, const answer& a, const answer_options& o) {
  auto p = begin_answer(q, a.exists ? rcode::no_error : rcode::name_error, true);
  for (const auto& r : a.records)
    push(p.get(), LDNS_SECTION_ANSWER, r, o.ttl);
  if (a.records.empty())
    push(p.get(), LDNS_SECTION_AUTHORITY, soa_of(o.domain), negative_seconds);
  for (const auto& r : a.additional)
    push(p.get(), LDNS_SECTION_ADDITIONAL, r, o.ttl);
  return fit(to_bytes(p.get()), o.max_size);
}

std::string encode_failure(std::string_view request, rcode code) {
  std::string res{request.substr(0, header_size)};
  res[2] = static_cast<char>(response_bit | (byte_at(request, 2) & 0x79));
  res[3] = static_cast<char>(0x80 | static_cast<uint8_t>(code));
  const auto question = question_bytes(request);
  put16(res, 4, question.empty() ? 0 : 1);
  std::fill(res.begin() + 6, res.end(), '\0');
  return res.append(question);
}

std::string encode_query(uint16_t id, const std::string& name, uint16_t type, bool edns) {
  packet p{ldns_pkt_query_new(ldns_dname_new_frm_str(name.c_str()), static_cast<ldns_rr_type>(type),
                              LDNS_RR_CLASS_IN, LDNS_RD)};
  ldns_pkt_set_id(p.get(), id);
  if (edns)
    ldns_pkt_set_edns_udp_size(p.get(), static_cast<uint16_t>(max_udp_size));
  return to_bytes(p.get());
}

std::optional<std::string> join_answers(const query& q, const answer& a, std::string_view resolved,
                                        const answer_options& o) {
  const auto other = parse(resolved);
  if (!other)
    return std::nullopt;
  const auto code = ldns_pkt_get_rcode(other.get());
  auto p = begin_answer(q, code == LDNS_RCODE_NXDOMAIN ? rcode::no_error : static_cast<rcode>(code),
                        false);
  for (const auto& r : a.records)
    push(p.get(), LDNS_SECTION_ANSWER, r, o.ttl);
  const auto* more = ldns_pkt_answer(other.get());
  for (size_t i = 0; i < ldns_rr_list_rr_count(more); ++i)
    ldns_pkt_push_rr(p.get(), LDNS_SECTION_ANSWER, ldns_rr_clone(ldns_rr_list_rr(more, i)));
  return fit(to_bytes(p.get()), o.max_size);
}

std::optional<lifetime> lifetime_of(std::string_view s) {
  if (s.size() < header_size || s.size() > 0xffff)
    return std::nullopt;
  size_t at = header_size;
  for (int i = u16(s, 4); i > 0; --i) {
    at = skip_name(s, at);
    if (at == s.npos || (at += 4) > s.size())
      return std::nullopt;
  }
  const uint8_t code = byte_at(s, 3) & 15;
  const int answers = u16(s, 6);
  const bool negative = answers == 0 || code != 0;
  uint32_t keep = negative ? 0 : kept_at_most;
  lifetime res;
  for (int i = 0, n = answers + u16(s, 8) + u16(s, 10); i < n; ++i) {
    at = skip_name(s, at);
    if (at == s.npos || at + 10 > s.size())
      return std::nullopt;
    const uint16_t type = u16(s, at), size = u16(s, at + 8);
    if (at + 10 + size > s.size())
      return std::nullopt;
    if (type != LDNS_RR_TYPE_OPT) {
      const uint32_t ttl = u32(s, at + 4);
      res.ttl_offsets.push_back(static_cast<uint16_t>(at + 4));
      if (!negative && i < answers)
        keep = std::min(keep, ttl);
      if (negative && type == type_soa && size >= 4)
        keep = std::min({kept_at_most, ttl, u32(s, at + 10 + size - 4u)});
    }
    at += 10u + size;
  }
  const bool final_code = code == 0 || code == static_cast<uint8_t>(rcode::name_error);
  const bool cut = byte_at(s, 2) & truncated_bit;
  res.keep = std::chrono::seconds{final_code && !cut ? keep : 0};
  return res;
}

bool answers(std::string_view answer, std::string_view request) {
  return answer.size() >= header_size && byte_at(answer, 2) & response_bit &&
         id_of(answer) == id_of(request) &&
         same_ignoring_case(question_bytes(answer), question_bytes(request));
}

void grow_older(std::string& message, const std::vector<uint16_t>& ttl_offsets, uint32_t age) {
  for (const size_t at : ttl_offsets) {
    const uint32_t ttl = u32(message, at);
    const uint32_t left = ttl > age ? ttl - age : 0;
    put16(message, at, static_cast<uint16_t>(left >> 16));
    put16(message, at + 2, static_cast<uint16_t>(left));
  }
}

std::string truncated(std::string_view message) {
  std::string res{message.substr(0, header_size)};
  res.append(question_bytes(message));
  res[2] = static_cast<char>(byte_at(res, 2) | truncated_bit);
  put16(res, 4, res.size() > header_size ? 1 : 0);
  std::fill(res.begin() + 6, res.begin() + header_size, '\0');
  return res;
}

} // namespace thespis::proxy::dns
