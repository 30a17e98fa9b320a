// The table of all options: where each lives, what it may hold, which flag sets it.
#include "config/settings.hpp"

namespace thespis::config {

namespace {

// A table reads best with a row an option.
// clang-format off
#define THESPIS_AT(member) [](settings& s) -> slot { return &s.member; }

constexpr int64_t any = INT64_MAX;
constexpr int64_t kib = 1024;
constexpr int64_t second = 1000;

std::vector<option> general_options() {
  return {
      {"data-dir", "data-dir", THESPIS_AT(data_dir), form::path, 1, any, {},
       "Where the cluster keeps its state; two clusters need two"},
      {"log-level", "log-level", THESPIS_AT(log_level), form::plain, 0, any, {"trace", "debug",
       "info", "warn", "error", "off"}, "How much is logged"},
  };
}

std::vector<option> api_options() {
  return {
      {"api.bind-address", "bind-address", THESPIS_AT(api.bind_address), form::address, 1, any, {},
       "Address the API listens on"},
      {"api.port", "api-port", THESPIS_AT(api.port), form::plain, 1, 65535, {}, "Port of the API"},
      {"api.advertise-address", "advertise-address", THESPIS_AT(api.advertise_address),
       form::address, 0, any, {}, "Address pods reach the API at"},
      {"api.kubeconfig", "kubeconfig", THESPIS_AT(api.kubeconfig), form::path, 0, any, {},
       "kubeconfig file to write or add the cluster to"},
      {"api.context", "context", THESPIS_AT(api.context), form::plain, 1, any, {},
       "Name of the cluster in the kubeconfig"},
      {"api.authentication-config", "", THESPIS_AT(api.authentication_config), form::path},
      {"api.token-auth-file", "token-auth-file", THESPIS_AT(api.token_auth_file), form::path, 0,
       any, {}, "CSV of bearer tokens: token,user,uid,\"group1,group2\""},
      {"api.tls-sans", "tls-san", THESPIS_AT(api.tls_sans), form::host, 0, any, {},
       "Further name or address of the API in its certificate; repeatable"},
      {"api.threads", "", THESPIS_AT(api.threads), form::plain, 0, 64},
      {"api.max-connections", "", THESPIS_AT(api.max_connections), form::plain, 16, 1'000'000},
      {"api.max-body", "", THESPIS_AT(api.max_body), form::bytes, 64 * kib, 64 * kib * kib},
      {"api.max-header", "", THESPIS_AT(api.max_header), form::bytes, 4 * kib, kib * kib},
      {"api.min-body-rate", "", THESPIS_AT(api.min_body_rate), form::bytes, 1, 64 * kib * kib},
      {"api.max-requests-inflight", "", THESPIS_AT(api.max_requests_inflight), form::plain, 1,
       100'000},
      {"api.max-mutating-requests-inflight", "", THESPIS_AT(api.max_mutating_requests_inflight),
       form::plain, 1, 100'000},
      {"api.tls-timeout", "", THESPIS_AT(api.tls_timeout), form::plain, second, 600 * second},
      {"api.header-timeout", "", THESPIS_AT(api.header_timeout), form::plain, second, 600 * second},
      {"api.idle-timeout", "", THESPIS_AT(api.idle_timeout), form::plain, second, 3600 * second},
      {"api.write-timeout", "", THESPIS_AT(api.write_timeout), form::plain, second, 3600 * second},
      {"api.request-timeout", "", THESPIS_AT(api.request_timeout), form::plain, second,
       3600 * second},
      {"api.min-watch-timeout", "", THESPIS_AT(api.min_watch_timeout), form::plain, second,
       86400 * second},
      {"api.default-not-ready-toleration-seconds", "default-not-ready-toleration-seconds",
       THESPIS_AT(api.not_ready_toleration), form::plain, 0, any, {},
       "Seconds that pods stay on a node that is not ready"},
      {"api.default-unreachable-toleration-seconds", "default-unreachable-toleration-seconds",
       THESPIS_AT(api.unreachable_toleration), form::plain, 0, any, {},
       "Seconds that pods stay on a node that is not reachable"},
  };
}

std::vector<option> network_options() {
  return {
      {"network.pod-cidr", "pod-cidr", THESPIS_AT(network.pod_cidr), form::plain, 8, 28, {},
       "Addresses of the pods; with a second range of the other family: dual stack", 16, 118},
      {"network.service-cidr", "service-cidr", THESPIS_AT(network.service_cidr), form::plain, 12,
       28, {}, "Addresses of the services; likewise", 64, 124},
      {"network.node-cidr-mask", "", THESPIS_AT(network.node_cidr_mask), form::plain, 9, 30},
      {"network.node-cidr-mask-ipv6", "", THESPIS_AT(network.node_cidr_mask_ipv6), form::plain, 17,
       126},
      {"network.service-node-ports", "service-node-port-range", THESPIS_AT(network.node_ports),
       form::plain, 1, 65535, {}, "Ports for services of type NodePort"},
      {"network.cluster-domain", "cluster-domain", THESPIS_AT(network.cluster_domain),
       form::dns_name, 1, any, {}, "DNS domain of the cluster"},
      {"network.proxy-mode", "proxy-mode", THESPIS_AT(network.proxy_mode), form::plain, 0, any,
       {"mailbox", "kernel", "none"}, "Who chooses the endpoints of services"},
      {"network.cluster-dns", "cluster-dns", THESPIS_AT(network.cluster_dns), form::plain, 0, any, {},
       "Serve no DNS to the pods"},
      {"network.ingress", "ingress", THESPIS_AT(network.ingress), form::plain, 0, any, {},
       "Leave Ingresses to something else"},
      {"network.ingress-http-port", "ingress-http-port", THESPIS_AT(network.ingress_http_port),
       form::plain, 1, 65535, {}, "Port of the HTTP entry for Ingresses"},
      {"network.ingress-https-port", "ingress-https-port", THESPIS_AT(network.ingress_https_port),
       form::plain, 1, 65535, {}, "The same for HTTPS"},
      {"network.service-balancer", "service-balancer", THESPIS_AT(network.service_balancer), form::plain,
       0, any, {}, "Leave services of type LoadBalancer to something else"},
      {"network.external-ips", "external-ips", THESPIS_AT(network.external_ips), form::plain, 0, any,
       {}, "Let services claim addresses outside the cluster"},
      {"network.backend", "network-backend", THESPIS_AT(network.backend), form::plain, 0, any,
       {"auto", "routes", "vxlan", "none"}, "How pods reach those of other machines"},
      {"network.vxlan-port", "", THESPIS_AT(network.vxlan_port), form::plain, 1, 65535},
      {"network.mtu", "", THESPIS_AT(network.mtu), form::plain, 0, 65535},
  };
}

std::vector<option> node_options() {
  return {
      {"node.name", "node-name", THESPIS_AT(node.name), form::node_name, 0, any, {},
       "Name of this machine's node"},
      {"node.address", "node-ip", THESPIS_AT(node.address), form::address, 0, any, {},
       "Address of this machine in the cluster"},
      {"node.local", "local-node", THESPIS_AT(node.local), form::plain, 0, any, {},
       "Run no pods on this machine"},
      {"node.max-pods", "max-pods", THESPIS_AT(node.max_pods), form::plain, 1, 10'000, {},
       "Pods this machine's node takes"},
      {"node.container-runtime-endpoint", "container-runtime-endpoint",
       THESPIS_AT(node.container_runtime_endpoint), form::path, 0, any, {},
       "Socket of a CRI service to use in place of our own containerd"},
      {"node.image-dir", "image-dir", THESPIS_AT(node.image_dir), form::path, 0, any, {},
       "Folder whose *.tar images are imported at start"},
      {"node.cni-bin-dir", "", THESPIS_AT(node.cni_bin_dir), form::path, 1, any},
      {"node.status-interval", "", THESPIS_AT(node.status_interval), form::plain, second,
       600 * second},
      {"node.container-log-max-size", "", THESPIS_AT(node.container_log_max_size), form::bytes,
       kib, any},
      {"node.container-log-max-files", "", THESPIS_AT(node.container_log_max_files), form::plain, 2,
       1000},
      {"node.eviction-hard", "eviction-hard", THESPIS_AT(node.eviction_hard), form::plain, 0, any,
       {}, "When the node evicts pods: memory.available<100Mi,nodefs.available<5%; \"\": never"},
      {"node.eviction-pressure-transition-period", "",
       THESPIS_AT(node.eviction_pressure_transition_period), form::plain, second, 86400 * second},
      {"node.eviction-soft", "", THESPIS_AT(node.eviction_soft), form::plain, 0, any},
      {"node.eviction-soft-grace-period", "", THESPIS_AT(node.eviction_soft_grace_period),
       form::plain, 0, any},
      {"node.eviction-max-pod-grace-period", "", THESPIS_AT(node.eviction_max_pod_grace_period),
       form::plain, 0, 86400 * second},
      {"node.eviction-minimum-reclaim", "", THESPIS_AT(node.eviction_minimum_reclaim), form::plain,
       0, any},
      {"node.static-pod-path", "static-pod-path", THESPIS_AT(node.static_pod_path), form::path, 0,
       any, {}, "Folder of manifests whose pods this machine runs whatever the API says"},
      {"node.image-gc-high-threshold", "", THESPIS_AT(node.image_gc_high_threshold), form::plain, 0,
       100},
      {"node.image-gc-low-threshold", "", THESPIS_AT(node.image_gc_low_threshold), form::plain, 0,
       100},
      {"node.image-minimum-gc-age", "", THESPIS_AT(node.image_minimum_gc_age), form::plain, 0,
       86400 * second},
  };
}

std::vector<option> simulation_options() {
  return {
      {"simulation.nodes", "simulated-nodes", THESPIS_AT(simulation.nodes), form::plain, 0, 10'000,
       {}, "Nodes whose containers live in memory only"},
      {"simulation.cpu", "", THESPIS_AT(simulation.cpu), form::plain, 1, 4096},
      {"simulation.memory", "", THESPIS_AT(simulation.memory), form::bytes, kib * kib, any},
      {"simulation.max-pods", "", THESPIS_AT(simulation.max_pods), form::plain, 1, 10'000},
      {"simulation.seed", "", THESPIS_AT(simulation.seed), form::plain, 0, any},
  };
}

std::vector<option> agent_options() {
  return {
      {"agent.server", "server", THESPIS_AT(agent.server), form::plain, 0, any, {},
       "HOST:PORT of the server to join"},
      {"agent.token", "token", THESPIS_AT(agent.token), form::plain, 0, any, {},
       "Token of `thespis token create`; needed for the first start only"},
      {"agent.roles", "roles", THESPIS_AT(agent.roles), form::plain, 0, any, {},
       "What this machine offers to run; repeatable; a server: all, or `none`"},
  };
}

std::vector<option> link_options() {
  return {
      {"link.heartbeat", "", THESPIS_AT(link.heartbeat), form::plain, 100, 60 * second},
      {"link.timeout", "", THESPIS_AT(link.timeout), form::plain, 500, 600 * second},
      {"link.max-message", "", THESPIS_AT(link.max_message), form::bytes, kib * kib,
       256 * kib * kib},
      {"link.max-messages", "", THESPIS_AT(link.max_messages), form::plain, 1000, any},
      {"link.max-links", "", THESPIS_AT(link.max_links), form::plain, 1, 100'000},
  };
}

std::vector<option> store_options() {
  return {
      {"store.watch-window", "watch-window", THESPIS_AT(store.watch_window), form::plain, 100,
       10'000'000, {}, "Events kept for watches to resume from"},
      {"store.watch-window-bytes", "", THESPIS_AT(store.watch_window_bytes), form::bytes, kib * kib,
       any},
      {"store.event-ttl", "", THESPIS_AT(store.event_ttl), form::plain, second, any},
      {"store.encryption-config", "", THESPIS_AT(store.encryption_config), form::path},
  };
}

std::vector<option> controller_options() {
  return {
      {"controllers.initial-backoff", "", THESPIS_AT(controllers.initial_backoff), form::plain, 1,
       3600 * second},
      {"controllers.max-backoff", "", THESPIS_AT(controllers.max_backoff), form::plain, 1,
       86400 * second},
      {"controllers.max-endpoints-per-slice", "", THESPIS_AT(controllers.max_endpoints_per_slice),
       form::plain, 1, 1000},
      {"controllers.node-monitor-grace", "node-monitor-grace",
       THESPIS_AT(controllers.node_monitor_grace), form::plain, second, 3600 * second, {},
       "Silence after which a node counts as lost"},
      {"controllers.node-startup-grace", "", THESPIS_AT(controllers.node_startup_grace),
       form::plain, second, 3600 * second},
      {"controllers.terminated-pod-threshold", "", THESPIS_AT(controllers.terminated_pod_threshold),
       form::plain, 0, 1'000'000},
  };
}

std::vector<option> actor_options() {
  return {
      {"oidc.issuer-url", "", THESPIS_AT(oidc.issuer_url), form::plain},
      {"oidc.client-id", "", THESPIS_AT(oidc.client_id), form::plain},
      {"oidc.username-claim", "", THESPIS_AT(oidc.username_claim), form::plain},
      {"oidc.username-prefix", "", THESPIS_AT(oidc.username_prefix), form::plain},
      {"oidc.groups-claim", "", THESPIS_AT(oidc.groups_claim), form::plain},
      {"oidc.groups-prefix", "", THESPIS_AT(oidc.groups_prefix), form::plain},
      {"oidc.required-claims", "", THESPIS_AT(oidc.required_claims), form::plain},
      {"oidc.signing-algs", "", THESPIS_AT(oidc.signing_algs), form::plain, 0, any,
       {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}},
      {"oidc.ca-file", "", THESPIS_AT(oidc.ca_file), form::path},
      {"audit.log-path", "", THESPIS_AT(audit.log_path), form::path},
      {"audit.policy-file", "", THESPIS_AT(audit.policy_file), form::path},
      {"audit.log-max-size", "", THESPIS_AT(audit.log_max_size), form::bytes, 64 * kib,
       64 * kib * kib * kib},
      {"audit.log-max-files", "", THESPIS_AT(audit.log_max_files), form::plain, 1, 10'000},
      {"actors.threads", "", THESPIS_AT(actors.threads), form::plain, 0, 256},
  };
}

#undef THESPIS_AT
// clang-format on

} // namespace

const std::vector<option>& options() {
  static const auto table = [] {
    std::vector<option> all;
    for (auto* group :
         {general_options, api_options, network_options, node_options, simulation_options,
          agent_options, link_options, store_options, controller_options, actor_options})
      for (auto& o : group())
        all.push_back(std::move(o));
    return all;
  }();
  return table;
}

} // namespace thespis::config
