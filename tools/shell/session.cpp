#include "tools/shell/session.hpp"

#include "api/yaml.hpp"
#include "tools/shell/trace_view.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <sstream>

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

constexpr size_t max_answer = 256 << 20;

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
}

std::vector<std::string> split(std::string_view line) {
  std::istringstream in{std::string{line}};
  return {std::istream_iterator<std::string>{in}, std::istream_iterator<std::string>{}};
}

/// How many letters must change to make one word the other (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i + 1;
    for (size_t k = 0; k < b.size(); ++k) {
      const auto change = diagonal + (a[i] == b[k] ? 0 : 1);
      diagonal = row[k + 1];
      row[k + 1] = std::min({row[k] + 1, diagonal + 1, change});
    }
  }
  return row.back();
}

/// Commands whose words the cluster reads, and how their answers are shown.
struct plain_command {
  std::string_view name;
  std::string (*show)(const json::value&, const screen&);
  size_t least, most; ///< how many words follow
};
constexpr size_t any = 1000;
constexpr std::array<plain_command, 10> plain_commands{{{"nodes", show_nodes, 0, 0},
                                                        {"ps", show_ps, 0, any},
                                                        {"top", show_top, 0, any},
                                                        {"info", show_info, 1, 1},
                                                        {"kinds", show_kinds, 0, 0},
                                                        {"routes", show_routes, 0, 0},
                                                        {"links", show_links, 0, 0},
                                                        {"roles", show_roles, 0, 0},
                                                        {"diagnose", show_diagnosis, 0, 1},
                                                        {"messages", show_messages, 0, 1}}};

/// "why pod/web -n shop" as the cluster reads it: the namespace last.
api::result<std::string> why_command(const std::vector<std::string>& w) {
  std::string ns, res = "why";
  size_t count = 0;
  for (size_t i = 1; i < w.size(); ++i) {
    if (w[i] == "-n" || w[i] == "--namespace") {
      if (++i == w.size())
        return wrong("-n needs a namespace");
      ns = w[i];
    } else {
      res += " " + w[i];
      ++count;
    }
  }
  if (count == 0 || count > 2)
    return wrong("why takes KIND/NAME or KIND NAME, and -n NAMESPACE");
  return ns.empty() ? res : res + " " + ns;
}

} // namespace

const std::vector<command_help>& all_commands() {
  static const std::vector<command_help> all{
      {"nodes", "", "the processes of the cluster"},
      {"ps", "[FILTER…] [--sort KEY] [--limit N]",
       "list actors; KEY is name, mailbox, handled, rate or busy"},
      {"top", "[TIME|--total] [FILTER…] [--limit N]",
       "the busiest actors over a window, 1s by default, or since they began"},
      {"tree", "[ACTOR] [--all]", "who started whom"},
      {"info", "ACTOR", "one actor: counters by message, and its own state"},
      {"inspect", "ACTOR", "the actor's state in its own words"},
      {"kinds", "", "kinds of actors, and how many there are"},
      {"routes", "", "which actor plays which role"},
      {"links", "", "connections between machines"},
      {"roles", "", "where the scheduler and the controllers that can be moved run"},
      {"why", "KIND/NAME [-n NAMESPACE]", "what led to an object being as it is"},
      {"trace", "[FILTER…] [--type T] [--count N] [--rate N] [--for TIME]",
       "messages to and from actors, until Ctrl-C or a limit"},
      {"diagnose", "[TIME]", "what is stuck, hot, growing, or waits in a ring"},
      {"messages", "[KIND]", "what can be sent by name"},
      {"snapshot", "FILE", "all of it into a file; `thespis shell --snapshot FILE` reads it"},
      {"loglevel", "[LEVEL]", "how much is logged; changes it with a level", true},
      {"send", "ACTOR TYPE [JSON]", "put a message into a mailbox", true},
      {"ask", "ACTOR TYPE [JSON]", "send it and show the answer", true},
      {"restart", "ACTOR", "end an actor that its supervisor starts again", true},
      {"kill", "ACTOR", "end an actor", true},
      {"move", "ROLE NODE", "have another machine play a role", true},
      {"help", "", "this list"},
      {"exit", "", "leave; so does Ctrl-D"},
  };
  return all;
}

std::string nearest_command(std::string_view word) {
  std::string_view best;
  size_t least = 3; // further away is no typing error
  for (const auto& c : all_commands()) {
    const auto d = c.name.starts_with(word) ? 1 : distance(word, c.name);
    if (d < least && d < c.name.size()) {
      least = d;
      best = c.name;
    }
  }
  return std::string{best};
}

api::result<answer> session::run(std::string_view line, const screen& where) {
  auto w = split(line);
  if (w.empty())
    return answer{};
  // At the end alone: elsewhere it may be part of a message.
  if (w.size() < 3 || w[w.size() - 2] != "-o")
    return run_command(w, line, where);
  const auto output = form_of(w.back());
  if (!output)
    return wrong("-o takes table, json or yaml, not \"" + w.back() + "\"");
  w.resize(w.size() - 2);
  const auto before = std::exchange(options_.output, *output);
  line = line.substr(0, line.rfind("-o"));
  line = line.substr(0, line.find_last_not_of(" \t") + 1);
  auto res = run_command(w, line, where);
  options_.output = before;
  return res;
}

std::optional<form> form_of(std::string_view name) {
  return name == "table"  ? std::optional{form::table}
         : name == "json" ? std::optional{form::json}
         : name == "yaml" ? std::optional{form::yaml}
                          : std::nullopt;
}

api::result<answer> session::run_command(const words& w, std::string_view line,
                                         const screen& where) {
  const auto& verb = w.front();
  const auto takes_nothing = w.size() == 1;
  for (const auto& p : plain_commands)
    if (p.name == verb) {
      if (w.size() - 1 < p.least || w.size() - 1 > p.most)
        return wrong(verb + (p.most == 0   ? " takes no arguments"
                             : p.least > 0 ? " takes one actor: NODE/ID, a kind that has only one, "
                                             "or KIND/NAME"
                                           : " takes at most one argument"));
      return ask_and_show(std::string{line}, where, p.show);
    }
  if (verb == "inspect" && w.size() == 2)
    return ask_and_show("info " + w[1], where, show_inspection);
  if (verb == "tree")
    return tree(w, where);
  if (verb == "why") {
    const auto command = why_command(w);
    return command ? ask_and_show(*command, where, show_why) : api::fail(command.error());
  }
  if (verb == "trace")
    return trace(w, where);
  if (verb == "snapshot")
    return snapshot(w);
  if (verb == "loglevel" && takes_nothing)
    return ask_and_show("loglevel", where, show_log_levels);
  if ((verb == "help" || verb == "?") && takes_nothing)
    return answer{help(where), false};
  if ((verb == "exit" || verb == "quit") && takes_nothing)
    return answer{{}, true};
  const auto& all = all_commands();
  const auto known =
      std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.name == verb; });
  if (known != all.end() && known->changes)
    return change(w, line, where);
  if (known != all.end())
    return wrong(verb + (known->arguments.empty() ? std::string{" takes no arguments"}
                                                  : " takes " + std::string{known->arguments}));
  const auto meant = nearest_command(verb);
  return wrong("unknown command \"" + verb + "\"" +
               (meant.empty() ? "; `help` lists what there is" : "; did you mean " + meant + "?"));
}

api::result<json::document> session::ask(const std::string& command, bool changes) {
  const auto got = ports_.ask(command, changes);
  if (!got)
    return api::fail(got.error());
  auto doc = json::parse(*got, {.max_bytes = max_answer});
  if (!doc)
    return wrong("the cluster's answer cannot be read: " + doc.error().message);
  return doc;
}

api::result<answer> session::ask_and_show(const std::string& command, const screen& where,
                                          const show& how, bool changes) {
  const auto doc = ask(command, changes);
  if (!doc)
    return api::fail(doc.error());
  return present(*doc, where, how);
}

api::result<answer> session::present(const json::document& doc, const screen& where,
                                     const show& how) const {
  switch (options_.output) {
  case form::table:
    return answer{how(doc, where) + show_silent(doc, where), false};
  case form::json:
    return answer{json::to_pretty_string(doc) + "\n", false};
  case form::yaml:
    return answer{api::yaml::to_yaml(doc), false};
  }
  return answer{};
}

api::result<answer> session::tree(const words& w, const screen& where) {
  std::string root;
  bool all = false;
  for (size_t i = 1; i < w.size(); ++i) {
    if (w[i] == "--all")
      all = true;
    else if (!root.empty())
      return wrong("tree takes one actor and --all, not \"" + w[i] + "\"");
    else
      root = w[i];
  }
  auto res = ask_and_show("tree", where, [&](const json::value& v, const screen& s) {
    return show_tree(v, root, all, s);
  });
  if (res && res->text.empty() && options_.output == form::table)
    return wrong("no actor \"" + root + "\"");
  return res;
}

api::result<answer> session::change(const words& w, std::string_view line, const screen& where) {
  if (!options_.allow_changes)
    return wrong(w.front() + " changes the cluster: `thespis shell --allow-changes` allows it");
  return ask_and_show(std::string{line}, where,
                      w.front() == "loglevel" ? show_log_levels : show_change, true);
}

api::result<answer> session::trace(const words& w, const screen& where) {
  std::string command = "trace-start";
  for (size_t i = 1; i < w.size(); ++i)
    command += " " + w[i];
  const auto started = ask(command);
  if (!started)
    return api::fail(started.error());
  const auto token = std::string{json::get_string(*started, "trace")};
  trace_view view{where};
  (void)ports_.interrupted();
  while (true) {
    const auto batch = ask("trace-next " + token);
    const bool stopped = ports_.interrupted();
    if (batch)
      ports_.print(options_.output == form::table ? view.show(*batch) : trace_lines(*batch));
    if (stopped) {
      (void)ports_.ask("trace-stop " + token, false);
      return answer{options_.output == form::table ? view.summary("stopped") : "", false};
    }
    if (!batch)
      return api::fail(batch.error());
    if (const auto ended = json::get_string(*batch, "ended"); !ended.empty())
      return answer{options_.output == form::table ? view.summary(ended) : "", false};
  }
}

std::string session::help(const screen& where) const {
  std::string out;
  bool changing = false;
  for (const auto& c : all_commands()) {
    if (c.changes && !changing)
      out += "\n" + where.colours.heading("Changes") +
             (options_.allow_changes ? "\n" : ", with --allow-changes\n");
    else if (!c.changes && changing)
      out += "\n";
    changing = c.changes;
    auto left = std::string{c.name};
    if (!c.arguments.empty())
      left += " " + std::string{c.arguments};
    const auto width = display_width(left);
    out += "  " + where.colours.accent(c.name) + left.substr(c.name.size()) +
           (width < 46 ? std::string(48 - width, ' ') : "\n" + std::string(50, ' ')) +
           std::string{c.what} + "\n";
  }
  return out +
         "\nACTOR is NODE/ID, KIND/NAME, or a kind that has only one. A FILTER is a kind, or a "
         "term like\nname~web, state!=running, mailbox>10, rate>1k, busy>2 (seconds); all must "
         "hold.\nBUSY is the time spent on messages, MAILBOX how many wait. `-o json` or `-o yaml` "
         "at "
         "the end\nof a line shows all that is known.\n";
}

} // namespace thespis::tools::shell
