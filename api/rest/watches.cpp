#include "api/rest/watches.hpp"

#include "api/pipeline/presentation.hpp"
#include "api/rest/answers.hpp"
#include "api/rest/protobuf_answer.hpp"
#include "api/rest/reads.hpp"

namespace thespis::api::rest {

namespace {

/// Above this many unsent bytes the next batch waits until the client has taken some.
constexpr size_t high_water = 256 * 1024;
constexpr size_t low_water = 64 * 1024;

std::string_view name_of(event_kind k) {
  switch (k) {
  case event_kind::added:
    return "ADDED";
  case event_kind::modified:
    return "MODIFIED";
  case event_kind::deleted:
    return "DELETED";
  }
  return "MODIFIED";
}

/// What stands before an event's object; shared by all events of all watches.
const transport::shared_bytes& event_head(event_kind k) {
  auto make = [](event_kind kind) {
    return std::make_shared<const std::string>("{\"type\":\"" + std::string(name_of(kind)) +
                                               "\",\"object\":");
  };
  static const std::array<transport::shared_bytes, 3> heads = {
      make(event_kind::added), make(event_kind::modified), make(event_kind::deleted)};
  return heads[static_cast<size_t>(k)];
}

const transport::shared_bytes& event_tail() {
  static const transport::shared_bytes tail = std::make_shared<const std::string>("}\n");
  return tail;
}

transport::shared_bytes share(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

/// An event whose object, JSON text, is this watcher's own.
transport::shared_bytes frame(const representation& form, std::string_view type,
                              std::string_view object) {
  std::string text;
  if (form.encoding == encoding::protobuf) {
    auto made = to_protobuf_object(json::parse_trusted(object));
    if (!made)
      made = to_protobuf_object(json::parse_trusted(to_status_json(made.error())));
    text = protobuf_event_head(type, *made);
    return share(text.append(made->message).append(*protobuf_event_tail()));
  }
  text.reserve(type.size() + object.size() + 24);
  return share(text.append("{\"type\":\"")
                   .append(type)
                   .append("\",\"object\":")
                   .append(object)
                   .append("}\n"));
}

} // namespace

watch_session::watch_session(exchange_ptr x, list_options o)
    : x_(std::move(x)), options_(std::move(o)) {}

watch_session::~watch_session() = default;

selection watch_session::what() const {
  selection s;
  s.ns = x_->target.ns;
  // A selection by name or node is indexed by the registry; the rest it evaluates per event.
  for (const auto& r : options_.selector.fields().requirements()) {
    if (r.equal && r.field == "metadata.name")
      s.name = r.value;
    else if (r.equal && r.field == "spec.nodeName" && x_->target.resource == "pods")
      s.node_name = r.value;
  }
  s.label_selector = options_.label_text;
  bool indexed = true;
  for (const auto& r : options_.selector.fields().requirements())
    indexed = indexed && r.equal && !r.value.empty() &&
              (r.field == "metadata.name" ||
               (r.field == "spec.nodeName" && x_->target.resource == "pods"));
  if (!indexed)
    s.field_selector = options_.field_text;
  return s;
}

std::chrono::milliseconds watch_session::duration() const {
  // One that is over before it began ends at once.
  if (options_.timeout_seconds && *options_.timeout_seconds < 0)
    return std::chrono::seconds{0};
  if (options_.timeout_seconds && *options_.timeout_seconds > 0)
    return std::chrono::seconds{std::min<int64_t>(*options_.timeout_seconds, 7 * 24 * 3600)};
  auto base = x_->server->options.watch_timeout;
  return base + base * static_cast<int>(id_ % 16) / 16;
}

void watch_session::start(std::shared_ptr<transport::response_stream> out) {
  out_ = std::move(out);
  auto& server = *x_->server;
  auto self = shared_from_this();
  {
    std::lock_guard lock(server.watches_mutex);
    if (server.stopping) {
      out_->close();
      return;
    }
    id_ = ++server.next_watch;
    server.watches[id_] = self;
  }
  server.counters.count_watch(x_->resource->group, x_->resource->plural, 1);
  // Names nothing but the answer's type: clients must not wait for the first event.
  bool protobuf = x_->form.encoding == encoding::protobuf;
  if (!out_->write_head(200, protobuf ? "application/vnd.kubernetes.protobuf;stream=watch"
                                      : "application/json")) {
    finish();
    return;
  }
  bool from_now = options_.initial_events == false && options_.revision.value_or(0) == 0;
  uint64_t from = from_now ? server.cluster.state().revision() : options_.revision.value_or(0);
  if (options_.initial_events == true)
    from = 0;
  wants_initial_ = from == 0;
  initial_pending_ = options_.initial_events == true;

  watch_callbacks callbacks;
  callbacks.events = [self](watch_events batch) { self->on_events(std::move(batch)); };
  callbacks.closed = [self](const error& e) { self->on_failed(e); };
  std::shared_ptr<watch_handle> handle =
      server.cluster.watch(x_->stored_resource(), what(), from, std::move(callbacks));
  bool gone = false;
  bool ack = false;
  {
    std::lock_guard lock(mutex_);
    gone = done_;
    ack = std::exchange(ack_pending_, false);
    if (!gone) {
      handle_ = std::move(handle);
      // Weak: a timer must not keep the server that owns it alive.
      end_timer_ = server.clock.after(duration(), [weak = weak_from_this()] {
        if (auto session = weak.lock())
          session->finish();
      });
    }
  }
  handle.reset();
  if (gone)
    return;
  if (ack)
    acknowledge();
  arm_bookmark();
  out_->on_closed([self] { self->detach(); });
}

void watch_session::acknowledge() {
  std::shared_ptr<watch_handle> handle;
  {
    std::lock_guard lock(mutex_);
    handle = handle_;
    ack_pending_ = !handle && !done_;
  }
  if (handle)
    handle->ack();
}

void watch_session::arm_bookmark() {
  if (!options_.bookmarks)
    return;
  std::weak_ptr<watch_session> weak = weak_from_this();
  auto timer = x_->server->clock.after(x_->server->options.bookmark_interval, [weak] {
    auto self = weak.lock();
    if (!self)
      return;
    std::shared_ptr<watch_handle> handle;
    {
      std::lock_guard lock(self->mutex_);
      if (self->done_ || !self->handle_)
        return;
      self->bookmark_due_ = true;
      handle = self->handle_;
    }
    handle->progress();
    self->arm_bookmark();
  });
  std::lock_guard lock(mutex_);
  bookmark_timer_ = std::move(timer);
}

bool watch_session::is_outdated() const {
  const auto& r = *x_->resource;
  if (!r.owner)
    return false;
  const auto now = x_->server->schemas.find_resource(r.group, r.version, r.plural);
  return !now || (now != x_->resource && !now->ending);
}

void watch_session::on_events(watch_events batch) {
  if (is_outdated())
    return finish();
  auto show = [self = shared_from_this(), batch = std::move(batch)]() mutable {
    const auto& resource = *self->x_->resource;
    std::vector<object_ptr> objects;
    if (resource.epoch != 0)
      for (const auto& e : batch.events)
        objects.push_back(e.object);
    if (auto ok = present(resource, objects); !ok)
      return self->on_failed(ok.error());
    for (size_t i = 0; i < objects.size(); ++i)
      batch.events[i].object = std::move(objects[i]);
    self->send_events(batch);
  };
  // No further batch comes before this one is acknowledged, so their order stays.
  if (const auto& run = x_->server->options.offload; run && x_->resource->calls_out())
    return run(std::move(show)) ? void() : on_failed(too_busy());
  show();
}

void watch_session::send_events(const watch_events& batch) {
  std::vector<transport::shared_bytes> lines;
  lines.reserve(batch.events.size() * 3 + 1);
  for (const auto& e : batch.events)
    render(e, lines);
  bool initial_end = false;
  bool bookmark = false;
  {
    std::lock_guard lock(mutex_);
    if (done_)
      return;
    initial_end = batch.initial_end && std::exchange(initial_pending_, false);
    // Only a batch without events answers our wish for a bookmark for certain, but any batch's
    // revision is as good.
    bookmark = std::exchange(bookmark_due_, false);
  }
  if ((initial_end || bookmark) && options_.bookmarks)
    lines.push_back(render_bookmark(batch.revision, initial_end));
  if (!lines.empty() && !out_->write(std::move(lines))) {
    finish();
    return;
  }
  if (out_->pending_bytes() < high_water) {
    acknowledge();
    return;
  }
  auto self = shared_from_this();
  out_->on_drained(low_water, [self] { self->acknowledge(); });
}

void watch_session::on_failed(const error& e) {
  out_->write(frame(x_->form, "ERROR", to_status_json(e)));
  finish();
}

bool watch_session::detach() {
  std::shared_ptr<watch_handle> handle;
  timers::timer_ptr bookmark;
  timers::timer_ptr end;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(done_, true))
      return false;
    handle = std::move(handle_);
    bookmark = std::move(bookmark_timer_);
    end = std::move(end_timer_);
  }
  auto& server = *x_->server;
  server.clock.cancel(bookmark);
  server.clock.cancel(end);
  {
    std::lock_guard lock(server.watches_mutex);
    server.watches.erase(id_);
  }
  server.counters.count_watch(x_->resource->group, x_->resource->plural, -1);
  x_->observe(200);
  return true;
}

void watch_session::finish() {
  detach();
  out_->close();
}

void watch_session::render(const watch_event& e, std::vector<transport::shared_bytes>& out) {
  auto type = name_of(e.kind);
  switch (x_->form.shape) {
  case shape::plain:
  case shape::partial_metadata_list:
    if (x_->form.encoding == encoding::protobuf)
      return render_protobuf(type, e.object, out);
    // The object's own bytes, which all its watchers share.
    out.push_back(event_head(e.kind));
    out.push_back(bytes_of(e.object));
    out.push_back(event_tail());
    return;
  case shape::partial_metadata:
    out.push_back(frame(x_->form, type, table::partial_metadata(*e.object, x_->form.meta_version)));
    return;
  case shape::table:
    break;
  }
  table::options o;
  o.version = x_->form.meta_version;
  o.include = include_object_of(x_->target.query).value_or(table::include_object::metadata);
  o.headers = !std::exchange(headers_sent_, true);
  o.now = x_->server->options.now();
  out.push_back(frame(x_->form, type,
                      table::render(*x_->resource, {e.object}, {e.object->revision(), {}, 0}, o)));
}

void watch_session::render_protobuf(std::string_view type, const object_ptr& o,
                                    std::vector<transport::shared_bytes>& out) {
  auto made = x_->server->protobufs.get(o, true);
  if (!made) {
    out.push_back(frame(x_->form, "ERROR", to_status_json(made.error())));
    return;
  }
  out.push_back(share(protobuf_event_head(type, **made)));
  out.push_back({*made, &(*made)->message});
  out.push_back(protobuf_event_tail());
}

transport::shared_bytes watch_session::render_bookmark(uint64_t revision, bool initial_end) {
  auto metadata = "{\"resourceVersion\":\"" + std::to_string(revision) + "\"";
  if (initial_end)
    metadata += ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}";
  metadata += ",\"creationTimestamp\":null}";
  auto object = [&](std::string_view kind, std::string_view version) {
    return "{\"kind\":" + json::quote(kind) + ",\"apiVersion\":" + json::quote(version) +
           ",\"metadata\":" + metadata + "}";
  };
  auto meta_version = "meta.k8s.io/" + x_->form.meta_version;
  switch (x_->form.shape) {
  case shape::plain:
  case shape::partial_metadata_list:
    break;
  case shape::partial_metadata:
    return frame(x_->form, "BOOKMARK", object("PartialObjectMetadata", meta_version));
  case shape::table:
    return frame(x_->form, "BOOKMARK",
                 "{\"kind\":\"Table\",\"apiVersion\":\"" + meta_version +
                     "\",\"metadata\":{\"resourceVersion\":\"" + std::to_string(revision) +
                     "\"},\"columnDefinitions\":[],\"rows\":[{\"cells\":[],\"object\":" +
                     object("PartialObjectMetadata", meta_version) + "}]}");
  }
  return frame(x_->form, "BOOKMARK", object(x_->resource->kind, x_->resource->api_version()));
}

transport::outcome watch_objects(exchange_ptr x) {
  auto refuse = [&](const error& e) {
    x->observe(http_code(e.why));
    return transport::respond{in_form(*x, answer(e))};
  };
  auto options = read_list_options(*x->resource, x->target);
  if (!options)
    return refuse(options.error());
  if (auto include = include_object_of(x->target.query); !include)
    return refuse(include.error());
  if (auto e = check_seen(*x, options->revision.value_or(0)))
    return refuse(*e);
  auto session = std::make_shared<watch_session>(std::move(x), std::move(*options));
  transport::stream s;
  s.start = [session](std::shared_ptr<transport::response_stream> out, std::string) {
    session->start(std::move(out));
  };
  return s;
}

void stop_watches(core& server) {
  std::vector<std::shared_ptr<watch_session>> sessions;
  {
    std::lock_guard lock(server.watches_mutex);
    server.stopping = true;
    for (auto& [id, weak] : server.watches)
      if (auto session = weak.lock())
        sessions.push_back(std::move(session));
  }
  for (auto& session : sessions)
    session->finish();
}

} // namespace thespis::api::rest
