// The heart of ownership: whose fields a change takes, what an applied configuration removes.
// Internal to api/apply.
#pragma once

#include "api/apply/field_manager.hpp"

#include <map>

namespace thespis::api::apply {

/// Fields that other managers own with other values.
using conflicts = std::map<manager_id, field_set>;

/// One object in the versions its managers use, converted when needed.
class versioned_object {
public:
  versioned_object(const field_write& w, const json::value& v) : write_(w), value_(v) {}
  /// nullptr when the version is not served. Errors: of the conversion.
  result<const json::value*> in(const std::string& api_version);

private:
  const field_write& write_;
  const json::value& value_;
  std::map<std::string, json::document> converted_;
};

/// The type of a version that `w.kinds` knows.
object_type type_in(const field_write& w, const std::string& api_version);

/// Takes from all managers but `self` what the change from `before` to `after` added, changed or
/// removed. `own` becomes the change in the version of the write, within its reach. Without
/// `force`, fields that others own and the change alters go to `found`, and nothing else happens.
result<void> take(const field_write& w, managers& all, const manager_id& self,
                  const json::value& before, const json::value& after, bool force, comparison& own,
                  conflicts& found);

/// Sets named in a version whose schema now takes a part as a whole follow the schema; sets in
/// versions that are gone are dropped.
void reconcile(const field_write& w, managers& all);

/// Removes from `merged` what `last` has, and no manager in `all`. Returns whether it did.
result<bool> prune(const field_write& w, json::document& merged, const managers& all,
                   const ownership& last);

} // namespace thespis::api::apply
