#include "tools/shell/view.hpp"

#include "api/yaml.hpp"

#include <algorithm>
#include <cstdio>
#include <unordered_map>

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

uint64_t number(const json::value& v, std::string_view key) {
  const auto* found = json::find(v, key);
  return found != nullptr && found->IsUint64() ? found->GetUint64() : 0;
}

double real(const json::value& v, std::string_view key) {
  const auto* found = json::find(v, key);
  return found != nullptr && found->IsNumber() ? found->GetDouble() : 0;
}

std::string text(const json::value& v, std::string_view key) {
  return std::string{json::get_string(v, key)};
}

/// The elements of an array member; none when it is missing.
std::vector<const json::value*> elements(const json::value& v, std::string_view key) {
  std::vector<const json::value*> res;
  const auto* found = json::find(v, key);
  if (found != nullptr && found->IsArray())
    for (const auto& e : found->GetArray())
      res.push_back(&e);
  return res;
}

std::string one_decimal(double v) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f", v);
  return out;
}

/// "pod default/web-1"
std::string title(const json::value& actor) {
  const auto name = text(actor, "name");
  return text(actor, "kind") + (name.empty() ? "" : " " + name);
}

} // namespace

std::string show_ps(const json::value& answer, const screen& s) {
  text_table table{{{"ID", true},
                    {"KIND", false, false, &palette::accent},
                    {"NAME", false, true},
                    {"STATE"},
                    {"MAILBOX", true},
                    {"HANDLED", true},
                    {"BUSY", true},
                    {"LAST", false, true, &palette::dim}}};
  const auto actors = elements(answer, "actors");
  for (const auto* a : actors)
    table.add({std::to_string(number(*a, "id")), text(*a, "kind"), text(*a, "name"),
               text(*a, "state"), grouped(number(*a, "mailbox")), grouped(number(*a, "handled")),
               short_duration(number(*a, "busyNanoseconds")), text(*a, "lastMessage")});
  const auto matched = number(answer, "matched");
  auto out = table.render(s.colours, s.width);
  if (actors.size() < matched)
    out += s.colours.warning(grouped(actors.size()) + " of " + grouped(matched) + " actors shown") +
           "; --limit N shows more, --limit 0 all.\n";
  return out;
}

std::string show_kinds(const json::value& answer, const screen& s) {
  text_table table{{{"KIND", false, false, &palette::accent}, {"ACTORS", true}}};
  for (const auto* k : elements(answer, "kinds"))
    table.add({text(*k, "kind"), grouped(number(*k, "count"))});
  return table.render(s.colours, s.width);
}

json::document between(const json::value& before, const json::value& after, size_t limit) {
  std::unordered_map<uint64_t, const json::value*> earlier;
  for (const auto* a : elements(before, "actors"))
    earlier[number(*a, "id")] = a;
  const auto nanoseconds = number(after, "nanoseconds") - number(before, "nanoseconds");
  const auto seconds = std::max(1e-9, static_cast<double>(nanoseconds) / 1e9);
  struct row {
    const json::value* actor;
    uint64_t busy;
    uint64_t messages;
  };
  std::vector<row> rows;
  for (const auto* a : elements(after, "actors")) {
    const auto old = earlier.find(number(*a, "id"));
    const auto since = [&](const char* key) {
      const auto start = old == earlier.end() ? 0 : number(*old->second, key);
      return number(*a, key) - std::min(start, number(*a, key));
    };
    const row r{a, since("busyNanoseconds"), since("handled")};
    if (r.messages > 0 || number(*a, "mailbox") > 0)
      rows.push_back(r);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const row& a, const row& b) { return a.busy > b.busy; });
  json::document doc{rapidjson::kObjectType};
  auto& alloc = doc.GetAllocator();
  json::value list{rapidjson::kArrayType};
  for (size_t i = 0; i < rows.size() && (limit == 0 || i < limit); ++i) {
    auto entry = json::copy(*rows[i].actor, alloc);
    json::set(entry, "busyPercent", json::value{static_cast<double>(rows[i].busy) / seconds / 1e7},
              alloc);
    json::set(entry, "messagesPerSecond",
              json::value{static_cast<double>(rows[i].messages) / seconds}, alloc);
    list.PushBack(entry, alloc);
  }
  json::set(doc, "seconds", json::value{seconds}, alloc);
  json::set(doc, "active", json::value{static_cast<uint64_t>(rows.size())}, alloc);
  json::set(doc, "total", json::value{static_cast<uint64_t>(elements(after, "actors").size())},
            alloc);
  json::set(doc, "actors", std::move(list), alloc);
  return doc;
}

std::string show_top(const json::value& window, const screen& s) {
  text_table table{{{"ID", true},
                    {"KIND", false, false, &palette::accent},
                    {"NAME", false, true},
                    {"STATE"},
                    {"BUSY %", true},
                    {"MSG/S", true},
                    {"MAILBOX", true},
                    {"LAST", false, true, &palette::dim}}};
  const auto actors = elements(window, "actors");
  for (const auto* a : actors)
    table.add({std::to_string(number(*a, "id")), text(*a, "kind"), text(*a, "name"),
               text(*a, "state"), one_decimal(real(*a, "busyPercent")),
               one_decimal(real(*a, "messagesPerSecond")), grouped(number(*a, "mailbox")),
               text(*a, "lastMessage")});
  const auto active = number(window, "active");
  auto out = s.colours.dim(grouped(active) + " of " + grouped(number(window, "total")) +
                           " actors had something to do in " +
                           one_decimal(real(window, "seconds")) + " s") +
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
      out += "  " + s.colours.dim(key) + std::string(10 - std::min<size_t>(9, strlen(key)), ' ') +
             value + "\n";
  };
  const auto handled = number(a, "handled");
  const auto busy = number(a, "busyNanoseconds");
  const auto parent = number(a, "parent");
  line("id", std::to_string(number(a, "id")));
  line("parent", parent == 0 ? "" : text(a, "parentName") + " (" + std::to_string(parent) + ")");
  line("state", text(a, "state"));
  line("mailbox", grouped(number(a, "mailbox")));
  line("handled", grouped(handled));
  line("busy", short_duration(busy) +
                   (handled == 0 ? "" : ", " + short_duration(busy / handled) + " a message"));
  line("last", text(a, "lastMessage"));
  auto types = elements(a, "messages");
  std::stable_sort(types.begin(), types.end(), [](const auto* x, const auto* y) {
    return number(*x, "count") > number(*y, "count");
  });
  text_table table{{{"MESSAGE", false, true, &palette::accent}, {"HANDLED", true}}};
  for (const auto* t : types)
    table.add({text(*t, "type"), grouped(number(*t, "count"))});
  if (table.rows() > 0)
    out += "\n" + table.render(s.colours, s.width);
  const auto* details = json::find(a, "details");
  if (details != nullptr && details->IsObject() && details->MemberCount() > 0)
    out += "\n" + s.colours.heading("STATE") + "\n" + api::yaml::to_yaml(*details);
  return out;
}

} // namespace thespis::tools::shell
