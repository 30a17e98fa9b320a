#include "tools/cluster/cluster_backend.hpp"

#include "tools/cluster/introspection.hpp"
#include "tools/cluster/watch_bridge.hpp"

namespace thespis::tools {

using namespace std::chrono_literals;

namespace {

constexpr auto node_deadline = 30s;

/// Asks a node once, then ends.
void ask_node(caf::actor_system& sys, const actors::node_handle& node, actors::find_container what,
              std::function<void(api::result<actors::container_location>)> done) {
  sys.spawn([node, what = std::move(what), done = std::move(done)](caf::event_based_actor* self) {
    self->request(node, node_deadline, what)
        .then(
            [done](actors::container_location& l) {
              if (l.ok)
                done(std::move(l));
              else
                done(api::fail(std::move(l.failure)));
            },
            [done, self](const caf::error& e) {
              done(api::fail(api::internal_error(self->system().render(e))));
            });
  });
}

/// The connection as admission sees it.
api::call connect_call(const api::rest::stream_options& o) {
  namespace json = api::json;
  json::document options{rapidjson::kObjectType};
  auto& a = options.GetAllocator();
  auto list = [&](const char* key, const auto& values, auto make) {
    json::value out{rapidjson::kArrayType};
    for (const auto& v : values)
      out.PushBack(make(v), a);
    if (!values.empty())
      json::set(options, key, std::move(out), a);
  };
  if (o.kind == "portforward") {
    list("ports", o.ports, [](int32_t p) { return json::value{p}; });
  } else {
    for (auto [key, on] : {std::pair{"stdin", o.in}, std::pair{"stdout", o.out},
                           std::pair{"stderr", o.err}, std::pair{"tty", o.tty}})
      if (on)
        json::set(options, key, json::value{true}, a);
    json::set(options, "container", o.container, a);
    list("command", o.command, [&](const std::string& s) { return json::make_string(s, a); });
  }
  api::call c;
  c.verb = api::verb::create;
  c.resource = "pods";
  c.ns = o.ns;
  c.name = o.pod;
  c.subresource = o.kind;
  c.body = json::to_string(options);
  c.user = o.user;
  return c;
}

} // namespace

void cluster_backend::add_runtime(const std::string& node,
                                  std::shared_ptr<runtime::container_runtime> r) {
  const std::lock_guard lock{mutex_};
  runtimes_[node] = std::move(r);
}

void cluster_backend::submit(api::call c, std::function<void(api::reply)> done) {
  if (!deps_.blocking || !deps_.pipeline->may_call_out(c)) {
    submit_now(c, std::move(done));
    return;
  }
  if (!deps_.blocking->post([this, c = std::move(c), done] { submit_now(c, done); })) {
    api::reply r;
    r.failure = runtime::too_many_waiting();
    done(std::move(r));
  }
}

void cluster_backend::submit_now(const api::call& c, std::function<void(api::reply)> done) {
  auto first = deps_.pipeline->prepare(c);
  if (auto* answer = std::get_if<api::reply>(&first)) {
    done(std::move(*answer));
    return;
  }
  const auto requests =
      deps_.env.roles->find<runtime::requests_actor_handle>(runtime::requests_role);
  if (!requests) {
    api::reply r;
    r.failure = api::internal_error("the request bridge is not available");
    done(std::move(r));
    return;
  }
  auto pending = std::make_shared<runtime::pending_call>(
      runtime::pending_call{c, std::move(std::get<api::prepared_write>(first)), std::move(done)});
  caf::anon_send(requests, runtime::submit_call{std::move(pending)});
}

std::unique_ptr<api::rest::watch_handle> cluster_backend::watch(const std::string& resource,
                                                                api::selection what,
                                                                uint64_t from_revision,
                                                                api::rest::watch_callbacks cb) {
  return start_watch(deps_.sys,
                     {deps_.env.roles, resource, std::move(what), from_revision, std::move(cb)});
}

void cluster_backend::locate(const std::string& ns, const std::string& pod,
                             actors::container_query q, found done) {
  const auto object = deps_.state->get("pods", ns, pod);
  if (!object) {
    done(api::fail(api::not_found("pods", pod)));
    return;
  }
  const auto& node = object->meta().node_name;
  if (node.empty()) {
    done(api::fail(api::bad_request("pod " + pod + " does not have a host assigned")));
    return;
  }
  const auto actor = deps_.env.roles->find<actors::node_handle>(actors::node_role(node));
  if (!actor) {
    done(api::fail(api::internal_error("node " + node + " is not connected")));
    return;
  }
  ask_node(deps_.sys, actor, {ns, pod, std::move(q)}, std::move(done));
}

void cluster_backend::logs(api::rest::log_options options, api::rest::log_callbacks cb) {
  const actors::container_query q{options.container, options.previous};
  const auto ns = options.ns;
  const auto pod = options.pod;
  auto still_running = [this, ns, pod, q](std::function<void(bool)> answer) {
    locate(ns, pod, q,
           [answer](api::result<actors::container_location> l) { answer(l && l->running); });
  };
  locate(ns, pod, q,
         [this, options = std::move(options), cb = std::move(cb),
          still_running](api::result<actors::container_location> l) {
           if (!l) {
             cb.done(l.error());
             return;
           }
           logs_.start(l->log_path, options, cb,
                       options.previous ? log_source::liveness{} : still_running);
         });
}

std::shared_ptr<runtime::container_runtime>
cluster_backend::runtime_of(const std::string& ns, const std::string& pod) const {
  const auto object = deps_.state->get("pods", ns, pod);
  const std::lock_guard lock{mutex_};
  const auto i = object ? runtimes_.find(object->meta().node_name) : runtimes_.end();
  return i == runtimes_.end() ? nullptr : i->second;
}

void cluster_backend::stream_url(api::rest::stream_options o,
                                 std::function<void(api::result<std::string>)> done) {
  auto admit = [this, c = connect_call(o), o, done] {
    const auto verdict = std::get<api::reply>(deps_.pipeline->prepare(c));
    if (verdict.ok)
      open_stream(o, done);
    else
      done(api::fail(verdict.failure));
  };
  if (!deps_.blocking || !deps_.pipeline->may_call_out(connect_call(o)))
    admit();
  else if (!deps_.blocking->post(admit))
    done(api::fail(runtime::too_many_waiting()));
}

void cluster_backend::open_stream(api::rest::stream_options o,
                                  std::function<void(api::result<std::string>)> done) {
  auto runtime = runtime_of(o.ns, o.pod);
  const auto ns = o.ns;
  const auto pod = o.pod;
  const actors::container_query q{o.container, false};
  locate(ns, pod, q,
         [runtime, o = std::move(o),
          done = std::move(done)](api::result<actors::container_location> l) {
           if (!l) {
             done(api::fail(std::move(l.error())));
             return;
           }
           if (!runtime) {
             done(api::fail(api::internal_error("the pod's node has no container runtime here")));
             return;
           }
           const runtime::stream_options streams{o.in, o.out, o.err, o.tty};
           if (o.kind == "portforward")
             runtime->port_forward(l->sandbox_id, o.ports, done);
           else if (!l->running)
             done(api::fail(api::bad_request("container not found (\"" + o.container + "\")")));
           else if (o.kind == "exec")
             runtime->exec(l->id, o.command, streams, done);
           else
             runtime->attach(l->id, streams, done);
         });
}

std::vector<std::pair<std::string, std::string>> cluster_backend::health() const {
  std::vector<std::pair<std::string, std::string>> res;
  res.emplace_back("ping", "");
  for (const auto role : {runtime::store_role, runtime::requests_role})
    res.emplace_back(role, deps_.env.roles->find<caf::actor>(role) ? "" : "not running");
  return res;
}

void cluster_backend::introspect(std::string command,
                                 std::function<void(api::result<std::string>)> done) {
  run_introspection(deps_.sys, std::move(command), std::move(done));
}

} // namespace thespis::tools
