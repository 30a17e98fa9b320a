#include "proxy/data/flow_events.hpp"

#include "proxy/data/conntrack_entry.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <optional>
#include <sys/socket.h>

namespace thespis::proxy {

namespace {

constexpr size_t at_once = 64;
constexpr size_t message_size = 2048;
constexpr int socket_bytes = 8 << 20;

struct free_entry {
  void operator()(nf_conntrack* c) const { nfct_destroy(c); }
};
struct free_filter {
  void operator()(nfct_filter* f) const { nfct_filter_destroy(f); }
};

auto failed(const char* what) {
  return api::fail(api::internal_error(std::string{what} + ": " + std::strerror(errno)));
}

// The kernel sends only these: each further state of each connection would cost a wake-up.
bool only_turns_of_tcp(int fd) {
  const std::unique_ptr<nfct_filter, free_filter> filter{nfct_filter_create()};
  nfct_filter_add_attr_u32(filter.get(), NFCT_FILTER_L4PROTO, IPPROTO_TCP);
  for (const auto state : {TCP_CONNTRACK_SYN_RECV, TCP_CONNTRACK_TIME_WAIT, TCP_CONNTRACK_CLOSE}) {
    nfct_filter_proto tcp{};
    tcp.proto = IPPROTO_TCP;
    tcp.state = static_cast<uint16_t>(state);
    nfct_filter_add_attr(filter.get(), NFCT_FILTER_L4PROTO_STATE, &tcp);
  }
  return nfct_filter_attach(fd, filter.get()) == 0;
}

std::optional<flow_news> news_of(const nf_conntrack* c, bool gone, bool tcp) {
  const auto status = nfct_get_attr_u32(c, ATTR_STATUS);
  const auto state = nfct_attr_is_set(c, ATTR_TCP_STATE) ? nfct_get_attr_u8(c, ATTR_TCP_STATE)
                                                         : uint8_t{TCP_CONNTRACK_NONE};
  if (gone && !(status & IPS_SEEN_REPLY))
    return tcp && state == TCP_CONNTRACK_CLOSE ? flow_news::refused : flow_news::unanswered;
  if (gone)
    return flow_news::ended;
  switch (state) {
  case TCP_CONNTRACK_SYN_RECV:
    return flow_news::answered;
  case TCP_CONNTRACK_CLOSE:
    return status & IPS_ASSURED ? flow_news::ended : flow_news::refused;
  case TCP_CONNTRACK_TIME_WAIT:
    return flow_news::ended;
  default:
    return std::nullopt;
  }
}

// Nothing for flows that were not sent elsewhere.
std::optional<flow_event> event_of(const nf_conntrack* c) {
  const auto ends = nfct_get_attr_u32(c, ATTR_STATUS) & IPS_DST_NAT ? ends_of(c) : std::nullopt;
  if (!ends)
    return std::nullopt;
  flow_event e;
  e.what.source = ends->source;
  e.what.destination = ends->destination;
  e.what.source_port = ntohs(nfct_get_attr_u16(c, ATTR_ORIG_PORT_SRC));
  e.what.destination_port = ntohs(nfct_get_attr_u16(c, ATTR_ORIG_PORT_DST));
  e.what.proto = static_cast<protocol>(nfct_get_attr_u8(c, ATTR_ORIG_L4PROTO));
  e.to.address = ends->answers;
  e.to.port = ntohs(nfct_get_attr_u16(c, ATTR_REPL_PORT_SRC));
  return e;
}

mnl_socket* listen_to(unsigned groups) {
  auto* s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
  if (s && mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) == 0) {
    setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &socket_bytes,
               sizeof socket_bytes);
    return s;
  }
  if (s)
    mnl_socket_close(s);
  return nullptr;
}

struct close_handle {
  void operator()(nfct_handle* h) const { nfct_close(h); }
};

int count_open(nf_conntrack_msg_type, nf_conntrack* c, void* data) {
  const auto tcp = nfct_get_attr_u8(c, ATTR_ORIG_L4PROTO) == IPPROTO_TCP;
  const auto state = tcp && nfct_attr_is_set(c, ATTR_TCP_STATE)
                         ? nfct_get_attr_u8(c, ATTR_TCP_STATE)
                         : uint8_t{TCP_CONNTRACK_NONE};
  if (state == TCP_CONNTRACK_TIME_WAIT || state == TCP_CONNTRACK_CLOSE)
    return NFCT_CB_CONTINUE;
  if (auto e = event_of(c)) {
    e->news = flow_news::answered;
    static_cast<std::vector<flow_event>*>(data)->push_back(*e);
  }
  return NFCT_CB_CONTINUE;
}

} // namespace

struct flow_events::buffers {
  std::array<std::array<char, message_size>, at_once> messages;
  std::array<iovec, at_once> pieces;
  std::array<mmsghdr, at_once> headers;
};

void flow_events::closer::operator()(mnl_socket* s) const {
  mnl_socket_close(s);
}

void flow_events::free_buffers::operator()(buffers* b) const {
  delete b;
}

flow_events::flow_events() : buffers_{new buffers} {
  auto& b = *buffers_;
  for (size_t i = 0; i < at_once; ++i) {
    b.pieces[i] = {b.messages[i].data(), message_size};
    b.headers[i] = {};
    b.headers[i].msg_hdr.msg_iov = &b.pieces[i];
    b.headers[i].msg_hdr.msg_iovlen = 1;
  }
}

api::result<flow_events> flow_events::open() {
  flow_events out;
  out.updates_.reset(listen_to(NF_NETLINK_CONNTRACK_UPDATE));
  out.endings_.reset(listen_to(NF_NETLINK_CONNTRACK_DESTROY));
  if (!out.updates_ || !out.endings_ || !only_turns_of_tcp(out.updates()))
    return failed("cannot listen to conntrack");
  return out;
}

int flow_events::updates() const {
  return mnl_socket_get_fd(updates_.get());
}

int flow_events::endings() const {
  return mnl_socket_get_fd(endings_.get());
}

bool flow_events::read_from(mnl_socket* s, std::vector<flow_event>& out, bool& lost) {
  auto& b = *buffers_;
  const int n = recvmmsg(mnl_socket_get_fd(s), b.headers.data(), at_once, MSG_DONTWAIT, nullptr);
  if (n < 0)
    lost = lost || errno == ENOBUFS;
  for (int i = 0; i < n; ++i) {
    auto left = static_cast<int>(b.headers[static_cast<size_t>(i)].msg_len);
    for (const auto* h =
             reinterpret_cast<const nlmsghdr*>(b.messages[static_cast<size_t>(i)].data());
         mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
      const std::unique_ptr<nf_conntrack, free_entry> entry{nfct_new()};
      if (!entry || nfct_nlmsg_parse(h, entry.get()) < 0)
        continue;
      auto e = event_of(entry.get());
      const bool gone = (h->nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE;
      const auto news =
          e ? news_of(entry.get(), gone, e->what.proto == protocol::tcp) : std::nullopt;
      if (!news)
        continue;
      e->news = *news;
      out.push_back(*e);
    }
  }
  return n == static_cast<int>(at_once);
}

bool flow_events::read(std::vector<flow_event>& out, bool& lost) {
  const bool more = read_from(updates_.get(), out, lost);
  return read_from(endings_.get(), out, lost) || more;
}

api::result<std::vector<flow_event>> flow_events::census() {
  const std::unique_ptr<nfct_handle, close_handle> h{nfct_open(CONNTRACK, 0)};
  if (!h)
    return failed("cannot open conntrack");
  std::vector<flow_event> out;
  nfct_callback_register(h.get(), NFCT_T_ALL, count_open, &out);
  uint32_t family = AF_UNSPEC;
  if (nfct_query(h.get(), NFCT_Q_DUMP, &family) < 0)
    return failed("cannot list conntrack");
  return out;
}

} // namespace thespis::proxy
