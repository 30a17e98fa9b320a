// A kubelet for tests: all pods run at once, or as the test says.
#pragma once

#include "actors/fixture.hpp"
#include "api/generated/core_v1_pod.hpp"

#include <string>

namespace thespis::test {

/// Puts the pod on a node and gives it an address; `ready` is its Ready condition.
inline void run_pod(cluster_fixture& f, const api::v1::pod& p, bool ready = true,
                    std::string_view ns = "default", int address = 0) {
  if (p.spec.node_name.empty()) {
    api::call bind;
    bind.verb = api::verb::create;
    bind.resource = "pods";
    bind.subresource = "binding";
    bind.ns = ns;
    bind.name = p.metadata.name;
    bind.body = R"({"apiVersion":"v1","kind":"Binding","metadata":{"name":")" + p.metadata.name +
                R"("},"target":{"kind":"Node","name":"node-1"}})";
    f.must(bind);
  }
  static int next = 0;
  const auto n = address ? address : ++next % 60000 + 256;
  const auto ip = "10.42." + std::to_string(n / 256) + "." + std::to_string(n % 256);
  f.patch("pods", p.metadata.name,
          R"({"status":{"phase":"Running","podIP":")" + ip + R"(","podIPs":[{"ip":")" + ip +
              R"("}],"conditions":[{"type":"Ready","status":")" + (ready ? "True" : "False") +
              R"(","lastTransitionTime":")" + f.timestamp() + R"("}]}})",
          "status", ns);
}

/// Starts every pod that waits and ends every pod that is being deleted. False when there was
/// nothing to do.
inline bool run_pods(cluster_fixture& f, std::string_view ns = "default") {
  bool res = false;
  for (const auto& p : f.list<api::v1::pod>(ns)) {
    if (!p.metadata.deletion_timestamp.empty()) {
      f.remove("pods", p.metadata.name, ns, api::propagation::background, 0);
      res = true;
    } else if (p.status.phase == "Pending" || p.status.phase.empty()) {
      run_pod(f, p, true, ns);
      res = true;
    }
  }
  f.settle();
  return res;
}

/// Until all pods run that shall and nothing changes any more. Objects change a second apart.
inline void run_to_rest(cluster_fixture& f, std::string_view ns = "default") {
  for (int i = 0; i < 100; ++i) {
    const bool busy = run_pods(f, ns);
    f.advance(1s);
    if (!busy)
      return;
  }
  BOOST_FAIL("pods come and go without an end");
}

} // namespace thespis::test
