#include "proxy/data/nft_kernel.hpp"

#include "proxy/data/nft_text.hpp"

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

api::result<std::string> nft_kernel::run(const std::string& text) {
  int failed = nft_run_cmd_from_buffer(context_.get(), text.c_str());
  // Reading a buffer also empties it.
  std::string output = nft_ctx_get_output_buffer(context_.get());
  std::string errors = nft_ctx_get_error_buffer(context_.get());
  if (failed)
    return api::fail(api::internal_error("nftables: " + errors.substr(0, 500)));
  return output;
}

// `list chains` prints "table ip NAME {" and within it "chain NAME {".
api::result<std::vector<std::string>> nft_kernel::tables_with_marker() {
  auto text = run("list chains ip");
  if (!text)
    return api::fail(text.error());
  std::vector<std::string> out;
  std::istringstream words{*text};
  std::string word, table, name;
  while (words >> word) {
    if (word == "table" && words >> name)
      words >> table;
    else if (word == "chain" && words >> name && name == localnet_marker)
      out.push_back(table);
  }
  return out;
}

api::result<void> nft_kernel::replace(const ruleset& rules) {
  bool marker = false;
  if (options_.localhost_node_ports) {
    auto marked = tables_with_marker();
    if (!marked)
      return api::fail(marked.error());
    // Where another table turned it on, whichever of the two goes last turns it off.
    marker = !route_localnet_on() || !marked->empty();
    // The guard comes with the table, so the table comes first.
  }
  auto done = run(replacement_text(options_, rules, marker));
  if (!done)
    return api::fail(done.error());
  if (options_.localhost_node_ports && !route_localnet_on())
    return set_route_localnet(true);
  return {};
}

api::result<void> nft_kernel::apply(const batch& changes) {
  if (changes.empty())
    return {};
  auto done = run(change_text(options_, changes));
  if (!done)
    return api::fail(done.error());
  return {};
}

api::result<void> nft_kernel::remove_all() {
  auto marked = tables_with_marker();
  if (!marked)
    return api::fail(marked.error());
  bool last = marked->size() == 1 && marked->front() == options_.table;
  if (last)
    if (auto off = set_route_localnet(false); !off)
      return off;
  auto done = run(removal_text(options_));
  if (!done)
    return api::fail(done.error());
  return {};
}

api::result<std::string> nft_kernel::list() {
  auto tables = run("list tables ip");
  if (!tables)
    return tables;
  if ((*tables).find("table ip " + options_.table + "\n") == std::string::npos)
    return std::string{};
  return run("list table ip " + options_.table);
}

} // namespace thespis::proxy
