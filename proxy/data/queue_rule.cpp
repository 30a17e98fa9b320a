#include "proxy/data/queue_rule.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <memory>

namespace thespis::proxy {

namespace {

struct close_socket {
  void operator()(mnl_socket* s) const { mnl_socket_close(s); }
};
struct free_rule {
  void operator()(nftnl_rule* r) const { nftnl_rule_free(r); }
};
struct free_table {
  void operator()(nftnl_table* t) const { nftnl_table_free(t); }
};
struct free_chain {
  void operator()(nftnl_chain* c) const { nftnl_chain_free(c); }
};
struct free_batch {
  void operator()(mnl_nlmsg_batch* b) const { mnl_nlmsg_batch_stop(b); }
};

auto failed(const std::string& what) {
  const int code = errno;
  auto e = api::internal_error(what + ": " + std::strerror(code));
  if (code == ENOENT || code == EOPNOTSUPP)
    e.why = api::reason::not_found;
  return api::fail(std::move(e));
}

/// One transaction: messages between its begin and end, and the kernel's word on each.
class transaction {
public:
  explicit transaction(uint8_t family)
      : family_{family}, batch_{mnl_nlmsg_batch_start(buffer_.data(), buffer_.size() / 2)} {
    nftnl_batch_begin(at(), ++sequence_);
    mnl_nlmsg_batch_next(batch_.get());
  }

  void add(uint16_t type, uint16_t flags, const std::function<void(nlmsghdr*)>& payload) {
    auto* header = nftnl_nlmsg_build_hdr(at(), type, family_, flags | NLM_F_ACK, ++sequence_);
    payload(header);
    mnl_nlmsg_batch_next(batch_.get());
    ++expected_;
  }

  // Errors are in errno.
  bool commit() {
    nftnl_batch_end(at(), ++sequence_);
    mnl_nlmsg_batch_next(batch_.get());
    std::unique_ptr<mnl_socket, close_socket> socket{
        mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)};
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
      return false;
    if (mnl_socket_sendto(socket.get(), mnl_nlmsg_batch_head(batch_.get()),
                          mnl_nlmsg_batch_size(batch_.get())) < 0)
      return false;
    // Acknowledgements are there as soon as the kernel took the messages: nothing is waited for.
    std::array<char, 8192> answer;
    for (int seen = 0; seen < expected_;) {
      const auto n = mnl_socket_recvfrom(socket.get(), answer.data(), answer.size());
      if (n < 0)
        return false;
      int left = static_cast<int>(n);
      for (auto* h = reinterpret_cast<nlmsghdr*>(answer.data()); mnl_nlmsg_ok(h, left);
           h = mnl_nlmsg_next(h, &left)) {
        if (h->nlmsg_type != NLMSG_ERROR)
          continue;
        const auto code = static_cast<nlmsgerr*>(mnl_nlmsg_get_payload(h))->error;
        if (code != 0) {
          errno = -code;
          return false;
        }
        ++seen;
      }
    }
    return true;
  }

private:
  char* at() const { return static_cast<char*>(mnl_nlmsg_batch_current(batch_.get())); }

  const uint8_t family_;
  std::array<char, 16384> buffer_;
  std::unique_ptr<mnl_nlmsg_batch, free_batch> batch_;
  uint32_t sequence_ = 0;
  int expected_ = 0;
};

uint8_t number_of(ip_family f) {
  return f == ip_family::v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

void add_rule(transaction& t, ip_family f, const std::string& table, const std::string& chain,
              uint16_t queue) {
  const std::unique_ptr<nftnl_rule, free_rule> rule{nftnl_rule_alloc()};
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, table.c_str());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.c_str());
  nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, number_of(f));
  auto* target = nftnl_expr_alloc("target");
  nftnl_expr_set_str(target, NFTNL_EXPR_TG_NAME, "NFQUEUE");
  nftnl_expr_set_u32(target, NFTNL_EXPR_TG_REV, 3);
  // The expression frees it. The kernel wants xtables' alignment.
  constexpr size_t size = 8;
  static_assert(sizeof(xt_NFQ_info_v3) <= size);
  auto* info = static_cast<xt_NFQ_info_v3*>(std::calloc(1, size));
  info->queuenum = queue;
  info->queues_total = 1;
  info->flags = NFQ_FLAG_BYPASS;
  nftnl_expr_set(target, NFTNL_EXPR_TG_INFO, info, size);
  nftnl_rule_add_expr(rule.get(), target);
  t.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
        [&](nlmsghdr* h) { nftnl_rule_nlmsg_build_payload(h, rule.get()); });
}

} // namespace

api::result<void> add_queue_rule(ip_family f, const std::string& table, const std::string& chain,
                                 uint16_t queue) {
  transaction t{number_of(f)};
  add_rule(t, f, table, chain, queue);
  if (!t.commit())
    return failed("cannot queue packets to user space");
  return {};
}

api::result<void> try_queue_rule(const std::string& name) {
  transaction t{NFPROTO_IPV4};
  const std::unique_ptr<nftnl_table, free_table> table{nftnl_table_alloc()};
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, name.c_str());
  nftnl_table_set_u32(table.get(), NFTNL_TABLE_FAMILY, NFPROTO_IPV4);
  const auto with_table = [&](nlmsghdr* h) { nftnl_table_nlmsg_build_payload(h, table.get()); };
  t.add(NFT_MSG_NEWTABLE, NLM_F_CREATE, with_table);
  const std::unique_ptr<nftnl_chain, free_chain> chain{nftnl_chain_alloc()};
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, name.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, "ask");
  t.add(NFT_MSG_NEWCHAIN, NLM_F_CREATE,
        [&](nlmsghdr* h) { nftnl_chain_nlmsg_build_payload(h, chain.get()); });
  add_rule(t, ip_family::v4, name, "ask", 0);
  t.add(NFT_MSG_DELTABLE, 0, with_table);
  if (!t.commit())
    return failed("the kernel cannot queue packets to user space (NFQUEUE)");
  return {};
}

} // namespace thespis::proxy
