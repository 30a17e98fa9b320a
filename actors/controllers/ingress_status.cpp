#include "actors/controllers/ingress_status.hpp"

#include "actors/controllers/service_balancer.hpp"
#include "api/generated/networking_v1.hpp"

#include <set>

namespace thespis::actors {

namespace {

namespace v1 = api::v1;

constexpr const char* our_controller = "thespis.dev/ingress";
constexpr const char* class_annotation = "kubernetes.io/ingress.class";

bool is_ours(const v1::ingress& i, const view& v) {
  auto name = i.spec.ingress_class_name;
  if (const auto old = i.metadata.annotations.find(class_annotation);
      name.empty() && old != i.metadata.annotations.end())
    name = old->second;
  const auto c = v.get<v1::ingress_class>({}, name);
  return c && c->spec.controller == our_controller;
}

std::vector<object_id> all_ingresses(const view& v) {
  std::vector<object_id> keys;
  v.for_each(v1::ingress::resource_name, {}, [&](const api::object_ptr& o) {
    keys.push_back({o->ns(), o->name()});
  });
  return keys;
}

class ingress_status final : public reconciler {
public:
  std::string_view name() const override { return "ingress-status"; }

  std::vector<watch_spec> watches() const override {
    const auto nodes = [](const api::object& o, const api::object_ptr& previous, const view& v) {
      return balances_otherwise(o, previous, v) ? all_ingresses(v) : std::vector<object_id>{};
    };
    const auto classes = [](const api::object&, const api::object_ptr&, const view& v) {
      return all_ingresses(v);
    };
    return {{std::string{v1::ingress::resource_name}, self_key()},
            {std::string{v1::ingress_class::resource_name}, classes},
            {"nodes", nodes}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto i = v.get<v1::ingress>(key.ns, key.name);
    if (!i || i.object->meta().deleting || !is_ours(*i, v))
      return res;
    std::set<std::string> addresses;
    for (const auto& n : v.list<v1::node>())
      for (auto& ip : balanced_addresses(*n))
        addresses.insert(std::move(ip));
    std::vector<v1::ingress_load_balancer_ingress> wanted;
    for (const auto& ip : addresses)
      wanted.push_back({ip, "", {}});
    const auto& status = i->status.load_balancer;
    if (status ? status->ingress == wanted : wanted.empty())
      return res;
    auto next = *i;
    next.status.load_balancer.ensure().ingress = std::move(wanted);
    res.calls.push_back(update_call(next, "status"));
    return res;
  }
};

} // namespace

std::unique_ptr<reconciler> make_ingress_status_controller() {
  return std::make_unique<ingress_status>();
}

} // namespace thespis::actors
