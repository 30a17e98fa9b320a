#include "api/admission/webhook_client.hpp"

#include "api/text/base64.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <array>

namespace thespis::api::admission {

namespace {

json::value group_version(std::string_view group, std::string_view version, std::string_view key,
                          std::string_view what, json::allocator& a) {
  json::value v(rapidjson::kObjectType);
  json::set(v, "group", group, a);
  json::set(v, "version", version, a);
  json::set(v, key, what, a);
  return v;
}

json::value user_json(const user_info& user, json::allocator& a) {
  json::value v(rapidjson::kObjectType);
  if (!user.name.empty())
    json::set(v, "username", user.name, a);
  if (!user.uid.empty())
    json::set(v, "uid", user.uid, a);
  if (!user.groups.empty()) {
    json::value groups(rapidjson::kArrayType);
    for (const auto& g : user.groups)
      groups.PushBack(json::make_string(g, a), a);
    json::set(v, "groups", std::move(groups), a);
  }
  return v;
}

/// CreateOptions and its kin, as the call's parameters say.
json::value options_json(const request& r, json::allocator& a) {
  json::value v(rapidjson::kObjectType);
  if (r.action == action::connect)
    return json::value{};
  bool patch = r.call.verb == verb::patch;
  json::set(v, "kind",
            r.action == action::remove   ? "DeleteOptions"
            : patch                      ? "PatchOptions"
            : r.action == action::create ? "CreateOptions"
                                         : "UpdateOptions",
            a);
  json::set(v, "apiVersion", "meta.k8s.io/v1", a);
  if (r.action == action::remove) {
    if (r.call.grace_seconds >= 0)
      json::set(v, "gracePeriodSeconds", json::value(r.call.grace_seconds), a);
    if (auto body = json::parse(r.call.body); body && body->IsObject())
      for (const auto& m : body->GetObject())
        if (auto key = json::as_string(m.name); key != "kind" && key != "apiVersion")
          json::set(v, key, json::copy(m.value, a), a);
    return v;
  }
  if (!r.call.field_manager.empty())
    json::set(v, "fieldManager", r.call.field_manager, a);
  if (r.dry_run) {
    json::value all(rapidjson::kArrayType);
    all.PushBack("All", a);
    json::set(v, "dryRun", std::move(all), a);
  }
  constexpr std::array<std::string_view, 3> levels{"Ignore", "Warn", "Strict"};
  json::set(v, "fieldValidation", levels[static_cast<size_t>(r.call.validation)], a);
  if (patch && r.call.force)
    json::set(v, "force", json::value(true), a);
  return v;
}

reason reason_of(std::string_view name, int code) {
  for (auto r :
       {reason::bad_request, reason::unauthorized, reason::forbidden, reason::not_found,
        reason::already_exists, reason::conflict, reason::gone, reason::expired, reason::invalid,
        reason::method_not_allowed, reason::not_acceptable, reason::unsupported_media_type,
        reason::request_entity_too_large, reason::too_many_requests, reason::server_timeout,
        reason::timeout, reason::internal_error, reason::service_unavailable})
    if (to_string(r) == name && http_code(r) == code)
      return r;
  return reason::unknown;
}

/// The refusal that a webhook's status stands for.
error denial(const std::string& hook, const json::value& status) {
  error e;
  auto code = json::get_int(status, "code");
  std::string why(text(status, "reason"));
  std::string message(text(status, "message"));
  // A refusal is one, whatever code comes with it.
  e.code = code >= 400 && code < 600 ? static_cast<int>(code) : 400;
  e.why = reason_of(why, e.code);
  e.reason_text = why;
  e.message = "admission webhook " + quote_go(hook) + " denied the request";
  if (!message.empty())
    e.message += ": " + message;
  else if (!why.empty())
    e.message += ": " + why;
  else
    e.message += " without explanation";
  const auto& details = member(status, "details");
  e.name = text(details, "name");
  e.group = text(details, "group");
  e.kind = text(details, "kind");
  e.retry_after_seconds = static_cast<int>(json::get_int(details, "retryAfterSeconds"));
  if (const auto& causes = member(details, "causes"); causes.IsArray())
    for (const auto& c : causes.GetArray())
      e.causes.push_back({std::string(text(c, "reason")), std::string(text(c, "message")),
                          std::string(text(c, "field"))});
  return e;
}

/// What Kubernetes' client makes of an answer that is no success and no Status.
std::string http_words(int code, const std::string& body) {
  switch (code) {
  case 400:
    return "the server rejected our request for an unknown reason";
  case 401:
    return "the server has asked for the client to provide credentials";
  case 403:
    return body.empty() ? "forbidden" : body;
  case 404:
    return "the server could not find the requested resource";
  case 405:
    return "the server does not allow this method on the requested resource";
  case 415:
    return body.empty() ? "the server was unable to respond with a content type that the client "
                          "supports"
                        : body;
  case 429:
    return "the server has received too many requests and has asked us to try again later";
  case 503:
    return "the server is currently unable to handle the request";
  case 504:
    return "the server was unable to return a response in the time allotted, but may still be "
           "processing the request";
  default:
    break;
  }
  if (code < 500)
    return "the server responded with the status code " + std::to_string(code) +
           " but did not return more information";
  constexpr size_t shown = 2048;
  return "an error on the server (" + quote_go(body.empty() ? "unknown" : body.substr(0, shown)) +
         ") has prevented the request from succeeding";
}

/// Endpoints of a service that are ready, with the port that the service's port leads to.
std::vector<std::pair<std::string, int>> endpoints_of(const reader& state, const webhook& h,
                                                      std::string_view port_name) {
  std::vector<std::pair<std::string, int>> out;
  for (const auto& o : state.list("endpointslices.discovery.k8s.io", h.service_ns).objects) {
    const auto* owner = find_label(o->labels(), "kubernetes.io/service-name");
    if (!owner || *owner != h.service)
      continue;
    auto doc = o->parse();
    int port = 0;
    if (const auto& ports = member(doc, "ports"); ports.IsArray())
      for (const auto& p : ports.GetArray())
        if (text(p, "name") == port_name)
          port = static_cast<int>(json::get_int(p, "port"));
    const auto& endpoints = member(doc, "endpoints");
    if (port == 0 || !endpoints.IsArray())
      continue;
    for (const auto& e : endpoints.GetArray()) {
      const auto& addresses = member(e, "addresses");
      if (json::get_bool(member(e, "conditions"), "ready", true) && addresses.IsArray() &&
          !addresses.Empty())
        out.emplace_back(json::as_string(addresses[0]), port);
    }
  }
  return out;
}

tl::unexpected<webhook_failure> failed(const webhook& h, const std::string& why) {
  return tl::unexpected(webhook_failure{"failed calling webhook " + quote_go(h.name) + ": " + why});
}

} // namespace

std::string review_request(const request& r, const std::string& uid) {
  json::document doc(rapidjson::kObjectType);
  auto& a = doc.GetAllocator();
  json::set(doc, "kind", "AdmissionReview", a);
  json::set(doc, "apiVersion", "admission.k8s.io/v1", a);
  json::value q(rapidjson::kObjectType);
  json::set(q, "uid", uid, a);
  for (std::string_view prefix : {"", "request"}) {
    const auto& told = prefix.empty() ? r : r.as_made();
    auto key = [&](std::string_view plain, std::string_view capital) {
      return prefix.empty() ? std::string(plain) : std::string(prefix) + std::string(capital);
    };
    json::set(q, key("kind", "Kind"),
              group_version(told.object_type.group, told.object_type.version, "kind",
                            told.object_type.name, a),
              a);
    json::set(q, key("resource", "Resource"),
              group_version(told.type.schema->group, told.type.version, "resource",
                            told.type.schema->plural, a),
              a);
    if (!r.call.subresource.empty())
      json::set(q, key("subResource", "SubResource"), r.call.subresource, a);
  }
  if (!r.name.empty())
    json::set(q, "name", r.name, a);
  if (!r.ns.empty())
    json::set(q, "namespace", r.ns, a);
  json::set(q, "operation", to_string(r.action), a);
  json::set(q, "userInfo", user_json(r.call.user, a), a);
  json::set(q, "object", r.object ? json::copy(*r.object, a) : json::value{}, a);
  json::set(q, "oldObject", r.old_object ? json::copy(*r.old_object, a) : json::value{}, a);
  json::set(q, "dryRun", json::value(r.dry_run), a);
  json::set(q, "options", options_json(r, a), a);
  json::set(doc, "request", std::move(q), a);
  return json::to_string(doc);
}

tl::expected<webhook_answer, webhook_failure> read_review(const webhook& h, const std::string& body,
                                                          const std::string& uid, bool mutating) {
  auto doc = json::parse(body);
  if (!doc || !doc->IsObject())
    return failed(h, "failed to call webhook: couldn't get version/kind; json parse error: " +
                         (doc ? std::string("json: cannot unmarshal into Go value of type struct")
                              : doc.error().message));
  auto invalid = [&](const std::string& why) {
    return failed(h, "received invalid webhook response: " + why);
  };
  const auto& answer = member(*doc, "response");
  if (!answer.IsObject())
    return invalid("webhook response was absent");
  if (text(answer, "uid") != uid)
    return invalid("expected response.uid=" + quote_go(uid) + ", got " +
                   quote_go(text(answer, "uid")));
  if (text(*doc, "apiVersion") != "admission.k8s.io/v1" || text(*doc, "kind") != "AdmissionReview")
    return invalid("expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got " +
                   std::string(text(*doc, "apiVersion")) +
                   ", Kind=" + std::string(text(*doc, "kind")));
  const auto& patch = member(answer, "patch");
  bool has_patch = patch.IsString() && patch.GetStringLength() > 0;
  bool has_type = has(answer, "patchType");
  if (!mutating && has_patch)
    return invalid("validating webhook may not return response.patch");
  if (!mutating && has_type)
    return invalid("validating webhook may not return response.patchType");
  if (has_patch && !has_type)
    return invalid("webhook returned response.patch but not response.patchType");
  if (has_type && !has_patch)
    return invalid("webhook returned response.patchType but not response.patch");
  webhook_answer out;
  out.allowed = json::get_bool(answer, "allowed");
  if (const auto& warnings = member(answer, "warnings"); warnings.IsArray())
    for (const auto& w : warnings.GetArray())
      out.warnings.emplace_back(json::as_string(w));
  if (!out.allowed) {
    out.denial = denial(h.name, member(answer, "status"));
    return out;
  }
  if (has_patch) {
    if (text(answer, "patchType") != "JSONPatch")
      return failed(h, "unsupported patch type " + quote_go(text(answer, "patchType")));
    auto bytes = decode_base64(json::as_string(patch));
    if (!bytes)
      return failed(h, "failed to call webhook: illegal base64 data in response.patch");
    out.patch = std::move(*bytes);
  }
  return out;
}

tl::expected<outbound::request, std::string> address_of(const webhook& h, const reader& state,
                                                        uint64_t spread) {
  outbound::request out;
  auto query = "timeout=" + std::to_string(h.timeout.count()) + "s";
  out.ca_bundle = h.ca_bundle;
  out.timeout = h.timeout;
  if (!h.url.empty()) {
    auto has_path = h.url.find('/', h.url.find("://") + 3) != std::string::npos;
    out.url = h.url + (h.url.find('?') != std::string::npos ? "&" : has_path ? "?" : "/?") + query;
    return out;
  }
  auto host = h.service + "." + h.service_ns + ".svc";
  auto path = h.path.empty() || h.path.front() != '/' ? "/" + h.path : h.path;
  out.url = "https://" + host + ":" + std::to_string(h.port) + path + "?" + query;
  auto found = state.get("services", h.service_ns, h.service);
  if (!found)
    return tl::unexpected("service " + quote_go(h.service) + " not found");
  auto doc = found->parse();
  const auto& spec = member(doc, "spec");
  const json::value* port = nullptr;
  if (const auto& ports = member(spec, "ports"); ports.IsArray())
    for (const auto& p : ports.GetArray())
      if (json::get_int(p, "port") == h.port)
        port = &p;
  if (!port)
    return tl::unexpected("no service port " + std::to_string(h.port) + " found for service " +
                          quote_go(h.service));
  if (text(spec, "type") == "ExternalName") {
    out.address = text(spec, "externalName");
    out.port = static_cast<uint16_t>(h.port);
    return out;
  }
  auto ready = endpoints_of(state, h, text(*port, "name"));
  if (ready.empty())
    return tl::unexpected("no endpoints available for service " + quote_go(h.service));
  const auto& chosen = ready[spread % ready.size()];
  out.address = chosen.first;
  out.port = static_cast<uint16_t>(chosen.second);
  return out;
}

tl::expected<webhook_answer, webhook_failure> ask_webhook(const webhook& h, const request& r,
                                                          const std::string& uid, bool mutating,
                                                          outbound::client* client) {
  auto call_failed = [&](const std::string& why) {
    return failed(h, "failed to call webhook: " + why);
  };
  if (!h.v1_reviews)
    return call_failed("webhook does not accept known AdmissionReview versions (v1)");
  auto where = address_of(h, r.state, std::hash<std::string>{}(uid));
  if (!where) {
    auto query = "?timeout=" + std::to_string(h.timeout.count()) + "s";
    auto path = h.path.empty() || h.path.front() != '/' ? "/" + h.path : h.path;
    return call_failed("Post " +
                       quote_go("https://" + h.service + "." + h.service_ns +
                                ".svc:" + std::to_string(h.port) + path + query) +
                       ": " + where.error());
  }
  if (!client)
    return call_failed("this server calls no webhooks");
  where->body = review_request(r, uid);
  auto got = client->send(*where);
  if (!got)
    return call_failed(got.error().message);
  if (got->code < 200 || got->code > 299)
    return call_failed(http_words(got->code, got->body));
  return read_review(h, got->body, uid, mutating);
}

} // namespace thespis::api::admission
