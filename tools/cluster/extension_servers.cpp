#include "tools/cluster/extension_servers.hpp"

#include "api/json.hpp"
#include "api/openapi/foreign.hpp"
#include "api/outbound/service_target.hpp"
#include "api/text/base64.hpp"

#include <mutex>

namespace thespis::tools {

using namespace std::chrono_literals;
using api::outbound::extension;

namespace {

constexpr auto patience = 5s;
/// An answer is good for so long; a little less than the time between two questions.
constexpr auto fresh = 25s;
constexpr auto fresh_failure = 1s;
constexpr size_t max_document = 8 * 1024 * 1024;

extension extension_of(const api::v1::api_service& a) {
  extension e;
  e.group = a.spec.group;
  e.version = a.spec.version;
  e.service_ns = a.spec.service->namespace_;
  e.service_name = a.spec.service->name;
  e.port = a.spec.service->port.value_or(443);
  e.ca_bundle = api::decode_base64(a.spec.ca_bundle).value_or("");
  e.insecure = a.spec.insecure_skip_tls_verify.value_or(false);
  e.group_priority = a.spec.group_priority_minimum;
  e.version_priority = a.spec.version_priority;
  return e;
}

/// Whether two ask the same server for the same.
bool same_server(const extension& a, const extension& b) {
  return a.service_ns == b.service_ns && a.service_name == b.service_name && a.port == b.port &&
         a.ca_bundle == b.ca_bundle && a.insecure == b.insecure;
}

} // namespace

api::result<api::outbound::request> get_of_extension(const api::reader& state, const extension& e,
                                                     const api::outbound::front_proxy& identity,
                                                     const std::string& path) {
  auto target = api::outbound::find_service(state, e.service_ns, e.service_name, e.port);
  if (!target)
    return api::fail(std::move(target.error()));
  api::outbound::request r;
  r.method = "GET";
  r.url = "https://" + e.server_name() + ":" + std::to_string(e.port) + path;
  r.address = target->address;
  r.port = target->port;
  r.ca_bundle = e.ca_bundle;
  r.insecure = e.insecure;
  r.client_certificate = identity.certificate;
  r.client_key = identity.key;
  return r;
}

struct extension_servers::state {
  explicit state(extension_servers_deps d) : deps(std::move(d)) {}

  struct known {
    extension asked; ///< whom
    bool asking = false;
    bool answered = false;
    std::string failure;
    std::chrono::sys_time<std::chrono::nanoseconds> at;
  };

  const extension_servers_deps deps;
  std::mutex mutex; ///< guards what follows
  std::map<std::string, known> all;

  api::result<std::string> fetch(const extension& e, const std::string& path) const {
    auto made = get_of_extension(*deps.state, e, deps.identity, path);
    if (!made)
      return api::fail(std::move(made.error()));
    auto& r = *made;
    r.headers = {{"X-Remote-User", "system:kube-aggregator"},
                 {"X-Remote-Group", "system:masters"},
                 {"Accept", "application/json"}};
    r.timeout = patience;
    r.max_answer = max_document;
    auto got = deps.http->send(r);
    if (!got)
      return api::fail(std::move(got.error()));
    if (got->code < 200 || got->code > 299) {
      api::error bad;
      bad.message = "bad status from " + r.url + ": " + std::to_string(got->code);
      return api::fail(std::move(bad));
    }
    return std::move(got->body);
  }

  /// On a thread that may wait.
  void question(extension e) {
    const auto path = "/apis/" + e.group + "/" + e.version;
    auto list = fetch(e, path);
    std::string failure;
    if (list && api::json::parse(*list)) {
      e.available = true;
      e.resources = std::move(*list);
      e.openapi_path = find_openapi(e);
      e.openapi_v2 = find_openapi_v2(e);
    } else {
      failure = "failing or missing response from https://" + e.server_name() + ":" +
                std::to_string(e.port) + path + ": " +
                (list ? "the answer is no JSON" : list.error().message);
    }
    const std::lock_guard lock(mutex);
    auto& k = all[e.version + "." + e.group];
    k.asking = false;
    if (!same_server(k.asked, e))
      return; // it is somebody else's turn by now
    k.answered = true;
    k.failure = std::move(failure);
    k.at = deps.clock->now();
    if (auto before = deps.table->find(e.group, e.version); before && !e.available) {
      e.resources = before->resources;
      e.openapi_path = before->openapi_path;
      e.openapi_v2 = before->openapi_v2;
    }
    deps.table->set(std::move(e));
  }

  /// What the server says of its objects in OpenAPI v2; the known text while that is the same, so
  /// that nothing is made anew.
  std::shared_ptr<const std::string> find_openapi_v2(const extension& e) const {
    const auto document = fetch(e, "/openapi/v2");
    auto part = document ? api::openapi::part_of_v2(*document, e.group, e.version) : std::string{};
    if (part.empty())
      return nullptr;
    const auto before = deps.table->find(e.group, e.version);
    if (before && before->openapi_v2 && *before->openapi_v2 == part)
      return before->openapi_v2;
    return std::make_shared<const std::string>(std::move(part));
  }

  /// Where the server describes its objects; empty when it does not.
  std::string find_openapi(const extension& e) const {
    const auto index = fetch(e, "/openapi/v3");
    const auto doc = index ? api::json::parse(*index) : api::fail(index.error());
    const auto* paths = doc ? api::json::find(*doc, "paths") : nullptr;
    const auto* own =
        paths ? api::json::find(*paths, "apis/" + e.group + "/" + e.version) : nullptr;
    const auto url = own ? api::json::get_string(*own, "serverRelativeURL") : std::string_view{};
    // Somewhere else it is not asked for.
    return url.starts_with("/openapi/v3/apis/" + e.group + "/" + e.version) ? std::string(url) : "";
  }
};

extension_servers::extension_servers(extension_servers_deps deps)
    : state_(std::make_shared<state>(std::move(deps))) {}

actors::extension_host::answer extension_servers::ask(const api::v1::api_service& service) {
  auto e = extension_of(service);
  const std::lock_guard lock(state_->mutex);
  auto& k = state_->all[e.version + "." + e.group];
  const bool same = same_server(k.asked, e);
  if (!same) {
    k = {};
    k.asked = e;
    // Until it has answered nothing is passed on, but it is known to be somebody else's.
    state_->deps.table->set(e);
  }
  if (auto before = state_->deps.table->find(e.group, e.version)) {
    auto now = *before;
    now.group_priority = e.group_priority;
    now.version_priority = e.version_priority;
    now.available = k.answered && k.failure.empty();
    state_->deps.table->set(std::move(now));
  }
  const auto now = state_->deps.clock->now();
  if (!k.asking && (!k.answered || now - k.at > (k.failure.empty() ? fresh : fresh_failure)))
    k.asking = state_->deps.pool->post([s = state_, e] { s->question(e); });
  return {k.answered, k.answered && k.failure.empty(), k.failure};
}

void extension_servers::suspend(const api::v1::api_service& service) {
  auto e = extension_of(service);
  const std::lock_guard lock(state_->mutex);
  auto& k = state_->all[e.version + "." + e.group];
  k = {};
  if (auto before = state_->deps.table->find(e.group, e.version); before && same_server(*before, e))
    e = *before;
  e.available = false;
  state_->deps.table->set(std::move(e));
}

void extension_servers::withdraw(const std::string& group, const std::string& version) {
  const std::lock_guard lock(state_->mutex);
  state_->all.erase(version + "." + group);
  state_->deps.table->remove(group, version);
}

} // namespace thespis::tools
