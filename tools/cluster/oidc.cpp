#include "tools/cluster/oidc.hpp"

#include "actors/renewal/renewal_actor.hpp"
#include "api/outbound/https_client.hpp"
#include "config/files.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <mutex>

namespace thespis::tools {

namespace {

/// How often somebody looks whether keys are to be fetched; most looks find nothing to do.
constexpr std::chrono::seconds look_interval{10};

api::result<api::auth::oidc_flags> flags_of(const config::oidc_settings& s) {
  api::auth::oidc_flags out;
  out.issuer = s.issuer_url;
  out.client_id = s.client_id;
  out.username_claim = s.username_claim;
  out.username_prefix = s.username_prefix;
  out.groups_claim = s.groups_claim;
  out.groups_prefix = s.groups_prefix;
  out.algorithms = s.signing_algs;
  for (const auto& claim : s.required_claims) {
    const auto sign = claim.find('=');
    if (sign == claim.npos || sign == 0)
      return api::fail(
          api::bad_request("oidc.required-claims: expected key=value (got " + claim + ")"));
    out.required_claims[claim.substr(0, sign)] = claim.substr(sign + 1);
  }
  if (!s.ca_file.empty()) {
    auto text = config::read_file(s.ca_file);
    if (!text)
      return api::fail(std::move(text.error()));
    out.ca_bundle = std::move(*text);
  }
  return out;
}

/// Makes issuers of a configuration, and looks after them.
class keeper {
public:
  keeper(cluster& c, std::string path)
      : clock_(c.env().clock), client_(std::make_shared<api::outbound::https_client>()),
        path_(std::move(path)) {}

  api::result<outside_users::state> make(const api::auth::authentication_config& config) const {
    outside_users::state out;
    out.anonymous = config.anonymous;
    for (const auto& settings : config.issuers) {
      auto made = api::auth::oidc_issuer::make(
          {settings, client_, [clock = clock_] { return clock->now(); }});
      if (!made)
        return api::fail(std::move(made.error()));
      out.issuers[settings.url] = std::move(*made);
    }
    return out;
  }

  /// What the file says; with nothing when it has not changed since.
  api::result<std::optional<outside_users::state>> read() {
    auto text = config::read_file(path_);
    if (!text)
      return api::fail(std::move(text.error()));
    if (*text == seen_)
      return std::nullopt;
    seen_ = std::move(*text);
    auto config = api::auth::parse_authentication_config(seen_);
    if (!config)
      return api::fail(api::bad_request(path_ + ": " + config.error().message));
    auto made = make(*config);
    if (!made)
      return api::fail(std::move(made.error()));
    return std::move(*made);
  }

  void look(outside_users& users) {
    // An issuer that answers slowly may hold the first look until the next one begins.
    const std::lock_guard lock{mutex_};
    if (!path_.empty()) {
      auto next = read();
      if (!next) {
        spdlog::error("authentication: {}; what held before still does", next.error().message);
      } else if (*next) {
        // Tokens are judged by the new issuers once these know their keys.
        fetch(**next);
        users.set(std::move(**next));
        spdlog::info("authentication: {} has changed and is in force", path_);
      }
    }
    fetch(*users.now());
  }

private:
  static void fetch(const outside_users::state& s) {
    for (const auto& [url, issuer] : s.issuers)
      if (auto ok = issuer->refresh(); !ok)
        spdlog::warn("oidc: the keys of {} are not fetched: {}", url, ok.error().message);
  }

  const std::shared_ptr<const runtime::clock_port> clock_;
  const std::shared_ptr<api::outbound::client> client_;
  const std::string path_;
  std::mutex mutex_;
  std::string seen_;
};

api::result<outside_users::state> first_state(keeper& k, const config::settings& s) {
  if (!s.api.authentication_config.empty()) {
    auto read = k.read();
    if (!read)
      return api::fail(std::move(read.error()));
    return std::move(**read);
  }
  auto flags = flags_of(s.oidc);
  if (!flags)
    return api::fail(std::move(flags.error()));
  auto issuer = api::auth::issuer_of(*flags);
  if (!issuer)
    return api::fail(std::move(issuer.error()));
  return k.make({{std::move(*issuer)}, {}});
}

} // namespace

std::optional<api::auth::token_identity> outside_users::authenticate(std::string_view token) const {
  const auto s = state_.load();
  const auto i = s->issuers.find(api::auth::claimed_issuer(token));
  return i == s->issuers.end() ? std::nullopt : i->second->authenticate(token);
}

std::optional<bool> outside_users::lets_strangers(std::string_view path) const {
  const auto s = state_.load();
  if (!s->anonymous)
    return std::nullopt;
  const auto& paths = s->anonymous->paths;
  return s->anonymous->enabled &&
         (paths.empty() || std::find(paths.begin(), paths.end(), path) != paths.end());
}

api::result<std::shared_ptr<outside_users>> start_oidc(cluster& c, const config::settings& s) {
  const auto& path = s.api.authentication_config;
  if (path.empty() && s.oidc.issuer_url.empty())
    return nullptr;
  if (!path.empty() && !s.oidc.issuer_url.empty())
    return api::fail(
        api::bad_request("api.authentication-config and oidc.issuer-url are mutually exclusive"));
  auto known = std::make_shared<keeper>(c, path);
  auto state = first_state(*known, s);
  if (!state)
    return api::fail(std::move(state.error()));
  auto users = std::make_shared<outside_users>(std::move(*state));
  auto refresh = [known, users](runtime::wall_time) { known->look(*users); };
  actors::renewal_deps deps{c.env().clock, look_interval, c.offload(), refresh};
  c.supervise("oidc", [deps](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<actors::renewal_actor>(deps));
  });
  c.offload()([refresh] { refresh({}); });
  return users;
}

} // namespace thespis::tools
