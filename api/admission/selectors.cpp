#include "api/admission/selectors.hpp"

#include "api/pipeline/metadata.hpp"
#include "api/validation/access.hpp"

#include <algorithm>

namespace thespis::api::admission {

label_set labels_of(const json::value* o) {
  label_set out;
  if (o)
    each_member(metadata_of(*o), "labels", [&](std::string_view key, const json::value& v) {
      out.emplace_back(key, json::as_string(v));
    });
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<label_set> namespace_labels(const request& r) {
  if (r.type.resource == "namespaces") {
    if (r.object && r.call.subresource != "finalize")
      return labels_of(r.object);
    return labels_of(r.old_object);
  }
  if (!r.type.namespaced)
    return std::nullopt;
  auto ns = r.state.get("namespaces", {}, r.ns);
  return ns ? ns->labels() : label_set{};
}

} // namespace thespis::api::admission
