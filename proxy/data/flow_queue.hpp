// The first packets of new flows, from the kernel's queue, and the verdicts on them.
#pragma once

#include "api/result.hpp"
#include "proxy/data/flow.hpp"

#include <memory>
#include <optional>
#include <vector>

struct mnl_socket;

namespace thespis::proxy {

/// A packet that waits for its verdict.
struct queued_packet {
  uint32_t id = 0;
  flow what;
  bool local = false; ///< sent by this machine itself
  uint32_t mark = 0;
};

/// Lets a packet go on; with a number, marked for that endpoint (see ruleset.hpp).
struct packet_verdict {
  uint32_t id = 0;
  std::optional<uint32_t> number;
  uint32_t mark = 0; ///< the packet's mark, with the choice's bit where there is a number
};

/// Binds one NFQUEUE of the network namespace of the thread that opens it. The kernel holds at most
/// `capacity` packets and lets the others pass without asking. read() by one thread; send() by any.
class flow_queue {
public:
  static constexpr uint32_t capacity = 4096;
  static constexpr size_t most_at_once = 64;

  /// Takes the first of the numbers [first, first + 64) that nobody has. Needs CAP_NET_ADMIN.
  static api::result<flow_queue> open(uint16_t first);

  uint16_t number() const { return number_; }
  int descriptor() const;

  /// Appends what waits, at most `most_at_once` packets; never blocks. What is no IPv4 or IPv6
  /// packet of a known protocol with ports is let pass at once. False when there may be nothing
  /// more.
  bool read(std::vector<queued_packet>& out);
  /// One system call for all; never blocks.
  void send(const std::vector<packet_verdict>& verdicts);

private:
  struct closer {
    void operator()(mnl_socket* s) const;
  };
  struct buffers;
  struct free_buffers {
    void operator()(buffers* b) const;
  };
  explicit flow_queue(mnl_socket* s);

  void parse(const void* message, size_t size, std::vector<queued_packet>& out);

  std::unique_ptr<mnl_socket, closer> socket_;
  std::unique_ptr<buffers, free_buffers> buffers_;
  std::vector<packet_verdict> pass_; // packets without a question
  uint16_t number_ = 0;
};

} // namespace thespis::proxy
