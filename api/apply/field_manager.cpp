#include "api/apply/field_manager.hpp"

#include "api/apply/updater.hpp"
#include "api/text/quote.hpp"

#include <algorithm>

namespace thespis::api::apply {

namespace {

/// More updaters than this share one entry, the oldest first.
constexpr size_t max_updaters = 10;
constexpr std::string_view shared_entry = "ancient-changes";
/// Owns what an object had before the first apply, when nobody is known to.
constexpr std::string_view before_apply = "before-first-apply";
/// The manager whose applies take over what client-side apply has written.
constexpr std::string_view kubectl = "kubectl";
constexpr std::string_view last_applied = "kubectl.kubernetes.io/last-applied-configuration";
/// All annotations of an object together, in bytes.
constexpr size_t max_annotations = 256 * 1024;

manager_id id_of(const field_write& w, std::string_view manager, bool applies) {
  return {std::string(manager), applies ? "Apply" : "Update",
          applies ? std::string{} : w.api_version, w.subresource};
}

/// Who an object is cannot be owned.
const field_set& identity_fields() {
  static const field_set all = [] {
    field_set s;
    s.insert(fields({"apiVersion"}));
    s.insert(fields({"kind"}));
    s.insert(fields({"metadata"}));
    for (auto name : {"name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName",
                      "generation", "managedFields", "resourceVersion"})
      s.insert(fields({"metadata", name}));
    return s;
  }();
  return all;
}

/// Joins the oldest updaters of a version until there are few enough.
void cap(managers& all) {
  std::vector<manager_id> updaters;
  for (const auto& [id, owned] : all)
    if (!id.applies())
      updaters.push_back(id);
  auto left = updaters.size();
  if (left <= max_updaters)
    return;
  std::stable_sort(
      updaters.begin(), updaters.end(),
      [&all](const manager_id& x, const manager_id& y) { return all[x].time < all[y].time; });
  std::map<std::string, manager_id> first_of; // by version
  for (const auto& id : updaters) {
    if (left <= max_updaters)
      return;
    const auto owned = all[id];
    const manager_id bucket{std::string(shared_entry), "Update", owned.api_version, {}};
    const auto [first, is_first] = first_of.emplace(owned.api_version, id);
    if (is_first)
      continue;
    if (!all.contains(bucket)) {
      all[bucket] = all[first->second];
      if (!(first->second == bucket))
        all.erase(first->second);
    }
    auto& into = all[bucket];
    into.fields = into.fields.union_with(owned.fields);
    into.time = owned.time;
    if (!(id == bucket))
      all.erase(id);
    --left;
  }
}

/// One update without the rules about who is tracked.
result<managers> record_update(const field_write& w, managers all, const json::value& before,
                               const json::value& after, std::string_view manager) {
  reconcile(w, all);
  comparison change;
  conflicts none;
  // No manager is spared: fields that this one changes anew are its own again, as of now.
  if (auto ok = take(w, all, manager_id{}, before, after, true, change, none); !ok)
    return fail(std::move(ok.error()));
  auto own = change.modified.union_with(change.added).difference(identity_fields());
  if (own.empty())
    return all;
  auto& entry = all[id_of(w, manager, false)];
  entry.fields = entry.fields.union_with(own);
  entry.api_version = w.api_version;
  entry.time = w.now;
  return all;
}

error conflict_of(const conflicts& found) {
  error e;
  e.why = reason::conflict;
  std::string lines;
  for (const auto& [id, set] : found) {
    lines += (lines.empty() ? "" : "\n") + ("conflicts with " + print(id) + ":");
    set.for_each([&, &id = id](const path& p) {
      e.causes.push_back({"FieldManagerConflict", "conflict with " + print(id), print(p)});
      lines += "\n- " + print(p);
    });
  }
  if (e.causes.size() == 1)
    e.message = "Apply failed with 1 conflict: " + e.causes[0].message + ": " + e.causes[0].field;
  else
    e.message = "Apply failed with " + std::to_string(e.causes.size()) + " conflicts: " + lines;
  return e;
}

/// "default/web; apps/v1, Kind=Deployment", as errors name an object.
std::string describe(const field_write& w, const json::value& object) {
  static const json::value none(rapidjson::kObjectType);
  const auto* m = json::find(object, "metadata");
  const auto& metadata = m && m->IsObject() ? *m : none;
  auto version = std::string(json::get_string(object, "apiVersion"));
  if (!version.empty() && version.find('/') == version.npos)
    version.insert(0, "/");
  return std::string(json::get_string(metadata, "namespace")) + "/" +
         std::string(json::get_string(metadata, "name")) + "; " +
         (version.empty() ? w.api_version : version) +
         ", Kind=" + std::string(json::get_string(object, "kind"));
}

/// What one try to apply came to; conflicts leave the rest unset.
struct attempt {
  applied done;
  conflicts found;
};

result<attempt> try_apply(const field_write& w, managers all, const json::value& live,
                          const json::value& config, bool force) {
  attempt t;
  reconcile(w, all);
  auto& merged = t.done.object;
  merged.CopyFrom(live, merged.GetAllocator());
  if (auto* m = json::find(merged, "metadata"))
    json::erase(*m, "managedFields");
  merge(w.type, merged, config, merged.GetAllocator());

  const auto self = id_of(w, w.manager, true);
  ownership last;
  if (auto it = all.find(self); it != all.end())
    last = it->second;
  all[self] = {w.reach.cut(to_field_set(w.type, config)), w.api_version, last.time};
  auto pruned = prune(w, merged, all, last);
  if (!pruned)
    return fail(std::move(pruned.error()));
  comparison change;
  if (auto ok = take(w, all, self, live, merged, force, change, t.found); !ok)
    return fail(std::move(ok.error()));
  if (!t.found.empty())
    return t;
  t.done.unchanged = change.same() && compare(w.type, live, merged).same();
  if (auto it = all.find(self); it != all.end()) {
    it->second.fields = it->second.fields.difference(identity_fields());
    if (!t.done.unchanged)
      it->second.time = w.now;
    if (it->second.fields.empty())
      all.erase(it);
  }
  t.done.owners = std::move(all);
  return t;
}

const json::value* last_applied_of(const json::value& object) {
  const auto* v = json::at(object, {"metadata", "annotations", last_applied});
  return v && v->IsString() && v->GetStringLength() > 0 ? v : nullptr;
}

/// The fields that client-side apply wrote last and that still have its values.
field_set still_as_applied(const field_write& w, const json::value& live) {
  const auto* text = last_applied_of(live);
  if (!text)
    return {};
  auto config = json::parse(json::as_string(*text));
  if (!config || !config->IsObject() || json::get_string(*config, "apiVersion") != w.api_version ||
      !check_applied(w.type, *config).empty())
    return {};
  const auto differs = compare(w.type, *config, live);
  if (differs.broken)
    return {};
  return to_field_set(w.type, *config)
      .difference(differs.modified)
      .difference(differs.added)
      .difference(differs.removed);
}

/// Members in the order of their names, as Go writes maps.
json::value sorted(const json::value& v, json::allocator& a) {
  if (v.IsArray()) {
    json::value out(rapidjson::kArrayType);
    out.Reserve(v.Size(), a);
    for (const auto& e : v.GetArray())
      out.PushBack(sorted(e, a), a);
    return out;
  }
  if (!v.IsObject())
    return json::copy(v, a);
  std::vector<const json::value::Member*> members;
  for (const auto& m : v.GetObject())
    members.push_back(&m);
  std::sort(members.begin(), members.end(), [](const auto* x, const auto* y) {
    return json::as_string(x->name) < json::as_string(y->name);
  });
  json::value out(rapidjson::kObjectType);
  for (const auto* m : members)
    out.AddMember(json::copy(m->name, a), sorted(m->value, a), a);
  return out;
}

/// Client-side apply goes on from what is applied now, should it be used again.
void refresh_last_applied(json::document& object, const json::value& config) {
  json::document doc;
  static_cast<json::value&>(doc) = sorted(config, doc.GetAllocator());
  if (auto* m = json::find(doc, "metadata"); m && m->IsObject())
    if (auto* annotations = json::find(*m, "annotations"); annotations && annotations->IsObject())
      json::erase(*annotations, last_applied);
  auto& a = object.GetAllocator();
  auto& annotations =
      json::ensure_object(json::ensure_object(object, "metadata", a), "annotations", a);
  json::set(annotations, last_applied, json::to_string(doc) + "\n", a);
  size_t total = 0;
  for (const auto& m : annotations.GetObject())
    total += m.name.GetStringLength() + json::as_string(m.value).size();
  if (total > max_annotations)
    json::erase(annotations, last_applied);
}

/// Kubernetes' checks of a configuration before it is merged.
result<void> check_config(const field_write& w, const json::value& config) {
  if (const auto* sent = json::at(config, {"metadata", "managedFields"}); sent && !sent->IsNull())
    return fail(bad_request("metadata.managedFields must be nil"));
  auto why = check_applied(w.type, config);
  if (why.empty())
    return {};
  error e;
  e.message =
      "failed to create typed patch object (" + describe(w, config) + "): " + std::move(why);
  return fail(std::move(e));
}

/// Apply as kubectl, whose client-side past does not count as a conflict.
result<attempt> apply_as_kubectl(const field_write& w, const managers& all, const json::value& live,
                                 const json::value& config, attempt first) {
  const auto allowed = still_as_applied(w, live);
  conflicts left;
  for (const auto& [id, set] : first.found)
    if (auto rest = set.difference(allowed); !rest.empty())
      left.emplace(id, std::move(rest));
  if (!left.empty()) {
    first.found = std::move(left);
    return first;
  }
  return try_apply(w, all, live, config, true);
}

} // namespace

result<managers> update(const field_write& w, managers all, const json::value& before,
                        const json::value& after, bool is_new) {
  if (all.empty() && !is_new)
    return all;
  auto done = record_update(w, std::move(all), before, after, w.manager);
  if (done)
    cap(*done);
  return done;
}

result<applied> apply_config(const field_write& w, const managers& live_managers,
                             const json::value& live, const json::value& config, bool force) {
  if (auto ok = check_config(w, config); !ok)
    return fail(std::move(ok.error()));
  auto all = live_managers;
  if (all.empty()) {
    const json::value nothing(rapidjson::kObjectType);
    auto begun = record_update(w, {}, nothing, live, before_apply);
    if (!begun)
      return fail(std::move(begun.error()));
    all = std::move(*begun);
  }
  auto t = try_apply(w, all, live, config, force);
  if (!t)
    return fail(std::move(t.error()));
  if (!t->found.empty() && w.manager == kubectl && last_applied_of(live)) {
    t = apply_as_kubectl(w, all, live, config, std::move(*t));
    if (!t)
      return fail(std::move(t.error()));
  }
  if (!t->found.empty())
    return fail(conflict_of(t->found));
  if (w.manager == kubectl && last_applied_of(t->done.object)) {
    refresh_last_applied(t->done.object, config);
    t->done.unchanged = false;
  }
  return std::move(t->done);
}

} // namespace thespis::api::apply
