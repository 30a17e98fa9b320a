#include "api/crd/judge_lists.hpp"

#include "api/text/quote.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace thespis::api::crd {

namespace {

/// A text that is the same for equal values: members in the order of their names.
void canonical(const json::value& v, std::string& out) {
  if (v.IsArray()) {
    out += '[';
    for (const auto& e : v.GetArray()) {
      canonical(e, out);
      out += ',';
    }
    out += ']';
  } else if (v.IsObject()) {
    std::map<std::string_view, const json::value*> members;
    for (const auto& m : v.GetObject())
      members[json::as_string(m.name)] = &m.value;
    out += '{';
    for (const auto& [name, m] : members) {
      out.append(json::quote(name)).append(1, ':');
      canonical(*m, out);
      out += ',';
    }
    out += '}';
  } else {
    out += json::to_string(v);
  }
}

/// The keys of an item of a map list, defaults filled in; as the error shows them, too.
std::string keys_of(const structural& s, const json::value& item, std::string* shown = nullptr) {
  std::string out;
  auto names = s.list_keys;
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    const auto* v = json::find(item, name);
    const auto* p = s.items ? s.items->property(name) : nullptr;
    if (!v && p)
      v = p->default_value;
    std::string text;
    if (v)
      canonical(*v, text);
    out.append(text).append(1, '\n');
    if (shown && v)
      shown->append(shown->empty() ? "{" : ",").append(json::quote(name)).append(":").append(text);
  }
  if (shown)
    *shown = shown->empty() ? "{}" : *shown + "}";
  return out;
}

} // namespace

bool has_duplicates(const json::value& list) {
  std::unordered_set<std::string> seen;
  for (const auto& e : list.GetArray()) {
    std::string text;
    canonical(e, text);
    if (!seen.insert(std::move(text)).second)
      return true;
  }
  return false;
}

void judge_list_type(const structural& s, const json::value& list, const std::string& at,
                     std::vector<cause>& causes) {
  const bool set = s.list_type == "set";
  if (!set && s.list_type != "map")
    return;
  std::unordered_set<std::string> seen, reported;
  for (rapidjson::SizeType i = 0; i < list.Size(); ++i) {
    std::string key, shown;
    if (set) {
      canonical(list[i], key);
      shown = list[i].IsString() ? quote_go(json::as_string(list[i])) : json::to_string(list[i]);
    } else {
      if (!list[i].IsObject())
        continue;
      key = keys_of(s, list[i], &shown);
    }
    if (!seen.insert(key).second && reported.insert(key).second)
      causes.push_back(duplicate(at + "[" + std::to_string(i) + "]", shown));
  }
}

item_finder::item_finder(const structural& s, const json::value* old) : schema_(s) {
  if (!old || !old->IsArray() || s.list_type != "map")
    return;
  for (const auto& item : old->GetArray())
    if (item.IsObject())
      before_.emplace(keys_of(s, item), &item);
}

const json::value* item_finder::find(const json::value& item) const {
  if (before_.empty() || !item.IsObject())
    return nullptr;
  const auto i = before_.find(keys_of(schema_, item));
  return i == before_.end() ? nullptr : i->second;
}

} // namespace thespis::api::crd
