#include "actors/controllers/garbage_collector.hpp"

#include "actors/controllers/content.hpp"
#include "actors/controllers/pods_of.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

constexpr const char* foreground_finalizer = "foregroundDeletion";
constexpr const char* orphan_finalizer = "orphan";

/// Events come and go by age.
bool collects(const content_resource& r) {
  return r.name != "events";
}

bool contains(const std::vector<std::string>& all, const char* one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

bool blocks(const api::object& o, const std::string& uid) {
  const auto& owners = o.meta().owners;
  return std::any_of(owners.begin(), owners.end(),
                     [&](const auto& r) { return r.uid == uid && r.block_owner_deletion; });
}

/// Owners are in the namespace of what they own, or in none.
std::vector<api::object_ptr> dependents_of(content_catalog& catalog, const api::object& o,
                                           const view& v) {
  std::vector<api::object_ptr> res;
  for (const auto& r : catalog.all())
    if (collects(r))
      for (auto& d : v.owned_objects(r.name, o.uid()))
        if (o.ns().empty() || d->ns() == o.ns())
          res.push_back(std::move(d));
  return res;
}

api::object_ptr owner_in_view(const api::object& o, const api::owner_reference& ref,
                              const content_resource& type, const view& v) {
  auto res = v.find(type.name, type.namespaced ? o.ns() : std::string{}, ref.name);
  return res && res->uid() == ref.uid ? res : nullptr;
}

bool same_owners(const api::object& a, const api::object& b) {
  const auto& x = a.meta().owners;
  const auto& y = b.meta().owners;
  return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](const auto& p, const auto& q) {
    return p.uid == q.uid && p.block_owner_deletion == q.block_owner_deletion;
  });
}

/// An object is news to itself, when it goes or loses an owner; to its dependents, when it goes;
/// and to owners that wait for it.
key_mapper garbage_keys(const catalog_ptr& catalog) {
  return [catalog](const api::object& o, const api::object_ptr& previous, const view& v) {
    std::vector<object_id> res;
    const auto now = v.find(o.resource(), o.ns(), o.name());
    const bool gone = !now || now->uid() != o.uid();
    const bool ending = o.meta().deleting && !(previous && previous->meta().deleting);
    const bool changed = !previous || !same_owners(o, *previous) || o.meta().deleting;
    if (!gone && changed && (!o.meta().owners.empty() || o.meta().deleting))
      res.push_back(garbage_key(o));
    // A new object of an old name takes the place of what others may still refer to.
    if (previous && previous->uid() != o.uid())
      for (const auto& d : dependents_of(*catalog, *previous, v))
        res.push_back(garbage_key(*d));
    if (gone || ending)
      for (const auto& d : dependents_of(*catalog, o, v))
        res.push_back(garbage_key(*d));
    const auto tell_owners = [&](const api::object& from) {
      for (const auto& ref : from.meta().owners)
        if (const auto* type = catalog->find(ref.api_version, ref.kind))
          if (const auto owner = owner_in_view(from, ref, *type, v);
              owner && owner->meta().deleting)
            res.push_back(garbage_key(*owner));
    };
    if (gone || changed)
      tell_owners(o);
    if (previous && !same_owners(o, *previous))
      tell_owners(*previous);
    return res;
  };
}

/// A step that asks the API whether an owner is there; the object must not change meanwhile.
api::call ask_for(const api::object& o, const api::owner_reference& ref,
                  const content_resource& type) {
  auto res = patch_call(type.name, {type.namespaced ? o.ns() : std::string{}, ref.name}, "{}");
  res.dry_run = true;
  return res;
}

api::call collect_call(const api::object& o, api::propagation policy) {
  auto res = delete_call(o, -1, policy);
  res.precondition_revision = o.revision();
  return res;
}

/// The object holds up none of its owners any more.
api::call unblock_call(const api::object& o) {
  auto doc = o.parse();
  auto& a = doc.GetAllocator();
  auto* refs = api::json::find(*api::json::find(doc, "metadata"), "ownerReferences");
  api::json::document patch(rapidjson::kObjectType);
  auto& meta = api::json::ensure_object(patch, "metadata", patch.GetAllocator());
  api::json::set(meta, "uid", o.uid(), patch.GetAllocator());
  api::json::set(meta, "resourceVersion", std::to_string(o.revision()), patch.GetAllocator());
  for (auto& r : refs->GetArray())
    api::json::set(r, "blockOwnerDeletion", api::json::value(false), a);
  api::json::set(meta, "ownerReferences", api::json::copy(*refs, patch.GetAllocator()),
                 patch.GetAllocator());
  return patch_call(o.resource(), {o.ns(), o.name()}, api::json::to_string(patch));
}

class garbage_collector final : public reconciler {
public:
  explicit garbage_collector(std::shared_ptr<const api::schema::registry> schemas)
      : catalog_(std::make_shared<content_catalog>(std::move(schemas))) {}

  std::string_view name() const override { return "garbagecollector"; }

  std::vector<watch_spec> watches() const override {
    std::vector<watch_spec> res;
    for (const auto& r : catalog_->all())
      if (collects(r))
        res.push_back({r.name, garbage_keys(catalog_)});
    return res;
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    const auto slash = key.name.find('/');
    const auto o = v.find(key.name.substr(0, slash), key.ns, key.name.substr(slash + 1));
    if (!o)
      return {};
    if (o->meta().deleting)
      return finalize(*o, v);
    return o->meta().owners.empty() ? reconcile_result{} : check_owners(o, v);
  }

private:
  reconcile_result finalize(const api::object& o, const view& v) {
    reconcile_result res;
    auto finalizers = finalizers_of(o);
    if (contains(finalizers, orphan_finalizer)) {
      for (const auto& d : dependents_of(*catalog_, o, v))
        res.calls.push_back(release_call(*d, o.uid()));
      std::erase(finalizers, orphan_finalizer);
      if (res.calls.empty())
        res.calls.push_back(set_finalizers_call(o, finalizers));
      return res;
    }
    if (!contains(finalizers, foreground_finalizer))
      return res;
    const auto dependents = dependents_of(*catalog_, o, v);
    if (std::none_of(dependents.begin(), dependents.end(),
                     [&](const auto& d) { return blocks(*d, o.uid()); })) {
      std::erase(finalizers, foreground_finalizer);
      res.calls.push_back(set_finalizers_call(o, finalizers));
    }
    return res;
  }

  /// The references of one object, sorted by what became of their owners.
  struct owner_census {
    std::vector<std::string> absent;  ///< uids
    std::vector<std::string> waiting; ///< uids of owners that wait for their dependents to go
    size_t solid = 0;
  };

  reconcile_result check_owners(const api::object_ptr& o, const view& v) {
    owner_census known;
    reconcile_result res;
    std::vector<std::string> asked;
    for (const auto& ref : o->meta().owners) {
      const auto* type = catalog_->find(ref.api_version, ref.kind);
      // What the API does not know, or cannot be an owner, nobody can prove to be gone.
      if (!type || (type->namespaced && o->ns().empty())) {
        ++known.solid;
        continue;
      }
      const auto owner = owner_in_view(*o, ref, *type, v);
      if (!owner) {
        res.calls.push_back(ask_for(*o, ref, *type));
        asked.push_back(ref.uid);
      } else if (owner->meta().deleting && contains(finalizers_of(*owner), foreground_finalizer)) {
        known.waiting.push_back(ref.uid);
      } else {
        ++known.solid;
      }
    }
    const auto dependents = dependents_of(*catalog_, *o, v);
    const bool has_dependents = !dependents.empty();
    // Owners in a circle would wait for one another for ever: whoever closes it lets go.
    const bool closes_circle = std::any_of(dependents.begin(), dependents.end(), [](const auto& d) {
      return d->meta().deleting && contains(finalizers_of(*d), foreground_finalizer);
    });
    if (!known.waiting.empty() && known.solid == 0 && asked.empty() && closes_circle &&
        std::any_of(o->meta().owners.begin(), o->meta().owners.end(),
                    [](const auto& r) { return r.block_owner_deletion; })) {
      res.calls = {unblock_call(*o)};
      return res; // and then it is looked at again
    }
    if (asked.empty())
      return decide(*o, known, has_dependents);
    res.then = [o, known = std::move(known), asked = std::move(asked),
                has_dependents](const std::vector<call_result>& answers) mutable {
      for (size_t i = 0; i < answers.size(); ++i) {
        const auto& a = answers[i];
        if (a.ok ? !a.object || a.object->uid() != asked[i]
                 : a.failure.why == api::reason::not_found)
          known.absent.push_back(asked[i]);
        else
          ++known.solid;
      }
      return decide(*o, known, has_dependents);
    };
    return res;
  }

  static reconcile_result decide(const api::object& o, const owner_census& owners,
                                 bool has_dependents) {
    reconcile_result res;
    if (owners.solid > 0) {
      auto lost = owners.absent;
      lost.insert(lost.end(), owners.waiting.begin(), owners.waiting.end());
      if (!lost.empty())
        res.calls.push_back(release_call(o, lost));
    } else if (!owners.waiting.empty() && has_dependents) {
      res.calls.push_back(collect_call(o, api::propagation::foreground));
    } else {
      res.calls.push_back(collect_call(o, policy_of(o)));
    }
    return res;
  }

  /// As the object itself asks by its finalizers; else in the background.
  static api::propagation policy_of(const api::object& o) {
    const auto finalizers = finalizers_of(o);
    if (contains(finalizers, orphan_finalizer))
      return api::propagation::orphan;
    return contains(finalizers, foreground_finalizer) ? api::propagation::foreground
                                                      : api::propagation::background;
  }

  catalog_ptr catalog_;
};

} // namespace

object_id garbage_key(const api::object& o) {
  return {o.ns(), o.resource() + "/" + o.name()};
}

std::unique_ptr<reconciler>
make_garbage_collector(std::shared_ptr<const api::schema::registry> schemas) {
  return std::make_unique<garbage_collector>(std::move(schemas));
}

} // namespace thespis::actors
