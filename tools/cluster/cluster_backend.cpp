#include "tools/cluster/cluster_backend.hpp"

#include "tools/cluster/watch_bridge.hpp"

#include "api/discovery/selection.hpp"
#include "api/error.hpp"

#include <future>

namespace thespis::tools {

namespace {

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

cluster_backend::cluster_backend(backend_deps deps)
    : deps_(std::move(deps)), health_(deps_.env.roles, deps_.state), streams_(deps_.sys),
      inside_({deps_.sys, deps_.env, deps_.state, deps_.sendables,
               [this](api::call c) { submit(std::move(c), [](const api::reply&) {}); }}),
      state_(std::make_shared<reader_with_usage>(deps_.state, deps_.usage), actors_) {}

void cluster_backend::refresh(std::string_view resource) {
  if (resource != actors_resource)
    return;
  auto done = std::make_shared<std::promise<void>>();
  refresh_actors(deps_.sys, deps_.env, actors_, [done](const api::listing&) { done->set_value(); });
  done->get_future().wait();
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
  if (resource == actors_resource)
    return watch_actors(deps_.sys, {deps_.env, actors_, api::matchers_of(*deps_.env.schemas),
                                    std::move(what), from_revision, std::move(cb)});
  return start_watch(deps_.sys,
                     {deps_.env.roles, resource, std::move(what), from_revision, std::move(cb)});
}

api::result<actors::node_handle> cluster_backend::node_of(const std::string& ns,
                                                          const std::string& pod) const {
  const auto object = deps_.state->get("pods", ns, pod);
  if (!object)
    return api::fail(api::not_found("pods", pod));
  const auto& node = object->meta().node_name;
  if (node.empty())
    return api::fail(api::bad_request("pod " + pod + " does not have a host assigned"));
  auto actor = deps_.env.roles->find<actors::node_handle>(actors::node_role(node));
  if (!actor)
    return api::fail(api::internal_error("node " + node + " is not connected"));
  return actor;
}

void cluster_backend::logs(api::rest::log_options options, api::rest::log_callbacks cb) {
  const auto node = node_of(options.ns, options.pod);
  if (node)
    streams_.log(*node, options, std::move(cb));
  else
    cb.done(node.error());
}

void cluster_backend::show_page(const std::string& node, const std::string& path,
                                std::function<void(api::result<api::rest::node_page>)> done) {
  if (const auto actor = deps_.env.roles->find<actors::node_handle>(actors::node_role(node)))
    streams_.page(actor, path, std::move(done));
  else
    done(api::fail(api::reason::service_unavailable, "node " + node + " is not connected"));
}

void cluster_backend::open_stream(api::rest::stream_options o,
                                  std::function<void(api::result<api::rest::stream_target>)> done) {
  auto admit = [this, c = connect_call(o), o, done] {
    const auto verdict = std::get<api::reply>(deps_.pipeline->prepare(c));
    const auto node = node_of(o.ns, o.pod);
    if (!verdict.ok)
      done(api::fail(verdict.failure));
    else if (!node)
      done(api::fail(node.error()));
    else
      streams_.connect(*node, o, done);
  };
  if (!deps_.blocking || !deps_.pipeline->may_call_out(connect_call(o)))
    admit();
  else if (!deps_.blocking->post(admit))
    done(api::fail(runtime::too_many_waiting()));
}

std::vector<std::pair<std::string, std::string>> cluster_backend::health() const {
  return health_.checks();
}

void cluster_backend::introspect(api::rest::introspection what,
                                 std::function<void(api::result<std::string>)> done) {
  inside_.run(what, std::move(done));
}

} // namespace thespis::tools
