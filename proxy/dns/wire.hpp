// DNS messages on the wire (RFC 1035, 6891), with libldns: what a query asks, and answers to it.
// Everything here takes hostile bytes.
#pragma once

#include "proxy/dns/zone.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thespis::proxy::dns {

enum class rcode : uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  name_error = 3,
  not_implemented = 4,
  refused = 5,
};

/// The header's size, and the least that is a message.
inline constexpr size_t header_size = 12;
/// Beyond this an answer over UDP risks fragments (DNS flag day 2020).
inline constexpr size_t max_udp_size = 1232;

/// A well-formed query of one question in the class IN.
struct query {
  uint16_t id = 0;
  bool recursion_desired = false;
  bool edns = false;
  /// What the client takes over UDP, at most max_udp_size.
  size_t udp_size = 512;
  std::string name; ///< lower case, absolute, without the final dot
  uint16_t type = 0;
  std::string question; ///< its bytes, as asked
};

/// What is not worth an answer: no message, or itself an answer.
struct ignored {};
/// A message that is answered by its code alone.
struct bad_query {
  rcode code = rcode::format_error;
};

using parsed_query = std::variant<query, bad_query, ignored>;

/// Reads what a client sent.
parsed_query parse_query(std::string_view bytes);

struct answer_options {
  uint32_t ttl = 5;
  std::string domain;       ///< the zone's, for the SOA of negative answers
  size_t max_size = 0xffff; ///< what does not fit is left out, and the answer is marked truncated
};

/// An authoritative answer of the cluster's zone.
std::string encode_answer(const query& q, const answer& a, const answer_options& o);

/// An answer of a code alone, to a message that was (or was not) understood.
std::string encode_failure(std::string_view request, rcode code);

/// A recursive query for a name.
std::string encode_query(uint16_t id, const std::string& name, uint16_t type, bool edns);

/// `a`, which ends in a CNAME, with what a resolver says of its target.
/// Nothing when `resolved` is no message.
std::optional<std::string> join_answers(const query& q, const answer& a, std::string_view resolved,
                                        const answer_options& o);

/// Where the TTLs of an answer are, and how long it may be kept.
struct lifetime {
  std::vector<uint16_t> ttl_offsets;
  std::chrono::seconds keep{0}; ///< 0: not to be kept
};

/// Looks through an answer; nothing when it is malformed. A negative answer is kept as long as its
/// SOA allows (RFC 2308).
std::optional<lifetime> lifetime_of(std::string_view answer);

/// Whether that is an answer to this query: the same id and question.
bool answers(std::string_view answer, std::string_view request);

uint16_t id_of(std::string_view message);
void set_id(std::string& message, uint16_t id);
/// Takes `age` off every TTL.
void grow_older(std::string& message, const std::vector<uint16_t>& ttl_offsets, uint32_t age);
/// `message` cut down to its question and marked truncated.
std::string truncated(std::string_view message);

} // namespace thespis::proxy::dns
