// A change through pods/resize: what containers ask for and may use, of cpu and memory alone.
#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

bool is_resizable(std::string_view resource) {
  return resource == "cpu" || resource == "memory";
}

/// Requests or limits of one container, before and after.
void check_amounts(const json::value& now, const json::value& before, std::string_view what,
                   const path& at, bool& others_changed, findings& f) {
  const auto& new_list = member(now, what);
  const auto& old_list = member(before, what);
  if (old_list.IsObject())
    for (const auto& m : old_list.GetObject()) {
      const std::string_view name{m.name.GetString(), m.name.GetStringLength()};
      const bool kept = has(new_list, name);
      if (is_resizable(name) && !kept)
        f.forbidden(path(at, what), "resource " + std::string{what} + " cannot be removed");
      else if (!is_resizable(name) && (!kept || !json::equal(member(new_list, name), m.value)))
        others_changed = true;
    }
  if (new_list.IsObject())
    for (const auto& m : new_list.GetObject()) {
      const std::string_view name{m.name.GetString(), m.name.GetStringLength()};
      others_changed |= !is_resizable(name) && !has(old_list, name);
    }
}

} // namespace

bool same_containers(const json::value& spec, const json::value& before, const path& at,
                     findings* f) {
  for (std::string_view list : {"containers", "initContainers"}) {
    const auto& now = member(spec, list);
    const auto& old = member(before, list);
    if (count(now) != count(old)) {
      if (f)
        f->forbidden(path(at, list), "containers may not be added or removed on resize");
      return false;
    }
    for (rapidjson::SizeType i = 0; old.IsArray() && i < old.Size(); ++i)
      if (text(now[i], "name") != text(old[i], "name")) {
        if (f)
          f->forbidden(path(at, list), "containers may not be renamed or reordered on resize");
        return false;
      }
  }
  return true;
}

void validate_resize_update(const json::value& pod, const json::value& old, findings& f) {
  path at("spec");
  const auto& spec = member(pod, "spec");
  const auto& before = member(old, "spec");
  if (!same_containers(spec, before, at, &f))
    return;
  bool others_changed = false;
  for (std::string_view list : {"containers", "initContainers"}) {
    const auto& now = member(spec, list);
    path containers(at, list);
    for (rapidjson::SizeType i = 0; now.IsArray() && i < now.Size(); ++i) {
      const auto& was = member(before, list)[i];
      const auto& resources = member(now[i], "resources");
      const auto& old_resources = member(was, "resources");
      if (json::equal(resources, old_resources))
        continue;
      path p(containers, i);
      if (list == "initContainers" && text(was, "restartPolicy") != "Always") {
        f.forbidden(path(p, "resources"),
                    "resources for non-sidecar init containers are immutable");
        continue;
      }
      path r(p, "resources");
      check_amounts(resources, old_resources, "limits", r, others_changed, f);
      check_amounts(resources, old_resources, "requests", r, others_changed, f);
      others_changed |= !json::equal(member(resources, "claims"), member(old_resources, "claims"));
    }
  }
  if (others_changed)
    f.forbidden(at, "only cpu and memory resources are mutable");
}

} // namespace thespis::api
