#include "tools/shell/run_shell.hpp"

#include "config/files.hpp"
#include "tools/cli/https_client.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/subcommands.hpp"
#include "tools/shell/prompt.hpp"
#include "tools/shell/session.hpp"

#include <algorithm>
#include <cctype>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <poll.h>
#include <unistd.h>

namespace thespis::tools {

namespace {

using namespace shell;

constexpr int not_answering = 1;
constexpr int wrong_command = 2;
constexpr int not_running = 3;
constexpr int unreadable = 4;

/// What it takes to ask the cluster of a data directory.
struct access {
  std::string server;
  std::string ca;
  config::key_pair admin;
};

api::result<access> access_of(const std::string& data_dir) {
  auto state = read_state(data_dir);
  if (!state)
    return api::fail(std::move(state.error()));
  const auto pki = data_dir + "/pki/";
  auto ca = config::read_file(pki + "ca.crt");
  auto certificate = config::read_file(pki + "admin.crt");
  auto key = config::read_file(pki + "admin.key");
  for (const auto* part : {&ca, &certificate, &key})
    if (!*part)
      return api::fail(part->error());
  return access{state->server, std::move(*ca), {std::move(*certificate), std::move(*key)}};
}

std::string percent_encoded(std::string_view s) {
  std::string out;
  for (const char c : s) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::strchr("-._~", c) != nullptr) {
      out += c;
    } else {
      char code[4];
      std::snprintf(code, sizeof code, "%%%02X", byte);
      out += code;
    }
  }
  return out;
}

asker asker_of(access a) {
  return [a = std::move(a)](const std::string& command) -> api::result<std::string> {
    auto got = https_get(a.server, "/thespis/v1/introspect?command=" + percent_encoded(command),
                         a.ca, a.admin, std::chrono::seconds{15});
    if (!got)
      return api::fail(std::move(got.error()));
    if (got->code == 200)
      return std::move(got->body);
    api::error e;
    e.why = got->code == 400   ? api::reason::bad_request
            : got->code == 404 ? api::reason::not_found
                               : api::reason::service_unavailable;
    const auto status = api::json::parse(got->body);
    e.message = status ? std::string{api::json::get_string(*status, "message")} : std::string{};
    if (e.message.empty())
      e.message = a.server + " answers " + std::to_string(got->code);
    return api::fail(std::move(e));
  };
}

/// False when a signal came first.
bool wait(int milliseconds) {
  return ::poll(nullptr, 0, milliseconds) == 0;
}

bool colours_wanted() {
  const char* term = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr &&
         (term == nullptr || std::string_view{term} != "dumb");
}

screen screen_now() {
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  return {palette{colours_wanted()}, terminal ? size_of_terminal().columns : 0};
}

int status_of(const api::error& e) {
  const bool ours = e.why == api::reason::bad_request || e.why == api::reason::not_found;
  return ours ? wrong_command : not_answering;
}

int execute(session& s, const std::string& line) {
  auto done = s.run(line, screen_now());
  if (!done) {
    complain(done.error().message);
    return status_of(done.error());
  }
  std::fputs(done->text.c_str(), stdout);
  return 0;
}

void print(const std::string& text) {
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  if (::isatty(STDOUT_FILENO) == 1 && ::isatty(STDIN_FILENO) == 1 &&
      lines >= size_of_terminal().lines)
    print_in_pages(text);
  else
    std::fputs(text.c_str(), stdout);
}

std::string history_file() {
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? std::string{} : std::string{home} + "/.thespis_history";
}

/// Ctrl-C gives a new prompt, or ends what is being waited for; it does not end the shell.
void survive_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ::sigaction(SIGINT, &action, nullptr);
}

int converse(session& s, const std::string& server) {
  survive_interrupts();
  const palette colours{colours_wanted()};
  std::printf("%s: %s. `help` lists the commands, Tab completes, Ctrl-D leaves.\n",
              colours.heading("Thespis").c_str(), server.c_str());
  prompt input{"thespis>", history_file(),
               [&s](std::string_view line) { return s.completions(line); }, colours};
  while (auto line = input.read()) {
    auto done = s.run(*line, screen_now());
    if (!done)
      std::fprintf(stderr, "%s\n", palette{colours_wanted()}.bad(done.error().message).c_str());
    else if (done->ends)
      return 0;
    else
      print(done->text);
  }
  std::putchar('\n');
  return 0;
}

/// Commands from a pipe, one a line, until one fails.
int run_script(session& s) {
  std::string line;
  for (int c; (c = std::getchar()) != EOF;) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    if (const int status = execute(s, line); status != 0)
      return status;
    line.clear();
  }
  return line.empty() ? 0 : execute(s, line);
}

form form_of(const std::string& output) {
  return output == "json" ? form::json : output == "yaml" ? form::yaml : form::table;
}

} // namespace

int run_shell(const shell_request& request) {
  std::setlocale(LC_CTYPE, "");
  auto found = access_of(request.data_dir);
  if (instance_lock::holder(request.data_dir) == 0) {
    if (!found && found.error().why != api::reason::not_found) {
      complain(found.error().message);
      return unreadable;
    }
    complain("No cluster runs in " + request.data_dir +
             ". `thespis up` starts one; --data-dir names another one's directory.");
    return not_running;
  }
  if (!found) {
    complain(found.error().message);
    return unreadable;
  }
  const auto server = found->server;
  session s{asker_of(std::move(*found)), wait, form_of(request.output)};
  if (!request.execute.empty())
    return execute(s, request.execute);
  return ::isatty(STDIN_FILENO) == 1 ? converse(s, server) : run_script(s);
}

} // namespace thespis::tools
