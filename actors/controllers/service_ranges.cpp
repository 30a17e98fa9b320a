#include "actors/controllers/service_ranges.hpp"

#include "actors/controllers/content.hpp"
#include "api/generated/core_v1_service.hpp"
#include "api/generated/networking_v1.hpp"
#include "api/text/cidr.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <map>

namespace thespis::actors {

namespace {

namespace v1 = api::v1;

constexpr const char* family_label = "ipaddress.kubernetes.io/ip-family";
constexpr const char* manager_label = "ipaddress.kubernetes.io/managed-by";
constexpr const char* manager = "ipallocator.k8s.io";
constexpr const char* finalizer = "networking.k8s.io/service-cidr-finalizer";

/// In the form that names IPAddresses, however a client wrote them.
std::vector<std::string> addresses_of(const v1::service& s) {
  auto all = s.spec.cluster_ips;
  if (all.empty())
    all.push_back(s.spec.cluster_ip);
  std::vector<std::string> res;
  for (const auto& text : all)
    if (const auto ip = api::parse_ip(text))
      res.push_back(ip->to_string());
  return res;
}

bool is_ours(const v1::ip_address& a) {
  const auto label = a.metadata.labels.find(manager_label);
  return label != a.metadata.labels.end() && label->second == manager;
}

v1::ip_address address_for(const std::string& ip, const object_id& service) {
  v1::ip_address res;
  res.metadata.name = ip;
  res.metadata.labels = {{family_label, api::parse_ip(ip)->is_v4() ? "IPv4" : "IPv6"},
                         {manager_label, manager}};
  res.spec.parent_ref = {"", "services", service.ns, service.name};
  return res;
}

class ip_addresses final : public reconciler {
public:
  std::string_view name() const override { return "ipaddress"; }

  std::vector<watch_spec> watches() const override {
    const auto of_service = [this](const api::object& o, const api::object_ptr& previous,
                                   const view& v) {
      std::vector<object_id> keys;
      const object_id id{o.ns(), o.name()};
      const auto note = [&](const api::object& s, bool holds) {
        for (auto& ip : addresses_of(*api::typed<v1::service>(s))) {
          if (holds)
            holders_[ip] = id;
          else if (const auto h = holders_.find(ip); h != holders_.end() && h->second == id)
            holders_.erase(h);
          keys.push_back({{}, std::move(ip)});
        }
      };
      if (previous)
        note(*previous, false);
      note(o, v.find(v1::service::resource_name, id.ns, id.name) != nullptr);
      return keys;
    };
    return {{std::string{v1::service::resource_name}, of_service},
            {std::string{v1::ip_address::resource_name}, self_key()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto known = v.get<v1::ip_address>({}, key.name);
    const auto holder = holders_.find(key.name);
    if (holder == holders_.end()) {
      if (known && is_ours(*known) && !known.object->meta().deleting)
        res.calls.push_back(delete_call(*known.object));
      return res;
    }
    const auto wanted = address_for(key.name, holder->second);
    if (!known) {
      res.calls.push_back(create_call(wanted));
    } else if (is_ours(*known) && !(known->spec == wanted.spec)) {
      // Whose an address is never changes: another object takes its place.
      res.calls.push_back(delete_call(*known.object));
    }
    return res;
  }

private:
  mutable std::map<std::string, object_id> holders_; ///< which Service has an address
};

/// Whether that ServiceCIDR gives addresses that no other one covers to an IPAddress.
bool is_needed(const v1::service_cidr& range, const view& v) {
  const auto covers = [](const v1::service_cidr& r, const api::ip_address& ip) {
    return std::any_of(r.spec.cidrs.begin(), r.spec.cidrs.end(), [&](const auto& text) {
      const auto parsed = api::parse_cidr(text);
      return parsed && parsed->contains(ip);
    });
  };
  std::vector<observed<v1::service_cidr>> others;
  for (auto& o : v.list<v1::service_cidr>())
    if (o->metadata.name != range.metadata.name && !o.object->meta().deleting)
      others.push_back(std::move(o));
  bool needed = false;
  v.for_each(v1::ip_address::resource_name, {}, [&](const api::object_ptr& a) {
    const auto ip = api::parse_ip(a->name());
    needed = needed || (ip && covers(range, *ip) &&
                        std::none_of(others.begin(), others.end(),
                                     [&](const auto& o) { return covers(*o, *ip); }));
  });
  return needed;
}

class service_cidrs final : public reconciler {
public:
  explicit service_cidrs(service_cidr_deps deps) : deps_(std::move(deps)) {}

  std::string_view name() const override { return "servicecidr"; }

  std::vector<watch_spec> watches() const override {
    const auto on_their_way_out = [](const api::object&, const api::object_ptr&, const view& v) {
      std::vector<object_id> keys;
      v.for_each(v1::service_cidr::resource_name, {}, [&](const api::object_ptr& o) {
        if (o->meta().deleting)
          keys.push_back({{}, o->name()});
      });
      return keys;
    };
    return {{std::string{v1::service_cidr::resource_name}, self_and(on_their_way_out)},
            {std::string{v1::ip_address::resource_name}, on_their_way_out}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    reconcile_result res;
    const auto range = v.get<v1::service_cidr>({}, key.name);
    if (!range) {
      if (key.name == default_service_cidr && !deps_.default_ranges.empty()) {
        v1::service_cidr fresh;
        fresh.metadata.name = key.name;
        fresh.spec.cidrs = deps_.default_ranges;
        res.calls.push_back(create_call(fresh));
      }
      return res;
    }
    if (gains_family(range)) {
      auto next = *range;
      next.spec.cidrs = deps_.default_ranges;
      res.calls.push_back(update_call(next));
      return res;
    }
    auto finalizers = finalizers_of(*range.object);
    const auto mine = std::find(finalizers.begin(), finalizers.end(), finalizer);
    if (!range.object->meta().deleting) {
      if (mine == finalizers.end()) {
        finalizers.emplace_back(finalizer);
        res.calls.push_back(set_finalizers_call(*range.object, finalizers));
        return res; // the condition follows, on the newer object
      }
      tell(*range, "True", "", "Kubernetes Service CIDR is ready", now, res);
      return res;
    }
    if (mine == finalizers.end())
      return res;
    if (is_needed(*range, v)) {
      tell(
          *range, "False", "Terminating",
          "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a "
          "new ServiceCIDR",
          now, res);
      return res;
    }
    finalizers.erase(mine);
    res.calls.push_back(set_finalizers_call(*range.object, finalizers));
    return res;
  }

private:
  /// The cluster was given a second range beside that of the default ServiceCIDR. No other change
  /// of the configuration is taken over: Services have their addresses from what was there.
  bool gains_family(const observed<v1::service_cidr>& range) const {
    return range->metadata.name == default_service_cidr && !range.object->meta().deleting &&
           range->spec.cidrs.size() == 1 && deps_.default_ranges.size() == 2 &&
           range->spec.cidrs.front() == deps_.default_ranges.front();
  }

  template <class Mapper>
  static key_mapper self_and(Mapper others) {
    return [others](const api::object& o, const api::object_ptr& previous, const view& v) {
      auto keys = others(o, previous, v);
      keys.push_back({{}, o.name()});
      return keys;
    };
  }

  static void tell(const v1::service_cidr& range, const char* status, const char* reason,
                   const char* message, wall_time now, reconcile_result& res) {
    auto next = range;
    auto& all = next.status.conditions;
    auto ready =
        std::find_if(all.begin(), all.end(), [](const auto& c) { return c.type == "Ready"; });
    if (ready == all.end())
      ready = all.insert(all.end(), v1::condition{});
    if (ready->status == status)
      return;
    ready->type = "Ready";
    ready->status = status;
    ready->reason = reason;
    ready->message = message;
    ready->last_transition_time = api::format_time(now);
    res.calls.push_back(update_call(next, "status"));
  }

  const service_cidr_deps deps_;
};

} // namespace

std::unique_ptr<reconciler> make_ip_address_controller() {
  return std::make_unique<ip_addresses>();
}

std::unique_ptr<reconciler> make_service_cidr_controller(service_cidr_deps deps) {
  return std::make_unique<service_cidrs>(std::move(deps));
}

} // namespace thespis::actors
