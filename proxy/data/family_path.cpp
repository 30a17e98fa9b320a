#include "proxy/data/family_path.hpp"

#include "proxy/data/conntrack.hpp"

#include <spdlog/spdlog.h>

namespace thespis::proxy {

api::result<family_path> family_path::open(data_path_options options) {
  const auto family = options.family;
  auto kernel = nft_kernel::open(std::move(options));
  if (!kernel)
    return api::fail(kernel.error());
  return family_path{family, std::move(*kernel)};
}

api::result<void> family_path::replace(const service_table& services) {
  planner_.reset(services, family_);
  return program_anew();
}

api::result<void> family_path::change(const service_changes& changes) {
  for (const auto& [name, port] : changes) {
    if (name.family != family_)
      continue;
    if (port)
      planner_.set(name, *port);
    else
      planner_.erase(name);
  }
  auto batch = planner_.take();
  if (!in_step_)
    return program_anew();
  if (auto done = kernel_.apply(batch); !done) {
    spdlog::warn("service rules are programmed anew: {}", done.error().message);
    return program_anew();
  }
  // After the rules, or a packet in between would make the same entry again.
  if (auto done = forget_flows(family_, batch.stale); !done)
    spdlog::warn("stale UDP flows may remain: {}", done.error().message);
  return {};
}

api::result<void> family_path::program_anew() {
  in_step_ = false;
  auto rules = planner_.rules();
  if (auto done = kernel_.replace(rules); !done)
    return done;
  in_step_ = true;
  if (auto done = forget_all_but(family_, rules); !done)
    spdlog::warn("stale UDP flows may remain: {}", done.error().message);
  return {};
}

api::result<bool> family_path::set_service_cidrs(const std::vector<std::string>& cidrs) {
  if (cidrs == kernel_.service_cidrs())
    return false;
  if (auto done = kernel_.set_service_cidrs(cidrs); !done)
    return api::fail(done.error());
  in_step_ = false;
  return true;
}

api::result<void> family_path::guard(const guarded_addresses& guards) {
  if (guards_ == guards)
    return {};
  guards_.reset();
  if (auto done = kernel_.guard(guards); !done)
    return done;
  guards_ = guards;
  return {};
}

api::result<void> family_path::remove_all() {
  planner_ = {};
  if (auto done = guard({}); !done)
    return done;
  in_step_ = false;
  return kernel_.remove_all();
}

} // namespace thespis::proxy
