#include "actors/controllers/certificate_signing.hpp"

#include "api/auth/csr.hpp"
#include "api/generated/certificates_v1.hpp"
#include "api/generated/core_v1_node.hpp"
#include "api/text/base64.hpp"
#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using namespace std::chrono_literals;
namespace v1 = api::v1;
namespace auth = api::auth;
using csr = v1::certificate_signing_request;

// How long requests are kept, as Kubernetes keeps them.
constexpr auto pending_life = 24h;
constexpr auto settled_life = 1h;
constexpr std::string_view bootstrap_user = "system:bootstrap:";
constexpr std::string_view node_user = "system:node:";
constexpr std::chrono::seconds longest_certificate = 24h * 365;

const v1::certificate_signing_request_condition* condition(const csr& c, std::string_view type) {
  const auto& all = c.status.conditions;
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const auto& x) { return x.type == type; });
  return it == all.end() ? nullptr : &*it;
}

void add_condition(csr& c, std::string type, std::string reason, std::string message,
                   wall_time now) {
  auto& x = c.status.conditions.emplace_back();
  x.type = std::move(type);
  x.status = "True";
  x.reason = std::move(reason);
  x.message = std::move(message);
  x.last_update_time = api::format_time(now);
  x.last_transition_time = x.last_update_time;
}

class certificate_signing final : public reconciler {
public:
  explicit certificate_signing(const certificate_signing_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "certificatesigning"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{csr::resource_name}, self_key()},
            {std::string{v1::node::resource_name}, nullptr}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    reconcile_result res;
    const auto c = v.get<csr>({}, key.name);
    if (!c || c.object->meta().deleting)
      return res;
    const auto left = time_left(*c, now);
    if (left <= 0s) {
      res.calls.push_back(delete_call(*c.object));
      return res;
    }
    res.requeue_after = left;
    const bool approved = condition(*c, "Approved");
    const bool settled =
        condition(*c, "Denied") || condition(*c, "Failed") || !c->status.certificate.empty();
    if (settled || !auth::is_known_signer(c->spec.signer_name))
      return res;
    const auto pem = api::decode_base64(c->spec.request).value_or("");
    const auto asked = auth::read_csr(pem);
    if (!approved) {
      if (!asked || !is_nodes_own(*c, *asked))
        return res;
      if (takes_over(*c, *asked, v))
        deny(*c, asked->common_name, now, res);
      else
        approve(*c, now, res);
      return res;
    }
    sign(*c, pem, asked, now, res);
    return res;
  }

private:
  static std::chrono::nanoseconds time_left(const csr& c, wall_time now) {
    const bool settled =
        condition(c, "Approved") || condition(c, "Denied") || condition(c, "Failed");
    const auto& since =
        settled ? c.status.conditions.front().last_update_time : c.metadata.creation_timestamp;
    const auto begin = api::parse_time(since).value_or(now);
    return begin + (settled ? std::chrono::nanoseconds{settled_life} : pending_life) - now;
  }

  /// A kubelet's client certificate, asked for by that kubelet or by one that may for others.
  bool is_nodes_own(const csr& c, const auth::csr_info& asked) const {
    const auto& spec = c.spec;
    if (spec.signer_name != auth::kubelet_client_signer || !deps_.policy ||
        !auth::signer_refusal(spec.signer_name, asked, spec.usages).empty())
      return false;
    const api::user_info user{spec.username, spec.uid, spec.groups, spec.extra};
    auto may = [&](std::string_view what) {
      return deps_.policy
          ->authorize({user, true, "create", "certificates.k8s.io", "*", "",
                       "certificatesigningrequests", what, "", ""})
          .allowed();
    };
    return (spec.username == asked.common_name && may("selfnodeclient")) || may("nodeclient");
  }

  /// A new machine, with nothing but a token, asks for the name of one that is there.
  static bool takes_over(const csr& c, const auth::csr_info& asked, const view& v) {
    return c.spec.username.starts_with(bootstrap_user) &&
           asked.common_name.starts_with(node_user) &&
           v.get<v1::node>({}, asked.common_name.substr(node_user.size()));
  }

  static void deny(const csr& c, const std::string& name, wall_time now, reconcile_result& res) {
    auto next = c;
    add_condition(next, "Denied", "NameTaken",
                  name.substr(node_user.size()) +
                      " is a node already: take another name, or delete the Node first",
                  now);
    res.calls.push_back(update_call(next, "approval"));
  }

  static void approve(const csr& c, wall_time now, reconcile_result& res) {
    auto next = c;
    add_condition(next, "Approved", "AutoApproved",
                  "Auto approving kubelet client certificate after SubjectAccessReview.", now);
    res.calls.push_back(update_call(next, "approval"));
  }

  void sign(const csr& c, const std::string& pem, const api::result<auth::csr_info>& asked,
            wall_time now, reconcile_result& res) const {
    if (!deps_.sign)
      return;
    auto next = c;
    auto why = asked ? auth::signer_refusal(c.spec.signer_name, *asked, c.spec.usages)
                     : asked.error().message;
    if (why.empty()) {
      const auto life = c.spec.expiration_seconds ? std::chrono::seconds{*c.spec.expiration_seconds}
                                                  : longest_certificate;
      auto certificate = deps_.sign(pem, c.spec.usages, std::min(life, longest_certificate), now);
      if (certificate)
        next.status.certificate = api::encode_base64(*certificate);
      else
        why = certificate.error().message;
    }
    if (!why.empty())
      add_condition(next, "Failed", "SignerValidationFailure", why, now);
    res.calls.push_back(update_call(next, "status"));
  }

  const certificate_signing_deps deps_;
};

} // namespace

std::unique_ptr<reconciler> make_certificate_signing(const certificate_signing_deps& deps) {
  return std::make_unique<certificate_signing>(deps);
}

} // namespace thespis::actors
