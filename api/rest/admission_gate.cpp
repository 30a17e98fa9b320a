#include "api/rest/admission_gate.hpp"

#include "api/rest/answers.hpp"

#include <sstream>

namespace thespis::api::rest {

namespace {

/// A request waits for a seat for at most this part of the time it has.
constexpr int waiting_part = 4;

/// A label's value as the text format has it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + '"';
}

void head(std::ostream& out, std::string_view name, std::string_view type, std::string_view help) {
  out << "# HELP apiserver_flowcontrol_" << name << ' ' << help << "\n# TYPE apiserver_flowcontrol_"
      << name << ' ' << type << '\n';
}

} // namespace

bool is_long_running(const request_target& t) {
  if (!t.is_resource)
    return t.path.starts_with("/debug/pprof");
  if (t.verb == "watch" || t.verb == "proxy")
    return true;
  for (const auto sub : {"exec", "attach", "portforward", "proxy", "log"})
    if (t.subresource == sub)
      return true;
  return false;
}

void add_flow(const exchange& x, transport::header_list& headers) {
  if (!x.flow)
    return;
  headers.emplace_back("X-Kubernetes-PF-FlowSchema-UID", x.flow.by->uid);
  headers.emplace_back("X-Kubernetes-PF-PriorityLevel-UID", x.flow.by->level_uid);
}

bool enter_now(exchange& x) {
  return !x.flow || x.server->gate->try_enter(x.flow, x.seat);
}

void enter(const exchange_ptr& x, const responder& respond,
           std::function<void(std::shared_ptr<fairness::seat>)> work) {
  if (!x->flow)
    return work(nullptr);
  auto& gate = *x->server->gate;
  uint64_t id = 0;
  const auto verdict = gate.enter(
      x->flow,
      [work = std::move(work)](fairness::seat s) {
        work(std::make_shared<fairness::seat>(std::move(s)));
      },
      [respond] { respond(answer(fairness::too_many_requests())); }, id);
  if (verdict == fairness::admission::refused)
    respond(answer(fairness::too_many_requests()));
  if (verdict == fairness::admission::waits)
    x->server->clock.after(x->server->options.write_timeout / waiting_part,
                           [weak = std::weak_ptr(x), id] {
                             if (const auto waits = weak.lock())
                               waits->server->gate->expire(waits->flow, id);
                           });
}

std::string flow_metrics(const fairness::gate& g) {
  std::ostringstream out;
  const auto levels = g.levels();
  auto of_levels = [&](std::string_view name, std::string_view help, auto value) {
    head(out, name, "gauge", help);
    for (const auto& l : levels)
      out << "apiserver_flowcontrol_" << name << "{priority_level=" << quoted(l.name) << "} "
          << value(l) << '\n';
  };
  of_levels("nominal_limit_seats", "Seats of a priority level.",
            [](const auto& l) { return l.nominal; });
  of_levels("current_executing_seats", "Seats that are taken.",
            [](const auto& l) { return l.in_use; });
  of_levels("current_inqueue_requests", "Requests that wait for a seat.",
            [](const auto& l) { return l.waiting; });
  const auto schemas = g.schemas();
  auto labels = [](const fairness::schema_numbers& s) {
    return "{priority_level=" + quoted(s.level) + ",flow_schema=" + quoted(s.schema);
  };
  head(out, "dispatched_requests_total", "counter", "Requests let in.");
  for (const auto& s : schemas)
    out << "apiserver_flowcontrol_dispatched_requests_total" << labels(s) << "} " << s.dispatched
        << '\n';
  head(out, "rejected_requests_total", "counter", "Requests sent away, by reason.");
  for (const auto& s : schemas)
    for (const auto& [why, n] :
         {std::pair{"queue-full", s.queue_full}, std::pair{"concurrency-limit", s.no_seat},
          std::pair{"time-out", s.timed_out}})
      out << "apiserver_flowcontrol_rejected_requests_total" << labels(s) << ",reason=\"" << why
          << "\"} " << n << '\n';
  return out.str();
}

} // namespace thespis::api::rest
