#include "api/admission/plugin.hpp"
#include "api/pipeline/metadata.hpp"

#include <algorithm>

namespace thespis::api::admission {

std::string_view to_string(action a) {
  switch (a) {
  case action::create:
    return "CREATE";
  case action::update:
    return "UPDATE";
  case action::remove:
    return "DELETE";
  case action::connect:
    return "CONNECT";
  }
  return "";
}

std::string request::shown_name() const {
  if (!name.empty())
    return name;
  if (object) {
    const auto& metadata = metadata_of(*object);
    for (auto key : {"name", "generateName"})
      if (auto s = json::get_string(metadata, key); !s.empty())
        return std::string(s);
  }
  return "Unknown";
}

error refuse(const request& r, std::string_view detail) {
  return forbidden(r.type.resource, r.shown_name(), detail);
}

result<void> chain::mutate(request& r) const {
  auto all = [&]() -> result<void> {
    for (const auto& p : plugins_)
      if (auto ok = p->mutate(r); !ok)
        return ok;
    return {};
  };
  if (auto ok = all(); !ok || !r.reinvoke)
    return ok;
  r.reinvoking = true;
  return all();
}

result<void> chain::validate(request& r) const {
  for (const auto& p : plugins_)
    if (auto ok = p->validate(r); !ok)
      return ok;
  return {};
}

bool chain::may_call_out(const api::call& c) const {
  return std::any_of(plugins_.begin(), plugins_.end(),
                     [&](const auto& p) { return p->may_call_out(c); });
}

} // namespace thespis::api::admission
