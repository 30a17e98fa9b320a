#include "api/rest/router.hpp"

#include "api/rest/admission_gate.hpp"
#include "api/rest/answers.hpp"
#include "api/rest/audit_trail.hpp"
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
  return make_error(reason::not_found, "the server could not find the requested resource");
}

error method_not_allowed() {
  return make_error(reason::method_not_allowed,
                    "the server does not allow this method on the requested resource");
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
  add_flow(x, r.headers);
  x.observe(r);
  return transport::respond{in_form(x, std::move(r))};
}

/// The http_listener's handler goes on, with the body if there is one.
transport::outcome answer_later(exchange_ptr x) {
  transport::proceed p;
  p.context = std::move(x);
  return p;
}

/// A watch, once there is a seat to begin it in.
transport::outcome begin_watch(exchange_ptr x) {
  if (enter_now(*x)) {
    auto begun = watch_objects(x);
    if (auto* s = std::get_if<transport::stream>(&begun))
      s->start = [x, start = std::move(s->start)](auto out, std::string body) {
        audit_started(*x, 200);
        start(std::move(out), std::move(body));
        x->seat.release();
      };
    return begun;
  }
  auto begun = watch_objects(x);
  auto* s = std::get_if<transport::stream>(&begun);
  if (s == nullptr)
    return begun;
  s->start = [x, start = std::move(s->start)](std::shared_ptr<transport::response_stream> out,
                                              std::string body) {
    auto refuse = [x, out](transport::response r) {
      add_flow(*x, r.headers);
      x->observe(r);
      if (out->write_head(r.status, r.content_type, r.headers))
        for (const auto& piece : r.body)
          out->write(std::make_shared<const std::string>(static_cast<const char*>(piece.data()),
                                                         piece.size()));
      out->close();
    };
    enter(x, refuse, [x, out, start, body](const auto&) {
      audit_started(*x, 200);
      start(out, body);
    });
  };
  return begun;
}

transport::outcome route_resource(exchange_ptr x, const transport::request_head& head) {
  if (auto ok = resolve(*x, head); !ok)
    return answered(*x, answer(ok.error()));
  const auto& t = x->target;
  if (is_pod_stream(t))
    return open_pod_stream(std::move(x), head);
  if (is_proxy(t))
    return open_proxy(std::move(x), head);
  if (t.verb == "watch")
    return or_websocket(begin_watch(std::move(x)), head, websocket_messages::lines);
  if (t.subresource == "log" && !is_write(t.verb))
    return or_websocket(open_log(std::move(x)), head, websocket_messages::writes);
  if (is_write(t.verb) || waits_for_conversion(*x) || !enter_now(*x))
    return answer_later(std::move(x));
  return answered(*x, read_objects(*x));
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
  if (!user) {
    auto refused = answer(user.error());
    audit_refusal(*x, head, refused);
    return answered(*x, std::move(refused));
  }
  begin_audit(*x, head, *user);
  user = impersonate(head, std::move(*user), server->access());
  if (!user)
    return answered(*x, answer(user.error()));
  if (x->audit && head.count("Impersonate-User") > 0)
    x->audit->impersonated = audit::user_json(*user);
  x->user = std::move(*user);
  x->flow = server->gate->classify(question_of(x->user, x->target));
  std::string reason;
  const auto allowed =
      authorize(server->access(), x->user, x->target, &reason, server->options.strangers);
  if (x->audit) {
    x->audit->annotations.emplace_back("authorization.k8s.io/decision",
                                       allowed ? "allow" : "forbid");
    x->audit->annotations.emplace_back("authorization.k8s.io/reason", std::move(reason));
  }
  if (!allowed)
    return answered(*x, answer(allowed.error()));
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
