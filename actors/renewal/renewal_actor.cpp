#include "actors/renewal/renewal_actor.hpp"

namespace thespis::actors {

namespace {

constexpr std::chrono::seconds retry_delay{60};

} // namespace

renewal_actor::behavior_type renewal_actor::make_behavior() {
  show_state("waiting");
  wait(deps_.interval);
  return {[](continuation& c) { c.run(); }};
}

void renewal_actor::wait(std::chrono::seconds delay) {
  this->delayed_send(this, delay, continuation{[this] { look(); }});
}

void renewal_actor::look() {
  auto finished = on_actor<bool>(this, [this](bool) {
    show_state("waiting");
    wait(deps_.interval);
  });
  show_state("looking");
  const bool begun = deps_.run([renew = deps_.renew, now = deps_.clock->now(), finished] {
    renew(now);
    finished(true);
  });
  if (begun) {
    ++looks_;
  } else {
    show_state("waiting");
    wait(retry_delay);
  }
}

std::string renewal_actor::describe() const {
  return "{\"looks\":" + std::to_string(looks_) + "}";
}

} // namespace thespis::actors
