#include "tools/shell/run_shell.hpp"

#include "config/files.hpp"
#include "tools/cli/https_client.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/subcommands.hpp"
#include "tools/shell/access.hpp"
#include "tools/shell/prompt.hpp"
#include "tools/shell/session.hpp"

#include <algorithm>
#include <cctype>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace thespis::tools {

namespace {

using namespace shell;

constexpr int not_answering = 1;
constexpr int wrong_command = 2;
constexpr int not_running = 3;
constexpr int unreadable = 4;

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

api::error error_of(const https_answer& got, const std::string& server) {
  api::error e;
  e.why = got.code == 400   ? api::reason::bad_request
          : got.code == 404 ? api::reason::not_found
          : got.code == 403 ? api::reason::forbidden
          : got.code == 401 ? api::reason::unauthorized
                            : api::reason::service_unavailable;
  const auto status = api::json::parse(got.body);
  e.message = status ? std::string{api::json::get_string(*status, "message")} : std::string{};
  if (e.message.empty())
    e.message = server + " answers " + std::to_string(got.code);
  return e;
}

/// Longer than the longest window that can be asked for.
constexpr std::chrono::seconds answer_deadline{620};

decltype(ports::ask) asker_of(https_target target) {
  return [target = std::move(target)](const std::string& command,
                                      bool changes) -> api::result<std::string> {
    auto got =
        https_ask(target, changes ? "POST" : "GET",
                  "/thespis/v1/introspect?command=" + percent_encoded(command), answer_deadline);
    if (!got)
      return api::fail(std::move(got.error()));
    if (got->code == 200)
      return std::move(got->body);
    return api::fail(error_of(*got, target.server));
  };
}

volatile std::sig_atomic_t interrupts = 0;

/// Ctrl-C ends a trace, or what is being waited for; it does not end the shell.
void survive_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupts = 1; };
  ::sigaction(SIGINT, &action, nullptr);
}

api::result<void> write_private(const std::string& path, const std::string& text) {
  return config::write_file(path, text, 0600);
}

ports ports_with(decltype(ports::ask) ask) {
  ports res;
  res.ask = std::move(ask);
  res.print = [](const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  };
  res.interrupted = [] {
    const bool was = interrupts != 0;
    interrupts = 0;
    return was;
  };
  res.write = write_private;
  return res;
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

int converse(session& s, const std::string& server) {
  const palette colours{colours_wanted()};
  std::printf("%s: %s. `help` lists the commands, Tab completes, Ctrl-D leaves.\n",
              colours.heading("Thespis").c_str(), server.c_str());
  prompt input{"thespis>", history_file(),
               [&s](std::string_view line) { return s.completions(line); }, colours};
  while (auto line = input.read()) {
    auto done = s.run(*line, screen_now());
    const bool stopped = interrupts != 0;
    interrupts = 0;
    if (!done && stopped)
      std::fputs("\n", stdout);
    else if (!done)
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

} // namespace

int run_shell(const shell_request& request) {
  std::setlocale(LC_CTYPE, "");
  survive_interrupts();
  const session_options options{form_of(request.output).value_or(form::table),
                                request.allow_changes};
  std::string server;
  decltype(ports::ask) ask;
  if (!request.snapshot.empty()) {
    const auto text = config::read_file(request.snapshot, size_t{1} << 30);
    auto opened = text ? open_snapshot(*text) : api::fail(text.error());
    if (!opened) {
      complain(request.snapshot + ": " + opened.error().message);
      return unreadable;
    }
    server = request.snapshot;
    ask = std::move(*opened);
  } else {
    const bool here = request.kubeconfig.empty();
    auto found =
        here ? access_of_data_dir(request.data_dir) : access_of_kubeconfig(request.kubeconfig);
    if (here && instance_lock::holder(request.data_dir) == 0 &&
        (found || found.error().why == api::reason::not_found)) {
      complain("No cluster runs in " + request.data_dir +
               ". `thespis up` starts one; --data-dir names another one's directory, --kubeconfig "
               "leads to another machine.");
      return not_running;
    }
    if (!found) {
      complain(found.error().message);
      return unreadable;
    }
    server = found->server;
    ask = asker_of(std::move(*found));
  }
  session s{ports_with(std::move(ask)), options};
  if (!request.execute.empty())
    return execute(s, request.execute);
  return ::isatty(STDIN_FILENO) == 1 ? converse(s, server) : run_script(s);
}

} // namespace thespis::tools
