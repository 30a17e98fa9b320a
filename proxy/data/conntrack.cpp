#include "proxy/data/conntrack.hpp"

#include "proxy/data/conntrack_entry.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <functional>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <memory>
#include <set>

namespace thespis::proxy {

namespace {

struct close_handle {
  void operator()(nfct_handle* h) const { nfct_close(h); }
};
struct free_entry {
  void operator()(nf_conntrack* c) const { nfct_destroy(c); }
};
using handle = std::unique_ptr<nfct_handle, close_handle>;
using entry = std::unique_ptr<nf_conntrack, free_entry>;

// Where a flow was sent and who answers it.
struct udp_flow {
  api::ip_address to;
  uint16_t to_port;
  api::ip_address from;
  uint16_t from_port;
};

struct search {
  std::function<bool(const udp_flow&)> stale;
  std::vector<entry> found;
};

int on_entry(nf_conntrack_msg_type, nf_conntrack* c, void* data) {
  auto& s = *static_cast<search*>(data);
  if (nfct_get_attr_u8(c, ATTR_ORIG_L4PROTO) != IPPROTO_UDP)
    return NFCT_CB_CONTINUE;
  const auto ends = ends_of(c);
  if (!ends)
    return NFCT_CB_CONTINUE;
  udp_flow flow{ends->destination, ntohs(nfct_get_attr_u16(c, ATTR_ORIG_PORT_DST)), ends->answers,
                ntohs(nfct_get_attr_u16(c, ATTR_REPL_PORT_SRC))};
  if (s.stale(flow))
    s.found.emplace_back(nfct_clone(c));
  return NFCT_CB_CONTINUE;
}

auto failed(const char* what) {
  return api::fail(api::internal_error(std::string{what} + ": " + std::strerror(errno)));
}

api::result<size_t> forget(ip_family f, search s) {
  handle h{nfct_open(CONNTRACK, 0)};
  if (!h)
    return failed("cannot open conntrack");
  nfct_callback_register(h.get(), NFCT_T_ALL, on_entry, &s);
  uint32_t family = f == ip_family::v4 ? AF_INET : AF_INET6;
  if (nfct_query(h.get(), NFCT_Q_DUMP, &family) < 0)
    return failed("cannot list conntrack");
  nfct_callback_unregister(h.get());
  size_t removed = 0;
  for (const auto& c : s.found) {
    if (nfct_query(h.get(), NFCT_Q_DESTROY, c.get()) == 0)
      ++removed;
    else if (errno != ENOENT) // it ended meanwhile
      return failed("cannot delete a conntrack entry");
  }
  return removed;
}

} // namespace

api::result<size_t> forget_flows(ip_family family, const std::vector<stale_flow>& flows) {
  if (flows.empty())
    return size_t{0};
  std::set<stale_flow> stale{flows.begin(), flows.end()};
  return forget(family, {[&](const udp_flow& f) {
                           bool untranslated = f.from == f.to && f.from_port == f.to_port;
                           for (bool node : {false, true}) {
                             auto to = node ? api::ip_address{} : f.to;
                             if (stale.count({node, to, f.to_port, f.from, f.from_port}) ||
                                 (untranslated && stale.count({node, to, f.to_port, {}, 0})))
                               return true;
                           }
                           return false;
                         },
                         {}});
}

api::result<size_t> forget_all_but(ip_family family, const ruleset& rules) {
  std::set<stale_flow> frontends;
  std::set<stale_flow> valid;
  for (const auto& [key, value] : rules.elements) {
    if (key.proto != protocol::udp)
      continue;
    if (key.in == part::frontend)
      frontends.insert({key.node, key.address, key.port, {}, 0});
    else if (key.in == part::choice || key.in == part::endpoint)
      valid.insert({key.node, key.address, key.port, value.address, value.port});
  }
  if (frontends.empty())
    return size_t{0};
  return forget(family, {[&](const udp_flow& f) {
                           bool node = !frontends.count({false, f.to, f.to_port, {}, 0});
                           auto to = node ? api::ip_address{} : f.to;
                           return frontends.count({node, to, f.to_port, {}, 0}) &&
                                  !valid.count({node, to, f.to_port, f.from, f.from_port});
                         },
                         {}});
}

} // namespace thespis::proxy
