#include "tools/bench/run_bench.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>

namespace thespis::tools::bench {

namespace {

std::string footer() {
  std::string out =
      "\nWhat there is to measure (all but what says otherwise, when nothing is named):\n";
  for (const auto& m : measurements()) {
    auto name = std::string{m.name};
    out += "  " + name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ');
    for (auto c : m.help) {
      out += c;
      if (c == '\n')
        out += "                ";
    }
    out += "\n";
  }
  return out + R"(
Nothing here touches a cluster that runs: each measurement is a process of its own, with a
temporary data directory and an API on a free port of 127.0.0.1. The columns RATIO and TARGET
compare with figures of Kubernetes 1.34 (etcd, QPS limits raised) on a machine of two cores.

Examples:
  thespis bench pods                      20 Deployments of 200 pods on 100 simulated nodes
  thespis bench pods --nodes 1000 --deployments 100
  thespis bench get list --seconds 10 --connections 8
  thespis bench -o json > figures.json
)";
}

} // namespace

tl::expected<options, int> parse_options(const std::vector<std::string>& arguments) {
  options o;
  CLI::App app{"Measure Thespis on this machine", "thespis bench"};
  app.get_formatter()->column_width(34);
  app.footer(footer());
  std::vector<std::string> names;
  for (const auto& m : measurements())
    names.emplace_back(m.name);
  app.add_option("WHAT", o.what, "What to measure, see below")
      ->check(CLI::IsMember(names).description(""))
      ->type_name("");
  const auto count = [&app](const char* name, int& into, const char* what, int most) {
    app.add_option(name, into, what)
        ->check(CLI::Range(1, most).description(""))
        ->type_name("N")
        ->capture_default_str();
  };
  count("--seconds", o.seconds, "How long each rate is measured", 3600);
  count("--nodes", o.nodes, "Simulated nodes (110 pods each at most)", 10'000);
  count("--deployments", o.deployments, "Deployments of `pods`", 10'000);
  count("--replicas", o.replicas, "Pods of each", 10'000);
  count("--memory-pods", o.memory_pods, "Pods of `memory`", 100'000);
  count("--listed-pods", o.listed_pods, "Pods of `list-all`", 200'000);
  count("--idle-watchers", o.idle_watchers, "Connections of `watchers`", 9'000);
  count("--slow-clients", o.slow_clients, "Clients of `slow-clients` that never finish", 30'000);
  count("--services", o.services, "Services of `services`", 30'000);
  count("--agents", o.agents, "Agents of `joining`", 1000);
  count("--connections", o.connections, "Connections of `get` and `list`", 256);
  app.add_option("--image", o.image, "Archive of an image for `real-pods` (see tools/sample_image)")
      ->check(CLI::ExistingFile.description(""))
      ->type_name("FILE");
  app.add_flag("--explain", o.explain, "Tell where the time of `pods` went, by kind of actor");
  app.add_option("--directory", o.directory, "Where the temporary data directories are made")
      ->check(CLI::ExistingDirectory.description(""))
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option("-o,--output", o.output, "Form of the output")
      ->check(CLI::IsMember({std::string{"table"}, std::string{"json"}}).description(""))
      ->type_name("table|json")
      ->capture_default_str();
  try {
    // CLI11 takes the arguments from the back.
    app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
  } catch (const CLI::ParseError& e) {
    return tl::unexpected<int>{app.exit(e) == 0 ? 0 : 2};
  }
  return o;
}

} // namespace thespis::tools::bench
