// What Tab offers.
#include "tools/shell/session.hpp"

#include <algorithm>
#include <sstream>

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

constexpr const char* most_names = "200";

std::vector<std::string> split(std::string_view line) {
  std::istringstream in{std::string{line}};
  return {std::istream_iterator<std::string>{in}, std::istream_iterator<std::string>{}};
}

bool takes_actor(const std::string& verb) {
  return verb == "info" || verb == "inspect" || verb == "kill" || verb == "restart" ||
         verb == "send" || verb == "ask" || verb == "tree";
}

} // namespace

std::vector<std::string> session::texts(const std::string& command, const char* list,
                                        const char* key) {
  std::vector<std::string> res;
  const auto doc = ask(command);
  const auto* found = doc ? json::find(*doc, list) : nullptr;
  if (found != nullptr && found->IsArray())
    for (const auto& e : found->GetArray())
      res.emplace_back(json::get_string(e, key));
  return res;
}

/// Kinds, and behind a kind's slash the names of its actors, or behind a machine's their ids.
std::vector<std::string> session::actors_like(const std::string& start) {
  const auto slash = start.find('/');
  if (slash == std::string::npos)
    return texts("kinds", "kinds", "kind");
  const auto kind = start.substr(0, slash);
  const auto name = start.substr(slash + 1);
  auto res =
      texts("ps kind=" + kind + (name.empty() ? "" : " name~" + name) + " --limit " + most_names,
            "actors", "name");
  for (auto& n : res)
    n.insert(0, kind + "/");
  return res;
}

std::vector<std::string> session::completions(std::string_view line) {
  const auto w = split(line);
  const bool new_word = line.empty() || line.back() == ' ';
  const auto place = w.size() + (new_word ? 1 : 0); // which word is being typed
  const auto start = new_word || w.empty() ? std::string{} : w.back();
  std::vector<std::string> all;
  const auto add = [&](std::vector<std::string> more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  const auto& verb = w.empty() ? start : w.front();
  if (place <= 1) {
    for (const auto& c : all_commands())
      all.emplace_back(c.name);
  } else if (w[place - 2] == "--sort") {
    all = {"name", "mailbox", "handled", "rate", "busy"};
  } else if (takes_actor(verb) && place == 2) {
    add(actors_like(start));
    if (verb == "tree")
      all.emplace_back("--all");
  } else if ((verb == "send" || verb == "ask") && place == 3) {
    add(texts("messages " + w[1].substr(0, w[1].find('/')), "messages", "type"));
  } else if (verb == "move" && place == 2) {
    add(texts("roles", "roles", "role"));
  } else if (verb == "move" && place == 3) {
    add(texts("nodes", "nodes", "name"));
  } else if (verb == "ps" || verb == "top" || verb == "trace") {
    add(texts("kinds", "kinds", "kind"));
    add({"name~", "state=", "node=", "mailbox>", "rate>", "busy>"});
    if (verb == "trace")
      add({"--type", "--count", "--rate", "--for"});
    else
      add({"--sort", "--limit"});
    if (verb == "top")
      add({"--total", "1s", "5s"});
  } else if (verb == "why" && place == 2) {
    if (start.find('/') == std::string::npos)
      all = {"pod/", "deployment/", "replicaset/", "statefulset/", "daemonset/", "job/", "node/"};
    else if (start.starts_with("pod/"))
      add(actors_like(start));
  } else if (verb == "messages" && place == 2) {
    add(texts("kinds", "kinds", "kind"));
  } else if (verb == "loglevel" && place == 2) {
    all = {"trace", "debug", "info", "warning", "error", "critical", "off"};
  }
  std::erase_if(all, [&](const std::string& s) { return !s.starts_with(start); });
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

} // namespace thespis::tools::shell
