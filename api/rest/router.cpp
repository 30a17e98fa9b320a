#include "api/rest/router.hpp"

#include "api/rest/answers.hpp"
#include "api/rest/descriptions.hpp"
#include "api/rest/extensions.hpp"
#include "api/rest/links.hpp"
#include "api/rest/pod_streams.hpp"
#include "api/rest/proxies.hpp"
#include "api/rest/reads.hpp"
#include "api/rest/reviews.hpp"
#include "api/rest/watches.hpp"
#include "api/rest/websocket.hpp"
#include "api/rest/writes.hpp"

#include <algorithm>

namespace thespis::api::rest {

namespace {

error not_served() {
  error e;
  e.why = reason::not_found;
  e.message = "the server could not find the requested resource";
  return e;
}

error method_not_allowed() {
  error e;
  e.why = reason::method_not_allowed;
  e.message = "the server does not allow this method on the requested resource";
  return e;
}

bool known_method(std::string_view m) {
  constexpr std::array<std::string_view, 6> methods = {"GET", "HEAD",  "POST",
                                                       "PUT", "PATCH", "DELETE"};
  return std::find(methods.begin(), methods.end(), m) != methods.end();
}

bool is_pod_stream(const request_target& t) {
  return t.resource == "pods" && t.group.empty() &&
         (t.subresource == "exec" || t.subresource == "attach" || t.subresource == "portforward");
}

/// Whether the request's shape fits the resource: a name where one is needed, a namespace where
/// the resource has one.
result<void> check_scope(const exchange& x) {
  const auto& t = x.target;
  if (!t.rest.empty() && !is_proxy(t))
    return fail(not_served());
  if (!x.resource->namespaced)
    return t.ns.empty() || t.resource == "namespaces" ? result<void>{} : fail(not_served());
  bool one = t.verb == "get" || t.verb == "update" || t.verb == "patch" || t.verb == "delete" ||
             !t.subresource.empty();
  if (t.ns.empty() && one)
    return fail(not_served());
  if (t.ns.empty() && (t.verb == "create" || t.verb == "deletecollection"))
    return fail(method_not_allowed());
  return {};
}

/// Whether the schema serves the verb on the resource or subresource.
result<void> check_verb(exchange& x) {
  const auto& t = x.target;
  if (t.subresource.empty()) {
    bool of_one = t.verb == "update" || t.verb == "patch";
    if (!x.resource->has_verb(t.verb) || (t.verb == "create" && !t.name.empty()) ||
        (of_one && t.name.empty()))
      return fail(method_not_allowed());
    return {};
  }
  x.sub = x.resource->find_subresource(t.subresource);
  if (!x.sub)
    return fail(not_served());
  if (is_proxy(t)) // also of methods that are none of the API's
    return {};
  if (std::find(x.sub->verbs.begin(), x.sub->verbs.end(), t.verb) == x.sub->verbs.end())
    return fail(method_not_allowed());
  return {};
}

/// Finds the resource and the form of the answer.
result<void> resolve(exchange& x, const transport::request_head& head) {
  auto& t = x.target;
  x.resource = x.server->schemas.find_resource(t.group, t.version, t.resource);
  if (!x.resource)
    return fail(not_served());
  if (auto ok = check_scope(x); !ok)
    return ok;
  if (auto ok = check_verb(x); !ok)
    return ok;
  // From here on the namespace is the object's; a namespace's own is none.
  if (!x.resource->namespaced)
    t.ns.clear();
  // Logs and upgraded connections answer in forms of their own.
  if (t.subresource == "log" || is_pod_stream(t) || is_proxy(t))
    return {};
  auto form = negotiate(head.header("Accept"),
                        {has_protobuf(*x.resource), t.verb == "watch", !is_review(*x.resource)});
  if (!form)
    return fail(std::move(form.error()));
  x.form = std::move(*form);
  x.form.pretty = x.form.pretty || t.query.flag("pretty");
  return {};
}

transport::outcome answered(const exchange& x, transport::response r) {
  add_deprecation(x, r);
  x.observe(r.status);
  return transport::respond{in_form(x, std::move(r))};
}

transport::outcome route_resource(exchange_ptr x, const transport::request_head& head) {
  if (auto ok = resolve(*x, head); !ok)
    return answered(*x, answer(ok.error()));
  const auto& t = x->target;
  if (is_pod_stream(t))
    return open_pod_stream(std::move(x), head);
  if (is_proxy(t))
    return open_proxy(std::move(x), head);
  if (is_write(t.verb) || waits_for_conversion(*x)) {
    // Writes need their body: the http_listener's handler goes on.
    transport::proceed p;
    p.context = std::move(x);
    return p;
  }
  if (t.verb == "watch")
    return or_websocket(watch_objects(std::move(x)), head, websocket_messages::lines);
  if (t.verb == "list")
    return answered(*x, list_objects(*x));
  if (t.subresource == "log")
    return or_websocket(open_log(std::move(x)), head, websocket_messages::writes);
  if (t.subresource == "scale")
    return answered(*x, get_scale(*x));
  return answered(*x, get_object(*x));
}

} // namespace

transport::outcome route(const core_ptr& server, const transport::request_head& head) {
  auto x = std::make_shared<exchange>();
  x->server = server;
  x->begin = std::chrono::steady_clock::now();
  x->method = head.method();
  auto target = read_target(head.method(), head.target());
  if (!target)
    return answered(*x, answer(target.error()));
  x->target = std::move(*target);
  if (is_pod_stream(x->target) && x->target.verb == "get")
    x->target.verb = "create"; // a WebSocket can only GET, but a shell is no read
  auto user = authenticate(head, server->options.tokens);
  if (!user)
    return answered(*x, answer(user.error()));
  user = impersonate(head, std::move(*user), server->access());
  if (!user)
    return answered(*x, answer(user.error()));
  x->user = std::move(*user);
  if (auto ok = authorize(server->access(), x->user, x->target); !ok)
    return answered(*x, answer(ok.error()));
  if (const auto e = extension_of(*server, x->target))
    return ask_extension(std::move(x), *e, head);
  // Kubernetes routes HEAD to documents only.
  if (!is_proxy(x->target) &&
      (!known_method(x->method) || (x->method == "HEAD" && x->target.is_resource)))
    return answered(*x, answer(method_not_allowed()));
  x->content_type = head.header("Content-Type");
  x->user_agent = head.header("User-Agent");
  if (x->target.is_resource)
    return route_resource(std::move(x), head);
  if (x->target.path == "/thespis/v1/link")
    return open_link(std::move(x), head);
  return describe(std::move(x), head);
}

} // namespace thespis::api::rest
