#include "api/validation/requests.hpp"

#include "api/validation/access.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace thespis::api {

namespace {

void check_requests(const json::value& spec, const path& at, findings& f) {
  path devices(at, "devices");
  std::unordered_set<std::string_view> names;
  each(member(spec, "devices"), "requests", devices, [&](const json::value& r, const path& p) {
    if (const auto name = text(r, "name"); !name.empty() && !names.insert(name).second)
      f.duplicate(path(p, "name"), name);
    // v1beta1 has no `exactly`: its members are those of the request.
    const bool flat = !text(r, "deviceClassName").empty();
    const bool exactly = flat || has(r, "exactly"), any = filled(member(r, "firstAvailable"));
    if (exactly == any) {
      const std::string why = "exactly one of `exactly` or `firstAvailable` is required";
      if (exactly)
        f.invalid(p, r, why + ", but multiple fields are set");
      else
        f.required(p, why);
    }
    const auto check = [&](const json::value& q, const path& where) {
      if (text(q, "deviceClassName").empty())
        f.required(path(where, "deviceClassName"));
      const auto mode = text(q, "allocationMode");
      const auto n = json::get_int(q, "count");
      if (mode == "All" && n != 0)
        f.invalid(path(where, "count"), n, "must not be specified when allocationMode is 'All'");
      else if (mode == "ExactCount" && n <= 0)
        f.invalid(path(where, "count"), n, "must be greater than zero");
      else if (mode != "All" && mode != "ExactCount")
        f.not_supported(path(where, "allocationMode"), mode, {"All", "ExactCount"});
    };
    if (flat)
      check(r, p);
    else if (exactly)
      check(member(r, "exactly"), path(p, "exactly"));
    each(r, "firstAvailable", p, check);
  });
  for (std::string_view list : {"constraints", "config"})
    each(member(spec, "devices"), list, devices, [&](const json::value& c, const path& p) {
      each(c, "requests", p, [&](const json::value& v, const path& q) {
        const auto name = json::as_string(v);
        if (!names.contains(name.substr(0, name.find('/'))))
          f.invalid(q, name, "must be the name of a request in the claim");
      });
    });
}

} // namespace

void validate_flow_schema(const json::value& schema, findings& f) {
  path at("spec"), level(at, "priorityLevelConfiguration");
  const auto& spec = member(schema, "spec");
  if (text(member(spec, "priorityLevelConfiguration"), "name").empty())
    f.required(path(level, "name"), "must reference a priority level");
  each(spec, "rules", at, [&](const json::value& rule, const path& p) {
    if (!filled(member(rule, "resourceRules")) && !filled(member(rule, "nonResourceRules")))
      f.required(p, "at least one of resourceRules and nonResourceRules has to be non-empty");
    each(rule, "subjects", p, [&](const json::value& s, const path& q) {
      const auto kind = text(s, "kind");
      if (kind != "User" && kind != "Group" && kind != "ServiceAccount")
        return f.not_supported(path(q, "kind"), kind, {"Group", "ServiceAccount", "User"});
      for (const auto& [name, key] : {std::pair{"User", "user"}, std::pair{"Group", "group"},
                                      std::pair{"ServiceAccount", "serviceAccount"}}) {
        if (kind == name && !has(s, key))
          f.required(path(q, key),
                     std::string(key) + " is required when subject kind is '" + name + "'");
        if (kind != name && has(s, key))
          f.forbidden(path(q, key),
                      std::string(key) + " is forbidden when subject kind is not '" + name + "'");
      }
    });
  });
}

void validate_priority_level(const json::value& level, findings& f) {
  path at("spec"), limited(at, "limited"), response(limited, "limitResponse");
  const auto& spec = member(level, "spec");
  const auto type = text(spec, "type");
  const auto& limits = member(spec, "limited");
  if (type == "Limited" && !limits.IsObject())
    return f.required(limited, "must not be empty when type is Limited");
  if (type == "Limited" && has(spec, "exempt"))
    f.forbidden(path(at, "exempt"), "must be nil if the type is Limited");
  if (type == "Exempt" && limits.IsObject())
    f.forbidden(limited, "must be nil if the type is not Limited");
  if (type != "Limited")
    return;
  const auto& r = member(limits, "limitResponse");
  path queuing(response, "queuing");
  const auto& q = member(r, "queuing");
  const auto how = text(r, "type");
  if (how == "Reject" && q.IsObject())
    f.forbidden(queuing, "must be nil if limited.limitResponse.type is not Limited");
  else if (how == "Queue" && !q.IsObject())
    f.required(queuing, "must not be empty if limited.limitResponse.type is Limited");
  else if (how != "Reject" && how != "Queue")
    f.not_supported(path(response, "type"), how, {"Queue", "Reject"});
  if (!q.IsObject())
    return;
  const auto hand = json::get_int(q, "handSize"), queues = json::get_int(q, "queues");
  if (hand <= 0)
    f.invalid(path(queuing, "handSize"), hand, "must be positive");
  else if (hand > queues)
    f.invalid(path(queuing, "handSize"), hand,
              "should not be greater than queues (" + std::to_string(queues) + ")");
}

void validate_device_claim(const json::value& claim, findings& f) {
  check_requests(member(claim, "spec"), path("spec"), f);
}

void validate_device_claim_template(const json::value& tmpl, findings& f) {
  path at("spec");
  check_requests(member(member(tmpl, "spec"), "spec"), path(at, "spec"), f);
}

void validate_device_claim_update(const json::value& now, const json::value& old, findings& f) {
  if (!json::equal(member(now, "spec"), member(old, "spec")))
    f.invalid(path("spec"), member(now, "spec"), "field is immutable");
}

} // namespace thespis::api
