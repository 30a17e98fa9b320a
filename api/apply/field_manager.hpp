// Field ownership as Kubernetes' API server keeps it: what a write does to managedFields, and what
// an applied configuration makes of an object. Pure functions on JSON values.
#pragma once

#include "api/apply/managers.hpp"
#include "api/apply/typed_value.hpp"

#include <memory>
#include <string>
#include <vector>

namespace thespis::api::apply {

/// The versions that objects of a kind can be seen in. Managers name fields in the version they
/// wrote, so that their sets are compared with the object in that version.
class versions {
public:
  virtual ~versions() = default;
  /// The type in a version ("apps/v1"); `type` is null and `known` false when it is not served.
  struct version {
    bool known = false;
    object_type type;
  };
  virtual version find(std::string_view api_version) const = 0;
  /// `v`, an object of the written version, in another one. Errors: what converting came to.
  virtual result<json::document> convert(const json::value& v,
                                         std::string_view api_version) const = 0;
};

/// Fields that a request cannot change, so that it neither owns them nor collides over them.
struct scope {
  field_set excluded; ///< with what is below
  path only;          ///< nothing outside; empty: no such limit
  field_set cut(const field_set& s) const;
};

/// One write, as ownership sees it.
struct field_write {
  std::string manager;
  std::string api_version; ///< of the body: "apps/v1"
  std::string subresource;
  std::string now; ///< RFC 3339
  scope reach;
  const versions* kinds = nullptr;
  object_type type; ///< in `api_version`
};

/// What became of the managers of an object after an update made `after` of `before` (both without
/// regard to managedFields). An object that nobody owns stays so; a new one (`before` is an empty
/// object) is owned by its creator. Errors: bad_request when values do not fit their type.
result<managers> update(const field_write& w, managers all, const json::value& before,
                        const json::value& after, bool is_new);

/// What an applied configuration came to.
struct applied {
  json::document object; ///< without managedFields; of no use when `unchanged`
  bool unchanged = false;
  managers owners;
};

/// Applies `config` to `live` (an empty object when it is new). `live_managers` are those of
/// `live`. Errors: conflict with the fields in question; bad_request; unknown for a configuration
/// that does not fit its type.
result<applied> apply_config(const field_write& w, const managers& live_managers,
                             const json::value& live, const json::value& config, bool force);

} // namespace thespis::api::apply
