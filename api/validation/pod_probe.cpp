#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

void check_port(const json::value& port, const path& at, findings& f) {
  if (port.IsInt64())
    complain(f, at, port.GetInt64(), check_port_number(port.GetInt64()));
  else if (port.IsString())
    complain(f, at, json::as_string(port), check_port_name(json::as_string(port)));
  else
    complain(f, at, 0, check_port_number(0));
}

void check_http(const json::value& http, const path& at, findings& f) {
  if (text(http, "path").empty())
    f.required(path(at, "path"));
  check_port(member(http, "port"), path(at, "port"), f);
  auto scheme = text(http, "scheme");
  if (!scheme.empty() && scheme != "HTTP" && scheme != "HTTPS")
    f.not_supported(path(at, "scheme"), scheme, {"HTTP", "HTTPS"});
  each(http, "httpHeaders", at, [&](const json::value& h, const path&) {
    complain(f, path(at, "httpHeaders"), text(h, "name"), check_http_header_name(text(h, "name")));
  });
}

/// One of exec, httpGet, tcpSocket, grpc, sleep.
void check_handler(const json::value& h, const path& at, findings& f) {
  int handlers = 0;
  auto one_more = [&](std::string_view key) {
    if (!has(h, key))
      return false;
    if (handlers++ == 0)
      return true;
    f.forbidden(path(at, key), "may not specify more than 1 handler type");
    return false;
  };
  if (one_more("exec")) {
    path p(at, "exec");
    if (!filled(member(member(h, "exec"), "command")))
      f.required(path(p, "command"));
  }
  if (one_more("httpGet"))
    check_http(member(h, "httpGet"), path(at, "httpGet"), f);
  if (one_more("tcpSocket")) {
    path p(at, "tcpSocket");
    check_port(member(member(h, "tcpSocket"), "port"), path(p, "port"), f);
  }
  if (one_more("grpc")) {
    path p(at, "grpc");
    check_port(member(member(h, "grpc"), "port"), path(p, "port"), f);
  }
  if (one_more("sleep")) {
    path p(at, "sleep");
    if (auto n = json::get_int(member(h, "sleep"), "seconds"); n < 0)
      f.invalid(path(p, "seconds"), n, "must be non-negative");
  }
  if (handlers == 0)
    f.required(at, "must specify a handler type");
}

void check_probe(const json::value& container, std::string_view name, const path& at, findings& f) {
  const auto& probe = member(container, name);
  if (!probe.IsObject())
    return;
  path p(at, name);
  check_handler(probe, p, f);
  for (std::string_view key : {"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                               "successThreshold", "failureThreshold"})
    nonnegative(f, probe, key, p);
  bool graceful = has(probe, "terminationGracePeriodSeconds");
  if (name == "readinessProbe") {
    if (graceful)
      f.invalid(path(p, "terminationGracePeriodSeconds"),
                json::get_int(probe, "terminationGracePeriodSeconds"),
                "must not be set for readinessProbes");
    return;
  }
  if (graceful && json::get_int(probe, "terminationGracePeriodSeconds") <= 0)
    f.invalid(path(p, "terminationGracePeriodSeconds"),
              json::get_int(probe, "terminationGracePeriodSeconds"), "must be greater than 0");
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
  for (std::string_view name : {"postStart", "preStop"})
    if (has(lifecycle, name))
      check_handler(member(lifecycle, name), path(p, name), f);
}

} // namespace thespis::api
