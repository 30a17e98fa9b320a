#include "api/outbound/extensions.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::api::outbound {

namespace {

auto is(std::string_view group, std::string_view version) {
  return [=](const extension& e) { return e.group == group && e.version == version; };
}

} // namespace

extension_table::extension_table() : all_(std::make_shared<const std::vector<extension>>()) {}

extension_table::all_ptr extension_table::all() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

std::shared_ptr<const extension> extension_table::find(std::string_view group,
                                                       std::string_view version) const {
  const auto now = all();
  const auto i = std::find_if(now->begin(), now->end(), is(group, version));
  return i == now->end() ? nullptr : std::shared_ptr<const extension>(now, &*i);
}

void extension_table::set(extension e) {
  const std::lock_guard lock(mutex_);
  auto next = *all_;
  const auto i = std::find_if(next.begin(), next.end(), is(e.group, e.version));
  if (i != next.end() && *i == e)
    return;
  if (i != next.end())
    *i = std::move(e);
  else
    next.push_back(std::move(e));
  publish(std::move(next));
}

void extension_table::remove(std::string_view group, std::string_view version) {
  const std::lock_guard lock(mutex_);
  auto next = *all_;
  if (std::erase_if(next, is(group, version)) > 0)
    publish(std::move(next));
}

/// With the lock.
void extension_table::publish(std::vector<extension> next) {
  const auto rank = [](const extension& e) {
    return std::make_tuple(-e.group_priority, std::cref(e.group), -e.version_priority,
                           std::cref(e.version));
  };
  std::sort(next.begin(), next.end(),
            [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  all_ = std::make_shared<const std::vector<extension>>(std::move(next));
  ++generation_;
}

} // namespace thespis::api::outbound
