#include "proxy/data/data_path.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::proxy {

namespace {

data_path_options options_of(const data_path_options& all, ip_family f) {
  auto res = all;
  res.family = f;
  res.pod_cidrs = ranges_of(all.pod_cidrs, f);
  res.service_cidrs = ranges_of(all.service_cidrs, f);
  res.localhost_node_ports = all.localhost_node_ports && f == ip_family::v4;
  return res;
}

template <class Services>
bool has_v6(const Services& services) {
  return std::any_of(services.begin(), services.end(),
                     [](const auto& s) { return s.first.family == ip_family::v6; });
}

} // namespace

api::result<data_path> data_path::open(data_path_options options) {
  auto four = family_path::open(options_of(options, ip_family::v4));
  if (!four)
    return api::fail(four.error());
  auto six_options = options_of(options, ip_family::v6);
  const bool wanted = !six_options.pod_cidrs.empty() || !six_options.service_cidrs.empty();
  auto six = family_path::open(std::move(six_options));
  if (!six)
    return api::fail(six.error());
  data_path res{std::move(*four), std::move(*six)};
  res.want_v6(wanted);
  return res;
}

// What an earlier run with IPv6 left goes when there turns out to be none.
void data_path::want_v6(bool wanted) {
  if (!wanted || six_ == use::yes || six_ == use::impossible)
    return;
  six_ = kernel_has_ipv6() ? use::yes : use::impossible;
  if (six_ == use::impossible)
    spdlog::warn("services have no IPv6 addresses here: this kernel has no IPv6");
}

api::result<void> data_path::replace(const service_table& services) {
  want_v6(has_v6(services));
  auto done = v4_.replace(services);
  if (six_ == use::yes) {
    auto also = v6_.replace(services);
    return done ? also : done;
  }
  if (six_ == use::unknown && kernel_has_ipv6())
    if (auto cleared = v6_.remove_all(); !cleared)
      spdlog::warn("rules of an earlier run may remain: {}", cleared.error().message);
  if (six_ == use::unknown)
    six_ = use::none;
  return done;
}

api::result<void> data_path::change(const service_changes& changes) {
  want_v6(has_v6(changes));
  auto done = v4_.change(changes);
  if (six_ != use::yes)
    return done;
  auto also = v6_.change(changes);
  return done ? also : done;
}

api::result<bool> data_path::set_service_cidrs(const std::vector<std::string>& cidrs) {
  const auto six = ranges_of(cidrs, ip_family::v6);
  want_v6(!six.empty());
  auto others = v4_.set_service_cidrs(ranges_of(cidrs, ip_family::v4));
  if (!others || six_ != use::yes)
    return others;
  auto also = v6_.set_service_cidrs(six);
  if (!also)
    return also;
  return *others || *also;
}

api::result<void> data_path::guard(const by_family<guarded_addresses>& guards) {
  want_v6(!guards.v6.empty());
  auto done = v4_.guard(guards.v4);
  if (!done || six_ != use::yes)
    return done;
  return v6_.guard(guards.v6);
}

api::result<void> data_path::remove_all() {
  auto done = v4_.remove_all();
  // Also what an earlier run may have left.
  if (kernel_has_ipv6())
    if (auto also = v6_.remove_all(); !also && done)
      done = also;
  if (six_ == use::yes)
    six_ = use::unknown;
  return done;
}

} // namespace thespis::proxy
