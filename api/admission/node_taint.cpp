#include "api/admission/plugins.hpp"
#include "api/validation/access.hpp"

namespace thespis::api::admission {

namespace {

/// A new node gets no pods before somebody has seen it ready.
class taint_plugin final : public plugin {
public:
  std::string_view name() const override { return "TaintNodesByCondition"; }

  result<void> mutate(request& r) override {
    if (!r.is("nodes") || r.action != action::create)
      return {};
    constexpr std::string_view key = "node.kubernetes.io/not-ready";
    auto& a = r.object->GetAllocator();
    auto& spec = json::ensure_object(*r.object, "spec", a);
    auto* taints = json::find(spec, "taints");
    if (!taints || !taints->IsArray()) {
      json::set(spec, "taints", json::value(rapidjson::kArrayType), a);
      taints = json::find(spec, "taints");
    }
    for (const auto& t : taints->GetArray())
      if (text(t, "key") == key && text(t, "effect") == "NoSchedule")
        return {};
    json::value t(rapidjson::kObjectType);
    json::set(t, "key", key, a);
    json::set(t, "effect", "NoSchedule", a);
    taints->PushBack(std::move(t), a);
    r.changed = true;
    return {};
  }
};

} // namespace

plugin_ptr taint_nodes_by_condition() {
  return std::make_shared<taint_plugin>();
}

} // namespace thespis::api::admission
