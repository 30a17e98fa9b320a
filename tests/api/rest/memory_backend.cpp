#include "memory_backend.hpp"

#include "api/discovery/selection.hpp"

#include <list>

namespace thespis::test {

using namespace api;
using namespace api::rest;

namespace {

struct event {
  std::string resource;
  event_kind kind;
  object_ptr object;
  object_ptr previous;
};

struct watcher {
  std::string resource;
  selection what;
  object_matcher matches;
  watch_callbacks callbacks;
  uint64_t seen = 0;
  bool initial = false;  ///< the present state is due
  bool credit = true;    ///< a batch may be sent
  bool progress = false; ///< a batch is due even when empty
  bool closed = false;

  bool selects(const object_ptr& o) const {
    return o && (what.ns.empty() || o->ns() == what.ns) &&
           (what.name.empty() || o->name() == what.name) &&
           (what.node_name.empty() || o->meta().node_name == what.node_name) && matches(*o);
  }
};

using watcher_ptr = std::shared_ptr<watcher>;

} // namespace

struct memory_backend::state_impl : reader, std::enable_shared_from_this<state_impl> {
  using key = std::pair<std::string, std::string>;

  object_ptr get(std::string_view resource, std::string_view ns,
                 std::string_view name) const override {
    std::lock_guard lock(mutex);
    return find(std::string(resource), key(ns, name));
  }

  listing list(std::string_view resource, std::string_view ns) const override {
    std::lock_guard lock(mutex);
    listing l;
    l.revision = head;
    if (auto it = objects.find(std::string(resource)); it != objects.end())
      for (const auto& [k, o] : it->second)
        if (ns.empty() || k.first == ns)
          l.objects.push_back(o);
    return l;
  }

  uint64_t revision() const override {
    std::lock_guard lock(mutex);
    return head;
  }

  object_ptr find(const std::string& resource, const key& k) const {
    auto it = objects.find(resource);
    if (it == objects.end())
      return nullptr;
    auto o = it->second.find(k);
    return o == it->second.end() ? nullptr : o->second;
  }

  /// The write's object; null when the object has moved on.
  object_ptr apply(write w) {
    std::lock_guard lock(mutex);
    key k(w.draft.meta.ns, w.draft.meta.name);
    auto resource = w.draft.meta.resource;
    auto present = find(resource, k);
    bool conflict =
        w.kind == write_kind::create
            ? present != nullptr
            : !present || (w.expected_revision != 0 && present->revision() != w.expected_revision);
    if (conflict)
      return nullptr;
    auto kind = w.kind;
    auto sealed = seal(std::move(w.draft), ++head);
    if (kind == write_kind::remove)
      objects[resource].erase(k);
    else
      objects[resource][k] = sealed;
    history.push_back({resource,
                       kind == write_kind::create   ? event_kind::added
                       : kind == write_kind::remove ? event_kind::deleted
                                                    : event_kind::modified,
                       sealed, present});
    return sealed;
  }

  /// What `w` is due, or nothing.
  std::optional<watch_events> take(watcher& w) {
    watch_events batch;
    batch.revision = head;
    if (w.initial) {
      for (const auto& [k, o] : objects[w.resource])
        if (w.selects(o))
          batch.events.push_back({event_kind::added, o});
      batch.initial_end = true;
      w.initial = false;
      w.seen = head;
      return batch;
    }
    for (const auto& e : history) {
      if (e.object->revision() <= w.seen || e.resource != w.resource)
        continue;
      bool now = e.kind != event_kind::deleted && w.selects(e.object);
      bool before = w.selects(e.previous);
      if (now)
        batch.events.push_back({before ? event_kind::modified : event_kind::added, e.object});
      else if (before)
        batch.events.push_back({event_kind::deleted, e.object});
    }
    w.seen = head;
    if (batch.events.empty() && !w.progress)
      return std::nullopt;
    w.progress = false;
    return batch;
  }

  /// Sends what is due; callbacks run without the lock.
  void pump() {
    for (;;) {
      watcher_ptr due;
      std::optional<watch_events> batch;
      {
        std::lock_guard lock(mutex);
        for (auto& w : watchers) {
          if (!w->credit || w->closed)
            continue;
          batch = take(*w);
          if (batch) {
            due = w;
            due->credit = false;
            break;
          }
        }
      }
      if (!batch)
        return;
      due->callbacks.events(std::move(*batch));
    }
  }

  mutable std::mutex mutex;
  uint64_t head = 1000;
  uint64_t floor = 0;
  std::map<std::string, std::map<key, object_ptr>> objects;
  std::vector<event> history;
  std::list<watcher_ptr> watchers;
  std::vector<call> calls;
  uint64_t uids = 0;
};

namespace {

class handle : public watch_handle {
public:
  handle(std::shared_ptr<memory_backend::state_impl> s, watcher_ptr w)
      : state_(std::move(s)), watcher_(std::move(w)) {}
  ~handle() override {
    std::lock_guard lock(state_->mutex);
    watcher_->closed = true;
    state_->watchers.remove(watcher_);
  }
  void ack() override { touch(&watcher::credit); }
  void progress() override { touch(&watcher::progress); }

private:
  void touch(bool watcher::*what) {
    {
      std::lock_guard lock(state_->mutex);
      (*watcher_).*what = true;
    }
    state_->pump();
  }

  std::shared_ptr<memory_backend::state_impl> state_;
  watcher_ptr watcher_;
};

} // namespace

memory_backend::memory_backend() : state_(std::make_shared<state_impl>()) {
  pipeline_deps deps;
  deps.state = state_;
  deps.now = [] { return std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}; };
  deps.new_uid = [s = state_] {
    std::lock_guard lock(s->mutex);
    auto n = std::to_string(++s->uids);
    return "00000000-0000-4000-8000-" + std::string(12 - n.size(), '0') + n;
  };
  deps.random_suffix = [](size_t n) { return std::string(n, 'x'); };
  pipeline_ = std::make_unique<pipeline>(std::move(deps));
  for (std::string_view ns : {"default", "kube-system"})
    put("namespaces", "{\"kind\":\"Namespace\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" +
                          std::string(ns) + "\"},\"status\":{\"phase\":\"Active\"}}");
}

memory_backend::~memory_backend() = default;

const reader& memory_backend::state() const {
  return *state_;
}

void memory_backend::submit(call c, std::function<void(reply)> done) {
  {
    std::lock_guard lock(state_->mutex);
    state_->calls.push_back(c);
    if (hold_writes)
      return held_writes.push_back(std::move(done));
  }
  if (silent)
    return;
  auto p = pipeline_->prepare(c);
  if (auto* ready = std::get_if<reply>(&p))
    return done(std::move(*ready));
  auto& w = std::get<prepared_write>(p);
  auto sealed = state_->apply(std::move(w.write));
  if (!sealed) {
    w.answer.ok = false;
    w.answer.failure = conflict(c.resource, c.name, "the object has been modified");
    return done(std::move(w.answer));
  }
  w.answer.ok = true;
  w.answer.object = sealed;
  done(std::move(w.answer));
  state_->pump();
}

std::unique_ptr<watch_handle> memory_backend::watch(const std::string& resource, selection what,
                                                    uint64_t from_revision, watch_callbacks cb) {
  auto matcher = matchers_of(*schemas)(resource, what);
  auto w = std::make_shared<watcher>();
  w->resource = resource;
  w->what = std::move(what);
  w->callbacks = std::move(cb);
  w->seen = from_revision;
  w->initial = from_revision == 0;
  auto h = std::make_unique<handle>(state_, w);
  if (!matcher || (from_revision != 0 && from_revision < state_->floor)) {
    error e;
    e.why = reason::expired;
    e.message = "too old resource version: " + std::to_string(from_revision);
    w->callbacks.closed(matcher ? e : matcher.error());
    return h;
  }
  w->matches = std::move(*matcher);
  {
    std::lock_guard lock(state_->mutex);
    state_->watchers.push_back(w);
  }
  state_->pump();
  return h;
}

void memory_backend::show_page(const std::string& node, const std::string& path,
                               std::function<void(api::result<api::rest::node_page>)> done) {
  const auto i = pages.find(node + " " + path);
  if (i != pages.end())
    return done(i->second);
  api::error e;
  e.why = api::reason::service_unavailable;
  e.message = "node " + node + " is not connected";
  done(api::fail(std::move(e)));
}

void memory_backend::logs(log_options options, log_callbacks cb) {
  last_log = options;
  if (log_failure)
    return cb.done(log_failure);
  if (hold_log) {
    held_log = cb;
    cb.more({});
    return;
  }
  cb.more(log_text);
  cb.done(std::nullopt);
}

void memory_backend::open_stream(stream_options options,
                                 std::function<void(result<stream_target>)> done) {
  last_stream = std::move(options);
  if (upstream)
    done(stream_target{*upstream});
  else
    done(fail(upstream.error()));
}

std::vector<std::pair<std::string, std::string>> memory_backend::health() const {
  return checks;
}

void memory_backend::introspect(api::rest::introspection what,
                                std::function<void(result<std::string>)> done) {
  done("{\"command\":" + json::quote(what.command) + ",\"changes\":" +
       (what.changes ? "true" : "false") + ",\"user\":" + json::quote(what.user.name) + "}");
}

object_ptr memory_backend::put(std::string_view resource, std::string_view text) {
  auto doc = json::parse(text);
  if (!doc)
    throw std::runtime_error(doc.error().message);
  write w;
  w.draft = make_draft(resource, *doc);
  w.kind = state_->get(resource, w.draft.meta.ns, w.draft.meta.name) ? write_kind::update
                                                                     : write_kind::create;
  auto sealed = state_->apply(std::move(w));
  state_->pump();
  return sealed;
}

void memory_backend::compact() {
  std::lock_guard lock(state_->mutex);
  state_->floor = state_->head;
  state_->history.clear();
}

std::vector<call> memory_backend::calls() const {
  std::lock_guard lock(state_->mutex);
  return state_->calls;
}

size_t memory_backend::watchers() const {
  std::lock_guard lock(state_->mutex);
  return state_->watchers.size();
}

} // namespace thespis::test
