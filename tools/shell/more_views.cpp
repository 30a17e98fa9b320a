// Views beside lists of actors: machines, roles, findings, causes.
#include "tools/shell/view.hpp"

#include "api/yaml.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

std::string bytes_for_people(uint64_t n) {
  char out[32];
  if (n >= uint64_t{1} << 30)
    std::snprintf(out, sizeof out, "%.1f GiB", static_cast<double>(n) / (1 << 30));
  else
    std::snprintf(out, sizeof out, "%.1f MiB", static_cast<double>(n) / (1 << 20));
  return out;
}

std::string joined(const std::vector<const json::value*>& texts, const char* between) {
  std::string res;
  for (const auto* t : texts)
    res += (res.empty() ? "" : between) + std::string{json::as_string(*t)};
  return res;
}

/// "2026-01-31 12:34:56.123456" of an RFC 3339 time.
std::string time_for_people(std::string time) {
  std::replace(time.begin(), time.end(), 'T', ' ');
  if (!time.empty() && time.back() == 'Z')
    time.pop_back();
  return time;
}

/// Our own actors' users by the names of the actors.
std::string who_for_people(std::string who) {
  for (const auto& [prefix, name] :
       {std::pair{"system:controller:", "controller/"}, std::pair{"system:node:", "node/"},
        std::pair{"system:kube-scheduler", "scheduler"}})
    if (who.starts_with(prefix))
      return name + who.substr(strlen(prefix));
  return who;
}

std::string padded(std::string text, size_t width) {
  return text + std::string(width - std::min(width, display_width(text)), ' ');
}

} // namespace

std::string show_nodes(const json::value& answer, const screen& s) {
  text_table table{{{"NAME", false, false, &palette::accent},
                    {"STATE"},
                    {"ACTORS", true},
                    {"THREADS", true},
                    {"CPU", true},
                    {"MEMORY", true},
                    {"UP", true},
                    {"LOG"},
                    {"PID", true}}};
  for (const auto* n : elements_of(answer, "nodes")) {
    const bool up = text_of(*n, "state") == "up";
    table.add({text_of(*n, "name"), text_of(*n, "state"),
               up ? grouped(number_of(*n, "actors")) : "",
               up ? grouped(number_of(*n, "threads")) : "",
               up ? short_duration(number_of(*n, "cpuNanoseconds")) : "",
               up ? bytes_for_people(number_of(*n, "memoryBytes")) : "",
               up ? short_duration(number_of(*n, "upNanoseconds")) : "", text_of(*n, "logLevel"),
               up ? std::to_string(number_of(*n, "pid")) : ""});
  }
  return table.render(s.colours, s.width);
}

std::string show_routes(const json::value& answer, const screen& s) {
  text_table table{{{"ROLE", false, true, &palette::accent},
                    {"ACTOR"},
                    {"SEEN FROM", false, false, &palette::dim}}};
  for (const auto* r : elements_of(answer, "routes"))
    table.add({text_of(*r, "role"), text_of(*r, "actor"), text_of(*r, "seenFrom")});
  return table.render(s.colours, s.width);
}

std::string show_links(const json::value& answer, const screen& s) {
  text_table table{{{"MACHINE", false, false, &palette::accent},
                    {"USER"},
                    {"ADDRESS"},
                    {"SINCE", false, false, &palette::dim},
                    {"EPOCH", true},
                    {"SENT", true},
                    {"RECEIVED", true},
                    {"DROPPED", true}}};
  for (const auto* l : elements_of(answer, "members"))
    table.add(
        {text_of(*l, "machine"), text_of(*l, "user"), text_of(*l, "address"), text_of(*l, "since"),
         grouped(number_of(*l, "epoch")), bytes_for_people(number_of(*l, "sentBytes")),
         bytes_for_people(number_of(*l, "receivedBytes")), grouped(number_of(*l, "dropped"))});
  return table.rows() == 0 ? s.colours.dim("no links: all actors live in one process") + "\n"
                           : table.render(s.colours, s.width);
}

std::string show_roles(const json::value& answer, const screen& s) {
  text_table table{{{"ROLE", false, true, &palette::accent}, {"NODE"}, {"STATE"}, {"MOVES", true}}};
  for (const auto* r : elements_of(answer, "roles"))
    table.add({text_of(*r, "role"), text_of(*r, "machine"), text_of(*r, "state"),
               grouped(number_of(*r, "moves"))});
  return table.render(s.colours, s.width);
}

std::string show_messages(const json::value& answer, const screen& s) {
  text_table table{{{"MESSAGE", false, false, &palette::accent},
                    {"TO"},
                    {"ANSWER"},
                    {"FIELDS", false, true, &palette::dim}}};
  for (const auto* m : elements_of(answer, "messages")) {
    const auto kinds = joined(elements_of(*m, "kinds"), ",");
    table.add({text_of(*m, "type"), kinds.empty() ? "all" : kinds,
               json::get_bool(*m, "answers") ? "yes" : "", text_of(*m, "fields")});
  }
  return table.render(s.colours, s.width);
}

std::string show_log_levels(const json::value& answer, const screen& s) {
  std::string out;
  for (const auto* l : elements_of(answer, "levels")) {
    const auto before = text_of(*l, "before");
    const auto now = text_of(*l, "now");
    out += s.colours.accent(text_of(*l, "node")) + "  " +
           (before == now ? now : before + " → " + s.colours.heading(now)) + "\n";
  }
  return out;
}

std::string show_change(const json::value& answer, const screen& s) {
  auto out = s.colours.accent(text_of(answer, "actor")) + " " +
             s.colours.dim(text_of(answer, "id")) + ": ";
  if (const auto* told = json::find(answer, "answer"))
    return out + "\n" + api::yaml::to_yaml(*told);
  return out + text_of(answer, "outcome") + "\n";
}

std::string show_silent(const json::value& answer, const screen& s) {
  const auto silent = joined(elements_of(answer, "silent"), ", ");
  return silent.empty()
             ? std::string{}
             : s.colours.warning("did not answer: " + silent) + "; what runs there is not shown.\n";
}

std::string show_diagnosis(const json::value& answer, const screen& s) {
  std::string out;
  const auto& c = s.colours;
  for (const auto* f : elements_of(answer, "findings")) {
    const auto what = text_of(*f, "what");
    const auto* actor = json::find(*f, "actor");
    out += (what == "stuck" ? c.bad(padded(what, 8)) : c.warning(padded(what, 8))) + "  ";
    if (actor != nullptr)
      out += c.accent(text_of(*actor, "kind")) + " " + text_of(*actor, "name") + " " +
             c.dim(text_of(*actor, "id")) + "  ";
    out += text_of(*f, "text") + "\n";
  }
  for (const auto* r : elements_of(answer, "rings")) {
    std::string ring;
    std::string first;
    if (r->IsArray())
      for (const auto& who : r->GetArray()) {
        first = first.empty() ? std::string{json::as_string(who)} : first;
        ring += std::string{json::as_string(who)} + " → ";
      }
    out += c.bad(padded("waiting", 8)) + "  in a ring: " + ring + first + "\n";
  }
  return out.empty()
             ? c.good("nothing is wrong: no actor is stuck, hot, growing or waiting in a ring") +
                   "\n"
             : out;
}

std::string show_why(const json::value& answer, const screen& s) {
  const auto& c = s.colours;
  std::string out;
  std::string indent;
  const auto objects = elements_of(answer, "objects");
  for (size_t i = 0; i < objects.size(); ++i) {
    const auto& o = *objects[i];
    const auto ns = text_of(o, "namespace");
    out += indent + (i > 0 ? "└─ " : "") + c.accent(text_of(o, "kind")) + " " +
           c.heading((ns.empty() ? "" : ns + "/") + text_of(o, "name")) +
           (json::get_bool(o, "exists") ? "" : c.warning("  gone")) + "\n";
    indent += i > 0 ? "   " : "";
    const auto bar = indent + (i + 1 < objects.size() ? "│  " : "   ");
    if (i == 0 && json::get_bool(o, "ownerForgotten"))
      out += bar + c.warning("who owned it is not known any more") + "\n";
    if (json::get_bool(o, "creationForgotten"))
      out += bar + c.warning("what made it is not known any more") + "\n";
    const auto happened = elements_of(o, "happened");
    for (size_t k = 0; k < happened.size(); ++k) {
      const auto& e = *happened[k];
      const auto revision = number_of(e, "revision");
      const auto detail = text_of(e, "detail");
      // The same again and again is one line.
      size_t more = 0;
      while (k + 1 < happened.size() && text_of(*happened[k + 1], "who") == text_of(e, "who") &&
             text_of(*happened[k + 1], "what") == text_of(e, "what") &&
             text_of(*happened[k + 1], "detail") == detail) {
        ++k;
        ++more;
      }
      out += bar + c.dim(time_for_people(text_of(e, "time"))) + "  " +
             c.good(padded(who_for_people(text_of(e, "who")), 24)) + "  " + text_of(e, "what") +
             (detail.empty() ? "" : ": " + detail) +
             (revision == 0 ? "" : c.dim("  revision " + std::to_string(revision))) +
             (more == 0 ? ""
                        : c.dim(", and " + std::to_string(more) + " more until " +
                                time_for_people(text_of(*happened[k], "time")))) +
             "\n";
    }
  }
  return out;
}

} // namespace thespis::tools::shell
