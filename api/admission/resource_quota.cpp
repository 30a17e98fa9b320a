#include "api/admission/plugins.hpp"
#include "api/admission/quota_ledger.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/validation/access.hpp"

#include <set>

namespace thespis::api::admission {

namespace {

/// "cpu=1,pods=2"
std::string shown(const resource_list& list) {
  std::string out;
  for (const auto& [name, q] : list)
    out += (out.empty() ? "" : ",") + name + "=" + q.to_string();
  return out;
}

class quota_plugin final : public plugin {
public:
  explicit quota_plugin(const ports& p)
      : now_(p.now), ledger_(std::make_shared<quota_ledger>(p.state)) {}

  std::string_view name() const override { return "ResourceQuota"; }

  result<void> validate(request& r) override {
    if (!concerns(r))
      return {};
    std::vector<quota_rule> rules;
    for (const auto& o : r.state.list("resourcequotas", r.ns).objects)
      rules.emplace_back(o->parse());
    if (rules.empty())
      return {};
    auto now = std::chrono::time_point_cast<std::chrono::nanoseconds>(now_());
    quota_ledger::claim c{r.type.resource, r.ns, r.name, {}, 0, {}, {}, now, !r.dry_run};
    c.now = measure(r.type.resource, *r.object, now);
    if (r.old_object) {
      c.before = measure(r.type.resource, *r.old_object, now).usage;
      if (c.before == c.now.usage)
        return {};
      c.revision = revision_of(*r.old_object);
    }
    c.uid = text(metadata_of(*r.object), "uid");
    if (auto ok = check_specified(r, c.now, rules); !ok)
      return ok;
    auto got = ledger_->take(c, rules);
    if (got.refused)
      return fail(refuse(r, "exceeded quota: " + got.refused->quota +
                                ", requested: " + shown(got.refused->requested) +
                                ", used: " + shown(got.refused->used) +
                                ", limited: " + shown(got.refused->hard)));
    if (got.hold)
      r.holds.push_back(std::move(got.hold));
    return {};
  }

private:
  /// Creations of everything; of updates those that can count more than before.
  static bool concerns(const request& r) {
    if (!r.type.namespaced || !r.object)
      return false;
    if (r.action == action::create)
      return r.call.subresource.empty();
    if (r.action != action::update)
      return false;
    return r.is("services") || r.is("persistentvolumeclaims") ||
           r.is("persistentvolumeclaims", "status") || r.is("pods", "resize");
  }

  static uint64_t revision_of(const json::value& o) {
    auto s = text(metadata_of(o), "resourceVersion");
    return s.empty() ? 0 : std::strtoull(std::string(s).c_str(), nullptr, 10);
  }

  /// A pod under a quota of cpu or memory says in every container how much it takes.
  static result<void> check_specified(const request& r, const quota_measure& m,
                                      const std::vector<quota_rule>& rules) {
    if (!m.pod)
      return {};
    static const std::set<std::string_view> strict{
        "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"};
    const auto& spec = member(*r.object, "spec");
    for (const auto& rule : rules) {
      if (!rule.in_scope(m.pod, m.claim, m.traits))
        continue;
      std::string missing;
      for (const auto& [name, q] : rule.hard())
        if (strict.contains(name))
          if (auto who = silent(spec, name); !who.empty())
            missing += (missing.empty() ? "" : "; ") + name + " for: " + who;
      if (!missing.empty())
        return fail(refuse(r, "failed quota: " + rule.name() + ": must specify " + missing));
    }
    return {};
  }

  /// The containers that do not say, as "a,b".
  static std::string silent(const json::value& spec, std::string_view name) {
    bool limit = name.starts_with("limits.");
    std::string_view kind = limit ? "limits" : "requests";
    auto dot = name.find('.');
    auto resource = dot == name.npos ? name : name.substr(dot + 1);
    if (has(member(member(spec, "resources"), kind), resource))
      return {};
    std::set<std::string> who;
    for (std::string_view list : {"containers", "initContainers"})
      if (const auto& all = member(spec, list); all.IsArray())
        for (const auto& c : all.GetArray())
          if (!has(member(member(c, "resources"), kind), resource))
            who.emplace(text(c, "name"));
    std::string out;
    for (const auto& w : who)
      out += (out.empty() ? "" : ",") + w;
    return out;
  }

  std::function<std::chrono::sys_time<std::chrono::nanoseconds>()> now_;
  std::shared_ptr<quota_ledger> ledger_;
};

} // namespace

plugin_ptr resource_quota(const ports& p) {
  return std::make_shared<quota_plugin>(p);
}

} // namespace thespis::api::admission
