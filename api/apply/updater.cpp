#include "api/apply/updater.hpp"

namespace thespis::api::apply {

result<const json::value*> versioned_object::in(const std::string& api_version) {
  if (api_version == write_.api_version)
    return &value_;
  if (!write_.kinds || !write_.kinds->find(api_version).known)
    return nullptr;
  auto it = converted_.find(api_version);
  if (it == converted_.end()) {
    auto doc = write_.kinds->convert(value_, api_version);
    if (!doc)
      return fail(std::move(doc.error()));
    it = converted_.emplace(api_version, std::move(*doc)).first;
  }
  return &it->second;
}

object_type type_in(const field_write& w, const std::string& api_version) {
  return api_version == w.api_version || !w.kinds ? w.type : w.kinds->find(api_version).type;
}

namespace {

error not_comparable() {
  return bad_request("failed to compare objects: a list item lacks its key");
}

comparison cut(const scope& reach, comparison c) {
  c.added = reach.cut(c.added);
  c.modified = reach.cut(c.modified);
  c.removed = reach.cut(c.removed);
  return c;
}

/// The change in each version that managers use.
class changes {
public:
  changes(const field_write& w, const json::value& before, const json::value& after)
      : write_(w), before_(w, before), after_(w, after) {}

  /// nullptr when the version is not served.
  result<const comparison*> in(const std::string& api_version) {
    if (auto it = known_.find(api_version); it != known_.end())
      return &it->second;
    auto x = before_.in(api_version);
    auto y = after_.in(api_version);
    if (!x || !y)
      return fail(std::move(!x ? x.error() : y.error()));
    if (!*x || !*y)
      return nullptr;
    auto c = cut(write_.reach, compare(type_in(write_, api_version), **x, **y));
    if (c.broken)
      return fail(not_comparable());
    return &known_.emplace(api_version, std::move(c)).first->second;
  }

private:
  const field_write& write_;
  versioned_object before_, after_;
  std::map<std::string, comparison> known_;
};

} // namespace

field_set scope::cut(const field_set& s) const {
  return (only.empty() ? s : s.below(only)).recursive_difference(excluded);
}

result<void> take(const field_write& w, managers& all, const manager_id& self,
                  const json::value& before, const json::value& after, bool force, comparison& own,
                  conflicts& found) {
  changes change{w, before, after};
  auto mine = change.in(w.api_version);
  if (!mine)
    return fail(std::move(mine.error()));
  own = **mine;
  managers left;
  for (auto& [id, owned] : all) {
    if (id == self) {
      left.emplace(id, std::move(owned));
      continue;
    }
    auto c = change.in(owned.api_version);
    if (!c)
      return fail(std::move(c.error()));
    if (!*c)
      continue; // named in a version that is gone
    if ((*c)->same()) {
      left.emplace(id, std::move(owned));
      continue;
    }
    auto lost = owned.fields.intersection((*c)->modified.union_with((*c)->added));
    if (!lost.empty() && !force)
      found.emplace(id, lost);
    auto kept = owned.fields.difference(lost).difference((*c)->removed);
    if (!kept.empty())
      left.emplace(id, ownership{std::move(kept), owned.api_version, owned.time});
  }
  if (found.empty())
    all = std::move(left);
  return {};
}

void reconcile(const field_write& w, managers& all) {
  for (auto it = all.begin(); it != all.end();) {
    const auto& version = it->second.api_version;
    if (version != w.api_version && (!w.kinds || !w.kinds->find(version).known)) {
      it = all.erase(it);
      continue;
    }
    it->second.fields = reconciled(type_in(w, version), it->second.fields);
    ++it;
  }
}

namespace {

/// One object on its way between versions.
struct traveller {
  json::document value;
  std::string version;
};

result<void> travel(const field_write& w, traveller& t, const std::string& version) {
  if (t.version == version || !w.kinds)
    return {};
  auto doc = w.kinds->convert(t.value, version);
  if (!doc)
    return fail(std::move(doc.error()));
  t.value = std::move(*doc);
  t.version = version;
  return {};
}

json::document copy_of(const json::value& v) {
  json::document out;
  out.CopyFrom(v, out.GetAllocator());
  return out;
}

field_set named_set(const object_type& t, const json::value& v) {
  return with_named_fields(t, to_field_set(t, v));
}

/// Brings back into `pruned` what `merged` had and `managed` (named in `version`) still owns.
result<void> bring_back(const field_write& w, traveller& merged, traveller& pruned,
                        const std::string& version, const field_set& managed) {
  for (auto* t : {&merged, &pruned})
    if (auto ok = travel(w, *t, version); !ok)
      return ok;
  const auto type = type_in(w, version);
  const auto gone = named_set(type, merged.value)
                        .difference(named_set(type, pruned.value))
                        .difference(with_named_fields(type, managed));
  pruned.value = copy_of(merged.value);
  remove(type, pruned.value, gone);
  return {};
}

} // namespace

result<bool> prune(const field_write& w, json::document& merged, const managers& all,
                   const ownership& last) {
  const auto& version = last.api_version;
  if (last.fields.empty() ||
      (version != w.api_version && !(w.kinds && w.kinds->find(version).known)))
    return false;
  std::map<std::string, field_set> managed;
  for (const auto& [id, owned] : all)
    managed[owned.api_version] = managed[owned.api_version].union_with(owned.fields);
  // All that was applied before is still somebody's: nothing goes.
  if (version == w.api_version && managed[version].contains(last.fields))
    return false;

  const auto type = type_in(w, version);
  const auto last_named = with_named_fields(type, last.fields);
  traveller whole{copy_of(merged), w.api_version};
  if (auto ok = travel(w, whole, version); !ok)
    return fail(std::move(ok.error()));
  const auto at_last = copy_of(whole.value);
  traveller pruned{copy_of(whole.value), version};
  remove(type, pruned.value, last_named);
  // The version of the removal first: others may need what it brings back for their conversion.
  if (auto it = managed.find(version); it != managed.end()) {
    if (auto ok = bring_back(w, whole, pruned, version, it->second); !ok)
      return fail(std::move(ok.error()));
    managed.erase(it);
  }
  for (const auto& [other, set] : managed)
    if (other == w.api_version || (w.kinds && w.kinds->find(other).known))
      if (auto ok = bring_back(w, whole, pruned, other, set); !ok)
        return fail(std::move(ok.error()));
  if (auto ok = travel(w, pruned, version); !ok)
    return fail(std::move(ok.error()));
  // What nobody owned before was not this manager's to remove.
  const auto gone =
      named_set(type, at_last).difference(named_set(type, pruned.value)).intersection(last_named);
  if (gone.empty())
    return false;
  traveller out{copy_of(at_last), version};
  remove(type, out.value, gone);
  if (auto ok = travel(w, out, w.api_version); !ok)
    return fail(std::move(ok.error()));
  merged.CopyFrom(out.value, merged.GetAllocator());
  return true;
}

} // namespace thespis::api::apply
