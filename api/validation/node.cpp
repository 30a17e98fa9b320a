#include "api/validation/node.hpp"

#include "api/text/quantity.hpp"
#include "api/validation/access.hpp"

#include <set>

namespace thespis::api {

namespace {

void check_taints(const json::value& spec, const path& at, findings& f) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  each(spec, "taints", at, [&](const json::value& t, const path& p) {
    if (text(t, "key").empty())
      complain(f, path(p, "key"), {}, check_qualified_name({}));
    auto effect = text(t, "effect");
    if (!seen.emplace(text(t, "key"), effect).second)
      f.causes().push_back(duplicate(p.str(), json::to_string(t)));
  });
}

void check_pod_ranges(const json::value& spec, const path& at, findings& f) {
  const auto& ranges = member(spec, "podCIDRs");
  if (count(ranges) > 2)
    f.invalid(path(at, "podCIDRs"), ranges, "may specify no more than one CIDR for each IP family");
}

void check_amounts(const json::value& status, std::string_view key, findings& f) {
  path at("status");
  path list(at, key);
  each_member(status, key, [&](std::string_view name, const json::value& v) {
    auto p = path::key(list, name);
    complain(f, p, name, check_qualified_name(name));
    auto amount = read_quantity(v);
    if (!amount)
      f.invalid(p, v, amount.error().message);
    else if (amount->sign() < 0)
      f.invalid(p, amount->to_string(), "must be greater than or equal to 0");
  });
}

} // namespace

void validate_node(const json::value& node, findings& f) {
  path at("spec");
  check_taints(member(node, "spec"), at, f);
  check_pod_ranges(member(node, "spec"), at, f);
  check_amounts(member(node, "status"), "capacity", f);
  check_amounts(member(node, "status"), "allocatable", f);
}

void validate_node_update(const json::value& node, const json::value& old, findings& f) {
  path at("spec");
  const auto& spec = member(node, "spec");
  const auto& before = member(old, "spec");
  if (filled(member(before, "podCIDRs")) &&
      !json::equal(member(spec, "podCIDRs"), member(before, "podCIDRs")))
    f.forbidden(path(at, "podCIDRs"), "node updates may not change podCIDR except from \"\" to "
                                      "valid");
  if (!text(before, "providerID").empty() && text(spec, "providerID") != text(before, "providerID"))
    f.forbidden(path(at, "providerID"),
                "node updates may not change providerID except from \"\" to valid");
}

} // namespace thespis::api
