// The kernel data path of one cluster's services on this machine, as the kube-proxy actor uses it.
#pragma once

#include "proxy/data/family_path.hpp"

namespace thespis::proxy {

/// Holds what services there are and keeps the kernel in step. Calls block while the kernel works:
/// milliseconds for a change, a fraction of a second for ten thousand services. Not thread-safe;
/// all calls from threads of one network namespace.
///
/// Each address family has tables of its own; those of IPv6 are there only once a range or a
/// service of it is, so that a cluster without costs nothing for it.
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
  api::result<void> guard(const by_family<guarded_addresses>& guards);

  /// Removes every trace from the kernel and forgets all services.
  api::result<void> remove_all();

private:
  /// Of IPv6. `unknown`: nothing of it was programmed, but an earlier run may have left something.
  enum class use : uint8_t { unknown, none, yes, impossible };

  data_path(family_path four, family_path six) : v4_{std::move(four)}, v6_{std::move(six)} {}

  void want_v6(bool wanted);

  family_path v4_;
  family_path v6_;
  use six_ = use::unknown;
};

} // namespace thespis::proxy
