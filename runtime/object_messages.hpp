// How objects and errors of api/ travel in messages: by pointer within a process, as resource and
// bytes between processes.
#pragma once

#include "api/error.hpp"
#include "api/object/object.hpp"

#include <caf/detail/stringification_inspector.hpp>
#include <caf/error.hpp>
#include <caf/meta/load_callback.hpp>
#include <caf/sec.hpp>

#include <string>

namespace thespis::api {

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, owner_reference& x) {
  return f(x.api_version, x.kind, x.name, x.uid, x.controller, x.block_owner_deletion);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_meta& x) {
  return f(x.resource, x.ns, x.name, x.uid, x.revision, x.generation, x.labels, x.owners,
           x.node_name, x.deleting, x.has_finalizers);
}

/// How a trace shows it, likewise.
inline caf::detail::stringification_inspector::result_type
inspect(caf::detail::stringification_inspector& f, draft& x) {
  auto name = x.meta.resource + " " + object_key(x.meta.ns, x.meta.name);
  auto size = x.bytes.size();
  return f(name, size);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, draft& x) {
  return f(x.meta, x.bytes, x.revision_pos);
}

/// How a trace shows it: by name, for its bytes may be a secret's.
inline caf::detail::stringification_inspector::result_type
inspect(caf::detail::stringification_inspector& f, object_ref& x) {
  auto name = x ? x->resource() + " " + object_key(x->ns(), x->name()) + " @" +
                      std::to_string(x->revision())
                : std::string{"none"};
  return f(name);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, object_ref& x) {
  std::string resource = x ? x->resource() : std::string{};
  std::string bytes = x ? x->bytes() : std::string{};
  auto load = [&]() -> caf::error {
    x.ptr = nullptr;
    if (resource.empty())
      return caf::none;
    auto loaded = load_object(resource, std::move(bytes));
    if (!loaded)
      return caf::sec::invalid_argument;
    x.ptr = std::move(*loaded);
    return caf::none;
  };
  return f(resource, bytes, caf::meta::load_callback(load));
}

} // namespace thespis::api
