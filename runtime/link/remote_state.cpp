#include "runtime/link/remote_state.hpp"

#include <algorithm>

namespace thespis::runtime::link {

std::shared_ptr<snapshots> remote_state::ensure(const std::string& resource) {
  auto& part = parts_[resource];
  if (!part)
    part = std::make_shared<snapshots>();
  return part;
}

api::object_ptr remote_state::get(std::string_view resource, std::string_view ns,
                                  std::string_view name) const {
  const auto i = parts_.find(resource);
  return i == parts_.end() ? nullptr : i->second->get(resource, ns, name);
}

api::listing remote_state::list(std::string_view resource, std::string_view ns) const {
  const auto i = parts_.find(resource);
  return i == parts_.end() ? api::listing{} : i->second->list(resource, ns);
}

uint64_t remote_state::revision() const {
  uint64_t res = 1;
  for (const auto& [resource, part] : parts_)
    res = std::max(res, part->revision());
  return res;
}

} // namespace thespis::runtime::link
