// The kernel data path of one cluster's services in one address family.
#pragma once

#include "api/result.hpp"
#include "proxy/data/nft_kernel.hpp"
#include "proxy/data/planner.hpp"

#include <map>
#include <optional>

namespace thespis::proxy {

/// A changed service port, or nothing for one that is gone.
using service_changes = std::map<service_port_name, std::optional<service_port>>;

/// One half of a data_path, which says what its functions mean; services of the other family are
/// passed over.
class family_path {
public:
  static api::result<family_path> open(data_path_options options);

  api::result<void> replace(const service_table& services);
  api::result<void> change(const service_changes& changes);
  api::result<bool> set_service_cidrs(const std::vector<std::string>& cidrs);
  api::result<void> guard(const guarded_addresses& guards);
  api::result<void> remove_all();

private:
  family_path(ip_family family, nft_kernel kernel) : family_{family}, kernel_{std::move(kernel)} {}

  api::result<void> program_anew();

  ip_family family_;
  nft_kernel kernel_;
  planner planner_;
  std::optional<guarded_addresses> guards_; // what the kernel holds; nothing: unknown
  bool in_step_ = false; // the kernel holds planner_'s rules as of its last take()
};

} // namespace thespis::proxy
