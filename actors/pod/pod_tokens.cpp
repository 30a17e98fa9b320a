#include "actors/pod/pod_tokens.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::actors {

namespace {

using namespace std::chrono_literals;

constexpr int64_t usual_seconds = 3600;
constexpr auto longest_use = 24h;

} // namespace

api::result<pod_tokens::held> pod_tokens::ask(const api::v1::pod& pod,
                                              const api::v1::service_account_token_projection& what,
                                              int64_t seconds) {
  api::v1::token_request r;
  if (!what.audience.empty())
    r.spec.audiences = {what.audience};
  r.spec.expiration_seconds = seconds;
  auto& bound = r.spec.bound_object_ref.ensure();
  bound.kind = "Pod";
  bound.api_version = "v1";
  bound.name = pod.metadata.name;
  bound.uid = pod.metadata.uid;
  const auto& account = pod.spec.service_account_name;
  auto answer = deps_.request(pod.metadata.namespace_, account.empty() ? "default" : account, r);
  if (!answer)
    return api::fail(std::move(answer.error()));
  const auto now = deps_.now();
  const auto end = api::parse_time(answer->status.expiration_timestamp).value_or(now + 10min);
  const auto life = end - now;
  return held{std::move(answer->status.token),
              now + std::min<api::time_point::duration>(life * 4 / 5, longest_use), end};
}

api::result<std::string> pod_tokens::get(const api::v1::pod& pod,
                                         const api::v1::service_account_token_projection& what) {
  if (!deps_.request)
    return api::fail(api::bad_request("this node has no service account tokens"));
  const auto seconds = what.expiration_seconds.value_or(usual_seconds);
  const key k{pod.metadata.uid, what.audience, seconds};
  const auto known = held_.find(k);
  if (known != held_.end() && deps_.now() < known->second.renew)
    return known->second.token;
  auto fresh = ask(pod, what, seconds);
  if (fresh) {
    auto token = fresh->token;
    held_.insert_or_assign(k, std::move(*fresh));
    return token;
  }
  if (known != held_.end() && deps_.now() < known->second.end) {
    spdlog::warn("pod {}/{}: cannot renew a token: {}", pod.metadata.namespace_, pod.metadata.name,
                 fresh.error().message);
    return known->second.token;
  }
  return api::fail(api::bad_request("failed to fetch token: " + fresh.error().message));
}

void pod_tokens::forget(const std::string& uid) {
  held_.erase(held_.lower_bound({uid, "", 0}), held_.lower_bound({uid + '\0', "", 0}));
}

} // namespace thespis::actors
