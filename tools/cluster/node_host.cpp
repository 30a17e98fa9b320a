#include "tools/cluster/node_host.hpp"

#include "tools/cluster/cluster_dns.hpp"

#include <spdlog/spdlog.h>

namespace thespis::tools {

namespace {

/// Pods' tokens are asked for as their node, through the pipeline that every client's request
/// takes.
actors::pod_token_deps token_deps_of(const cluster& c, const std::string& node) {
  if (!c.tokens())
    return {};
  api::user_info self{"system:node:" + node, {}, {"system:nodes", "system:authenticated"}};
  auto request = [pipeline = c.pipeline(), access = c.access(), self = std::move(self)](
                     const std::string& ns, const std::string& account,
                     const api::v1::token_request& r) -> api::result<api::v1::token_request> {
    const api::auth::access_query q{self,    true,    "create", "", "v1", ns, "serviceaccounts",
                                    "token", account, ""};
    if (const auto d = access->authorize(q); !d.allowed())
      return api::fail(api::auth::access_refused(q, d.reason));
    const auto call = token_call(ns, account, r, self);
    const auto done = pipeline->prepare(call);
    const auto* reply = std::get_if<api::reply>(&done);
    if (!reply)
      return api::fail(api::internal_error("a token is no object"));
    if (!reply->ok)
      return api::fail(reply->failure);
    return read_token(reply->body);
  };
  return {std::move(request), [clock = c.env().clock] { return clock->now(); }};
}

} // namespace

api::call token_call(const std::string& ns, const std::string& account,
                     const api::v1::token_request& r, const api::user_info& user) {
  api::call call;
  call.verb = api::verb::create;
  call.resource = "serviceaccounts";
  call.subresource = "token";
  call.ns = ns;
  call.name = account;
  api::json::document body;
  static_cast<api::json::value&>(body) = api::v1::to_json(r, body.GetAllocator());
  api::json::erase(body, "status"); // required in answers, and empty here
  call.body = api::json::to_string(body);
  call.user = user;
  return call;
}

api::result<api::v1::token_request> read_token(const std::string& body) {
  auto doc = api::json::parse(body);
  if (!doc)
    return api::fail(std::move(doc.error()));
  return api::v1::from_json<api::v1::token_request>(*doc);
}

node_host host_of(cluster& c, const config::settings& settings) {
  node_host host{c.system(), c.env(), c.state(), {}, {}, {}, {}, {}};
  host.supervise = [&c](std::string role, runtime::child_factory start) {
    c.supervise(std::move(role), std::move(start));
  };
  host.tokens = [&c](const std::string& node) { return token_deps_of(c, node); };
  host.dns = [&c, settings](const std::string& node,
                            const std::string& address) -> std::vector<std::string> {
    if (!settings.network.cluster_dns)
      return {};
    if (auto dns = start_dns(c, settings, node, address); !dns) {
      spdlog::error("pods get the machine's DNS: {}", dns.error().message);
      return {};
    }
    return {settings.dns_service_ip()};
  };
  return host;
}

} // namespace thespis::tools
