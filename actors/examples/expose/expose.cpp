#include "expose.hpp"

#include "api/generated/apps_v1.hpp"
#include "api/generated/core_v1_service.hpp"

#include <charconv>

namespace expose {

namespace {

using namespace thespis::actors;
namespace api = thespis::api;
namespace v1 = thespis::api::v1;

/// The port that the annotation asks for; 0 when it is none.
int port_of(const std::string& text) {
  int port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = code == std::errc{} && end == text.data() + text.size();
  return whole && port > 0 && port < 65536 ? port : 0;
}

bool owned_by(const v1::service& s, const v1::deployment& d) {
  for (const auto& owner : s.metadata.owner_references)
    if (owner.uid == d.metadata.uid && owner.controller.value_or(false))
      return true;
  return false;
}

v1::service service_for(const v1::deployment& d, int port) {
  v1::service s;
  s.metadata.name = d.metadata.name;
  s.metadata.namespace_ = d.metadata.namespace_;
  // So that it is deleted with the Deployment.
  auto& owner = s.metadata.owner_references.emplace_back();
  owner.api_version = "apps/v1";
  owner.kind = "Deployment";
  owner.name = d.metadata.name;
  owner.uid = d.metadata.uid;
  owner.controller = true;
  s.spec.selector = d.spec.selector.match_labels;
  auto& p = s.spec.ports.emplace_back();
  p.port = port;
  return s;
}

event_note about(const observed<v1::deployment>& d, std::string reason, std::string message,
                 std::string type = "Normal") {
  event_note res;
  res.type = std::move(type);
  res.reason = std::move(reason);
  res.message = std::move(message);
  res.about = d.object;
  res.kind = "Deployment";
  res.api_version = "apps/v1";
  return res;
}

class expose_controller final : public reconciler {
public:
  explicit expose_controller(std::string ns) : ns_(std::move(ns)) {}

  std::string_view name() const override { return "expose"; }

  std::vector<watch_spec> watches() const override {
    api::selection where;
    where.ns = ns_;
    return {{std::string{v1::deployment::resource_name}, self_key(), where},
            {std::string{v1::service::resource_name}, owner_key("Deployment"), where}};
  }

  reconcile_result reconcile(const object_id& key, const view& seen, wall_time) override {
    reconcile_result res;
    const auto d = seen.get<v1::deployment>(key.ns, key.name);
    if (!d || d.object->meta().deleting)
      return res; // what belongs to it goes with it
    const auto wish = d->metadata.annotations.find(port_annotation);
    const auto s = seen.get<v1::service>(key.ns, key.name);
    const bool ours = s && owned_by(*s, *d);
    if (wish == d->metadata.annotations.end()) {
      if (ours)
        res.calls.push_back(delete_call(*s.object));
      return res;
    }
    const int port = port_of(wish->second);
    if (port == 0) {
      res.events.push_back(about(
          d, "InvalidPort", "\"" + wish->second + "\" is no port between 1 and 65535", "Warning"));
    } else if (!s) {
      res.calls.push_back(create_call(service_for(*d, port)));
      res.events.push_back(about(d, "Exposed", "Created a Service for port " + wish->second));
    } else if (!ours) {
      res.events.push_back(
          about(d, "NameTaken", "A Service of this name belongs to somebody else", "Warning"));
    } else if (s->spec.ports.size() != 1 || s->spec.ports.front().port != port) {
      auto next = *s;
      next.spec.ports.resize(1);
      next.spec.ports.front() = service_for(*d, port).spec.ports.front();
      res.calls.push_back(update_call(next));
    }
    return res;
  }

private:
  const std::string ns_;
};

} // namespace

std::unique_ptr<thespis::actors::reconciler> make_expose_controller(std::string ns) {
  return std::make_unique<expose_controller>(std::move(ns));
}

} // namespace expose
