#include "actors/pod/container_record.hpp"

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

std::chrono::seconds seconds_of(const std::optional<int32_t>& value, int32_t fallback) {
  return std::chrono::seconds{value.value_or(fallback)};
}

} // namespace

void probe_record::arm(const api::v1::probe& spec, time started) {
  *this = probe_record{};
  due = started + seconds_of(spec.initial_delay_seconds, 0);
}

std::chrono::nanoseconds probe_record::eager_wait() const {
  constexpr std::chrono::nanoseconds first = 50ms;
  return first * (int64_t{1} << std::clamp(failures - 1, 0, 20));
}

bool probe_record::eager(const api::v1::probe& spec) const {
  return !passed && eager_wait() < seconds_of(spec.period_seconds, 10);
}

void probe_record::take(const api::v1::probe& spec, bool success, std::string message, time now) {
  under_way = false;
  last_message = std::move(message);
  due = now + seconds_of(spec.period_seconds, 10);
  if (success) {
    failures = 0;
    if (++successes >= spec.success_threshold.value_or(1))
      verdict = passed = true;
  } else {
    successes = 0;
    if (++failures >= spec.failure_threshold.value_or(3))
      verdict = false;
  }
}

bool may_become(container_phase from, container_phase to) {
  using enum container_phase;
  switch (from) {
  case waiting:
    return to == starting;
  case starting:
    return to == running || to == waiting || to == exited;
  case running:
    return to == stopping || to == exited;
  case stopping:
    return to == exited || to == running;
  case exited:
    return to == starting || to == waiting;
  }
  return false;
}

bool container_record::started() const {
  // Being asked to stop does not make it unready; the API says otherwise that the pod ends.
  return (phase == container_phase::running || phase == container_phase::stopping) &&
         (!spec.startup_probe || startup.verdict == true);
}

bool container_record::ready() const {
  return started() && (!spec.readiness_probe || readiness.verdict == true);
}

probe_record& container_record::probe(probe_kind kind) {
  switch (kind) {
  case probe_kind::startup:
    return startup;
  case probe_kind::liveness:
    return liveness;
  case probe_kind::readiness:
    return readiness;
  }
  return readiness;
}

const api::v1::probe* container_record::probe_spec(probe_kind kind) const {
  switch (kind) {
  case probe_kind::startup:
    return spec.startup_probe.get();
  case probe_kind::liveness:
    return spec.liveness_probe.get();
  case probe_kind::readiness:
    return spec.readiness_probe.get();
  }
  return nullptr;
}

std::chrono::nanoseconds crash_back_off(int failures) {
  // The first restart is immediate.
  if (failures <= 0)
    return 0s;
  return std::min<std::chrono::nanoseconds>(10s * (int64_t{1} << std::min(failures - 1, 10)), 5min);
}

} // namespace thespis::actors
