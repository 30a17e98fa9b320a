#include "api/rest/audit_trail.hpp"

#include "api/text/quote.hpp"

namespace thespis::api::rest {

namespace {

constexpr size_t max_id = 64;
constexpr size_t max_user_agent = 1024;

/// ObjectReference of audit.k8s.io.
std::string object_ref(const request_target& t) {
  if (!t.is_resource)
    return {};
  std::string out = "{\"resource\":" + json::quote(t.resource);
  for (const auto& [key, value] :
       {std::pair{"namespace", &t.ns}, std::pair{"name", &t.name}, std::pair{"apiGroup", &t.group},
        std::pair{"apiVersion", &t.version}, std::pair{"subresource", &t.subresource}})
    if (!value->empty())
      out.append(",\"").append(key).append("\":").append(json::quote(*value));
  return out + "}";
}

/// Text of a client as JSON may hold it.
std::string utf8_of(std::string_view text) {
  std::string out;
  for (size_t i = 0, n = 0; i < text.size(); i += n) {
    n = std::max(utf8_length(text, i), 1U);
    if (n > 1 || static_cast<unsigned char>(text[i]) < 0x80)
      out.append(text.substr(i, n));
    else
      out += '?';
  }
  return out;
}

void add_forwarded(std::string_view header, std::vector<std::string>& out) {
  while (!header.empty() && out.size() < 16) {
    const auto comma = std::min(header.find(','), header.size());
    auto one = header.substr(0, comma);
    header.remove_prefix(std::min(comma + 1, header.size()));
    while (!one.empty() && one.front() == ' ')
      one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ')
      one.remove_suffix(1);
    if (!one.empty() && one.size() <= 64)
      out.push_back(utf8_of(one));
  }
}

} // namespace

void begin_audit(exchange& x, const transport::request_head& head, const user_info& user) {
  const auto& sink = x.server->options.audit;
  if (!sink)
    return;
  const auto decision = sink->rules.decide(question_of(user, x.target));
  if (decision.how == audit::level::none)
    return;
  auto r = std::make_shared<audit::record>(sink, decision);
  const auto given = head.header("Audit-ID");
  r->id = given.empty() ? sink->new_id() : utf8_of(given.substr(0, max_id));
  r->uri = utf8_of(head.target());
  r->verb = x.target.verb;
  r->user = user;
  add_forwarded(head.header("X-Forwarded-For"), r->addresses);
  r->addresses.push_back(head.peer().address);
  r->user_agent = utf8_of(head.header("User-Agent").substr(0, max_user_agent));
  r->object_ref = object_ref(x.target);
  r->received = sink->now();
  r->tell(audit::stage::request_received, 0);
  x.audit = std::move(r);
}

void audit_refusal(exchange& x, const transport::request_head& head,
                   const transport::response& answer) {
  begin_audit(x, head, {});
  if (x.audit)
    x.audit->tell(audit::stage::response_started, answer.status,
                  R"({"kind":"Status","status":"Failure","message":"Authentication failed",)"
                  R"("reason":"Unauthorized"})");
  x.audit = nullptr;
}

void audit_started(const exchange& x, int code) {
  if (x.audit)
    x.audit->tell(audit::stage::response_started, code);
}

std::string audit_metrics(const core& server) {
  if (!server.options.audit)
    return {};
  const auto n = server.options.audit->to->numbers();
  auto counter = [](std::string_view name, std::string_view help, uint64_t value) {
    std::string out = "# HELP ";
    out.append(name).append(" ").append(help).append("\n# TYPE ").append(name);
    return out.append(" counter\n").append(name).append(" ") + std::to_string(value) + "\n";
  };
  return counter("apiserver_audit_event_total", "Audit events made.", n.events) +
         counter("apiserver_audit_error_total", "Audit events that are not in the log.",
                 n.lost + n.failed);
}

} // namespace thespis::api::rest
