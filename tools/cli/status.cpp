#include "api/json.hpp"
#include "config/files.hpp"
#include "tools/cli/https_client.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/subcommands.hpp"

#include <cstdio>
#include <fstream>

namespace thespis::tools {

namespace {

namespace json = api::json;

struct tally {
  int good = 0;
  int all = 0;
  bool known = false;
};

/// What `thespis status` finds out.
struct findings {
  pid_t process = 0;
  instance_state state;
  bool serves = false;
  std::string trouble; ///< why it does not serve
  tally nodes;
  tally pods;
  std::string services; ///< who chooses their endpoints; empty: nobody here
};

class prober {
public:
  prober(std::string data_dir, std::string server)
      : server_{std::move(server)}, pki_{data_dir + "/pki/"} {}

  api::result<https_answer> get(const std::string& path) const {
    auto ca = config::read_file(pki_ + "ca.crt");
    auto certificate = config::read_file(pki_ + "admin.crt");
    auto key = config::read_file(pki_ + "admin.key");
    for (const auto* part : {&ca, &certificate, &key})
      if (!*part)
        return api::fail(part->error());
    return https_get(server_, path, *ca, {*certificate, *key});
  }

  /// How many objects of a list there are, and how many of them `is_good`.
  template <class Test>
  tally count(const std::string& path, Test is_good) const {
    tally out;
    auto answer = get(path);
    if (!answer || answer->code != 200)
      return out;
    auto list = json::parse(answer->body, {.max_bytes = 64 << 20});
    const auto* items = list ? json::find(*list, "items") : nullptr;
    if (items == nullptr || !items->IsArray())
      return out;
    out.known = true;
    for (const auto& item : items->GetArray()) {
      ++out.all;
      out.good += is_good(item);
    }
    return out;
  }

private:
  std::string server_;
  std::string pki_;
};

bool node_is_ready(const json::value& node) {
  const auto* conditions = json::at(node, {"status", "conditions"});
  if (conditions == nullptr || !conditions->IsArray())
    return false;
  for (const auto& condition : conditions->GetArray())
    if (json::get_string(condition, "type") == "Ready")
      return json::get_string(condition, "status") == "True";
  return false;
}

bool pod_runs(const json::value& pod) {
  const auto* phase = json::at(pod, {"status", "phase"});
  return phase != nullptr && json::as_string(*phase) == "Running";
}

findings look(const std::string& data_dir, bool in_detail) {
  findings found;
  found.process = instance_lock::holder(data_dir);
  auto state = read_state(data_dir);
  if (state)
    found.state = *state;
  if (found.process == 0 || !state)
    return found;
  if (!found.state.agent_of.empty()) {
    const auto linked = config::read_file(data_dir + "/link");
    found.serves = linked && linked->starts_with("linked");
    if (!found.serves)
      found.trouble = linked.value_or("");
    return found;
  }
  prober probe{data_dir, found.state.server};
  auto ready = probe.get("/readyz");
  found.serves = ready && ready->code == 200;
  if (!ready)
    found.trouble = ready.error().message;
  else if (!found.serves)
    found.trouble = "/readyz answers " + std::to_string(ready->code);
  if (found.serves && in_detail) {
    found.nodes = probe.count("/api/v1/nodes", node_is_ready);
    found.pods = probe.count("/api/v1/pods", pod_runs);
    std::ifstream choice{service_choice_file(data_dir)};
    std::getline(choice, found.services);
  }
  return found;
}

void print_tally(const char* what, const tally& t, const char* good) {
  if (t.known)
    std::printf("%-11s %d of %d %s\n", what, t.good, t.all, good);
}

void print_text(const findings& f, const std::string& data_dir) {
  if (f.process == 0) {
    std::printf("No cluster runs in %s.%s\n", data_dir.c_str(),
                f.state.version.empty() ? "" : " `thespis up` starts the one it holds.");
    return;
  }
  if (!f.state.agent_of.empty()) {
    std::printf("%-11s of %s, Thespis %s, process %d\n", "Agent", f.state.agent_of.c_str(),
                f.state.version.c_str(), f.process);
    std::printf("%-11s %s\n", "Link", f.serves ? "up" : ("down: " + f.trouble).c_str());
    std::printf("%-11s %s\n", "Data", data_dir.c_str());
    return;
  }
  std::printf("%-11s %s, Thespis %s, process %d\n", "Cluster", f.state.context.c_str(),
              f.state.version.c_str(), f.process);
  std::printf("%-11s %s %s\n", "API", f.state.server.c_str(),
              f.serves ? "serves" : ("does not serve: " + f.trouble).c_str());
  print_tally("Nodes", f.nodes, "ready");
  print_tally("Pods", f.pods, "running");
  if (!f.services.empty())
    std::printf("%-11s endpoints are %s\n", "Services", f.services.c_str());
  std::printf("%-11s %s\n", "Data", data_dir.c_str());
  std::printf("%-11s %s\n", "Kubeconfig", f.state.kubeconfig.c_str());
}

void print_json(const findings& f, const std::string& data_dir) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::set(doc, "running", json::value{f.process != 0}, a);
  json::set(doc, "serves", json::value{f.serves}, a);
  json::set(doc, "process", json::value{f.process}, a);
  json::set(doc, "version", std::string_view{f.state.version}, a);
  json::set(doc, "context", std::string_view{f.state.context}, a);
  json::set(doc, "server", std::string_view{f.state.server}, a);
  if (!f.state.agent_of.empty())
    json::set(doc, "agentOf", std::string_view{f.state.agent_of}, a);
  json::set(doc, "dataDir", std::string_view{data_dir}, a);
  json::set(doc, "kubeconfig", std::string_view{f.state.kubeconfig}, a);
  for (auto [key, t] : {std::pair{"nodes", &f.nodes}, std::pair{"pods", &f.pods}}) {
    if (!t->known)
      continue;
    json::value numbers{rapidjson::kObjectType};
    json::set(numbers, "total", json::value{t->all}, a);
    json::set(numbers, t == &f.nodes ? "ready" : "running", json::value{t->good}, a);
    json::set(doc, key, std::move(numbers), a);
  }
  if (!f.services.empty())
    json::set(doc, "serviceEndpoints", std::string_view{f.services}, a);
  std::printf("%s\n", json::to_pretty_string(doc).c_str());
}

} // namespace

int run_status(const status_request& request) {
  // Without the right to look, "does not run" would be a guess.
  if (auto state = read_state(request.data_dir);
      !state && state.error().why != api::reason::not_found) {
    complain(state.error().message);
    return 4;
  }
  auto found = look(request.data_dir, !request.quiet);
  if (!request.quiet && request.output == "json")
    print_json(found, request.data_dir);
  else if (!request.quiet)
    print_text(found, request.data_dir);
  return found.process == 0 ? 3 : found.serves ? 0 : 1;
}

} // namespace thespis::tools
