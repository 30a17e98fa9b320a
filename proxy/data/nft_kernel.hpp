// The nftables table of one cluster, in the network namespace of the thread that opened it.
#pragma once

#include "api/result.hpp"
#include "proxy/data/ruleset.hpp"

#include <memory>
#include <string_view>

struct nft_ctx;

namespace thespis::proxy {

/// Programs the kernel through libnftables. Every call is one transaction: packets see all of it or
/// nothing. Needs CAP_NET_ADMIN. Not thread-safe; calls block for milliseconds, and for tens of
/// thousands of elements for a fraction of a second. Errors are `internal_error` with nft's words.
class nft_kernel {
public:
  /// Fails as `invalid` for bad options.
  static api::result<nft_kernel> open(data_path_options options);

  /// Makes the table hold exactly `rules`, whatever it held: the old rules serve until the new ones
  /// do. Clients forget which endpoint they stuck to. With localhost_node_ports it turns the sysctl
  /// route_localnet on, and an empty chain in the table remembers that remove_all() is to turn it
  /// off.
  api::result<void> replace(const ruleset& rules);

  /// Applies changes to what the table holds. On failure nothing has changed.
  api::result<void> apply(const batch& changes);

  /// Removes the table, and turns route_localnet off if a table of ours turned it on and none is
  /// left that needs it. Succeeds where there is nothing to remove.
  api::result<void> remove_all();

  /// The table in nft's language, empty if there is none.
  api::result<std::string> list();

private:
  struct closer {
    void operator()(nft_ctx* context) const;
  };
  nft_kernel(data_path_options options, nft_ctx* context);

  api::result<std::string> run(const std::string& text);
  api::result<std::vector<std::string>> tables_with_marker();

  data_path_options options_;
  std::unique_ptr<nft_ctx, closer> context_;
};

} // namespace thespis::proxy
