#include "proxy/data/bench.hpp"

#include "proxy/data/data_path.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <sched.h>
#include <thread>

namespace thespis::proxy {

namespace {

using clock = std::chrono::steady_clock;

double milliseconds_since(clock::time_point start) {
  return std::chrono::duration<double, std::milli>(clock::now() - start).count();
}

std::string address(const char* network, size_t i) {
  return network + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
}

service_port sample(size_t i, size_t endpoints) {
  service_port p;
  p.cluster_ips = {address("10.96.", i + 1)};
  p.port = 80;
  for (size_t k = 0; k < endpoints; ++k)
    p.endpoints.push_back({address("10.244.", 2 * i + k + 1), 8080, true, true, false, false});
  return p;
}

service_port_name name_of(size_t i) {
  return {"default", "service-" + std::to_string(i), "http"};
}

// The median time of 51 changes; `next` gives the number of a service and its new state.
template <class Next>
api::result<double> median_change(data_path& path, Next next) {
  std::vector<double> times;
  for (size_t i = 0; i < 51; ++i) {
    auto [which, port] = next(i);
    service_changes changes{{name_of(which), port}};
    auto start = clock::now();
    if (auto done = path.change(changes); !done)
      return api::fail(done.error());
    times.push_back(milliseconds_since(start));
  }
  std::nth_element(times.begin(), times.begin() + 25, times.end());
  return times[25];
}

api::result<programming_figures> measure(size_t n) {
  programming_figures out;
  out.services = n;
  service_table table;
  for (size_t i = 0; i < n; ++i)
    table.emplace(name_of(i), sample(i, 2));
  data_path_options options;
  options.table = "thespis_bench";
  options.pod_cidrs = {"10.244.0.0/16"};
  options.service_cidrs = {"10.96.0.0/16"};
  options.localhost_node_ports = false;
  auto path = data_path::open(options);
  if (!path)
    return api::fail(path.error());
  auto start = clock::now();
  auto rules = plan(table);
  out.plan = milliseconds_since(start);
  start = clock::now();
  if (auto done = path->replace(table); !done)
    return api::fail(done.error());
  out.from_nothing = milliseconds_since(start);
  auto change = median_change(*path, [n](size_t i) {
    auto which = i * 7919 % n;
    auto p = sample(which, 2);
    p.endpoints[0].ip = address("10.245.", i + 1);
    return std::pair{which, p};
  });
  if (!change)
    return api::fail(change.error());
  out.change = *change;
  auto scale = median_change(*path, [n](size_t i) {
    return std::pair{n / 2, sample(n / 2, i % 2 == 0 ? 3 : 2)};
  });
  if (!scale)
    return api::fail(scale.error());
  out.scale = *scale;
  return out;
}

} // namespace

api::result<programming_figures> program_from_nothing(size_t n) {
  if (n == 0 || n > 30000)
    return api::fail(api::bad_request("between 1 and 30000 services can be measured"));
  api::result<programming_figures> out;
  // The namespace goes when the thread does.
  std::thread{[&] {
    if (unshare(CLONE_NEWNET) != 0)
      out = api::fail(api::internal_error(std::string{"cannot make a network namespace: "} +
                                          std::strerror(errno)));
    else
      out = measure(n);
  }}.join();
  return out;
}

std::string to_string(const programming_figures& f) {
  char text[200];
  std::snprintf(text, sizeof text,
                "%zu services of 2 endpoints: planned %.1f ms, in the kernel from nothing %.1f ms, "
                "an endpoint exchanged %.2f ms, a service scaled %.2f ms",
                f.services, f.plan, f.from_nothing, f.change, f.scale);
  return text;
}

} // namespace thespis::proxy
