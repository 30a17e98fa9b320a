// The answers of introspectors as the shell is given them.
#pragma once

#include "api/json.hpp"
#include "runtime/introspection/introspector_interface.hpp"

#include <string>
#include <vector>

namespace thespis::tools {

/// {"id":"machine-1/12","parent":"machine-1/3","kind":…,"name":…,"node":…,"state":…,"mailbox":…,…}
api::json::value to_json(const runtime::actor_info& i, api::json::allocator& a);
/// The other way, for snapshots. What is missing stays empty.
runtime::actor_info actor_from_json(const api::json::value& v);

api::json::value to_json(const std::vector<runtime::actor_info>& all, api::json::allocator& a);
api::json::value to_json(const runtime::machine_info& m, api::json::allocator& a);
api::json::value to_json(const runtime::actor_detail& d, api::json::allocator& a);
api::json::value to_json(const runtime::trace_event& e, const std::string& machine,
                         api::json::allocator& a);
api::json::value to_json(const std::vector<std::string>& texts, api::json::allocator& a);

/// Adds who did not answer, when there is somebody.
void add_silent(api::json::document& doc, const std::vector<std::string>& silent);

} // namespace thespis::tools
