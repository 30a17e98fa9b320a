// One flow of packets, as the queue and conntrack both name it.
#pragma once

#include "proxy/data/service_table.hpp"

#include <cstddef>
#include <functional>

namespace thespis::proxy {

/// Who began the flow and where it was sent, before translation. Addresses are IPv4 in host order.
struct flow {
  uint32_t source = 0;
  uint32_t destination = 0;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  protocol proto = protocol::tcp;

  auto operator<=>(const flow&) const = default;
};

struct flow_hash {
  size_t operator()(const flow& f) const {
    uint64_t h = (uint64_t{f.source} << 32 | f.destination) * 0x9e3779b97f4a7c15ULL;
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
