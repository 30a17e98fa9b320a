#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

void check_probe(const json::value& container, std::string_view name, const path& at, findings& f) {
  const auto& probe = member(container, name);
  if (!probe.IsObject())
    return;
  path p(at, name);
  path grace(p, "terminationGracePeriodSeconds");
  bool graceful = has(probe, "terminationGracePeriodSeconds");
  auto seconds = json::get_int(probe, "terminationGracePeriodSeconds");
  if (name == "readinessProbe") {
    // A container that is not ready goes on running.
    if (graceful)
      f.invalid(grace, seconds, "must not be set for readinessProbes");
    return;
  }
  if (graceful && seconds <= 0)
    f.invalid(grace, seconds, "must be greater than 0");
  if (auto n = json::get_int(probe, "successThreshold", 1); n != 1)
    f.invalid(path(p, "successThreshold"), n, "must be 1");
}

} // namespace

void validate_probes(const json::value& container, const path& at, findings& f) {
  for (std::string_view name : {"livenessProbe", "readinessProbe", "startupProbe"})
    check_probe(container, name, at, f);
}

void validate_lifecycle(const json::value& container, const path& at, findings& f) {
  const auto& lifecycle = member(container, "lifecycle");
  path p(at, "lifecycle");
  for (std::string_view name : {"postStart", "preStop"}) {
    const auto& sleep = member(member(lifecycle, name), "sleep");
    path handler(p, name);
    path sleep_at(handler, "sleep");
    if (auto n = json::get_int(sleep, "seconds"); n < 0)
      f.invalid(path(sleep_at, "seconds"), n, "must be non-negative");
  }
}

} // namespace thespis::api
