// The nftables rules of NetworkPolicies, in the network namespace of the thread that opened them.
#pragma once

#include "api/result.hpp"
#include "proxy/data/address_family.hpp"
#include "proxy/policy/policy_rules.hpp"

#include <memory>

struct nft_ctx;

namespace thespis::proxy {

/// Programs one family's rules into the kernel through libnftables. Needs CAP_NET_ADMIN. Not
/// thread-safe; calls block for milliseconds. Errors are `internal_error` with nft's words.
class policy_kernel {
public:
  /// `table`: of letters, digits and underscores; another one for each cluster on a machine.
  static api::result<policy_kernel> open(ip_family f, std::string table);

  /// Makes the kernel hold these rules, by changing what differs from the last time; the first
  /// time, and where the kernel refuses since somebody else changed the table, by replacing it.
  /// Without rules there is no table.
  api::result<void> hold(const policy_rules& rules);

private:
  struct closer {
    void operator()(nft_ctx* context) const;
  };
  policy_kernel(ip_family f, std::string table, nft_ctx* context)
      : family_(f), table_(std::move(table)), context_(context) {}

  api::result<void> run(const std::string& text);
  api::result<void> change(const policy_rules& rules);

  ip_family family_;
  std::string table_;
  std::unique_ptr<nft_ctx, closer> context_;
  policy_rules held_;
  bool in_step_ = false; ///< the kernel holds `held_`, which is not empty
};

/// The table beside that of the services.
std::string policy_table_name(const std::string& services_table);

} // namespace thespis::proxy
