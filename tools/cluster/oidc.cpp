#include "tools/cluster/oidc.hpp"

#include "actors/renewal/renewal_actor.hpp"
#include "config/files.hpp"

#include <spdlog/spdlog.h>

namespace thespis::tools {

namespace {

/// How often somebody looks whether keys are to be fetched; most looks find nothing to do.
constexpr std::chrono::seconds look_interval{10};

api::result<api::auth::oidc_settings> settings_of(const config::oidc_settings& s) {
  api::auth::oidc_settings out;
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

} // namespace

api::result<std::shared_ptr<api::auth::oidc_issuer>> start_oidc(cluster& c,
                                                                const config::oidc_settings& s) {
  if (s.issuer_url.empty())
    return nullptr;
  auto settings = settings_of(s);
  if (!settings)
    return api::fail(std::move(settings.error()));
  auto issuer = api::auth::oidc_issuer::make({std::move(*settings),
                                              std::make_shared<api::outbound::https_client>(),
                                              [clock = c.env().clock] { return clock->now(); }});
  if (!issuer)
    return issuer;
  auto refresh = [known = *issuer](runtime::wall_time) {
    if (auto ok = known->refresh(); !ok)
      spdlog::warn("oidc: keys are not fetched: {}", ok.error().message);
  };
  actors::renewal_deps deps{c.env().clock, look_interval, c.offload(), refresh};
  c.supervise("oidc", [deps](caf::local_actor& self) {
    return caf::actor_cast<caf::strong_actor_ptr>(
        self.home_system().spawn<actors::renewal_actor>(deps));
  });
  c.offload()([refresh] { refresh({}); });
  return issuer;
}

} // namespace thespis::tools
