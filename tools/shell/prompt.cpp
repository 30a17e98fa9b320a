#include "tools/shell/prompt.hpp"

#include <cstdio>
#include <cstring>

#include <histedit.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace thespis::tools::shell {

namespace {

constexpr int history_lines = 1000;
/// Brackets, for libedit, of what takes no room on the screen.
constexpr char unseen = '\1';

/// What all words begin with.
std::string common_start(const std::vector<std::string>& words) {
  auto res = words.front();
  for (const auto& w : words)
    while (!w.starts_with(res))
      res.pop_back();
  return res;
}

} // namespace

struct prompt::editor {
  EditLine* line = nullptr;
  History* history = nullptr;
  std::string text;
  std::string file;
  completer complete;

  static editor& of(EditLine* e) {
    void* data = nullptr;
    el_get(e, EL_CLIENTDATA, &data);
    return *static_cast<editor*>(data);
  }

  static char* show(EditLine* e) { return of(e).text.data(); }

  static unsigned char on_tab(EditLine* e, int) {
    auto& self = of(e);
    const auto* now = el_line(e);
    const std::string typed{now->buffer, static_cast<size_t>(now->cursor - now->buffer)};
    const auto words = self.complete(typed);
    if (words.empty())
      return CC_REFRESH_BEEP;
    const auto blank = typed.rfind(' ');
    const auto start = blank == std::string::npos ? typed : typed.substr(blank + 1);
    auto rest = common_start(words).substr(start.size());
    if (words.size() == 1)
      rest += ' ';
    if (!rest.empty())
      return el_insertstr(e, rest.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    std::putchar('\n');
    for (const auto& w : words)
      std::printf("%s  ", w.c_str());
    std::putchar('\n');
    std::fflush(stdout);
    return CC_REDISPLAY;
  }
};

prompt::prompt(std::string text, std::string history_file, completer complete,
               const palette& colours)
    : editor_(std::make_unique<editor>()) {
  auto& e = *editor_;
  e.text = colours.on() ? unseen + std::string{"\x1b[1;36m"} + unseen + text + unseen + "\x1b[0m" +
                              unseen + " "
                        : text + " ";
  e.file = std::move(history_file);
  e.complete = std::move(complete);
  e.history = history_init();
  e.line = el_init("thespis", stdin, stdout, stderr);
  HistEvent event;
  history(e.history, &event, H_SETSIZE, history_lines);
  history(e.history, &event, H_SETUNIQUE, 1);
  history(e.history, &event, H_LOAD, e.file.c_str());
  el_set(e.line, EL_CLIENTDATA, &e);
  el_set(e.line, EL_PROMPT_ESC, &editor::show, unseen);
  el_set(e.line, EL_EDITOR, "emacs");
  el_set(e.line, EL_SIGNAL, 1);
  el_set(e.line, EL_HIST, history, e.history);
  el_set(e.line, EL_ADDFN, "complete", "Complete the word", &editor::on_tab);
  el_set(e.line, EL_BIND, "^I", "complete", nullptr);
  el_set(e.line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  el_source(e.line, nullptr);
}

prompt::~prompt() {
  auto& e = *editor_;
  const auto mask = ::umask(077);
  HistEvent event;
  if (!e.file.empty()) {
    history(e.history, &event, H_SAVE, e.file.c_str());
    ::chmod(e.file.c_str(), 0600);
  }
  ::umask(mask);
  el_end(e.line);
  history_end(e.history);
}

std::optional<std::string> prompt::read() {
  auto& e = *editor_;
  int count = 0;
  errno = 0;
  const char* got = el_gets(e.line, &count);
  if (got == nullptr || count <= 0) {
    if (errno != EINTR)
      return std::nullopt;
    el_reset(e.line);
    std::putchar('\n');
    return std::string{};
  }
  std::string res{got, static_cast<size_t>(count)};
  while (!res.empty() && (res.back() == '\n' || res.back() == '\r'))
    res.pop_back();
  if (res.find_first_not_of(" \t") != std::string::npos) {
    HistEvent event;
    history(e.history, &event, H_ENTER, res.c_str());
  }
  return res;
}

terminal_size size_of_terminal() {
  winsize w{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0 || w.ws_row == 0)
    return {};
  return {w.ws_col, w.ws_row};
}

namespace {

/// A key without waiting for Enter.
char read_key() {
  termios before{};
  if (::tcgetattr(STDIN_FILENO, &before) != 0)
    return 'q';
  auto raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  char key = 'q';
  if (::read(STDIN_FILENO, &key, 1) != 1)
    key = 'q';
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
  return key;
}

} // namespace

void print_in_pages(const std::string& text) {
  const auto page = std::max<size_t>(size_of_terminal().lines, 2) - 1;
  size_t room = page;
  size_t at = 0;
  while (at < text.size()) {
    if (room == 0) {
      std::fputs("\x1b[7m-- space: more, Enter: a line, q: stop --\x1b[0m", stdout);
      std::fflush(stdout);
      const char key = read_key();
      std::fputs("\r\x1b[K", stdout);
      if (key == 'q' || key == 'Q' || key == 4)
        return;
      room = key == '\n' || key == '\r' ? 1 : page;
    }
    const auto end = std::min(text.find('\n', at), text.size() - 1) + 1;
    std::fwrite(text.data() + at, 1, end - at, stdout);
    at = end;
    --room;
  }
  std::fflush(stdout);
}

} // namespace thespis::tools::shell
