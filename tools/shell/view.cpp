#include "tools/shell/view.hpp"

#include "api/yaml.hpp"

#include <algorithm>
#include <cstdio>
#include <unordered_map>

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

std::string one_decimal(double v) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f", v);
  return out;
}

/// "pod default/web-1"
std::string title(const json::value& actor) {
  const auto name = text_of(actor, "name");
  return text_of(actor, "kind") + (name.empty() ? "" : " " + name);
}

/// What the actor says about itself, as YAML.
std::string own_words(const json::value& actor, const screen& s) {
  if (!json::get_bool(actor, "answered", true))
    return s.colours.warning("it did not answer within a second: it is busy, or stuck") + "\n";
  const auto* details = json::find(actor, "details");
  return details != nullptr && details->IsObject() && details->MemberCount() > 0
             ? api::yaml::to_yaml(*details)
             : std::string{};
}

} // namespace

uint64_t number_of(const json::value& v, std::string_view key) {
  const auto* found = json::find(v, key);
  return found != nullptr && found->IsUint64() ? found->GetUint64() : 0;
}

double real_of(const json::value& v, std::string_view key) {
  const auto* found = json::find(v, key);
  return found != nullptr && found->IsNumber() ? found->GetDouble() : 0;
}

std::string text_of(const json::value& v, std::string_view key) {
  return std::string{json::get_string(v, key)};
}

std::vector<const json::value*> elements_of(const json::value& v, std::string_view key) {
  std::vector<const json::value*> res;
  const auto* found = json::find(v, key);
  if (found != nullptr && found->IsArray())
    for (const auto& e : found->GetArray())
      res.push_back(&e);
  return res;
}

std::string show_ps(const json::value& answer, const screen& s) {
  text_table table{{{"ID"},
                    {"KIND", false, false, &palette::accent},
                    {"NAME", false, true},
                    {"STATE"},
                    {"MAILBOX", true},
                    {"HANDLED", true},
                    {"MSG/S", true},
                    {"BUSY", true},
                    {"LAST", false, true, &palette::dim}}};
  const auto actors = elements_of(answer, "actors");
  for (const auto* a : actors)
    table.add({text_of(*a, "id"), text_of(*a, "kind"), text_of(*a, "name"), text_of(*a, "state"),
               grouped(number_of(*a, "mailbox")), grouped(number_of(*a, "handled")),
               one_decimal(real_of(*a, "messagesPerSecond")),
               short_duration(number_of(*a, "busyNanoseconds")), text_of(*a, "lastMessage")});
  const auto matched = number_of(answer, "matched");
  if (matched == 0)
    return s.colours.dim("no actor matches, of " + grouped(number_of(answer, "total"))) + "\n";
  auto out = table.render(s.colours, s.width);
  if (actors.size() < matched)
    out += s.colours.warning(grouped(actors.size()) + " of " + grouped(matched) + " actors shown") +
           "; --limit N shows more, --limit 0 all.\n";
  return out;
}

std::string show_kinds(const json::value& answer, const screen& s) {
  text_table table{{{"KIND", false, false, &palette::accent}, {"ACTORS", true}}};
  for (const auto* k : elements_of(answer, "kinds"))
    table.add({text_of(*k, "kind"), grouped(number_of(*k, "count"))});
  return table.render(s.colours, s.width);
}

std::string show_top(const json::value& answer, const screen& s) {
  const auto seconds = real_of(answer, "seconds");
  const bool window = seconds > 0;
  text_table table{{{"ID"},
                    {"KIND", false, false, &palette::accent},
                    {"NAME", false, true},
                    {"STATE"},
                    {window ? "BUSY %" : "BUSY", true},
                    {window ? "MSG/S" : "HANDLED", true},
                    {"MAILBOX", true},
                    {"LAST", false, true, &palette::dim}}};
  const auto actors = elements_of(answer, "actors");
  for (const auto* a : actors)
    table.add(
        {text_of(*a, "id"), text_of(*a, "kind"), text_of(*a, "name"), text_of(*a, "state"),
         window ? one_decimal(real_of(*a, "busyPercent"))
                : short_duration(number_of(*a, "busyNanoseconds")),
         window ? one_decimal(real_of(*a, "messagesPerSecond")) : grouped(number_of(*a, "handled")),
         grouped(number_of(*a, "mailbox")), text_of(*a, "lastMessage")});
  const auto active = number_of(answer, "matched");
  std::string out;
  if (window)
    out = s.colours.dim(grouped(active) + " of " + grouped(number_of(answer, "total")) +
                        " actors had something to do in " + one_decimal(seconds) + " s") +
          "\n";
  if (active > 0)
    out += table.render(s.colours, s.width);
  if (actors.size() < active)
    out += s.colours.warning("the " + grouped(actors.size()) + " busiest shown") +
           "; --limit N shows more, --limit 0 all.\n";
  return out;
}

std::string show_info(const json::value& answer, const screen& s) {
  const auto* found = json::find(answer, "actor");
  if (found == nullptr)
    return {};
  const auto& a = *found;
  std::string out = s.colours.heading(title(a)) + "\n";
  const auto line = [&](const char* key, const std::string& value) {
    if (!value.empty())
      out += "  " + s.colours.dim(key) + std::string(11 - std::min<size_t>(10, strlen(key)), ' ') +
             value + "\n";
  };
  const auto handled = number_of(a, "handled");
  const auto busy = number_of(a, "busyNanoseconds");
  const auto parent = text_of(a, "parent");
  line("id", text_of(a, "id"));
  line("parent", parent.empty() ? "" : text_of(a, "parentName") + " (" + parent + ")");
  line("state", text_of(a, "state"));
  line("mailbox", grouped(number_of(a, "mailbox")));
  line("handled", grouped(handled));
  line("busy", short_duration(busy) +
                   (handled == 0 ? "" : ", " + short_duration(busy / handled) + " a message"));
  line("rate", one_decimal(real_of(a, "messagesPerSecond")) + " messages/s lately");
  line("last", text_of(a, "lastMessage"));
  std::string waits;
  for (const auto* w : elements_of(a, "waitsFor"))
    waits += (waits.empty() ? "" : ", ") + std::string{json::as_string(*w)};
  line("waits for", waits);
  auto types = elements_of(a, "messages");
  std::stable_sort(types.begin(), types.end(), [](const auto* x, const auto* y) {
    return number_of(*x, "count") > number_of(*y, "count");
  });
  text_table table{{{"MESSAGE", false, true, &palette::accent}, {"HANDLED", true}}};
  for (const auto* t : types)
    table.add({text_of(*t, "type"), grouped(number_of(*t, "count"))});
  if (table.rows() > 0)
    out += "\n" + table.render(s.colours, s.width);
  const auto words = own_words(a, s);
  if (!words.empty())
    out += "\n" + s.colours.heading("STATE") + "\n" + words;
  return out;
}

std::string show_inspection(const json::value& answer, const screen& s) {
  const auto* a = json::find(answer, "actor");
  if (a == nullptr)
    return {};
  const auto words = own_words(*a, s);
  return s.colours.heading(title(*a)) + " " + s.colours.dim(text_of(*a, "id")) + "\n" +
         (words.empty() ? s.colours.dim("it has nothing to say about itself") + "\n" : words);
}

} // namespace thespis::tools::shell
