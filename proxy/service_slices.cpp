#include "proxy/service_slices.hpp"

namespace thespis::proxy {

namespace {

constexpr const char* service_label = "kubernetes.io/service-name";

} // namespace

void service_slices::apply_service(const api::watch_event& e) {
  const service_key key{e.object->ns(), e.object->name()};
  if (e.kind == api::event_kind::deleted)
    services_.erase(key);
  else
    services_[key] = e.object;
  changed_.insert(key);
}

void service_slices::apply_slice(const api::watch_event& e) {
  const std::pair<std::string, std::string> id{e.object->ns(), e.object->name()};
  if (const auto i = slice_owner_.find(id); i != slice_owner_.end()) {
    changed_.insert(i->second);
    auto& known = slices_[i->second];
    known.erase(id.second);
    if (known.empty())
      slices_.erase(i->second);
    slice_owner_.erase(i);
  }
  const auto* service = api::find_label(e.object->labels(), service_label);
  if (e.kind == api::event_kind::deleted || !service)
    return;
  const service_key key{id.first, *service};
  slices_[key][id.second] = e.object;
  slice_owner_[id] = key;
  changed_.insert(key);
}

void service_slices::clear() {
  for (const auto& [key, object] : services_)
    changed_.insert(key);
  services_.clear();
  slices_.clear();
  slice_owner_.clear();
}

void service_slices::touch_all() {
  for (const auto& [key, object] : services_)
    changed_.insert(key);
}

api::object_ptr service_slices::find(const service_key& key) const {
  const auto i = services_.find(key);
  return i == services_.end() ? nullptr : i->second;
}

const service_slices::slice_map& service_slices::slices(const service_key& key) const {
  static const slice_map none;
  const auto i = slices_.find(key);
  return i == slices_.end() ? none : i->second;
}

} // namespace thespis::proxy
