#include "api/admission/plugins.hpp"
#include "api/validation/access.hpp"

#include <optional>

namespace thespis::api::admission {

namespace {

constexpr std::string_view classes = "priorityclasses.scheduling.k8s.io";

struct priority_class {
  std::string name;
  int64_t value = 0;
  std::string preemption = "PreemptLowerPriority";
};

priority_class read_class(const object& o) {
  auto doc = o.parse();
  return {o.name(), json::get_int(doc, "value"),
          std::string(json::get_string(doc, "preemptionPolicy", "PreemptLowerPriority"))};
}

std::optional<priority_class> find_class(const request& r, const std::string& name) {
  if (auto o = r.state.get(classes, {}, name))
    return read_class(*o);
  // These two are there from the first second, before anybody could have created them.
  if (name == "system-node-critical")
    return priority_class{name, 2000001000};
  if (name == "system-cluster-critical")
    return priority_class{name, 2000000000};
  return std::nullopt;
}

/// The class of pods that name none: the lowest that is marked so, else priority 0.
priority_class default_class(const request& r) {
  std::optional<priority_class> best;
  for (const auto& o : r.state.list(classes).objects)
    if (json::get_bool(o->parse(), "globalDefault"))
      if (auto c = read_class(*o); !best || c.value < best->value)
        best = std::move(c);
  return best.value_or(priority_class{});
}

result<void> settle_pod(request& r) {
  auto& a = r.object->GetAllocator();
  auto& spec = json::ensure_object(*r.object, "spec", a);
  if (r.action == action::update) {
    // What was computed once is kept where an update leaves it out.
    const auto& old = member(*r.old_object, "spec");
    for (std::string_view key : {"priority", "preemptionPolicy"})
      if (!has(spec, key) && has(old, key)) {
        json::set(spec, key, json::copy(member(old, key), a), a);
        r.changed = true;
      }
    return {};
  }
  std::string name(text(spec, "priorityClassName"));
  priority_class c;
  if (name.empty()) {
    c = default_class(r);
    if (!c.name.empty())
      json::set(spec, "priorityClassName", c.name, a);
  } else if (auto found = find_class(r, name)) {
    c = *found;
  } else {
    return fail(refuse(r, "no PriorityClass with name " + name + " was found"));
  }
  if (has(spec, "priority") && json::get_int(spec, "priority") != c.value)
    return fail(refuse(r, "the integer value of priority (" +
                              std::to_string(json::get_int(spec, "priority")) +
                              ") must not be provided in pod spec; priority admission controller "
                              "computed " +
                              std::to_string(c.value) + " from the given PriorityClass name"));
  json::set(spec, "priority", json::value(c.value), a);
  if (has(spec, "preemptionPolicy") && text(spec, "preemptionPolicy") != c.preemption)
    return fail(refuse(r, "the string value of PreemptionPolicy (" +
                              std::string(text(spec, "preemptionPolicy")) +
                              ") must not be provided in pod spec; priority admission controller "
                              "computed " +
                              c.preemption + " from the given PriorityClass name"));
  json::set(spec, "preemptionPolicy", c.preemption, a);
  r.changed = true;
  return {};
}

class priority_plugin final : public plugin {
public:
  std::string_view name() const override { return "Priority"; }

  result<void> mutate(request& r) override {
    if (r.is("pods") && (r.action == action::create || r.action == action::update))
      return settle_pod(r);
    return {};
  }

  /// Only one class may be everybody's.
  result<void> validate(request& r) override {
    if (!r.is(classes) || !r.object || !json::get_bool(*r.object, "globalDefault"))
      return {};
    for (const auto& o : r.state.list(classes).objects) {
      if (!json::get_bool(o->parse(), "globalDefault"))
        continue;
      if (r.action == action::update && o->name() == r.name)
        continue;
      return fail(refuse(r, "PriorityClass " + o->name() +
                                " is already marked as default. Only one default can exist"));
    }
    return {};
  }
};

} // namespace

plugin_ptr priority() {
  return std::make_shared<priority_plugin>();
}

} // namespace thespis::api::admission
