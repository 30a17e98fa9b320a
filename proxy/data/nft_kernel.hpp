// The nftables rules of one cluster and address family, in the network namespace of the thread that
// opened it.
#pragma once

#include "api/result.hpp"
#include "proxy/data/ruleset.hpp"
#include "proxy/data/source_ranges.hpp"

#include <memory>
#include <string_view>

struct nft_ctx;

namespace thespis::proxy {

/// Programs the kernel through libnftables. Needs CAP_NET_ADMIN. Not thread-safe; calls block for
/// milliseconds, and for tens of thousands of elements for a fraction of a second. Errors are
/// `internal_error` with nft's words.
///
/// No new connection is without rules at any time. A packet may see the rules of one generation and
/// the elements of the next when both change under it, so nothing is exchanged in place: replace()
/// builds a second table beside the one that serves, takes the first one's look-ups away and only
/// then its elements.
class nft_kernel {
public:
  /// Fails as `invalid` for bad options.
  static api::result<nft_kernel> open(data_path_options options);

  /// From the next replace() on, these are the ranges of cluster addresses. Fails as `invalid` for
  /// bad ones, and changes nothing then.
  api::result<void> set_service_cidrs(std::vector<std::string> cidrs);
  const std::vector<std::string>& service_cidrs() const { return options_.service_cidrs; }

  /// Makes the kernel hold exactly `rules`, whatever an earlier run left. Clients forget which
  /// endpoint they stuck to. With localhost_node_ports it turns the sysctl route_localnet on, and
  /// an empty chain in the table remembers that remove_all() is to turn it off.
  api::result<void> replace(const ruleset& rules);

  /// Applies changes, their elements in one transaction, to what replace() and apply() have made.
  /// Fails if there is no such thing, or if someone else changed it; then no element has changed.
  api::result<void> apply(const batch& changes);

  /// Makes the guards' table hold exactly these.
  api::result<void> guard(const guarded_addresses& guards);

  /// Removes the tables, and turns route_localnet off if a table of ours turned it on and none is
  /// left that needs it. Succeeds where there is nothing to remove.
  api::result<void> remove_all();

private:
  struct closer {
    void operator()(nft_ctx* context) const;
  };
  nft_kernel(data_path_options options, nft_ctx* context);

  // Tables, of ours and of others.
  struct inventory {
    std::vector<std::string> serving; // ours, and new connections are looked up
    std::vector<std::string> retired; // ours, and they are not
    bool marked = false;              // one of ours has the marker
    bool others_marked = false;
  };

  api::result<std::string> run(const std::string& text);
  api::result<inventory> look();

  data_path_options options_;
  std::unique_ptr<nft_ctx, closer> context_;
  std::string table_; // the one that serves, empty if unknown
};

} // namespace thespis::proxy
