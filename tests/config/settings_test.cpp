#include "config/settings.hpp"
#include "config/settings_reader.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

using namespace thespis;
using namespace std::chrono_literals;

namespace {

std::string problems_of(const std::string& yaml) {
  config::settings_reader reader;
  reader.read_text(yaml, "t.yaml");
  auto result = reader.finish();
  return result ? std::string{} : result.error().message;
}

config::settings good(const std::string& yaml) {
  config::settings_reader reader;
  reader.read_text(yaml, "t.yaml");
  auto result = reader.finish();
  BOOST_REQUIRE_MESSAGE(result, result.error().message);
  return *result;
}

std::set<std::string> keys_of_default_yaml() {
  std::set<std::string> keys;
  std::string group;
  std::istringstream in{std::string{config::default_yaml()}};
  for (std::string line; std::getline(in, line);) {
    auto text = line.find_first_not_of(' ');
    if (text == std::string::npos || line[text] == '#')
      continue;
    auto colon = line.find(':');
    auto word = line.substr(text, colon - text);
    if (text > 0)
      keys.insert(group + "." + word);
    else if (colon + 1 == line.size())
      group = word;
    else
      keys.insert(word);
  }
  return keys;
}

} // namespace

BOOST_AUTO_TEST_SUITE(settings)

BOOST_AUTO_TEST_CASE(documented_defaults_are_the_built_in_ones) {
  auto loaded = good(std::string{config::default_yaml()});
  config::settings built_in;
  for (const auto& o : config::options())
    BOOST_CHECK_EQUAL(config::value_to_string(o, loaded), config::value_to_string(o, built_in));
}

BOOST_AUTO_TEST_CASE(every_option_is_documented) {
  auto documented = keys_of_default_yaml();
  for (const auto& o : config::options())
    BOOST_CHECK_MESSAGE(documented.contains(std::string{o.key}), o.key << " is not documented");
  BOOST_CHECK_EQUAL(documented.size(), config::options().size());
}

BOOST_AUTO_TEST_CASE(empty_file_keeps_the_defaults) {
  BOOST_CHECK_EQUAL(good("").api.port, 6443);
  BOOST_CHECK_EQUAL(good("# nothing\n").api.port, 6443);
  BOOST_CHECK_EQUAL(good("api:\n").api.port, 6443);
}

BOOST_AUTO_TEST_CASE(reads_every_type_of_value) {
  auto s = good("data-dir: /tmp/x\n"
                "api: {port: 7443, max-body: 4Mi, idle-timeout: 1m30s, tls-sans: [a.example, b]}\n"
                "network:\n"
                "  pod-cidr: 10.1.0.0/16\n"
                "  service-node-ports: 31000-31999\n"
                "node: {local: false}\n");
  BOOST_CHECK_EQUAL(s.data_dir, "/tmp/x");
  BOOST_CHECK_EQUAL(s.api.port, 7443);
  BOOST_CHECK_EQUAL(s.api.max_body, 4 << 20);
  BOOST_CHECK(s.api.idle_timeout == 90s);
  BOOST_CHECK_EQUAL(s.api.tls_sans.size(), 2u);
  BOOST_CHECK_EQUAL(config::to_string(s.network.pod_cidr), "10.1.0.0/16");
  BOOST_CHECK_EQUAL(s.network.node_ports.last, 31999);
  BOOST_CHECK(!s.node.local);
}

BOOST_AUTO_TEST_CASE(refuses_what_can_be_no_eviction_threshold) {
  BOOST_CHECK(good("node: {eviction-hard: ''}").node.eviction_hard.empty());
  config::settings_reader reader;
  reader.read_text("node: {eviction-hard: 'memory<1Gi', image-gc-low-threshold: 85}", "t.yaml");
  auto s = reader.finish();
  BOOST_REQUIRE(!s);
  BOOST_CHECK(s.error().message.find("unsupported eviction signal memory") != std::string::npos);
  BOOST_CHECK(s.error().message.find("a low threshold below the high one, 85") !=
              std::string::npos);
}

BOOST_AUTO_TEST_CASE(flags_override_the_file_and_keep_its_rest) {
  config::settings_reader reader;
  reader.read_text("api: {port: 7443, context: other}", "t.yaml");
  reader.set_flag("api-port", "8443");
  auto s = reader.finish();
  BOOST_REQUIRE(s);
  BOOST_CHECK_EQUAL(s->api.port, 8443);
  BOOST_CHECK_EQUAL(s->api.context, "other");
}

BOOST_AUTO_TEST_CASE(relative_path_of_a_flag_is_made_absolute) {
  config::settings_reader reader;
  reader.set_flag("data-dir", "here/./it");
  auto s = reader.finish();
  BOOST_REQUIRE(s);
  BOOST_CHECK(s->data_dir.front() == '/');
  BOOST_CHECK(s->data_dir.ends_with("/here/it"));
}

BOOST_AUTO_TEST_CASE(refuses_an_unknown_key_and_suggests_the_right_one) {
  BOOST_CHECK_EQUAL(problems_of("api:\n  prot: 1\n"),
                    "t.yaml:2:3: api.prot: unknown key; did you mean \"port\"?");
  BOOST_CHECK_EQUAL(problems_of("netwrok: {}\n"),
                    "t.yaml:1:1: netwrok: unknown key; did you mean \"network\"?");
  BOOST_CHECK_EQUAL(problems_of("pod-cidr: 10.1.0.0/16\n"),
                    "t.yaml:1:1: pod-cidr: unknown key; did you mean \"network.pod-cidr\"?");
  BOOST_CHECK_EQUAL(problems_of("zzzzzzzzzz: 1\n"), "t.yaml:1:1: zzzzzzzzzz: unknown key");
}

BOOST_AUTO_TEST_CASE(refuses_a_wrong_type) {
  BOOST_CHECK_EQUAL(problems_of("api:\n  port: http\n"),
                    "t.yaml:2:9: api.port: expected a whole number from 1 to 65535 (got http)");
  BOOST_CHECK_EQUAL(problems_of("api:\n  port: \"6443\"\n"),
                    "t.yaml:2:9: api.port: expected a whole number from 1 to 65535 (got \"6443\")");
  BOOST_CHECK_EQUAL(problems_of("api:\n  port:\n"),
                    "t.yaml:2:3: api.port: expected a whole number from 1 to 65535 (got nothing)");
  BOOST_CHECK_EQUAL(problems_of("api: 5\n"), "t.yaml:1:6: api: expected a map of settings (got 5)");
  BOOST_CHECK_EQUAL(problems_of("- a\n"), "t.yaml:1:1: expected a map of settings (got a list)");
  BOOST_CHECK_EQUAL(problems_of("data-dir: [a]\n"),
                    "t.yaml:1:11: data-dir: expected an absolute path (got a list)");
  BOOST_CHECK_EQUAL(problems_of("node: {local: yes}\n"),
                    "t.yaml:1:15: node.local: expected true or false (got yes)");
  BOOST_CHECK_EQUAL(problems_of("api: {context: 5}\n"),
                    "t.yaml:1:16: api.context: expected text (got 5)");
  BOOST_CHECK_EQUAL(problems_of("api: {tls-sans: a.example}\n"),
                    "t.yaml:1:17: api.tls-sans: expected a list, each item a DNS name or "
                    "an IP address (got a.example)");
}

BOOST_AUTO_TEST_CASE(refuses_an_impossible_value) {
  BOOST_CHECK_EQUAL(problems_of("api: {port: 70000}\n"),
                    "t.yaml:1:13: api.port: expected a whole number from 1 to 65535 (got 70000)");
  BOOST_CHECK_EQUAL(problems_of("network: {pod-cidr: 10.42.0.1/16}\n"),
                    "t.yaml:1:21: network.pod-cidr: expected an IPv4 range such as 10.42.0.0/16 "
                    "with a prefix from 8 to 28, an IPv6 range with a prefix from 16 to 118, or "
                    "one of each behind a comma (got 10.42.0.1/16)");
  BOOST_CHECK_EQUAL(problems_of("log-level: loud\n"),
                    "t.yaml:1:12: log-level: expected one of trace, debug, info, warn, error or "
                    "off (got loud)");
  BOOST_CHECK_EQUAL(problems_of("api: {idle-timeout: 90}\n"),
                    "t.yaml:1:21: api.idle-timeout: expected a duration such as 40s or 1m30s from "
                    "1s to 1h (got 90)");
  BOOST_CHECK_EQUAL(problems_of("data-dir: relative\n"),
                    "t.yaml:1:11: data-dir: expected an absolute path (got relative)");
  BOOST_CHECK_EQUAL(problems_of("node: {name: Upper}\n"),
                    "t.yaml:1:14: node.name: expected a name of lower-case letters, digits, '-' "
                    "and '.' (got Upper)");
}

BOOST_AUTO_TEST_CASE(refuses_a_list_item_that_is_no_host) {
  BOOST_CHECK_EQUAL(problems_of("api: {tls-sans: [a.example, 'x y']}\n"),
                    "t.yaml:1:17: api.tls-sans: expected a list, each item a DNS name or an IP "
                    "address (got x y)");
  BOOST_CHECK_EQUAL(good("api: {tls-sans: ['*.a.example', '::1', 192.0.2.1]}").api.tls_sans.size(),
                    3u);
}

BOOST_AUTO_TEST_CASE(refuses_a_key_given_twice) {
  BOOST_CHECK_EQUAL(problems_of("log-level: info\nlog-level: warn\n"),
                    "t.yaml:2:1: log-level: expected once, but line 1 has it already");
}

BOOST_AUTO_TEST_CASE(refuses_text_that_is_no_yaml) {
  auto message = problems_of("api: {port: 1\nnode: ]");
  BOOST_CHECK_MESSAGE(message.starts_with("t.yaml:2:"), message);
  BOOST_CHECK_MESSAGE(message.find("not YAML") != std::string::npos, message);
  BOOST_CHECK_EQUAL(problems_of("api: {}\n---\nnode: {}\n"),
                    "t.yaml:3:1: expected one YAML document (got 2)");
  auto deep = problems_of(std::string(2000, '['));
  BOOST_CHECK_MESSAGE(deep.find("not YAML") != std::string::npos, deep);
}

BOOST_AUTO_TEST_CASE(reports_all_problems_at_once) {
  BOOST_CHECK_EQUAL(problems_of("api: {port: 0}\nnode: {max-pods: x}\n"),
                    "t.yaml:1:13: api.port: expected a whole number from 1 to 65535 (got 0)\n"
                    "t.yaml:2:18: node.max-pods: expected a whole number from 1 to 10000 (got x)");
}

BOOST_AUTO_TEST_CASE(names_the_flag_of_a_wrong_value) {
  config::settings_reader reader;
  reader.set_flag("api-port", "http");
  reader.set_flag("max-pods", "-1");
  BOOST_CHECK_EQUAL(reader.finish().error().message,
                    "--api-port: expected a whole number from 1 to 65535 (got http)\n"
                    "--max-pods: expected a whole number from 1 to 10000 (got -1)");
}

BOOST_AUTO_TEST_CASE(refuses_ranges_that_overlap) {
  BOOST_CHECK_EQUAL(problems_of("network:\n  service-cidr: 10.42.128.0/20\n"),
                    "t.yaml:2:17: network.service-cidr: expected ranges of pods and services that "
                    "do not overlap (got pods 10.42.0.0/16, services 10.42.128.0/20)");
}

BOOST_AUTO_TEST_CASE(refuses_values_that_contradict_each_other) {
  BOOST_CHECK_EQUAL(problems_of("network: {node-cidr-mask: 12}\n"),
                    "t.yaml:1:27: network.node-cidr-mask: expected a node's share no larger than "
                    "the pod range 10.42.0.0/16 (got /12)");
  BOOST_CHECK_EQUAL(problems_of("api: {port: 30443}\n"),
                    "t.yaml:1:13: api.port: expected a port of the API outside the services' node "
                    "ports 30000-32767 (got 30443)");
  BOOST_CHECK_EQUAL(problems_of("node: {status-interval: 30s}\n"),
                    "t.yaml:1:25: node.status-interval: expected at most half of the silence that "
                    "loses a node, 50s (got 30s)");
  BOOST_CHECK_EQUAL(problems_of("controllers: {initial-backoff: 20m}\n"),
                    "t.yaml:1:32: controllers.initial-backoff: expected no longer than "
                    "controllers.max-backoff, 16m40s (got 20m)");
}

BOOST_AUTO_TEST_CASE(reads_ranges_of_both_families) {
  auto s = good("network: {pod-cidr: 'fd42::/56,10.1.0.0/16', service-cidr: 'fd43::/108,"
                "10.2.0.0/16', node-cidr-mask-ipv6: 72}\n");
  BOOST_CHECK((s.network.pod_cidrs() == std::vector<std::string>{"fd42::/56", "10.1.0.0/16"}));
  BOOST_CHECK((s.network.service_cidrs() == std::vector<std::string>{"fd43::/108", "10.2.0.0/16"}));
  BOOST_CHECK_EQUAL(s.network.node_cidr_mask_ipv6, 72);
  BOOST_CHECK_EQUAL(s.kubernetes_service_ip("192.0.2.1"), "10.2.0.1");
  BOOST_CHECK_EQUAL(s.kubernetes_service_ip("2001:db8::1"), "fd43::1");
  BOOST_CHECK_EQUAL(s.dns_service_ip(), "10.2.0.10");
  s = good("network: {pod-cidr: 'fd42::/56', service-cidr: 'fd43::/108'}\n");
  BOOST_CHECK_EQUAL(s.kubernetes_service_ip("192.0.2.1"), "fd43::1");
  BOOST_CHECK_EQUAL(s.dns_service_ip(), "fd43::a");
}

BOOST_AUTO_TEST_CASE(addresses_are_of_either_family) {
  BOOST_CHECK_EQUAL(good("api: {advertise-address: '2001:db8::1'}\n").api.advertise_address,
                    "2001:db8::1");
  BOOST_CHECK_EQUAL(problems_of("node: {address: '2001:db8::g'}\n"),
                    "t.yaml:1:17: node.address: expected an IP address such as 192.0.2.10 (got "
                    "2001:db8::g)");
  BOOST_CHECK_EQUAL(config::host_and_port("192.0.2.1", 6443), "192.0.2.1:6443");
  BOOST_CHECK_EQUAL(config::host_and_port("2001:db8::1", 6443), "[2001:db8::1]:6443");
}

BOOST_AUTO_TEST_CASE(refuses_families_that_do_not_match) {
  BOOST_CHECK_EQUAL(problems_of("network:\n  pod-cidr: 10.42.0.0/16,fd42::/56\n"),
                    "t.yaml:2:13: network.pod-cidr: expected ranges of pods and services of the "
                    "same families (got pods 10.42.0.0/16,fd42::/56, services 10.43.0.0/16)");
  BOOST_CHECK_EQUAL(problems_of("network:\n  pod-cidr: 10.42.0.0/16,fd42::/40\n"
                                "  service-cidr: 10.43.0.0/16,fd43::/108\n"),
                    "t.yaml:2:13: network.pod-cidr: expected a node's share at most 16 bits longer "
                    "than the pod range fd42::/40 (got /64)");
  BOOST_CHECK_EQUAL(problems_of("network:\n  pod-cidr: 10.42.0.0/16,fd42::/56\n"
                                "  service-cidr: 10.43.0.0/16,fd43::/108\n"
                                "  node-cidr-mask-ipv6: 48\n"),
                    "t.yaml:4:24: network.node-cidr-mask-ipv6: expected a node's share no larger "
                    "than the pod range fd42::/56 (got /48)");
}

BOOST_AUTO_TEST_CASE(refuses_a_file_that_is_not_there) {
  auto result = config::load_settings("/nowhere/thespis.yaml");
  BOOST_REQUIRE(!result);
  BOOST_CHECK_EQUAL(result.error().message, "/nowhere/thespis.yaml: expected a readable "
                                            "configuration file (got none of that name)");
}

BOOST_AUTO_TEST_CASE(derived_values_follow_the_service_range) {
  auto s = good("network: {service-cidr: 10.99.0.0/24}\n");
  BOOST_CHECK_EQUAL(s.kubernetes_service_ip("192.0.2.1"), "10.99.0.1");
  BOOST_CHECK_EQUAL(s.dns_service_ip(), "10.99.0.10");
  BOOST_CHECK_EQUAL(s.kubeconfig_path(), "/var/lib/thespis/kubeconfig");
}

BOOST_AUTO_TEST_SUITE_END()
