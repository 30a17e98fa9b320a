#include "actors/controllers/custom_resource_names.hpp"

#include "api/crd/definition.hpp"
#include "api/text/quote.hpp"

#include <set>

namespace thespis::actors {

namespace json = api::json;

namespace {

/// Names that others have: of resources (plural, singular and short ones share a space) and kinds.
struct taken_names {
  std::set<std::string, std::less<>> resources, kinds;
};

void take(const json::value& names, taken_names& into) {
  for (auto key : {"plural", "singular"})
    if (const auto s = json::get_string(names, key); !s.empty())
      into.resources.emplace(s);
  if (const auto* list = json::find(names, "shortNames"); list && list->IsArray())
    for (const auto& s : list->GetArray())
      into.resources.emplace(json::as_string(s));
  for (auto key : {"kind", "listKind"})
    if (const auto s = json::get_string(names, key); !s.empty())
      into.kinds.emplace(s);
}

taken_names taken_by_others(std::string_view group, const std::string& name, const view& v,
                            const api::schema::registry* schemas) {
  taken_names res;
  v.for_each(api::crd::definitions_resource, {}, [&](const api::object_ptr& o) {
    if (o->name() == name)
      return;
    const auto doc = o->parse();
    const auto* spec = json::find(doc, "spec");
    const auto* accepted = json::at(doc, {"status", "acceptedNames"});
    if (spec && accepted && json::get_string(*spec, "group") == group)
      take(*accepted, res);
  });
  if (schemas)
    for (const auto& r : schemas->resources())
      if (!r->owner && r->group == group) {
        res.resources.insert({r->plural, r->singular});
        res.resources.insert(r->short_names.begin(), r->short_names.end());
        res.kinds.insert({r->kind, r->kind + "List"});
      }
  return res;
}

class judge {
public:
  judge(const json::value& wanted, const json::value* had, const taken_names& taken)
      : wanted_(wanted), had_(had), taken_(taken) {
    res_.accepted.SetObject();
  }

  name_verdict run() {
    one("plural", taken_.resources, "PluralConflict");
    one("singular", taken_.resources, "SingularConflict");
    short_names();
    one("kind", taken_.kinds, "KindConflict");
    one("listKind", taken_.kinds, "ListKindConflict");
    if (const auto* categories = json::find(wanted_, "categories"))
      json::set(res_.accepted, "categories", json::copy(*categories, alloc()), alloc());
    return std::move(res_);
  }

private:
  json::allocator& alloc() { return res_.accepted.GetAllocator(); }

  void refuse(const char* reason, std::string message) {
    res_.all_accepted = false;
    res_.reason = reason;
    res_.message = std::move(message);
  }

  /// Keeps the name that was accepted before where the wanted one is taken.
  void one(const char* key, const std::set<std::string, std::less<>>& taken, const char* reason) {
    const auto name = json::get_string(wanted_, key);
    const auto before = had_ ? json::get_string(*had_, key) : std::string_view{};
    if (name != before && taken.contains(name)) {
      refuse(reason, api::quote_go(name) + " is already in use");
      if (!before.empty())
        json::set(res_.accepted, key, before, alloc());
    } else if (!name.empty()) {
      json::set(res_.accepted, key, name, alloc());
    }
  }

  void short_names() {
    const auto* list = json::find(wanted_, "shortNames");
    if (!list || !list->IsArray() || list->Empty())
      return;
    std::set<std::string_view> before;
    const auto* had = had_ ? json::find(*had_, "shortNames") : nullptr;
    if (had && had->IsArray())
      for (const auto& s : had->GetArray())
        before.insert(json::as_string(s));
    std::string conflicts;
    for (const auto& s : list->GetArray()) {
      const auto name = json::as_string(s);
      if (!before.contains(name) && taken_.resources.contains(name))
        conflicts += (conflicts.empty() ? "" : ", ") + api::quote_go(name) + " is already in use";
    }
    if (!conflicts.empty())
      refuse("ShortNamesConflict", conflicts);
    if (const auto* kept = conflicts.empty() ? list : had)
      json::set(res_.accepted, "shortNames", json::copy(*kept, alloc()), alloc());
  }

  const json::value& wanted_;
  const json::value* had_;
  const taken_names& taken_;
  name_verdict res_;
};

} // namespace

name_verdict judge_names(const json::value& crd, const std::string& name, const view& v,
                         const api::schema::registry* schemas) {
  const auto* spec = json::find(crd, "spec");
  const auto* had = json::at(crd, {"status", "acceptedNames"});
  return judge{*json::find(*spec, "names"), had,
               taken_by_others(json::get_string(*spec, "group"), name, v, schemas)}
      .run();
}

} // namespace thespis::actors
