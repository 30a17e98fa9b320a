// The body of `thespis up`: certificates, the control plane, nodes, the REST server; then waits.
#include "tools/cli/commands.hpp"

#include "actors/renewal/renewal_actor.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/object/typed.hpp"
#include "api/rest/server.hpp"
#include "config/certificates.hpp"
#include "config/files.hpp"
#include "config/kubeconfig.hpp"
#include "config/token_file.hpp"
#include "runtime/link/link_server.hpp"
#include "runtime/store/encryption.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cluster/audit_sink.hpp"
#include "tools/cluster/bootstrap.hpp"
#include "tools/cluster/cluster.hpp"
#include "tools/cluster/cluster_info.hpp"
#include "tools/cluster/link_policy.hpp"
#include "tools/cluster/nodes.hpp"
#include "tools/cluster/oidc.hpp"
#include "tools/cluster/process_config.hpp"
#include "tools/cluster/roles.hpp"

#include <spdlog/spdlog.h>

#include <sys/signal.h>

#include <memory>
#include <thread>

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto node_deadline = 60s;
constexpr auto stop_grace = 3s;

/// Tokens of the file first, then what the cluster itself has issued.
api::rest::token_authenticator tokens_of(std::shared_ptr<const config::token_file> tokens,
                                         const cluster& c) {
  return [tokens, &c](std::string_view token, const std::vector<std::string>& audiences)
             -> std::optional<api::auth::token_identity> {
    const auto* who = tokens ? tokens->find(token) : nullptr;
    if (!who)
      return c.authenticate(token, audiences);
    return api::auth::token_identity{{who->user, who->uid, who->groups, {}}, audiences};
  };
}

/// The same, and outside issuers' tokens, which are for the API server only.
api::rest::token_authenticator also_of(std::shared_ptr<const outside_users> outside,
                                       api::rest::token_authenticator first) {
  return [outside = std::move(outside), first = std::move(first)](
             std::string_view token, const std::vector<std::string>& audiences) {
    auto known = first(token, audiences);
    return known || !audiences.empty() ? known : outside->authenticate(token);
  };
}

api::rest::server_options server_options_of(const config::settings& s, const config::pki& pki,
                                            std::shared_ptr<const config::token_file> tokens,
                                            const cluster& c, const std::string& address) {
  api::rest::server_options res;
  res.transport.address = s.api.bind_address;
  res.transport.port = static_cast<uint16_t>(s.api.port);
  // With its authority, which machines that join know by its fingerprint alone.
  res.transport.tls = {pki.server.certificate + pki.ca.pem().certificate, pki.server.key,
                       pki.ca.pem().certificate, true};
  res.transport.io_threads = s.api.threads > 0
                                 ? static_cast<unsigned>(s.api.threads)
                                 : std::min(4U, std::max(1U, std::thread::hardware_concurrency()));
  auto& l = res.transport.limits;
  l.header_bytes = static_cast<size_t>(s.api.max_header);
  l.body_bytes = static_cast<size_t>(s.api.max_body);
  l.body_bytes_per_second = static_cast<size_t>(s.api.min_body_rate);
  l.handshake = s.api.tls_timeout;
  l.header = s.api.header_timeout;
  l.idle = s.api.idle_timeout;
  l.write = s.api.write_timeout;
  l.max_connections = static_cast<size_t>(s.api.max_connections);
  res.tokens = tokens_of(std::move(tokens), c);
  res.issuer = c.tokens();
  res.access = c.access();
  res.gate = c.gate();
  res.now = [clock = c.env().clock] { return clock->now(); };
  res.offload = c.offload();
  res.extensions = c.extensions();
  res.front_proxy = {pki.front_proxy.certificate, pki.front_proxy.key};
  res.watch_timeout = s.api.min_watch_timeout;
  res.write_timeout = s.api.request_timeout;
  res.external_address = config::host_and_port(address, s.api.port);
  return res;
}

bool node_ready(const cluster& c, const std::string& name) {
  const auto object = c.state()->get("nodes", {}, name);
  if (!object)
    return false;
  const auto node = api::typed<api::v1::node>(*object);
  const auto& all = node->status.conditions;
  return std::any_of(all.begin(), all.end(),
                     [](const auto& x) { return x.type == "Ready" && x.status == "True"; });
}

/// Blocks until the API knows the node as Ready.
bool wait_for_node(const cluster& c, const std::string& name) {
  const auto end = std::chrono::steady_clock::now() + node_deadline;
  while (!node_ready(c, name)) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    ::usleep(10'000);
  }
  return true;
}

/// What machines are told of the cluster.
runtime::link::link_welcome welcome_of(const config::settings& s) {
  runtime::link::link_welcome res;
  res.version = version();
  res.server = s.node_name();
  res.pod_cidr = config::to_string(s.network.pod_cidr);
  res.service_cidr = config::to_string(s.network.service_cidr);
  res.cluster_domain = s.network.cluster_domain;
  if (s.network.cluster_dns)
    res.dns_ip = s.dns_service_ip();
  res.proxy_mode = s.network.proxy_mode;
  res.node_cidr_mask = s.network.node_cidr_mask;
  res.network_backend = s.network.backend;
  res.vxlan_port = s.network.vxlan_port;
  return res;
}

runtime::link::link_server_deps links_of(cluster& c, const config::settings& s) {
  runtime::link::link_server_deps res{c.system(), c.env(),       c.access(),
                                      {},         welcome_of(s), c.state()};
  res.submit = [&c](api::call call, std::function<void(api::reply)> done) {
    c.backend().submit(std::move(call), std::move(done));
  };
  res.limits.message_bytes = static_cast<size_t>(s.link.max_message);
  res.limits.messages_per_second = static_cast<size_t>(s.link.max_messages);
  res.max_links = static_cast<size_t>(s.link.max_links);
  res.role_user = [roles = c.roles()](const std::string& machine, std::string_view claimed) {
    return roles->user_of(machine, claimed);
  };
  res.audit = c.audit();
  return res;
}

/// The store's engine, with what the configuration says about encryption.
api::result<std::unique_ptr<runtime::engine>> open_storage(const config::settings& s) {
  std::shared_ptr<const runtime::encryption> sealing;
  if (!s.store.encryption_config.empty()) {
    auto text = config::read_file(s.store.encryption_config);
    if (!text)
      return api::fail(std::move(text.error()));
    auto parsed = runtime::encryption::parse(*text);
    if (!parsed)
      return api::fail(api::bad_request(s.store.encryption_config + ": " + parsed.error().message));
    sealing = std::make_shared<const runtime::encryption>(std::move(*parsed));
  }
  return runtime::open_rocksdb_engine(s.data_dir + "/store", std::move(sealing));
}

/// Issues server, administrator and front-proxy certificates anew before they end. Connections that
/// are open go on; new ones see the new certificate.
void renew_certificates(cluster& c, const config::settings& s, const config::pki& pki,
                        const std::weak_ptr<api::rest::server>& server, const std::string& url) {
  auto last = std::make_shared<std::pair<std::string, std::string>>(pki.server.certificate,
                                                                    pki.admin.certificate);
  actors::renewal_deps deps;
  deps.clock = c.env().clock;
  deps.run = c.offload();
  deps.renew = [s, server, url, last](runtime::wall_time now) {
    const auto serves = server.lock();
    auto next = config::ensure_pki(s.pki_dir(), config::server_names(s),
                                   std::chrono::floor<std::chrono::seconds>(now));
    if (!serves || !next) {
      if (!next)
        spdlog::error("certificates are not renewed: {}", next.error().message);
      return;
    }
    const auto& ca = next->ca.pem().certificate;
    api::result<void> ok;
    if (next->server.certificate != last->first)
      ok = serves->reload_tls({next->server.certificate + ca, next->server.key, ca, true});
    if (ok && next->admin.certificate != last->second)
      ok = config::write_kubeconfig(
          s.kubeconfig_path(), {s.api.context, url, ca, next->admin.certificate, next->admin.key});
    if (ok)
      *last = {next->server.certificate, next->admin.certificate};
    else
      spdlog::error("renewed certificates are not in use yet: {}", ok.error().message);
  };
  c.supervise("renewal", [deps](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<actors::renewal_actor>(deps));
  });
}

cluster_identity identity_of(const config::pki& pki) {
  cluster_identity identity{pki.ca.pem().certificate, {pki.service_account_key}};
  identity.token_keys.insert(identity.token_keys.end(), pki.service_account_old_keys.begin(),
                             pki.service_account_old_keys.end());
  identity.front_proxy = {pki.front_proxy.certificate, pki.front_proxy.key};
  identity.sign = [ca = pki.ca](const std::string& request, const std::vector<std::string>& usages,
                                std::chrono::seconds lifetime, actors::wall_time at) {
    return ca.sign_request(request, usages, std::chrono::floor<std::chrono::seconds>(at), lifetime);
  };
  return identity;
}

/// Whom the configuration lets in besides.
api::result<void> add_issuers(api::rest::server_options& options, cluster& c,
                              const config::settings& s) {
  auto outside = start_oidc(c, s);
  if (!outside)
    return api::fail(std::move(outside.error()));
  if (*outside) {
    options.tokens = also_of(*outside, std::move(options.tokens));
    options.strangers = [users = *outside](std::string_view path) {
      return users->lets_strangers(path);
    };
  }
  return {};
}

/// The tokens of the file; null without one.
api::result<std::shared_ptr<const config::token_file>> known_tokens(const std::string& path) {
  if (path.empty())
    return nullptr;
  auto loaded = config::token_file::load(path);
  if (!loaded)
    return api::fail(std::move(loaded.error()));
  return std::make_shared<const config::token_file>(std::move(*loaded));
}

int failed(startup& start, const std::string& why) {
  spdlog::error("{}", why);
  start.fail(why);
  return 1;
}

/// Nothing when none are wanted.
std::unique_ptr<simulated_nodes> simulate_nodes(const node_host& host,
                                                const config::settings& settings, startup& start) {
  if (settings.simulation.nodes == 0)
    return nullptr;
  auto res = std::make_unique<simulated_nodes>(host, settings);
  start.say(std::to_string(settings.simulation.nodes) + " simulated nodes joined");
  return res;
}

} // namespace

int run_up(const config::settings& settings, startup& start) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto pki = config::ensure_pki(settings.pki_dir(), config::server_names(settings), now);
  if (!pki)
    return failed(start, pki.error().message);
  auto tokens = known_tokens(settings.api.token_auth_file);
  if (!tokens)
    return failed(start, tokens.error().message);
  if (auto offers = offers_of_server(settings.agent.roles); !offers)
    return failed(start, offers.error().message);
  auto storage = open_storage(settings);
  if (!storage)
    return failed(start, storage.error().message);
  auto audit = open_audit(settings.audit);
  if (!audit)
    return failed(start, audit.error().message);
  cluster c{settings, std::move(*storage), identity_of(*pki), *audit};
  const auto address =
      settings.api.advertise_address.empty() ? machine_address() : settings.api.advertise_address;
  bootstrap_cluster(c, settings.network.service_cidrs(), settings.kubernetes_service_ip(address),
                    address, static_cast<int>(settings.api.port));
  announce_api(c, pki->ca.pem().certificate, pki->front_proxy_ca);
  publish_cluster_info(c, pki->ca.pem().certificate,
                       "https://" + config::host_and_port(address, settings.api.port));
  ensure_link_policy(c);
  runtime::link::link_server links{links_of(c, settings)};
  auto options = server_options_of(settings, *pki, *tokens, c, address);
  options.link = [&links](const api::rest::link_request& r) {
    links.accept(r.user, r.address, {r.socket.fd, r.socket.tls});
  };
  options.link_protocols = {machine_protocol(c.system()), program_protocol(c.system())};
  options.members = [members = links.members()] { return members->to_json(); };
  c.backend().tell_links(options.members);
  options.audit = *audit;
  if (auto ok = add_issuers(options, c, settings); !ok)
    return failed(start, ok.error().message);
  auto started = api::rest::server::start(c.backend(), c.schemas(), std::move(options));
  if (!started)
    return failed(start, started.error().message);
  const std::shared_ptr<api::rest::server> server{std::move(*started)};
  const auto url = "https://127.0.0.1:" + std::to_string(server->port());
  auto kubeconfig = config::write_kubeconfig(settings.kubeconfig_path(),
                                             {settings.api.context, url, pki->ca.pem().certificate,
                                              pki->admin.certificate, pki->admin.key});
  if (!kubeconfig)
    return failed(start, kubeconfig.error().message);
  start.say("API serves at " + url);
  renew_certificates(c, settings, *pki, server, url);
  const auto host = host_of(c, settings);
  std::unique_ptr<local_node> node;
  if (settings.node.local) {
    const auto own = settings.node.address.empty() ? address : settings.node.address;
    auto joined = local_node::start(host, settings, own);
    if (!joined)
      return failed(start, joined.error().message);
    node = std::move(*joined);
    if (!wait_for_node(c, node->name()))
      return failed(start, "node " + node->name() + " did not become Ready");
    start.say("Node " + node->name() + " is Ready");
  }
  const auto simulated = simulate_nodes(host, settings, start);
  start.ready();
  const int signal = start.wait_for_stop();
  spdlog::info("signal {}: stopping; containers go on", signal);
  server->stop(stop_grace);
  return 0;
}

} // namespace thespis::tools
