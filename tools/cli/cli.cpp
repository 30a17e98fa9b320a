#include "config/settings_reader.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/subcommands.hpp"
#include "tools/cli/up.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

namespace thespis::tools {

namespace {

constexpr const char* overview =
    R"(A Kubernetes-compatible cluster in one program: every pod, node and controller is an actor.

Start one, use it with kubectl, end it:
  thespis up --detach
  export KUBECONFIG=/var/lib/thespis/kubeconfig
  kubectl get nodes
  thespis down
)";

constexpr const char* up_examples = R"(
Examples:
  thespis up                               in the foreground, until Ctrl-C
  thespis up --detach                      in the background; `thespis status` tells about it
  thespis up --config thespis.yaml         settings from a file; `thespis config default` prints
                                           one with every key explained
  thespis up --no-local-node --simulated-nodes 100 --data-dir /tmp/sim
                                           no containers, no root: 100 nodes in memory
  thespis up --data-dir /tmp/two --api-port 7443 \
    --pod-cidr 10.52.0.0/16 --service-cidr 10.53.0.0/16
                                           a second cluster beside the first

SIGTERM or Ctrl-C ends the process and leaves the containers running; the next `thespis up` on the
same data directory takes them over. `thespis down` removes them.)";

constexpr const char* server_examples = R"(
Examples:
  thespis server --detach                  the control plane only; machines join it
  thespis server --roles 'controller/*'    the scheduler runs on machines that offer it
  thespis token create                     prints what `thespis agent --token` needs

Everything else is as with `thespis up`, which is a server and an agent in one.)";

constexpr const char* agent_examples = R"(
Examples:
  thespis agent --server 192.0.2.10:6443 --token T1...::abcdef.0123456789abcdef --detach
  thespis agent --server 192.0.2.10:6443   again: its certificate is in the data directory
  thespis agent --server 192.0.2.10:6443 --token T1... --no-local-node --simulated-nodes 300
                                           no containers, no root: 300 nodes in memory

Nothing is sent before the server has proved to be the token's. The machine opens no port; its
containers go on when the server, the link or this process is away.)";

constexpr const char* token_examples = R"(
Examples:
  thespis token create --ttl 1h            prints a token: the server's fingerprint and a secret
  thespis token list
  thespis token delete abcdef

Needs to read the cluster's certificates in the data directory: run it on the server, as who
started it.)";

/// The heading an option stands under in --help.
std::string group_of(std::string_view key) {
  auto dot = key.find('.');
  if (dot == std::string_view::npos)
    return "General";
  auto group = key.substr(0, dot);
  if (group == "api")
    return "API";
  std::string out{group};
  out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
  return out;
}

/// The word for a value in --help.
std::string type_name(const config::option& o) {
  config::settings scratch;
  auto place = o.at(scratch);
  if (std::holds_alternative<int64_t*>(place))
    return "N";
  if (std::holds_alternative<config::duration*>(place))
    return "TIME";
  if (std::holds_alternative<config::ip_ranges*>(place))
    return "CIDR";
  if (std::holds_alternative<config::port_range*>(place))
    return "FIRST-LAST";
  if (!o.allowed.empty()) {
    std::string out;
    for (auto word : o.allowed)
      out += (out.empty() ? "" : "|") + std::string{word};
    return out;
  }
  switch (o.shape) {
  case config::form::path:
    return "PATH";
  case config::form::address:
    return "ADDRESS";
  case config::form::host:
    return "HOST";
  case config::form::plain:
  case config::form::bytes:
  case config::form::dns_name:
  case config::form::node_name:
    break;
  }
  return "NAME";
}

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

/// The parsed command line; CLI11 fills it in.
class command_line {
public:
  explicit command_line(const commands& with) : with_{with} {
    app_.require_subcommand(1);
    app_.get_formatter()->column_width(44);
    app_.set_version_flag("--version", "thespis " + std::string{version()});
    if (with_.up)
      add_up();
    if (with_.agent)
      add_agent();
    if (with_.token)
      add_token();
    add_status();
    add_down();
    add_kubeconfig();
    add_image();
    if (with_.shell)
      add_shell();
    if (with_.bench)
      add_bench();
    add_config();
    add("version", "Print the version", "", [] {
      std::printf("thespis %s\n", std::string{version()}.c_str());
      return 0;
    });
  }

  int run(int argc, const char* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::RequiredError& e) {
      // A mistyped command is more than a missing one.
      const auto extra = app_.remaining(true);
      return extra.empty() ? refuse(e) : refuse(CLI::ExtrasError{extra});
    } catch (const CLI::ParseError& e) {
      return app_.exit(e) == 0 ? 0 : wrong_command_line;
    }
    return action_ ? action_() : 0;
  }

private:
  /// As shells and other tools have it.
  static constexpr int wrong_command_line = 2;

  int refuse(const CLI::Error& e) const {
    app_.exit(e);
    return wrong_command_line;
  }

  CLI::App* add(const std::string& name, const std::string& what, const std::string& more,
                std::function<int()> action, CLI::App* parent = nullptr) {
    auto* sub = (parent != nullptr ? parent : &app_)->add_subcommand(name, what);
    sub->get_formatter()->column_width(44);
    sub->footer(more);
    if (action)
      sub->callback([this, action = std::move(action)] { action_ = action; });
    return sub;
  }

  void add_data_dir(CLI::App* sub) {
    sub->add_option_function<std::string>(
           "--data-dir", [this](const std::string& dir) { data_dir_ = absolute(dir); },
           "Where the cluster keeps its state")
        ->type_name("PATH")
        ->default_str(data_dir_);
  }

  void add_output(CLI::App* sub, std::string& into, const char* plain) {
    into = plain;
    sub->add_option("-o,--output", into, "Form of the output")
        ->check(CLI::IsMember({std::string{plain}, std::string{"json"}}).description(""))
        ->type_name(std::string{plain} + "|json")
        ->default_str(plain);
  }

  void add_up() {
    auto* up = add("up", "Start a cluster on this machine", up_examples,
                   [this] { return start_now(with_.up); });
    add_settings(up, {}, {"agent.server", "agent.token"});
    auto* server = add("server", "Start a cluster without a node on this machine", server_examples,
                       [this] { return start_now(with_.up); });
    server->preparse_callback([this](size_t) { server_only_ = true; });
    config::settings without_node;
    without_node.node.local = false;
    add_settings(server, without_node, {"agent.server", "agent.token"});
  }

  void add_agent() {
    auto* agent = add("agent", "Make this machine part of a cluster that runs elsewhere",
                      agent_examples, [this] { return agent_now(); });
    add_settings(agent, {}, {"api.", "store.", "controllers.", "network."});
  }

  void add_settings(CLI::App* up, config::settings defaults,
                    const std::vector<std::string_view>& without) {
    up->add_option("--config", config_file_, "Settings from a YAML file; flags override them")
        ->type_name("FILE")
        ->group("General");
    up->add_flag("-d,--detach", detach_, "Return when it is ready; it goes on by itself")
        ->group("General");
    for (const auto& o : config::options()) {
      const bool left_out = std::any_of(without.begin(), without.end(),
                                        [&](auto part) { return o.key.starts_with(part); });
      if (o.flag.empty() || left_out)
        continue;
      auto flag = std::string{o.flag};
      if (auto place = o.at(defaults); std::holds_alternative<bool*>(place)) {
        bool standard = *std::get<bool*>(place);
        up->add_flag_callback(
              (standard ? "--no-" : "--") + flag,
              [this, flag, standard] { flags_.emplace_back(flag, standard ? "false" : "true"); },
              std::string{o.what})
            ->group(group_of(o.key));
        continue;
      }
      auto standard = config::value_to_string(o, defaults);
      auto* added = up->add_option_function<std::vector<std::string>>(
          "--" + flag,
          [this, flag](const std::vector<std::string>& values) {
            for (const auto& value : values)
              flags_.emplace_back(flag, value);
          },
          std::string{o.what});
      added->expected(1)->take_all()->type_name(type_name(o))->group(group_of(o.key));
      if (standard != "\"\"" && standard != "[]")
        added->default_str(standard);
    }
  }

  int agent_now() {
    const bool named = std::any_of(flags_.begin(), flags_.end(),
                                   [](const auto& f) { return f.first == "server"; });
    if (!named && config_file_.empty())
      return complain("Which server? Give --server HOST:PORT and, for the first start, --token.");
    return start_now(with_.agent);
  }

  int start_now(const std::function<int(const config::settings&, startup&)>& run) {
    config::settings_reader reader;
    // First, so that the file or a flag may say otherwise.
    if (server_only_)
      reader.set_flag("local-node", "false");
    if (!config_file_.empty())
      reader.read_file(config_file_);
    for (const auto& [flag, value] : flags_)
      reader.set_flag(flag, value);
    auto settings = reader.finish();
    if (!settings)
      return complain(settings.error().message);
    settings->detach = detach_;
    return launch(*settings, run);
  }

  void add_token() {
    auto* token = add("token", "Tokens by which further machines join", token_examples, {});
    token->require_subcommand(1);
    const auto sub = [&](const char* name, const char* what) {
      auto* s = add(
          name, what, "",
          [this, name] {
            token_.data_dir = data_dir_;
            token_.action = name;
            return with_.token(token_);
          },
          token);
      add_data_dir(s);
      return s;
    };
    auto* create = sub("create", "Make a token and print it");
    create->add_option("--ttl", token_.ttl, "How long it is good; 0 for ever")
        ->type_name("TIME")
        ->default_str("24h");
    create->add_option("--description", token_.description, "For people")->type_name("TEXT");
    auto* list = sub("list", "List the tokens there are, without their secrets");
    add_output(list, token_.output, "table");
    auto* remove = sub("delete", "Delete a token");
    remove->add_option("ID", token_.id, "The token, or its id")->required()->type_name("");
  }

  void add_status() {
    auto* sub =
        add("status", "Tell whether a cluster runs here, and how it is",
            "\nExit status: 0 when the API serves, 1 when the process runs but its API does "
            "not,\n3 when no cluster runs, 4 when that cannot be told.",
            [this] {
              status_.data_dir = data_dir_;
              return run_status(status_);
            });
    add_data_dir(sub);
    add_output(sub, status_.output, "text");
    sub->add_flag("-q,--quiet", status_.quiet, "Print nothing: the exit status tells");
  }

  void add_down() {
    auto* sub = add("down", "End a cluster: stop pods, remove network, mounts and rules",
                    "\nObjects, certificates and images stay, so that `thespis up` brings the same "
                    "cluster back;\n--purge removes them too.",
                    [this] {
                      return run_down({data_dir_, purge_});
                    });
    add_data_dir(sub);
    sub->add_flag("--purge", purge_, "Remove the data directory with all that is in it");
  }

  void add_kubeconfig() {
    auto* sub = add("kubeconfig", "Write a kubeconfig for yourself, or for somebody else", R"(
Examples:
  thespis kubeconfig                       an administrator's, into $KUBECONFIG or ~/.kube/config
  thespis kubeconfig --user ann --group dev --file ann.kubeconfig
                                           ann may do what roles and bindings give her

Whatever else the file holds stays; its mode becomes 0600. Needs to read the cluster's authority
in the data directory: run it as who started the cluster, or with sudo.)",
                    [this] {
                      kubeconfig_.data_dir = data_dir_;
                      return run_kubeconfig(kubeconfig_);
                    });
    add_data_dir(sub);
    auto* user = sub->add_option("--user", kubeconfig_.user, "Who the certificate names");
    user->type_name("NAME");
    sub->add_option("--group", kubeconfig_.groups, "A group of that user; may be repeated")
        ->type_name("NAME")
        ->needs(user);
    sub->add_option("--file", kubeconfig_.file, "The kubeconfig to write")->type_name("FILE");
    sub->add_option("--context", kubeconfig_.context, "Name of its cluster, user and context")
        ->type_name("NAME");
    sub->add_option("--days", kubeconfig_.days, "How long the certificate holds")
        ->check(CLI::Range(1, 3650).description(""))
        ->type_name("N")
        ->default_str("365");
  }

  void add_image() {
    auto* image = add("image", "Bring container images into the cluster, and list them", "", {});
    image->require_subcommand(1);
    auto* import = add(
        "import", "Import image archives (OCI layout or docker save)",
        "\nExample:\n  docker save shop:v2 > shop.tar\n  thespis image import shop.tar",
        [this] { return run_image_import(data_dir_, files_); }, image);
    import->add_option("FILE", files_, "The archives")->required()->type_name("");
    add_data_dir(import);
    auto* list = add(
        "list", "List the images of this machine's node", "",
        [this] { return run_image_list(data_dir_, image_output_); }, image);
    add_data_dir(list);
    add_output(list, image_output_, "table");
  }

  void add_shell() {
    auto* sub = add("shell", "Look at the running actors, and touch them", R"(
Examples:
  thespis shell                            a prompt; `help` lists its commands
  thespis shell -e 'ps pod --sort mailbox'
  thespis shell -e 'top 5s' -o json
  thespis shell -e 'why pod/web-1 -n shop'
  thespis shell -e 'trace pod name~web --count 20'
  thespis shell --allow-changes -e 'restart scheduler'
  thespis shell --kubeconfig ./kubeconfig  from another machine

Exit status: 0; 1 when the cluster does not answer or refuses, 2 for a wrong command, 3 when no
cluster runs, 4 when that cannot be told.)",
                    [this] {
                      shell_.data_dir = data_dir_;
                      return with_.shell(shell_);
                    });
    add_data_dir(sub);
    sub->add_option("-e,--execute", shell_.execute, "Run one command and end")
        ->type_name("COMMAND");
    sub->add_option("-o,--output", shell_.output, "Form of the output")
        ->check(CLI::IsMember({std::string{"table"}, std::string{"json"}, std::string{"yaml"}})
                    .description(""))
        ->type_name("table|json|yaml")
        ->default_str("table");
    sub->add_option("--kubeconfig", shell_.kubeconfig,
                    "Ask the cluster of this file's current context, in place of --data-dir")
        ->type_name("FILE");
    sub->add_option("--snapshot", shell_.snapshot, "Read a file that `snapshot` wrote")
        ->type_name("FILE");
    sub->add_flag("--allow-changes", shell_.allow_changes,
                  "Allow send, ask, restart, kill and loglevel LEVEL; RBAC decides, and an Event "
                  "tells");
  }

  void add_bench() {
    auto* sub = add("bench", "Measure Thespis on this machine", "", {});
    // The bench reads its own command line, --help included.
    sub->set_help_flag();
    sub->prefix_command();
    sub->callback([this, sub] {
      action_ = [this, sub] {
        bench_.data_dir = data_dir_;
        bench_.arguments = sub->remaining();
        return with_.bench(bench_);
      };
    });
  }

  void add_config() {
    auto* group = add("config", "Explain and check configuration files", "", {});
    group->require_subcommand(1);
    add(
        "default", "Print a configuration file with every key, its default and its meaning", "",
        [] {
          std::fputs(std::string{config::default_yaml()}.c_str(), stdout);
          return 0;
        },
        group);
    auto* check = add(
        "check", "Check a configuration file", "",
        [this] {
          auto settings = config::load_settings(config_file_);
          if (!settings)
            return complain(settings.error().message);
          std::printf("%s: good\n", config_file_.c_str());
          return 0;
        },
        group);
    check->add_option("FILE", config_file_, "The file")->required()->type_name("");
  }

  const commands& with_;
  CLI::App app_{overview, "thespis"};
  std::function<int()> action_;
  std::string data_dir_ = config::settings{}.data_dir;
  std::string config_file_;
  bool server_only_ = false;
  bool detach_ = false;
  std::vector<std::pair<std::string, std::string>> flags_;
  status_request status_;
  bool purge_ = false;
  std::vector<std::string> files_;
  std::string image_output_;
  kubeconfig_request kubeconfig_;
  token_request token_;
  shell_request shell_;
  bench_request bench_;
};

} // namespace

int complain(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

int run_cli(int argc, const char* const* argv, const commands& with) {
  return command_line{with}.run(argc, argv);
}

} // namespace thespis::tools
