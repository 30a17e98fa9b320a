// One flow of packets, as the queue and conntrack both name it.
#pragma once

#include "proxy/data/service_table.hpp"

#include <cstddef>
#include <cstring>
#include <functional>

namespace thespis::proxy {

/// Who began the flow and where it was sent, before translation. Both addresses are of one family.
struct flow {
  api::ip_address source;
  api::ip_address destination;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  protocol proto = protocol::tcp;

  auto operator<=>(const flow&) const = default;
};

/// All of an IPv4 address, and a digest of an IPv6 one.
inline uint64_t digest(const api::ip_address& a) {
  uint64_t high = 0;
  uint64_t low = 0;
  std::memcpy(&high, a.bytes().data(), 8);
  std::memcpy(&low, a.bytes().data() + 8, 8);
  return high * 0xd6e8feb86659fd93ULL ^ low;
}

struct flow_hash {
  size_t operator()(const flow& f) const {
    uint64_t h = (digest(f.source) * 31 + digest(f.destination)) * 0x9e3779b97f4a7c15ULL;
    h ^= (uint64_t{f.source_port} << 32 | uint64_t{f.destination_port} << 8 |
          static_cast<uint64_t>(f.proto)) *
         0xff51afd7ed558ccdULL;
    return static_cast<size_t>(h ^ h >> 29);
  }
};

/// What conntrack tells about a flow that was translated.
enum class flow_news : uint8_t {
  answered,   ///< the endpoint replied
  ended,      ///< after at least one reply: closed by either side, or forgotten after silence
  refused,    ///< TCP: its first reply was a reset
  unanswered, ///< forgotten without any reply
};

} // namespace thespis::proxy
