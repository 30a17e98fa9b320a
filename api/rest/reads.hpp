// get and list, answered from the backend's snapshots.
#pragma once

#include "api/rest/core.hpp"
#include "api/rest/list_options.hpp"

namespace thespis::api::rest {

transport::response get_object(const exchange& x);
transport::response get_scale(const exchange& x);
transport::response list_objects(const exchange& x);
/// Whichever of these the request asks for.
transport::response read_objects(const exchange& x);

/// The refusal of a revision that the server has not seen yet, or nothing.
std::optional<error> check_seen(const exchange& x, uint64_t revision);

/// All objects of the exchange's resource and namespace that the options select, on the state
/// they ask for. Errors: expired, timeout (revision not seen yet).
struct selected {
  std::vector<object_ptr> objects;
  uint64_t revision = 0;
  std::string continue_token;
  int64_t remaining = 0;
};
result<selected> select_objects(const exchange& x, const list_options& o);

} // namespace thespis::api::rest
