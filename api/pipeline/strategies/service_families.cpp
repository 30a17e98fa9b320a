#include "api/pipeline/strategies/service_families.hpp"

#include "api/text/cidr.hpp"
#include "api/validation/access.hpp"
#include "api/validation/service.hpp"

#include <algorithm>

namespace thespis::api {

namespace {

constexpr std::string_view ips = "clusterIPs", families = "ipFamilies", policy = "ipFamilyPolicy";
constexpr std::string_view single = "SingleStack", prefer = "PreferDualStack",
                           require = "RequireDualStack";

bool has_family(const family_list& configured, std::string_view family) {
  return std::find(configured.begin(), configured.end(), family) != configured.end();
}

/// Nothing for what is no address.
std::string_view family_of(std::string_view address) {
  const auto ip = parse_ip(address);
  return !ip ? std::string_view{} : ip->is_v4() ? "IPv4" : "IPv6";
}

void append_family(json::value& spec, std::string_view family, json::allocator& a) {
  auto* list = json::find(spec, families);
  if (!list || !list->IsArray()) {
    json::set(spec, families, json::value(rapidjson::kArrayType), a);
    list = json::find(spec, families);
  }
  list->PushBack(json::make_string(family, a), a);
}

/// With the second family when there is one of which it is not known which.
void append_other(json::value& spec, json::allocator& a) {
  const auto& list = member(spec, families);
  if (!list.IsArray() || list.Size() != 1)
    return;
  const auto first = json::as_string(list[0]);
  if (first == "IPv4" || first == "IPv6")
    append_family(spec, first == "IPv4" ? "IPv6" : "IPv4", a);
}

bool same(const json::value& x, const json::value& y, std::string_view key) {
  return json::equal(member(x, key), member(y, key));
}

/// The client has not touched a Service whose second family depends on the cluster.
bool keeps_preference(const json::value& spec, const json::value& old) {
  const auto fits = [&](const json::value& s) {
    return !has(s, policy) || text(s, policy) == prefer;
  };
  return has(spec, policy) && same(spec, old, "type") && fits(spec) && fits(old) &&
         same(spec, old, ips) && same(spec, old, families);
}

void keep_first(json::value& spec, std::string_view key) {
  auto* list = json::find(spec, key);
  if (list && list->IsArray())
    while (list->Size() > 1)
      list->PopBack();
}

/// The second address or family goes when the policy says so and the client left them alone.
void follow_downgrade(json::value& spec, const json::value& old) {
  if (text(spec, policy) != single)
    return;
  for (const auto key : {ips, families})
    if (same(spec, old, key))
      keep_first(spec, key);
}

/// Of the addresses that no family is named for. Returns false when the cluster lacks one's, or two
/// are of one.
bool infer_families(json::value& spec, const family_list& configured, json::allocator& a) {
  const auto& list = member(spec, ips);
  if (!list.IsArray())
    return true;
  for (rapidjson::SizeType i = 0; i < list.Size(); ++i) {
    const auto family = family_of(json::as_string(list[i]));
    if (family.empty())
      break;
    if (i < count(member(spec, families)))
      continue;
    const auto& named = member(spec, families);
    if (!has_family(configured, family) ||
        (i > 0 && named.IsArray() && json::as_string(named[0]) == family))
      return false;
    append_family(spec, family, a);
  }
  return true;
}

bool leaves_endpoints_to_others(const json::value& spec) {
  return is_headless(spec) && !filled(member(spec, "selector"));
}

} // namespace

void settle_families(json::value& spec, const json::value* old, const family_list& configured,
                     json::allocator& a) {
  if (old && keeps_preference(spec, *old))
    return;
  if (!has(spec, policy)) {
    if (old && has(*old, policy))
      json::set(spec, policy, text(*old, policy), a);
    else
      json::set(spec, policy, leaves_endpoints_to_others(spec) ? require : single, a);
  }
  if (old)
    follow_downgrade(spec, *old);
  const bool dual = text(spec, policy) != single;
  if (dual ? old && drops_second_family(spec, *old)
           : count(member(spec, ips)) > 1 || count(member(spec, families)) > 1)
    return;
  if (!infer_families(spec, configured, a))
    return;
  if (!filled(member(spec, families)))
    append_family(spec, configured.front(), a);
  if (dual && (configured.size() == 2 || leaves_endpoints_to_others(spec)))
    append_other(spec, a);
}

void check_configured_families(const json::value& spec, const json::value* old,
                               const family_list& configured, findings& f) {
  if (old && keeps_preference(spec, *old))
    return;
  path at("spec");
  const auto& list = member(spec, ips);
  const auto known = count(member(spec, families));
  if (list.IsArray())
    for (rapidjson::SizeType i = 0; i < list.Size(); ++i) {
      const auto family = family_of(json::as_string(list[i]));
      if (family.empty() || i < known || has_family(configured, family))
        continue;
      path p(at, ips);
      f.invalid(path(p, i), list, std::string(family) + " is not configured on this cluster");
    }
  if (!f.empty() || leaves_endpoints_to_others(spec))
    return;
  if (text(spec, policy) == require && configured.size() < 2)
    f.invalid(path(at, policy), require, "this cluster is not configured for dual-stack services");
  each(spec, families, at, [&](const json::value& v, const path& p) {
    if (!has_family(configured, json::as_string(v)))
      f.invalid(p, json::as_string(v), "not configured on this cluster");
  });
}

} // namespace thespis::api
