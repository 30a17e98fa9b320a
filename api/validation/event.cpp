#include "api/validation/event.hpp"

#include "api/validation/access.hpp"

namespace thespis::api {

void validate_event(const json::value& event, findings& f) {
  auto ns = text(member(event, "metadata"), "namespace");
  auto involved = text(member(event, "involvedObject"), "namespace");
  path object("involvedObject");
  if (involved.empty()) {
    // Events about things without a namespace are kept in the default one.
    if (!ns.empty() && ns != "default")
      f.invalid(path(object, "namespace"), involved, "does not match event.namespace");
  } else if (involved != ns) {
    f.invalid(path(object, "namespace"), involved, "does not match event.namespace");
  }
}

void validate_lease(const json::value& lease, findings& f) {
  const auto& spec = member(lease, "spec");
  path at("spec");
  if (has(spec, "holderIdentity") && text(spec, "holderIdentity").empty())
    f.invalid(path(at, "holderIdentity"), std::string_view{}, "must not be empty");
}

} // namespace thespis::api
