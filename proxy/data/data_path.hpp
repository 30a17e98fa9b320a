// The kernel data path of one cluster's services on this machine, as the kube-proxy actor uses it.
#pragma once

#include "api/result.hpp"
#include "proxy/data/nft_kernel.hpp"
#include "proxy/data/planner.hpp"

#include <map>
#include <optional>

namespace thespis::proxy {

/// A changed service port, or nothing for one that is gone.
using service_changes = std::map<service_port_name, std::optional<service_port>>;

/// Holds what services there are and keeps the kernel in step. Calls block while the kernel works:
/// milliseconds for a change, a fraction of a second for ten thousand services. Not thread-safe;
/// all calls from threads of one network namespace.
class data_path {
public:
  /// Touches nothing yet. Fails as `invalid` for bad options.
  static api::result<data_path> open(data_path_options options);

  /// Makes the kernel hold exactly these services: for the first complete view after a start. What
  /// an earlier run left serves until then.
  api::result<void> replace(const service_table& services);

  /// Applies changes in one transaction. When the kernel refuses, which means that someone else
  /// changed our table, everything is programmed anew; an error means that this failed too and that
  /// the next call tries again.
  api::result<void> change(const service_changes& changes);

  /// The ranges of cluster addresses, of which none lies within another. With others than before
  /// the next call of `replace` or `change` programs everything anew: whether they are others.
  /// Fails as `invalid` for bad ones.
  api::result<bool> set_service_cidrs(const std::vector<std::string>& cidrs);

  /// Lets only those ranges use these addresses, from before anything is programmed that leads
  /// there: call it first.
  api::result<void> guard(const guarded_addresses& guards);

  /// Removes every trace from the kernel and forgets all services.
  api::result<void> remove_all();

private:
  explicit data_path(nft_kernel kernel) : kernel_{std::move(kernel)} {}

  api::result<void> program_anew();

  nft_kernel kernel_;
  planner planner_;
  std::optional<guarded_addresses> guards_; // what the kernel holds; nothing: unknown
  bool in_step_ = false; // the kernel holds planner_'s rules as of its last take()
};

} // namespace thespis::proxy
