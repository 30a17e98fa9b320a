#include "tools/cluster/metric_servers.hpp"

#include "api/json.hpp"
#include "tools/cluster/extension_servers.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace thespis::tools {

using namespace std::chrono_literals;
using api::outbound::extension;

namespace {

/// Less than the time between two looks of an autoscaler.
constexpr auto fresh = 10s;
constexpr auto forgotten = 60s;
constexpr auto patience = 5s;
constexpr size_t max_answer = 4 * 1024 * 1024;

api::error unavailable(std::string message) {
  return api::make_error(api::reason::service_unavailable, std::move(message));
}

/// Who answers for the group, in its first version; nothing when nobody does.
std::optional<extension> server_of(const api::outbound::extension_table& table,
                                   const std::string& group) {
  const auto all = table.all();
  const auto i =
      std::find_if(all->begin(), all->end(), [&](const auto& e) { return e.group == group; });
  return i == all->end() ? std::nullopt : std::optional{*i};
}

} // namespace

struct metric_servers::state {
  explicit state(metric_servers_deps d) : deps(std::move(d)) {}

  struct known {
    bool asking = false;
    std::optional<api::result<std::string>> answer;
    runtime::wall_time at{};
  };

  const metric_servers_deps deps;
  std::mutex mutex; ///< guards what follows
  std::map<std::string, known> all;

  api::result<std::string> fetch(const extension& e, const std::string& path) const {
    auto made = get_of_extension(*deps.state, e, deps.identity, path);
    if (!made)
      return api::fail(std::move(made.error()));
    auto& r = *made;
    r.headers = {{"X-Remote-User", "system:serviceaccount:kube-system:horizontal-pod-autoscaler"},
                 {"X-Remote-Group", "system:serviceaccounts"},
                 {"X-Remote-Group", "system:serviceaccounts:kube-system"},
                 {"X-Remote-Group", "system:authenticated"},
                 {"Accept", "application/json"}};
    r.timeout = patience;
    r.max_answer = max_answer;
    auto got = deps.http->send(r);
    if (!got)
      return api::fail(std::move(got.error()));
    if (got->code >= 200 && got->code <= 299)
      return std::move(got->body);
    const auto status = api::json::parse(got->body);
    const auto said = status ? api::json::get_string(*status, "message") : std::string_view{};
    return api::fail(unavailable(said.empty() ? "the server answered " + std::to_string(got->code)
                                              : std::string{said}));
  }

  /// Nobody asks for those any more.
  void forget_old(runtime::wall_time now) {
    std::erase_if(all,
                  [&](const auto& k) { return !k.second.asking && k.second.at + forgotten < now; });
  }
};

metric_servers::metric_servers(metric_servers_deps deps)
    : state_(std::make_shared<state>(std::move(deps))) {}

std::optional<api::result<std::string>> metric_servers::ask(const std::string& group,
                                                            const std::string& path) {
  const auto server = server_of(*state_->deps.table, group);
  if (!server) {
    api::error nobody;
    nobody.why = api::reason::not_found;
    return api::result<std::string>{api::fail(std::move(nobody))};
  }
  if (!server->available)
    return api::result<std::string>{
        api::fail(unavailable("the server is currently unable to handle the request"))};
  const auto whole = "/apis/" + group + "/" + server->version + path;
  const auto now = state_->deps.clock->now();
  const std::lock_guard lock{state_->mutex};
  auto& k = state_->all[whole];
  if (k.answer && k.at + fresh > now)
    return k.answer;
  if (k.asking)
    return std::nullopt;
  k.asking = state_->deps.pool->post([s = state_, e = *server, whole] {
    auto got = s->fetch(e, whole);
    const std::lock_guard inside{s->mutex};
    auto& told = s->all[whole];
    told.asking = false;
    told.answer = std::move(got);
    told.at = s->deps.clock->now();
    s->forget_old(told.at);
  });
  return std::nullopt;
}

} // namespace thespis::tools
