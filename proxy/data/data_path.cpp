#include "proxy/data/data_path.hpp"

#include "proxy/data/conntrack.hpp"

#include <spdlog/spdlog.h>

namespace thespis::proxy {

api::result<data_path> data_path::open(data_path_options options) {
  auto kernel = nft_kernel::open(std::move(options));
  if (!kernel)
    return api::fail(kernel.error());
  return data_path{std::move(*kernel)};
}

api::result<void> data_path::replace(const service_table& services) {
  for (const auto& name : planner_.names())
    if (!services.count(name))
      planner_.erase(name);
  for (const auto& [name, port] : services)
    planner_.set(name, port);
  in_step_ = false;
  return program(planner_.take());
}

api::result<void> data_path::change(const service_changes& changes) {
  for (const auto& [name, port] : changes) {
    if (port)
      planner_.set(name, *port);
    else
      planner_.erase(name);
  }
  return program(planner_.take());
}

api::result<void> data_path::program(const batch& changes) {
  bool stepwise = in_step_;
  if (in_step_) {
    auto done = kernel_.apply(changes);
    if (!done) {
      spdlog::warn("service rules are programmed anew: {}", done.error().message);
      in_step_ = false;
    }
  }
  if (!in_step_) {
    if (auto done = kernel_.replace(planner_.rules()); !done)
      return done;
    in_step_ = true;
  }
  // After the rules, or a packet in between would make the same entry again.
  auto forgotten = stepwise ? forget_flows(changes.stale) : forget_all_but(planner_.rules());
  if (!forgotten)
    spdlog::warn("stale UDP flows may remain: {}", forgotten.error().message);
  return {};
}

api::result<void> data_path::remove_all() {
  planner_ = {};
  in_step_ = false;
  return kernel_.remove_all();
}

} // namespace thespis::proxy
