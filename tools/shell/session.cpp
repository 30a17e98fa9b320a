#include "tools/shell/session.hpp"

#include "api/yaml.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <sstream>

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

constexpr size_t top_rows = 20;
constexpr int longest_window = 3'600'000; // ms
constexpr size_t max_answer = 256 << 20;

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
}

std::vector<std::string> split(std::string_view line) {
  std::istringstream in{std::string{line}};
  return {std::istream_iterator<std::string>{in}, std::istream_iterator<std::string>{}};
}

template <class Number>
bool parse_number(std::string_view text, Number& into) {
  const auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), into);
  return code == std::errc{} && at == text.data() + text.size();
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

} // namespace

const std::vector<command_help>& all_commands() {
  static const std::vector<command_help> all{
      {"ps", "[KIND] [--sort KEY] [--limit N]",
       "list actors; KEY is name, mailbox, handled or busy"},
      {"tree", "[ID] [--all]", "who started whom"},
      {"top", "[TIME] [--limit N]", "the busiest actors over a window, 1s by default"},
      {"info", "ID|KIND[/NAME]", "one actor: counters by message, and its own state"},
      {"kinds", "", "kinds of actors, and how many there are"},
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

api::result<int> parse_window(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto unit = text.substr(digits);
  int64_t count = 0;
  const int64_t scale = unit == "ms"                  ? 1
                        : unit.empty() || unit == "s" ? 1000
                        : unit == "m"                 ? 60'000
                                                      : 0;
  if (!parse_number(text.substr(0, digits), count) || scale == 0 || count <= 0 ||
      count > longest_window / scale)
    return wrong("\"" + std::string{text} + "\": expected a time of at most an hour, like 500ms, " +
                 "5s or 2m");
  return static_cast<int>(count * scale);
}

api::result<answer> session::run(std::string_view line, const screen& where) {
  const auto w = split(line);
  if (w.empty())
    return answer{};
  const auto& verb = w.front();
  const auto takes_nothing = [&]() -> bool { return w.size() == 1; };
  if (verb == "ps")
    return ask_and_show(std::string{line}, where, show_ps);
  if (verb == "tree")
    return tree(w, where);
  if (verb == "top")
    return top(w, where);
  if (verb == "info") {
    if (w.size() != 2)
      return wrong("info takes one actor: an id, a kind that has only one, or KIND/NAME");
    return ask_and_show("info " + w[1], where, show_info);
  }
  if (verb == "kinds" && takes_nothing())
    return ask_and_show("kinds", where, show_kinds);
  if ((verb == "help" || verb == "?") && takes_nothing())
    return answer{help(), false};
  if ((verb == "exit" || verb == "quit") && takes_nothing())
    return answer{{}, true};
  const auto& all = all_commands();
  if (std::any_of(all.begin(), all.end(), [&](const auto& c) { return c.name == verb; }))
    return wrong(verb + " takes no arguments");
  const auto meant = nearest_command(verb);
  return wrong("unknown command \"" + verb + "\"" +
               (meant.empty() ? "; `help` lists what there is" : "; did you mean " + meant + "?"));
}

api::result<answer> session::ask_and_show(const std::string& command, const screen& where,
                                          const show& how) {
  const auto got = ask_(command);
  if (!got)
    return api::fail(got.error());
  const auto doc = json::parse(*got, {.max_bytes = max_answer});
  if (!doc)
    return wrong("the cluster's answer cannot be read: " + doc.error().message);
  return present(*doc, where, how);
}

api::result<answer> session::present(const json::document& doc, const screen& where,
                                     const show& how) const {
  switch (output_) {
  case form::table:
    return answer{how(doc, where), false};
  case form::json:
    return answer{json::to_pretty_string(doc) + "\n", false};
  case form::yaml:
    return answer{api::yaml::to_yaml(doc), false};
  }
  return answer{};
}

api::result<answer> session::tree(const words& w, const screen& where) {
  uint64_t root = 0;
  bool all = false;
  for (size_t i = 1; i < w.size(); ++i) {
    if (w[i] == "--all")
      all = true;
    else if (root != 0 || !parse_number(w[i], root) || root == 0)
      return wrong("tree takes an actor's id and --all, not \"" + w[i] + "\"");
  }
  auto res = ask_and_show("tree", where, [&](const json::value& v, const screen& s) {
    return show_tree(v, root, all, s);
  });
  if (res && res->text.empty() && output_ == form::table)
    return wrong("no actor " + std::to_string(root));
  return res;
}

api::result<answer> session::top(const words& w, const screen& where) {
  int window = 1000;
  size_t limit = top_rows;
  for (size_t i = 1; i < w.size(); ++i) {
    if (w[i] == "--limit") {
      if (++i == w.size() || !parse_number(w[i], limit))
        return wrong("--limit: expected a number; 0 shows all");
      continue;
    }
    auto time = parse_window(w[i]);
    if (!time)
      return api::fail(std::move(time.error()));
    window = *time;
  }
  const auto before = ask_("top");
  if (!before)
    return api::fail(before.error());
  if (!wait_(window))
    return answer{};
  const auto after = ask_("top");
  if (!after)
    return api::fail(after.error());
  const json::limits large{.max_bytes = max_answer};
  const auto first = json::parse(*before, large);
  const auto second = json::parse(*after, large);
  if (!first || !second)
    return wrong("the cluster's answer cannot be read");
  return present(between(*first, *second, limit), where, show_top);
}

std::string session::help() const {
  std::string out;
  for (const auto& c : all_commands()) {
    auto left = std::string{c.name};
    if (!c.arguments.empty())
      left += " " + std::string{c.arguments};
    left.resize(std::max<size_t>(left.size() + 2, 40), ' ');
    out += "  " + left + std::string{c.what} + "\n";
  }
  return out + "\nBUSY is the time spent on messages, MAILBOX how many wait. Nothing here changes "
               "anything.\n";
}

std::vector<std::string> session::completions(std::string_view line) {
  const auto w = split(line);
  const bool new_word = line.empty() || line.back() == ' ';
  const auto place = w.size() + (new_word ? 1 : 0); // which word is being typed
  const auto start = new_word || w.empty() ? std::string{} : w.back();
  std::vector<std::string> all;
  if (place <= 1) {
    for (const auto& c : all_commands())
      all.emplace_back(c.name);
  } else if (w.front() == "ps" && w[place - 2] == "--sort") {
    all = {"name", "mailbox", "handled", "busy"};
  } else if (w.front() == "ps" || w.front() == "info") {
    const auto got = ask_("kinds");
    const auto doc = got ? json::parse(*got) : api::result<json::document>{json::document{}};
    const auto* kinds = doc ? json::find(*doc, "kinds") : nullptr;
    if (kinds != nullptr && kinds->IsArray())
      for (const auto& k : kinds->GetArray())
        all.emplace_back(json::get_string(k, "kind"));
    if (w.front() == "ps")
      all.insert(all.end(), {"--sort", "--limit"});
  } else if (w.front() == "tree") {
    all = {"--all"};
  } else if (w.front() == "top") {
    all = {"--limit", "1s", "5s"};
  }
  std::erase_if(all, [&](const std::string& s) { return !s.starts_with(start); });
  std::sort(all.begin(), all.end());
  return all;
}

} // namespace thespis::tools::shell
