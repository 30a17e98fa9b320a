#include "tools/cluster/extension_content.hpp"

#include "api/json.hpp"

#include <algorithm>
#include <mutex>
#include <set>

namespace thespis::tools {

namespace json = api::json;
using namespace std::chrono_literals;
using actors::remaining_content;
using api::outbound::extension;

namespace {

constexpr auto patience = 10s;
/// What was found is told once, and soon.
constexpr auto fresh = 5s;
constexpr size_t max_list = 64 * 1024 * 1024;
/// Objects of one resource deleted one by one in one go; the rest follows with the next.
constexpr size_t batch = 500;
constexpr const char* options =
    R"({"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"})";

/// One resource of an extension server.
struct foreign_resource {
  std::string group, version, plural;
  bool collection = false; ///< all can be deleted at once

  std::string path(const std::string& ns) const {
    return "/apis/" + group + "/" + version + "/namespaces/" + ns + "/" + plural;
  }
};

bool has_verb(const json::value& resource, std::string_view verb) {
  const auto* verbs = json::find(resource, "verbs");
  return verbs && verbs->IsArray() &&
         std::any_of(verbs->Begin(), verbs->End(),
                     [&](const json::value& v) { return json::as_string(v) == verb; });
}

/// What can be listed and deleted of what the server says that it has.
std::vector<foreign_resource> resources_of(const extension& e) {
  std::vector<foreign_resource> out;
  auto doc = json::parse(e.resources);
  const auto* list = doc ? json::find(*doc, "resources") : nullptr;
  if (!list || !list->IsArray())
    return out;
  for (const auto& r : list->GetArray()) {
    std::string name(json::get_string(r, "name"));
    if (name.empty() || name.find('/') != std::string::npos || !json::get_bool(r, "namespaced") ||
        !has_verb(r, "delete") || !has_verb(r, "list"))
      continue;
    out.push_back({e.group, e.version, std::move(name), has_verb(r, "deletecollection")});
  }
  return out;
}

} // namespace

struct extension_content::state {
  explicit state(extension_content_deps d) : deps(std::move(d)) {}

  struct known {
    bool asking = false;
    std::optional<remaining_content> found;
    std::chrono::sys_time<std::chrono::nanoseconds> at;
  };

  const extension_content_deps deps;
  std::mutex mutex; ///< guards what follows
  std::map<std::string, known> all;

  api::result<std::string> send(const extension& e, const char* method, const std::string& path,
                                const std::string& body = {}) const {
    auto r = get_of_extension(*deps.state, e, deps.identity, path);
    if (!r)
      return api::fail(std::move(r.error()));
    r->method = method;
    r->body = body;
    r->headers = {{"X-Remote-User", "system:serviceaccount:kube-system:namespace-controller"},
                  {"X-Remote-Group", "system:serviceaccounts"},
                  {"X-Remote-Group", "system:serviceaccounts:kube-system"},
                  {"X-Remote-Group", "system:authenticated"}};
    r->timeout = patience;
    r->max_answer = max_list;
    auto got = deps.http->send(*r);
    if (!got)
      return api::fail(std::move(got.error()));
    if (got->code < 200 || got->code > 299)
      return api::fail(
          api::internal_error(std::string(method) + " " + path + ": " + std::to_string(got->code)));
    return std::move(got->body);
  }

  /// Deletes the objects of one resource and tells what is left of them.
  api::result<void> clear(const extension& e, const foreign_resource& r, const std::string& ns,
                          remaining_content& left) const {
    const auto path = r.path(ns);
    if (r.collection)
      if (auto ok = send(e, "DELETE", path, options); !ok)
        return api::fail(ok.error());
    auto text = send(e, "GET", path);
    if (!text)
      return api::fail(text.error());
    auto doc = json::parse(*text);
    const auto* items = doc ? json::find(*doc, "items") : nullptr;
    if (!items || !items->IsArray())
      return {};
    size_t remaining = items->Size();
    size_t tried = 0;
    for (const auto& item : items->GetArray()) {
      const auto* meta = json::find(item, "metadata");
      const auto* finalizers = meta ? json::find(*meta, "finalizers") : nullptr;
      if (finalizers && finalizers->IsArray())
        for (const auto& f : finalizers->GetArray())
          ++left.by_finalizer[std::string(json::as_string(f))];
      if (r.collection || !meta || json::find(*meta, "deletionTimestamp") || tried++ >= batch)
        continue;
      if (auto ok =
              send(e, "DELETE", path + "/" + std::string(json::get_string(*meta, "name")), options);
          !ok)
        return api::fail(ok.error());
    }
    // Whether deleted objects are gone is told by the next list.
    if (remaining > 0)
      left.by_resource[r.plural + "." + r.group] += remaining;
    return {};
  }

  /// On a thread that may wait.
  void question(const std::string& ns) {
    remaining_content left;
    std::set<std::string> seen;
    const auto extensions = deps.table->all();
    for (const auto& e : *extensions) {
      const auto group_version = e.group + "/" + e.version;
      if (!e.available) {
        left.undiscovered.push_back(group_version +
                                    ": stale GroupVersion discovery: " + group_version);
        continue;
      }
      // The first version of a group is the preferred one.
      for (const auto& r : resources_of(e))
        if (seen.insert(r.plural + "." + r.group).second)
          if (auto ok = clear(e, r, ns, left); !ok)
            left.failures.push_back(ok.error().message);
    }
    const std::lock_guard lock(mutex);
    all[ns] = {false, std::move(left), deps.clock->now()};
  }
};

extension_content::extension_content(extension_content_deps deps)
    : state_(std::make_shared<state>(std::move(deps))) {}

actors::foreign_content::answer extension_content::clear(const std::string& ns) {
  if (state_->deps.table->all()->empty())
    return {true, {}};
  const std::lock_guard lock(state_->mutex);
  auto& k = state_->all[ns];
  if (k.found && state_->deps.clock->now() - k.at < fresh) {
    answer out{true, std::move(*k.found)};
    state_->all.erase(ns);
    return out;
  }
  if (!k.asking)
    k.asking = state_->deps.pool->post([s = state_, ns] { s->question(ns); });
  return {};
}

} // namespace thespis::tools
