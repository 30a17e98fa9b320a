// A cluster in memory: the pipeline over a map, with the store's compare-and-set.
#pragma once

#include "api/admission/plugin.hpp"
#include "api/pipeline/pipeline.hpp"

#include <map>
#include <set>
#include <string>

namespace thespis::api::testing {

/// The state that the pipeline reads.
class memory_state : public reader {
public:
  object_ptr get(std::string_view resource, std::string_view ns,
                 std::string_view name) const override {
    auto it = objects.find({std::string(resource), object_key(ns, name)});
    return it == objects.end() ? nullptr : it->second;
  }
  listing list(std::string_view resource, std::string_view ns) const override {
    listing out;
    out.revision = last;
    for (const auto& [key, o] : objects)
      if (key.first == resource && (ns.empty() || o->ns() == ns))
        out.objects.push_back(o);
    return out;
  }
  uint64_t revision() const override { return last; }

  std::map<std::pair<std::string, std::string>, object_ptr> objects;
  uint64_t last = 100;
};

/// Sends calls and commits what they come to. The clock stands still until `advance`.
class cluster {
public:
  /// With these plug-ins behind the built-in ones, somebody who asks webhooks, rights, and ranges.
  explicit cluster(std::vector<admission::plugin_ptr> plugins = {},
                   std::shared_ptr<outbound::client> webhooks = nullptr,
                   std::shared_ptr<const auth::policy> access = nullptr,
                   std::vector<std::string> service_cidrs = {"10.43.0.0/16"}) {
    pipeline_deps deps;
    deps.service_cidrs = std::move(service_cidrs);
    deps.access = std::move(access);
    deps.more_plugins = std::move(plugins);
    deps.outbound = std::move(webhooks);
    deps.state = state;
    deps.now = [this] { return now; };
    deps.new_uid = [this] { return "uid-" + std::to_string(++uids); };
    deps.random_suffix = [this](size_t n) {
      auto s = std::to_string(10000 + suffixes++);
      return s.substr(s.size() - n);
    };
    line = std::make_unique<pipeline>(std::move(deps));
    ok(create("namespaces", "", R"({"metadata":{"name":"default"}})"));
  }

  prepared prepare(const call& c) { return line->prepare(c); }

  /// Prepares and commits.
  reply send(const call& c) {
    auto p = prepare(c);
    if (auto* r = std::get_if<reply>(&p))
      return *r;
    return commit(std::get<prepared_write>(std::move(p)));
  }

  /// What the store does.
  reply commit(prepared_write p) {
    auto& w = p.write;
    const auto& m = w.draft.meta;
    auto key = std::make_pair(m.resource, object_key(m.ns, m.name));
    auto it = state->objects.find(key);
    if (w.kind == write_kind::create && it != state->objects.end())
      return {false, already_exists(m.resource, m.name), {}, {}, {}, {}, {}};
    if (w.kind != write_kind::create && it == state->objects.end())
      return {false, not_found(m.resource, m.name), {}, {}, {}, {}, {}};
    if (w.expected_revision && it->second->revision() != w.expected_revision)
      return {false, conflict(m.resource, m.name, "stale"), {}, {}, {}, {}, {}};
    auto o = seal(std::move(w.draft), ++state->last);
    if (w.kind == write_kind::remove)
      state->objects.erase(key);
    else
      state->objects[key] = o;
    if (p.then) {
      auto r = send(*p.then);
      r.body = p.answer.body;
      return r;
    }
    p.answer.object = o;
    return p.answer;
  }

  reply create(std::string resource, std::string ns, std::string body, std::string name = {},
               std::string sub = {}) {
    return send(make(verb::create, std::move(resource), std::move(ns), std::move(name),
                     std::move(body), std::move(sub)));
  }
  reply update(std::string resource, std::string ns, std::string name, std::string body,
               std::string sub = {}) {
    return send(make(verb::update, std::move(resource), std::move(ns), std::move(name),
                     std::move(body), std::move(sub)));
  }
  reply patch(std::string resource, std::string ns, std::string name, std::string body,
              patch_kind kind = patch_kind::json_merge, std::string sub = {}) {
    auto c = make(verb::patch, std::move(resource), std::move(ns), std::move(name), std::move(body),
                  std::move(sub));
    c.patch = kind;
    return send(c);
  }
  reply remove(std::string resource, std::string ns, std::string name, std::string body = {}) {
    return send(make(verb::remove, std::move(resource), std::move(ns), std::move(name),
                     std::move(body), {}));
  }

  static call make(verb v, std::string resource, std::string ns, std::string name, std::string body,
                   std::string sub) {
    call c;
    c.verb = v;
    c.resource = std::move(resource);
    c.ns = std::move(ns);
    c.name = std::move(name);
    c.body = std::move(body);
    c.subresource = std::move(sub);
    return c;
  }

  /// The reply itself, which must be a success.
  static reply ok(reply r) {
    if (!r.ok)
      throw std::runtime_error(r.failure.message);
    return r;
  }

  object_ptr get(std::string resource, std::string ns, std::string name) const {
    return state->get(resource, ns, name);
  }

  void advance(std::chrono::seconds d) { now += d; }

  std::shared_ptr<memory_state> state = std::make_shared<memory_state>();
  std::chrono::sys_time<std::chrono::nanoseconds> now{
      std::chrono::sys_days{std::chrono::year{2030} / 1 / 2}};
  int uids = 0;
  int suffixes = 0;
  std::unique_ptr<pipeline> line;
};

/// The value at a path of members, as text: a string as it is, anything else as JSON; "" when it
/// is missing.
inline std::string text_at(const object& o, std::initializer_list<std::string_view> where) {
  auto doc = o.parse();
  const auto* v = json::at(doc, where);
  if (!v)
    return {};
  return v->IsString() ? std::string(json::as_string(*v)) : json::to_string(*v);
}

} // namespace thespis::api::testing
