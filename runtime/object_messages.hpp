// How objects and errors of api/ travel in messages: by pointer within a process, as resource and
// bytes between processes.
#pragma once

#include "api/error.hpp"
#include "api/object/object.hpp"

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

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, draft& x) {
  return f(x.meta, x.bytes, x.revision_pos);
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
