#include "api/admission/plugins.hpp"
#include "api/admission/resource_list.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <algorithm>

namespace thespis::api::admission {

namespace {

constexpr std::string_view resource = "runtimeclasses.node.k8s.io";

/// Whether everything that `b` tolerates is tolerated by `a`, too.
bool covers(const json::value& a, const json::value& b) {
  if (json::equal(a, b))
    return true;
  if (!text(a, "key").empty() && text(a, "key") != text(b, "key"))
    return false;
  if (!text(a, "effect").empty() && text(a, "effect") != text(b, "effect"))
    return false;
  if (text(a, "effect") == "NoExecute" && has(a, "tolerationSeconds") &&
      (!has(b, "tolerationSeconds") ||
       json::get_int(a, "tolerationSeconds") < json::get_int(b, "tolerationSeconds")))
    return false;
  if (text(a, "operator") == "Exists")
    return true;
  return text(a, "key") == text(b, "key") && text(b, "operator") != "Exists" &&
         text(a, "value") == text(b, "value");
}

class runtime_class_plugin final : public plugin {
public:
  std::string_view name() const override { return "RuntimeClass"; }

  result<void> mutate(request& r) override {
    if (!concerns(r))
      return {};
    auto found = find(r);
    if (!found)
      return fail(found.error());
    if (!*found)
      return {};
    auto doc = (*found)->parse();
    if (auto ok = set_overhead(r, doc); !ok)
      return ok;
    return set_scheduling(r, member(doc, "scheduling"));
  }

  result<void> validate(request& r) override {
    if (!concerns(r))
      return {};
    auto found = find(r);
    if (!found)
      return fail(found.error());
    const auto& own = member(member(*r.object, "spec"), "overhead");
    auto doc = *found ? (*found)->parse() : json::document{};
    const auto& overhead = member(doc, "overhead");
    if (!overhead.IsNull()) {
      if (read_resources(member(overhead, "podFixed")) != read_resources(own))
        return fail(refuse(r, mismatch));
    } else if (!own.IsNull()) {
      return fail(refuse(
          r, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"));
    }
    return {};
  }

private:
  static constexpr std::string_view mismatch =
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

  static bool concerns(const request& r) { return r.is("pods") && r.action == action::create; }

  /// The pod's class; null when it names none.
  static result<object_ptr> find(const request& r) {
    std::string name(text(member(*r.object, "spec"), "runtimeClassName"));
    if (name.empty())
      return object_ptr{};
    auto found = r.state.get(resource, {}, name);
    if (!found)
      return fail(refuse(r, "pod rejected: RuntimeClass " + quote_go(name) + " not found"));
    return found;
  }

  static result<void> set_overhead(request& r, const json::value& doc) {
    const auto& overhead = member(doc, "overhead");
    if (overhead.IsNull())
      return {};
    auto& a = r.object->GetAllocator();
    auto& spec = json::ensure_object(*r.object, "spec", a);
    const auto& fixed = member(overhead, "podFixed");
    if (has(spec, "overhead") && read_resources(member(spec, "overhead")) != read_resources(fixed))
      return fail(refuse(r, mismatch));
    if (!fixed.IsNull())
      json::set(spec, "overhead", json::copy(fixed, a), a);
    r.changed = true;
    return {};
  }

  static result<void> set_scheduling(request& r, const json::value& scheduling) {
    auto& a = r.object->GetAllocator();
    auto& spec = json::ensure_object(*r.object, "spec", a);
    if (const auto& wanted = member(scheduling, "nodeSelector"); filled(wanted)) {
      auto& selector = json::ensure_object(spec, "nodeSelector", a);
      for (const auto& m : wanted.GetObject()) {
        auto key = json::as_string(m.name);
        auto value = json::as_string(m.value);
        const auto* own = json::find(selector, key);
        if (own && json::as_string(*own) != value)
          return fail(refuse(r, "conflict: runtimeClass.scheduling.nodeSelector[" +
                                    std::string(key) + "] = " + std::string(value) +
                                    "; pod.spec.nodeSelector[" + std::string(key) +
                                    "] = " + std::string(json::as_string(*own))));
        json::set(selector, key, value, a);
      }
      r.changed = true;
    }
    if (const auto& wanted = member(scheduling, "tolerations"); filled(wanted))
      merge_tolerations(r, spec, wanted, a);
    return {};
  }

  static void merge_tolerations(request& r, json::value& spec, const json::value& wanted,
                                json::allocator& a) {
    json::value merged(rapidjson::kArrayType);
    std::vector<const json::value*> all;
    if (const auto& own = member(spec, "tolerations"); own.IsArray())
      for (const auto& t : own.GetArray())
        all.push_back(&t);
    for (const auto& t : wanted.GetArray())
      all.push_back(&t);
    for (size_t i = 0; i < all.size(); ++i) {
      bool spare = false;
      for (size_t j = 0; j < all.size() && !spare; ++j)
        spare = i != j && covers(*all[j], *all[i]) && (j < i || !covers(*all[i], *all[j]));
      if (!spare)
        merged.PushBack(json::copy(*all[i], a), a);
    }
    json::set(spec, "tolerations", std::move(merged), a);
    r.changed = true;
  }
};

} // namespace

plugin_ptr runtime_class() {
  return std::make_shared<runtime_class_plugin>();
}

} // namespace thespis::api::admission
