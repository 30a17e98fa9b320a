#include "proxy/data/nft_kernel.hpp"

#include "proxy/data/nft_text.hpp"
#include "proxy/data/queue_rule.hpp"

#include <fstream>
#include <nftables/libnftables.h>
#include <sstream>

namespace thespis::proxy {

namespace {

// Per network namespace: procfs shows that of the thread that opens it.
constexpr const char* route_localnet = "/proc/sys/net/ipv4/conf/all/route_localnet";

bool route_localnet_on() {
  std::ifstream in{route_localnet};
  return in.get() == '1';
}

api::result<void> set_route_localnet(bool on) {
  std::ofstream out{route_localnet};
  out << (on ? "1" : "0") << std::flush;
  if (!out)
    return api::fail(api::internal_error(std::string{"cannot write "} + route_localnet));
  return {};
}

} // namespace

void nft_kernel::closer::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

nft_kernel::nft_kernel(data_path_options options, nft_ctx* context)
    : options_{std::move(options)}, context_{context} {}

api::result<nft_kernel> nft_kernel::open(data_path_options options) {
  if (auto ok = check(options); !ok)
    return api::fail(ok.error());
  auto* context = nft_ctx_new(NFT_CTX_DEFAULT);
  if (!context)
    return api::fail(api::internal_error("cannot open nftables"));
  nft_kernel kernel{std::move(options), context};
  if (nft_ctx_buffer_output(context) != 0 || nft_ctx_buffer_error(context) != 0)
    return api::fail(api::internal_error("cannot buffer the output of nftables"));
  return kernel;
}

api::result<void> nft_kernel::set_service_cidrs(std::vector<std::string> cidrs) {
  auto next = options_;
  next.service_cidrs = std::move(cidrs);
  if (auto ok = check(next); !ok)
    return ok;
  options_ = std::move(next);
  return {};
}

api::result<std::string> nft_kernel::run(const std::string& text) {
  int failed = nft_run_cmd_from_buffer(context_.get(), text.c_str());
  // Reading a buffer also empties it.
  std::string output = nft_ctx_get_output_buffer(context_.get());
  std::string errors = nft_ctx_get_error_buffer(context_.get());
  if (failed)
    return api::fail(api::internal_error("nftables: " + errors.substr(0, errors.find('\n'))));
  return output;
}

// `list chains` prints "table ip NAME {" and within it "chain NAME {". The rules themselves are
// listed only of our own base chain: a foreign table may be large.
api::result<nft_kernel::inventory> nft_kernel::look() {
  auto text = run("list chains " + std::string{words_of(options_.family).family});
  if (!text)
    return api::fail(text.error());
  inventory out;
  std::istringstream words{*text};
  std::string word, family, table, chain;
  while (words >> word) {
    if (word == "table") {
      words >> family >> table;
      continue;
    }
    if (word != "chain" || !(words >> chain))
      continue;
    bool ours = table == options_.table + "_0" || table == options_.table + "_1";
    if (chain == localnet_marker)
      (ours ? out.marked : out.others_marked) = true;
    if (ours && chain == "prerouting") {
      auto rules = run("list chain " + std::string{words_of(options_.family).family} + " " + table +
                       " prerouting");
      if (!rules)
        return api::fail(rules.error());
      bool serves = rules->find("jump services") != std::string::npos;
      (serves ? out.serving : out.retired).push_back(table);
    }
  }
  return out;
}

api::result<void> nft_kernel::guard(const guarded_addresses& guards) {
  if (auto done = run(guards_text(options_.family, guards_table_name(options_.table), guards));
      !done)
    return api::fail(done.error());
  return {};
}

api::result<void> nft_kernel::replace(const ruleset& rules) {
  auto there = look();
  if (!there)
    return api::fail(there.error());
  // Where another cluster's table turned it on, whichever of the two goes last turns it off.
  bool on = route_localnet_on();
  bool marker = options_.localhost_node_ports && (!on || there->marked || there->others_marked);
  // An earlier run may have ended with two tables that serve: the second to be built goes first.
  if (there->serving.size() == 2) {
    if (auto done = run(retirement_text(options_.family, there->serving.back())); !done)
      return api::fail(done.error());
    there->serving.pop_back();
  }
  auto name = [&](const char* suffix) { return options_.table + suffix; };
  bool first = there->serving.empty() || there->serving.front() == name("_1");
  auto next = name(first ? "_0" : "_1");
  auto last = name(first ? "_1" : "_0");
  table_.clear();
  if (auto done = run(replacement_text(options_, next, rules, marker)); !done)
    return api::fail(done.error());
  if (options_.queue)
    if (auto done = add_queue_rule(options_.family, next, "ask", *options_.queue); !done)
      return api::fail(done.error());
  if (!there->serving.empty())
    if (auto done = run(retirement_text(options_.family, last)); !done)
      return api::fail(done.error());
  if (auto done = run(removal_text(options_.family, last)); !done)
    return api::fail(done.error());
  table_ = next;
  // After the table, for the guard comes with it.
  if (options_.localhost_node_ports && !on)
    return set_route_localnet(true);
  return {};
}

api::result<void> nft_kernel::apply(const batch& changes) {
  if (table_.empty())
    return api::fail(api::internal_error("there are no service rules to change"));
  for (const auto& text :
       {chains_text(options_, table_, changes), change_text(options_, table_, changes)}) {
    if (text.empty())
      continue;
    if (auto done = run(text); !done)
      return api::fail(done.error());
  }
  return {};
}

api::result<void> nft_kernel::remove_all() {
  auto there = look();
  if (!there)
    return api::fail(there.error());
  table_.clear();
  // Before the tables, for the guard goes with them.
  if (there->marked && !there->others_marked)
    if (auto off = set_route_localnet(false); !off)
      return off;
  auto done = run(removal_text(options_.family, options_.table + "_0") +
                  removal_text(options_.family, options_.table + "_1"));
  if (!done)
    return api::fail(done.error());
  return {};
}

} // namespace thespis::proxy
