// Objects as a version of their resource shows them: converted from the version they are stored
// in, with the defaults and without the fields that have come and gone since they were written.
#pragma once

#include "api/object/object.hpp"
#include "api/result.hpp"
#include "api/schema/schema.hpp"

#include <vector>

namespace thespis::api {

/// Whether `r` shows the object with the very bytes that are stored.
bool is_verbatim(const schema::resource& r, const object& o);

/// The object as `r` shows it; the same object when it is stored that way. May block when
/// r.calls_out(). Errors: those of the conversion.
result<object_ptr> present(const schema::resource& r, const object_ptr& o);

/// All of them at once, in place. On an error nothing is changed.
result<void> present(const schema::resource& r, std::vector<object_ptr>& objects);

/// The object is stored in a version that is no longer the one to be written.
bool is_stale(const schema::resource& r, const object& o);

} // namespace thespis::api
