#include "proxy/data/flow_queue.hpp"

// Before the library's own copy, which is older.
#include <linux/netfilter/nfnetlink_queue.h>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <sys/socket.h>

namespace thespis::proxy {

namespace {

// The longest IPv4 header, or the IPv6 one with some extensions, the ports, and room.
constexpr uint32_t copied = 160;
constexpr size_t message_size = 1024;
constexpr uint16_t tried_numbers = 64;

auto failed(const char* what) {
  return api::fail(api::internal_error(std::string{what} + ": " + std::strerror(errno)));
}

// Sends a configuration message and takes the kernel's answer, which is there at once.
bool configure(mnl_socket* socket, uint16_t number, const std::function<void(nlmsghdr*)>& put) {
  std::array<char, 1024> buffer;
  auto* h = nfq_nlmsg_put(buffer.data(), NFQNL_MSG_CONFIG, number);
  h->nlmsg_flags |= NLM_F_ACK;
  put(h);
  if (mnl_socket_sendto(socket, h, h->nlmsg_len) < 0)
    return false;
  const auto n = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
  if (n < 0)
    return false;
  return mnl_cb_run(buffer.data(), static_cast<size_t>(n), 0, mnl_socket_get_portid(socket),
                    nullptr, nullptr) >= 0;
}

bool bind_queue(mnl_socket* socket, uint16_t number) {
  return configure(socket, number,
                   [](nlmsghdr* h) { nfq_nlmsg_cfg_put_cmd(h, AF_INET, NFQNL_CFG_CMD_BIND); });
}

bool set_up(mnl_socket* socket, uint16_t number) {
  return configure(socket, number, [](nlmsghdr* h) {
    nfq_nlmsg_cfg_put_params(h, NFQNL_COPY_PACKET, copied);
    nfq_nlmsg_cfg_put_qmaxlen(h, flow_queue::capacity);
    // Packets beyond the capacity pass instead of being dropped.
    constexpr uint32_t flags = NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO;
    mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(flags));
    mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(flags));
  });
}

uint16_t short_at(const uint8_t* p) {
  return static_cast<uint16_t>(p[0] << 8 | p[1]);
}

/// Where a packet's transport header is, in its first bytes.
struct transport {
  uint8_t proto = 0;
  size_t offset = 0;
};

std::optional<transport> transport_of_v4(const uint8_t* p) {
  const size_t header = size_t{p[0] & 0xfU} * 4;
  if (header < 20 || (short_at(p + 6) & 0x1fffU) != 0)
    return std::nullopt;
  return transport{p[9], header};
}

/// Passes the extension headers that may stand before a transport's. Each is at least eight bytes
/// long, so what was copied bounds their number.
std::optional<transport> transport_of_v6(const uint8_t* p, size_t size) {
  transport t{p[6], 40};
  while (t.offset + 8 <= size) {
    const auto* h = p + t.offset;
    switch (t.proto) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_DSTOPTS:
      t = {h[0], t.offset + (size_t{h[1]} + 1) * 8};
      break;
    case IPPROTO_FRAGMENT:
      if ((short_at(h + 2) & 0xfff8U) != 0)
        return std::nullopt;
      t = {h[0], t.offset + 8};
      break;
    default:
      return t;
    }
  }
  return t;
}

// Nothing for what has no ports in its first bytes: another protocol, a later fragment.
std::optional<flow> flow_of(const uint8_t* p, size_t size) {
  const unsigned version = size < 20 ? 0 : p[0] >> 4;
  std::optional<transport> t;
  flow f;
  if (version == 4) {
    t = transport_of_v4(p);
    const auto address = [&](size_t at) {
      return api::ip_address::v4(uint32_t{short_at(p + at)} << 16 | short_at(p + at + 2));
    };
    f.source = address(12);
    f.destination = address(16);
  } else if (version == 6 && size >= 40) {
    t = transport_of_v6(p, size);
    const auto address = [&](size_t at) {
      std::array<uint8_t, 16> bytes;
      std::copy_n(p + at, bytes.size(), bytes.begin());
      return api::ip_address::v6(bytes);
    };
    f.source = address(8);
    f.destination = address(24);
  }
  if (!t || size < t->offset + 4)
    return std::nullopt;
  f.proto = static_cast<protocol>(t->proto);
  f.source_port = short_at(p + t->offset);
  f.destination_port = short_at(p + t->offset + 2);
  switch (f.proto) {
  case protocol::tcp:
  case protocol::udp:
  case protocol::sctp:
    return f;
  }
  return std::nullopt;
}

} // namespace

struct flow_queue::buffers {
  std::array<std::array<char, message_size>, most_at_once> messages;
  std::array<iovec, most_at_once> pieces;
  std::array<mmsghdr, most_at_once> headers;
};

void flow_queue::closer::operator()(mnl_socket* s) const {
  mnl_socket_close(s);
}

void flow_queue::free_buffers::operator()(buffers* b) const {
  delete b;
}

flow_queue::flow_queue(mnl_socket* s) : socket_{s}, buffers_{new buffers} {
  auto& b = *buffers_;
  for (size_t i = 0; i < most_at_once; ++i) {
    b.pieces[i] = {b.messages[i].data(), message_size};
    b.headers[i] = {};
    b.headers[i].msg_hdr.msg_iov = &b.pieces[i];
    b.headers[i].msg_hdr.msg_iovlen = 1;
  }
}

api::result<flow_queue> flow_queue::open(uint16_t first) {
  auto* s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
  if (!s)
    return failed("cannot open the packet queue");
  flow_queue queue{s};
  if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
    return failed("cannot open the packet queue");
  for (uint16_t i = 0;; ++i) {
    queue.number_ = static_cast<uint16_t>(first + i);
    if (bind_queue(s, queue.number_))
      break;
    if ((errno != EBUSY && errno != EPERM && errno != EEXIST) || i + 1 == tried_numbers)
      return failed("cannot bind a packet queue");
  }
  if (!set_up(s, queue.number_))
    return failed("cannot set up the packet queue");
  // What a full capacity takes; the kernel doubles it for its own needs.
  const int bytes = static_cast<int>(capacity * 512);
  setsockopt(queue.descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
  const int on = 1;
  setsockopt(queue.descriptor(), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
  return queue;
}

int flow_queue::descriptor() const {
  return mnl_socket_get_fd(socket_.get());
}

void flow_queue::parse(const void* message, size_t size, std::vector<queued_packet>& out) {
  int left = static_cast<int>(size);
  for (const auto* h = static_cast<const nlmsghdr*>(message); mnl_nlmsg_ok(h, left);
       h = mnl_nlmsg_next(h, &left)) {
    // Errors are verdicts on packets that have gone.
    if (h->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
      continue;
    std::array<nlattr*, NFQA_MAX + 1> attributes{};
    if (nfq_nlmsg_parse(h, attributes.data()) < 0 || !attributes[NFQA_PACKET_HDR])
      continue;
    const auto* packet =
        static_cast<nfqnl_msg_packet_hdr*>(mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]));
    queued_packet p;
    p.id = ntohl(packet->packet_id);
    p.local = packet->hook == NF_INET_LOCAL_OUT;
    if (attributes[NFQA_MARK])
      p.mark = ntohl(mnl_attr_get_u32(attributes[NFQA_MARK]));
    const auto* payload = attributes[NFQA_PAYLOAD];
    const auto what = payload ? flow_of(static_cast<uint8_t*>(mnl_attr_get_payload(payload)),
                                        mnl_attr_get_payload_len(payload))
                              : std::nullopt;
    if (!what) {
      pass_.push_back({p.id, std::nullopt, 0});
      continue;
    }
    p.what = *what;
    out.push_back(p);
  }
}

bool flow_queue::read(std::vector<queued_packet>& out) {
  auto& b = *buffers_;
  const int n = recvmmsg(descriptor(), b.headers.data(), most_at_once, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < n; ++i) {
    const auto at = static_cast<size_t>(i);
    parse(b.messages[at].data(), b.headers[at].msg_len, out);
  }
  if (!pass_.empty())
    send(std::exchange(pass_, {}));
  return n == static_cast<int>(most_at_once);
}

void flow_queue::send(const std::vector<packet_verdict>& verdicts) {
  std::array<char, most_at_once * 64> buffer;
  size_t used = 0;
  const auto flush = [&] {
    if (used > 0)
      ::send(descriptor(), buffer.data(), used, MSG_DONTWAIT);
    used = 0;
  };
  for (const auto& v : verdicts) {
    if (used + 64 > buffer.size())
      flush();
    auto* h = nfq_nlmsg_put(buffer.data() + used, NFQNL_MSG_VERDICT, number_);
    nfq_nlmsg_verdict_put(h, static_cast<int>(v.id), NF_ACCEPT);
    if (v.number) {
      mnl_attr_put_u32(h, NFQA_MARK, htonl(v.mark));
      mnl_attr_put_u32(h, NFQA_PRIORITY, htonl(*v.number));
    }
    used += mnl_nlmsg_size(mnl_nlmsg_get_payload_len(h));
  }
  flush();
}

} // namespace thespis::proxy
