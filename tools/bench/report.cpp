#include "tools/bench/report.hpp"

#include "api/json.hpp"

#include <cmath>
#include <cstdio>

namespace thespis::tools::bench {

namespace json = api::json;

namespace {

constexpr size_t table_width = 100;

double number(const json::value& v, std::string_view key) {
  const auto* found = json::find(v, key);
  return found != nullptr && found->IsNumber() ? found->GetDouble() : 0;
}

json::value to_value(const figure& f, json::allocator& a) {
  json::value res{rapidjson::kObjectType};
  json::set(res, "what", std::string_view{f.what}, a);
  json::set(res, "value", json::value{f.value}, a);
  json::set(res, "unit", std::string_view{f.unit}, a);
  if (f.reference > 0) {
    json::set(res, "reference", json::value{f.reference}, a);
    json::set(res, "referenceName", std::string_view{f.reference_name}, a);
    json::set(res, "ratio", json::value{ratio(f)}, a);
  }
  if (f.target > 0) {
    json::set(res, "target", json::value{f.target}, a);
    json::set(res, "reached", json::value{reached(f)}, a);
  }
  json::set(res, "lessIsBetter", json::value{f.less_is_better}, a);
  json::set(res, "note", std::string_view{f.note}, a);
  return res;
}

/// The text in lines of at most `width`, broken at blanks.
std::string wrapped(std::string_view text, size_t width, const std::string& indent) {
  std::string out;
  size_t at = 0;
  while (!text.empty()) {
    const auto end = text.find(' ');
    const auto word = text.substr(0, end);
    if (at > 0 && at + 1 + display_width(word) > width) {
      out += "\n" + indent;
      at = 0;
    } else if (at > 0) {
      out += ' ';
      ++at;
    }
    out += word;
    at += display_width(word);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return out;
}

} // namespace

double ratio(const figure& f) {
  if (f.reference <= 0 || f.value <= 0)
    return 0;
  return f.less_is_better ? f.reference / f.value : f.value / f.reference;
}

bool reached(const figure& f) {
  return f.target <= 0 || (f.less_is_better ? f.value <= f.target : f.value >= f.target);
}

std::string readable(double value) {
  const auto magnitude = std::abs(value);
  if (magnitude >= 100)
    return grouped(static_cast<uint64_t>(std::llround(magnitude)));
  char text[32];
  std::snprintf(text, sizeof text, magnitude >= 10 ? "%.1f" : "%.2f", value);
  return text;
}

std::string to_json(const figures& all) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::value list{rapidjson::kArrayType};
  for (const auto& f : all)
    list.PushBack(to_value(f, a), a);
  json::set(doc, "figures", std::move(list), a);
  return json::to_string(doc);
}

api::result<figures> from_json(std::string_view text) {
  auto doc = json::parse(text);
  if (!doc)
    return api::fail(std::move(doc.error()));
  const auto* list = json::find(*doc, "figures");
  if (list == nullptr || !list->IsArray())
    return api::fail(api::bad_request("no figures"));
  figures res;
  for (const auto& v : list->GetArray()) {
    auto& f = res.emplace_back();
    f.what = json::get_string(v, "what");
    f.value = number(v, "value");
    f.unit = json::get_string(v, "unit");
    f.reference = number(v, "reference");
    f.reference_name = json::get_string(v, "referenceName");
    f.target = number(v, "target");
    f.less_is_better = json::get_bool(v, "lessIsBetter");
    f.note = json::get_string(v, "note");
  }
  return res;
}

std::string to_table(const figures& all, const palette& colours) {
  text_table table{{{"WHAT", false, true},
                    {"THESPIS", true},
                    {"UNIT"},
                    {"REFERENCE", true, true},
                    {"", false, true},
                    {"RATIO", true},
                    {"TARGET", true},
                    {""}}};
  std::string notes;
  for (const auto& f : all) {
    const bool compared = f.reference > 0;
    table.add({f.what, readable(f.value), f.unit, compared ? readable(f.reference) : "",
               compared ? f.reference_name : "", compared ? readable(ratio(f)) + "×" : "",
               f.target > 0 ? readable(f.target) : "",
               f.target <= 0 ? ""
               : reached(f)  ? "reached"
                             : "missed"});
    if (!f.note.empty())
      notes += "  " + f.what + ": " +
               wrapped(f.note, table_width - 6 - display_width(f.what),
                       std::string(4 + display_width(f.what), ' ')) +
               "\n";
  }
  return table.render(colours, table_width) + (notes.empty() ? "" : "\n" + colours.dim(notes));
}

} // namespace thespis::tools::bench
