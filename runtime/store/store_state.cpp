#include "runtime/store/store_state.hpp"

namespace thespis::runtime {

namespace {

std::string key_of(const api::object_meta& m) {
  std::string res;
  res.reserve(m.resource.size() + m.ns.size() + m.name.size() + 2);
  res += m.resource;
  res += '/';
  res += m.ns;
  res += '/';
  res += m.name;
  return res;
}

} // namespace

store_state::store_state(engine& source, std::shared_ptr<snapshots> shared)
    : shared_(std::move(shared)) {
  std::vector<snapshots::change> all;
  revision_ = source.load([&](api::object_ptr o) { all.push_back({std::move(o), nullptr}); });
  shared_->apply(all, revision_);
}

api::object_ptr store_state::newest(const api::object_meta& meta, const std::string& key) const {
  if (const auto i = pending_.find(key); i != pending_.end())
    return i->second.kind == api::event_kind::deleted ? nullptr : i->second.object;
  return shared_->get(meta.resource, meta.ns, meta.name);
}

api::result<accepted_write> store_state::accept(api::write w) {
  const auto& meta = w.draft.meta;
  auto key = key_of(meta);
  accepted_write res;
  res.previous = newest(meta, key);
  if (w.kind == api::write_kind::create) {
    if (res.previous)
      return api::fail(api::already_exists(meta.resource, meta.name));
    res.kind = api::event_kind::added;
  } else {
    if (!res.previous)
      return api::fail(api::not_found(meta.resource, meta.name));
    // Another object of the same name is another object, whatever its revision.
    if ((w.expected_revision != 0 && w.expected_revision != res.previous->revision()) ||
        (!meta.uid.empty() && meta.uid != res.previous->uid()))
      return api::fail(api::conflict(meta.resource, meta.name,
                                     "the object has been modified; please apply your changes to "
                                     "the latest version and try again"));
    res.kind =
        w.kind == api::write_kind::update ? api::event_kind::modified : api::event_kind::deleted;
  }
  res.object = api::seal(std::move(w.draft), ++revision_);
  pending_.insert_or_assign(std::move(key), res);
  batch_.push_back(res);
  return res;
}

void store_state::publish(const std::vector<accepted_write>& batch) {
  if (batch.empty())
    return;
  std::vector<snapshots::change> changes;
  changes.reserve(batch.size());
  for (const auto& w : batch) {
    if (w.kind == api::event_kind::deleted)
      changes.push_back({nullptr, w.object});
    else
      changes.push_back({w.object, nullptr});
  }
  shared_->apply(changes, batch.back().object->revision());
  for (const auto& w : batch) {
    const auto i = pending_.find(key_of(w.object->meta()));
    if (i != pending_.end() && i->second.object == w.object)
      pending_.erase(i);
  }
}

} // namespace thespis::runtime
