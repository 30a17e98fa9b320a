#include "actors/controllers/resource_quota.hpp"

#include "actors/controllers/content.hpp"
#include "api/admission/quota_usage.hpp"

#include <map>

namespace thespis::actors {

namespace {

using namespace std::chrono_literals;
namespace admission = api::admission;

constexpr std::string_view quotas = "resourcequotas";
/// Pods on their way out count less once their grace is over, without any change of theirs.
constexpr auto resync = 5min;

/// What changes in a namespace is news to all of its quotas.
key_mapper quotas_around() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res;
    v.for_each(quotas, o.ns(), [&](const api::object_ptr& q) {
      res.push_back({q->ns(), q->name()});
    });
    return res;
  };
}

admission::resource_list amounts(const api::json::value& doc, std::string_view part,
                                 std::string_view key) {
  const auto* v = api::json::at(doc, {part, key});
  return v ? admission::read_resources(*v) : admission::resource_list{};
}

class quota_controller final : public reconciler {
public:
  explicit quota_controller(std::shared_ptr<const api::schema::registry> schemas)
      : catalog_(std::move(schemas)) {}

  std::string_view name() const override { return "resourcequota"; }

  std::vector<watch_spec> watches() const override {
    std::vector<watch_spec> res{{std::string{quotas}, quotas_around()}};
    for (const auto& r : catalog_.all())
      if (r.namespaced && r.name != quotas && admission::counts(r.name, "count/" + r.name))
        res.push_back({r.name, quotas_around()});
    return res;
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    reconcile_result res;
    const auto quota = v.find(quotas, key.ns, key.name);
    if (!quota) {
      forget(key.ns, v);
      return res;
    }
    auto doc = quota->parse();
    const admission::quota_rule rule{doc};
    const auto used = usage(rule, key.ns, v, now);
    res.requeue_after = resync;
    if (amounts(doc, "status", "hard") == rule.hard() && amounts(doc, "status", "used") == used)
      return res;
    res.calls.push_back(status_call(*quota, doc, rule.hard(), used));
    return res;
  }

private:
  admission::resource_list usage(const admission::quota_rule& rule, const std::string& ns,
                                 const view& v, wall_time now) {
    admission::resource_list used;
    for (const auto& [name, q] : rule.hard())
      used[name];
    for (const auto& r : catalog_.all()) {
      if (!r.namespaced || rule.hard_of(r.name).empty())
        continue;
      std::vector<api::object_ptr> objects;
      v.for_each(r.name, ns, [&](const api::object_ptr& o) { objects.push_back(o); });
      auto& account = accounts_.try_emplace({ns, r.name}, r.name).first->second;
      account.refresh(objects, now);
      for (const auto& [name, q] : account.used(rule))
        used[name] = q;
    }
    return used;
  }

  static api::call status_call(const api::object& quota, api::json::document& doc,
                               const admission::resource_list& hard,
                               const admission::resource_list& used) {
    auto& a = doc.GetAllocator();
    api::json::value status{rapidjson::kObjectType};
    for (auto [key, list] : {std::pair{"hard", &hard}, std::pair{"used", &used}}) {
      auto& out = api::json::ensure_object(status, key, a);
      for (const auto& [name, q] : *list)
        api::json::set(out, name, q.to_string(), a);
    }
    api::json::set(doc, "status", std::move(status), a);
    api::call c;
    c.verb = api::verb::update;
    c.resource = quotas;
    c.subresource = "status";
    c.ns = quota.ns();
    c.name = quota.name();
    c.body = api::json::to_string(doc);
    return c;
  }

  /// Accounts are kept as long as some quota of the namespace needs them.
  void forget(const std::string& ns, const view& v) {
    bool any = false;
    v.for_each(quotas, ns, [&](const api::object_ptr&) { any = true; });
    if (!any)
      std::erase_if(accounts_, [&](const auto& a) { return a.first.first == ns; });
  }

  mutable content_catalog catalog_;
  /// By namespace and resource: what could be counted anew, but need not be.
  std::map<std::pair<std::string, std::string>, admission::usage_account> accounts_;
};

} // namespace

std::unique_ptr<reconciler>
make_resource_quota_controller(std::shared_ptr<const api::schema::registry> schemas) {
  return std::make_unique<quota_controller>(std::move(schemas));
}

} // namespace thespis::actors
