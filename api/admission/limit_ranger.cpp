#include "api/admission/plugins.hpp"
#include "api/admission/resource_list.hpp"
#include "api/validation/access.hpp"

#include <cstdio>

namespace thespis::api::admission {

namespace {

constexpr std::string_view annotation = "kubernetes.io/limit-ranger";

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const auto& p : parts)
    out.append(out.empty() ? std::string_view{} : separator).append(p);
  return out;
}

/// Sets what a container leaves out; the names of what was set.
std::vector<std::string> fill(json::value& container, std::string_view kind,
                              const resource_list& defaults, json::allocator& a) {
  std::vector<std::string> set;
  if (defaults.empty())
    return set;
  auto& list = json::ensure_object(json::ensure_object(container, "resources", a), kind, a);
  for (const auto& [name, q] : defaults)
    if (!json::find(list, name)) {
      json::set(list, name, q.to_string(), a);
      set.push_back(name);
    }
  return set;
}

/// The bounds of one LimitRange item on one thing, and what breaks them.
class bounds {
public:
  bounds(const json::value& item, std::vector<std::string>& errors)
      : item_(item), type_(text(item, "type")), errors_(errors) {}

  void check(const resource_list& requests, const resource_list& limits) {
    for (const auto& [name, bound] : read_resources(member(item_, "min"))) {
      about(name, "minimum", bound);
      auto request = requests.find(name);
      auto limit = limits.find(name);
      if (request == requests.end())
        say(".  No request is specified");
      else if (request->second < bound)
        say(", but request is " + request->second.to_string());
      else if (limit != limits.end() && limit->second < bound)
        say(", but limit is " + limit->second.to_string());
    }
    for (const auto& [name, bound] : read_resources(member(item_, "max"))) {
      about(name, "maximum", bound);
      auto request = requests.find(name);
      auto limit = limits.find(name);
      if (limit == limits.end())
        say(".  No limit is specified");
      else if (limit->second > bound)
        say(", but limit is " + limit->second.to_string());
      else if (request != requests.end() && request->second > bound)
        say(", but request is " + request->second.to_string());
    }
    for (const auto& [name, bound] : read_resources(member(item_, "maxLimitRequestRatio")))
      check_ratio(name, bound, requests, limits);
  }

  /// Claims have no limits: both bounds are on what they request.
  void check_claim(const resource_list& requests) {
    for (std::string_view side : {"min", "max"})
      for (const auto& [name, bound] : read_resources(member(item_, side))) {
        about(name, side == "min" ? "minimum" : "maximum", bound);
        auto request = requests.find(name);
        if (request == requests.end())
          say(".  No request is specified");
        else if (side == "min" ? request->second < bound : request->second > bound)
          say(", but request is " + request->second.to_string());
      }
  }

private:
  void about(const std::string& name, std::string_view what, const quantity& bound) {
    subject_ = std::string(what) + " " + name + " usage per " + type_ + " is " + bound.to_string();
  }

  void say(const std::string& what) { errors_.push_back(subject_ + what); }

  void check_ratio(const std::string& name, const quantity& bound, const resource_list& requests,
                   const resource_list& limits) {
    subject_ = name + " max limit to request ratio per " + type_ + " is " + bound.to_string();
    auto request = requests.find(name);
    auto limit = limits.find(name);
    if (request == requests.end() || request->second.is_zero())
      return say(", but no request is specified or request is 0");
    if (limit == limits.end() || limit->second.is_zero())
      return say(", but no limit is specified or limit is 0");
    double ratio = limit->second.as_double() / request->second.as_double();
    if (ratio <= bound.as_double())
      return;
    char shown[64];
    std::snprintf(shown, sizeof shown, "%f", ratio);
    say(", but provided ratio is " + std::string(shown));
  }

  const json::value& item_;
  std::string type_;
  std::vector<std::string>& errors_;
  std::string subject_;
};

void check_pod(const json::value& item, const json::value& spec, std::vector<std::string>& errors) {
  bounds b(item, errors);
  auto type = text(item, "type");
  if (type == "Pod")
    return b.check(pod_resources(spec, "requests", false), pod_resources(spec, "limits", false));
  if (type != "Container")
    return;
  for (std::string_view list : {"containers", "initContainers"})
    if (const auto& containers = member(spec, list); containers.IsArray())
      for (const auto& c : containers.GetArray()) {
        const auto& resources = member(c, "resources");
        b.check(read_resources(member(resources, "requests")),
                read_resources(member(resources, "limits")));
      }
}

class limit_ranger_plugin final : public plugin {
public:
  std::string_view name() const override { return "LimitRanger"; }

  result<void> mutate(request& r) override {
    if (r.is("pods") && r.action == action::create)
      for (const auto& range : r.state.list("limitranges", r.ns).objects)
        set_defaults(r, range->parse());
    return {};
  }

  result<void> validate(request& r) override {
    bool pod = (r.is("pods") && r.action == action::create) || r.is("pods", "resize");
    bool claim = r.is("persistentvolumeclaims") && r.object;
    if ((!pod && !claim) || leaving(r))
      return {};
    for (const auto& range : r.state.list("limitranges", r.ns).objects) {
      auto doc = range->parse();
      const auto& items = member(member(doc, "spec"), "limits");
      std::vector<std::string> errors;
      if (items.IsArray())
        for (const auto& item : items.GetArray()) {
          if (pod)
            check_pod(item, member(*r.object, "spec"), errors);
          else if (text(item, "type") == "PersistentVolumeClaim")
            bounds(item, errors)
                .check_claim(read_resources(
                    member(member(member(*r.object, "spec"), "resources"), "requests")));
        }
      if (!errors.empty())
        return fail(refuse(r, errors.size() == 1 ? errors[0] : "[" + joined(errors, ", ") + "]"));
    }
    return {};
  }

private:
  static bool leaving(const request& r) {
    return r.old_object && has(member(*r.old_object, "metadata"), "deletionTimestamp");
  }

  static void set_defaults(request& r, const json::value& range) {
    resource_list requests;
    resource_list limits;
    const auto& items = member(member(range, "spec"), "limits");
    if (items.IsArray())
      for (const auto& item : items.GetArray())
        if (text(item, "type") == "Container") {
          for (auto& [name, q] : read_resources(member(item, "defaultRequest")))
            requests[name] = q;
          for (auto& [name, q] : read_resources(member(item, "default")))
            limits[name] = q;
        }
    auto& a = r.object->GetAllocator();
    auto& spec = json::ensure_object(*r.object, "spec", a);
    std::vector<std::string> notes;
    for (auto [list, kind] : {std::pair<std::string_view, std::string>{"containers", "container"},
                              {"initContainers", "init container"}}) {
      auto* containers = json::find(spec, list);
      if (!containers || !containers->IsArray())
        continue;
      for (auto& c : containers->GetArray()) {
        if (!c.IsObject())
          continue;
        std::string whose = " for " + kind + " " + std::string(text(c, "name"));
        if (auto set = fill(c, "requests", requests, a); !set.empty())
          notes.push_back(joined(set, ", ") + " request" + whose);
        if (auto set = fill(c, "limits", limits, a); !set.empty())
          notes.push_back(joined(set, ", ") + " limit" + whose);
      }
    }
    if (notes.empty())
      return;
    json::set(json::ensure_object(json::ensure_object(*r.object, "metadata", a), "annotations", a),
              annotation, "LimitRanger plugin set: " + joined(notes, "; "), a);
    r.changed = true;
  }
};

} // namespace

plugin_ptr limit_ranger() {
  return std::make_shared<limit_ranger_plugin>();
}

} // namespace thespis::api::admission
