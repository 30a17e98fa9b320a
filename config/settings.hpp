// Everything a user can set about a cluster: the options of `thespis up`, which are also the keys
// of its configuration file. config/default.yaml describes each; the values here are the defaults.
#pragma once

#include "config/units.hpp"

#include <string>
#include <variant>
#include <vector>

namespace thespis::config {

using namespace std::chrono_literals;

/// The REST API: where it listens, whom it lets in, and what one client may ask of it.
struct api_settings {
  std::string bind_address = "0.0.0.0";
  int64_t port = 6443;
  std::string advertise_address; ///< empty: the address of the default route
  std::string kubeconfig;        ///< empty: <data-dir>/kubeconfig
  std::string context = "thespis";
  std::string token_auth_file;       ///< empty: no tokens
  std::string authentication_config; ///< empty: no issuers but `oidc`, strangers see health
  std::vector<std::string> tls_sans;
  int64_t threads = 0; ///< 0: one a processor, at most 4
  int64_t max_connections = 4096;
  int64_t max_body = 3 << 20;    ///< bytes
  int64_t max_header = 64 << 10; ///< bytes
  int64_t min_body_rate = 1024;  ///< bytes a second
  int64_t max_requests_inflight = 400;
  int64_t max_mutating_requests_inflight = 200;
  duration tls_timeout = 10s;
  duration header_timeout = 10s;
  duration idle_timeout = 60s;
  duration write_timeout = 30s;
  duration request_timeout = 60s;
  duration min_watch_timeout = 30min;
  int64_t not_ready_toleration = 300;   ///< seconds
  int64_t unreachable_toleration = 300; ///< seconds
};

/// Addresses of pods and services, and how services are programmed.
struct network_settings {
  ip_ranges pod_cidr = *parse_ranges("10.42.0.0/16");
  ip_ranges service_cidr = *parse_ranges("10.43.0.0/16");
  int64_t node_cidr_mask = 24;
  int64_t node_cidr_mask_ipv6 = 64;
  port_range node_ports{30000, 32767};
  std::string cluster_domain = "cluster.local";
  std::string proxy_mode = "mailbox";
  bool cluster_dns = true;
  bool service_balancer = true;
  bool external_ips = false;
  bool ingress = true;
  int64_t ingress_http_port = 80;
  int64_t ingress_https_port = 443;
  std::string backend = "auto";
  int64_t vxlan_port = 8472;
  int64_t mtu = 0; ///< bytes; 0: that of the default route

  /// The ranges, primary family first: one, or one of each family.
  std::vector<std::string> pod_cidrs() const { return pod_cidr.texts(); }
  std::vector<std::string> service_cidrs() const { return service_cidr.texts(); }
};

/// The node this process runs on the machine.
struct node_settings {
  std::string name;    ///< empty: the host's name in lower case
  std::string address; ///< empty: that of the default route
  bool local = true;
  int64_t max_pods = 110;
  std::string container_runtime_endpoint; ///< empty: our own child containerd
  std::string image_dir;                  ///< empty: <data-dir>/images
  std::string cni_bin_dir = "/usr/lib/cni";
  duration status_interval = 10s;
  int64_t container_log_max_size = int64_t{10} << 20; ///< bytes
  int64_t container_log_max_files = 5;
  std::string eviction_hard = "memory.available<100Mi,nodefs.available<5%,nodefs.inodesFree<5%,"
                              "imagefs.available<5%,imagefs.inodesFree<5%";
  duration eviction_pressure_transition_period = 5min;
  std::string eviction_soft;
  std::string eviction_soft_grace_period;
  duration eviction_max_pod_grace_period = 0s;
  std::string eviction_minimum_reclaim;
  int64_t image_gc_high_threshold = 85; ///< percent
  int64_t image_gc_low_threshold = 80;  ///< percent
  duration image_minimum_gc_age = 2min;
  std::string static_pod_path; ///< empty: no static pods
};

/// Nodes whose containers live in memory only.
struct simulation_settings {
  int64_t nodes = 0;
  int64_t cpu = 8;                    ///< cores a node
  int64_t memory = int64_t{32} << 30; ///< bytes a node
  int64_t max_pods = 110;
  int64_t seed = 1;
};

/// An agent: a machine that is part of a cluster whose server runs elsewhere.
struct agent_settings {
  std::string server; ///< HOST:PORT
  std::string token;  ///< of `thespis token create`; needed once
  std::vector<std::string> roles;
};

/// Links between the machines of a cluster.
struct link_settings {
  duration heartbeat = 2s;
  duration timeout = 10s;         ///< silence after which a link is given up
  int64_t max_message = 16 << 20; ///< bytes
  int64_t max_messages = 400'000; ///< a second, from one peer
  int64_t max_links = 5000;
};

/// History and commit batching of the store.
struct store_settings {
  int64_t watch_window = 20'000;         ///< events kept for watches to resume from
  int64_t watch_window_bytes = 16 << 20; ///< bytes those events may hold
  duration event_ttl = 1h;
  std::string encryption_config; ///< empty: nothing is encrypted
};

struct controller_settings {
  duration initial_backoff = 5ms;
  duration max_backoff = 1000s;
  int64_t max_endpoints_per_slice = 100;
  duration node_monitor_grace = 50s;
  duration node_startup_grace = 1min;
  int64_t terminated_pod_threshold = 12500;
};

/// An outside OpenID Connect issuer whose users are let in.
struct oidc_settings {
  std::string issuer_url; ///< empty: none
  std::string client_id;
  std::string username_claim = "sub";
  std::string username_prefix;
  std::string groups_claim;
  std::string groups_prefix;
  std::vector<std::string> required_claims; ///< "key=value"
  std::vector<std::string> signing_algs = {"RS256"};
  std::string ca_file; ///< empty: the machine's authorities
};

/// What is written down about requests.
struct audit_settings {
  std::string log_path;             ///< empty: nothing is
  std::string policy_file;          ///< empty: the built-in policy
  int64_t log_max_size = 100 << 20; ///< bytes
  int64_t log_max_files = 10;
};

/// The actor system of this process.
struct actor_settings {
  int64_t threads = 0; ///< 0: one a processor
};

struct settings {
  std::string data_dir = "/var/lib/thespis";
  std::string log_level = "info";
  bool detach = false; ///< only on the command line
  api_settings api;
  network_settings network;
  node_settings node;
  simulation_settings simulation;
  agent_settings agent;
  link_settings link;
  store_settings store;
  controller_settings controllers;
  oidc_settings oidc;
  audit_settings audit;
  actor_settings actors;

  // Values that follow from others when they are left empty.
  std::string kubeconfig_path() const;
  std::string image_path() const;
  std::string node_name() const;
  std::string pki_dir() const { return data_dir + "/pki"; }
  std::string log_file() const { return data_dir + "/log/thespis.log"; }
  /// The address of the `kubernetes` Service, when the API is at `api_address`: the first of the
  /// service range of that family, or of the primary one where there is none.
  std::string kubernetes_service_ip(std::string_view api_address) const;
  /// The address of the cluster DNS Service: the tenth of the IPv4 service range, of the IPv6 one
  /// where there is no other.
  std::string dns_service_ip() const;
};

/// "192.0.2.1:6443" or "[2001:db8::1]:6443".
std::string host_and_port(const std::string& host, int64_t port);

/// The place of one option's value inside a `settings`.
using slot = std::variant<bool*, int64_t*, std::string*, duration*, ip_ranges*, port_range*,
                          std::vector<std::string>*>;

/// What form a value takes beyond its C++ type.
enum class form : uint8_t { plain, bytes, path, address, host, dns_name, node_name };

/// One key of the configuration file, and the flag that overrides it.
struct option {
  std::string_view key;  ///< "api.port"
  std::string_view flag; ///< "api-port", given as --no-... when a bool is true by default; or empty
  slot (*at)(settings&);
  form shape = form::plain;
  int64_t min = 0;                            ///< numbers; milliseconds of durations
  int64_t max = INT64_MAX;                    ///< same
  std::vector<std::string_view> allowed = {}; ///< texts; empty: any
  std::string_view what = {};                 ///< help of the flag as it is typed
  int64_t min_v6 = 0;                         ///< prefixes of IPv6 ranges
  int64_t max_v6 = 0;                         ///< same
};

/// Every option, in the order of config/default.yaml.
const std::vector<option>& options();

/// The value as it stands in the configuration file.
std::string value_to_string(const option& o, const settings& s);

/// What a valid value looks like: "a whole number from 1 to 65535".
std::string expectation(const option& o);

/// config/default.yaml, as built into the program.
std::string_view default_yaml();

} // namespace thespis::config
