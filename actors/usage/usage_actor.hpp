// Asks all nodes now and then what they use. See usage_interface.hpp.
#pragma once

#include "actors/usage/usage_interface.hpp"
#include "actors/usage/usage_state.hpp"
#include "runtime/environment.hpp"

#include <chrono>
#include <memory>

namespace thespis::actors {

struct usage_deps {
  runtime::environment env;
  std::shared_ptr<usage_book> book;
  std::chrono::seconds interval{15};
};

/// One a cluster. A node that does not answer before it is asked again is not told of.
class usage_actor : public runtime::actor_base<usage_handle> {
public:
  usage_actor(caf::actor_config& cfg, usage_deps deps)
      : actor_base(cfg, "usage"), deps_(std::move(deps)) {}
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  void ask();

  usage_deps deps_;
  uint64_t rounds_ = 0;
  uint64_t failures_ = 0;
};

} // namespace thespis::actors
