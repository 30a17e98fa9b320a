// A data path at work in a net_lab, for tests of real packets.
#pragma once

#include "proxy/data/data_path.hpp"
#include "proxy/net_lab.hpp"

#include <boost/test/unit_test.hpp>

#include <set>
#include <stdexcept>

namespace thespis::test {

using namespace thespis::proxy;

inline data_path_options options_for(const std::string& table) {
  data_path_options o;
  o.table = table;
  o.pod_cidrs = {"10.244.0.0/16"};
  o.service_cidrs = {"10.96.0.0/16"};
  return o;
}

/// A data path in the lab's node. Every call runs inside the node, and throws if it fails.
struct programmed {
  explicit programmed(const net_lab& l, data_path_options o = options_for("thespis_test"))
      : lab{l} {
    lab.node.run([&] {
      auto opened = data_path::open(std::move(o));
      if (!opened)
        throw std::runtime_error(opened.error().message);
      path = std::make_unique<data_path>(std::move(*opened));
    });
  }
  void replace(const service_table& t) {
    run([&] { return path->replace(t); });
  }
  void set(const service_port_name& name, const service_port& p) {
    run([&] { return path->change({{name, p}}); });
  }
  void erase(const service_port_name& name) {
    run([&] { return path->change({{name, std::nullopt}}); });
  }
  void remove_all() {
    run([&] { return path->remove_all(); });
  }
  void run(const std::function<api::result<void>()>& f) {
    lab.node.run([&] {
      auto done = f();
      if (!done)
        throw std::runtime_error(done.error().message);
    });
  }

  const net_lab& lab;
  std::unique_ptr<data_path> path;
};

/// Port 80 of `cluster_ip`, served by these pods of the lab.
inline service_port web(const std::string& cluster_ip, const std::vector<size_t>& pods,
                        protocol proto = protocol::tcp) {
  service_port p;
  p.proto = proto;
  p.cluster_ips = {cluster_ip};
  p.port = 80;
  for (auto i : pods)
    p.endpoints.push_back({.ip = net_lab::pod_ip(i), .port = 8080, .node_local = true});
  return p;
}

inline const service_port_name web_name{"default", "web", "http"};
inline const service_port_name other_name{"default", "other", "http"};

/// Who answers 80 requests.
using names = std::set<std::string>;

inline names answers(const net_space& from, const std::string& ip, uint16_t port,
                     bool udp = false) {
  names seen;
  for (int i = 0; i < 80; ++i)
    seen.insert(name_in(udp ? ask_udp(from, ip, port) : ask_tcp(from, ip, port)));
  return seen;
}

inline std::string nft_ruleset(const net_space& where) {
  std::string text;
  where.run([&] {
    FILE* pipe = popen("nft list ruleset", "r");
    BOOST_REQUIRE(pipe);
    char buffer[4096];
    while (auto n = std::fread(buffer, 1, sizeof buffer, pipe))
      text.append(buffer, n);
    BOOST_REQUIRE_EQUAL(pclose(pipe), 0);
  });
  return text;
}

inline void nft(const net_space& where, const std::string& command) {
  where.run([&] { BOOST_REQUIRE_EQUAL(std::system(("nft " + command).c_str()), 0); });
}

/// A precondition: skips a suite where namespaces cannot be made.
inline boost::test_tools::assertion_result takes_namespaces(boost::unit_test::test_unit_id) {
  static const bool may = may_make_net_spaces();
  boost::test_tools::assertion_result result{may};
  result.message() << "making network namespaces takes root";
  return result;
}

} // namespace thespis::test
