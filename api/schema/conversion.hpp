// Several versions of one resource: objects are stored in one of them and shown in each that is
// served.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::schema {

struct struct_type;

/// Brings objects of one resource from any of its versions to another. Thread-safe.
class converter {
public:
  virtual ~converter() = default;
  /// Makes every document one of `api_version` ("autoscaling/v1"). Fails for all or none; after a
  /// failure the documents are unspecified. Errors: internal_error and what the kind says.
  virtual result<void> convert(const std::vector<json::document*>& docs,
                               const std::string& api_version) const = 0;
  /// It asks another server: never to be called on an I/O thread or in an actor.
  virtual bool calls_out() const { return false; }
};

/// The versions of a resource, shared by its resources of the registry.
struct version_set {
  std::string stored; ///< the apiVersion that is written
  /// By apiVersion; also those that are not served, for objects stored in them may be left.
  std::map<std::string, const struct_type*, std::less<>> types;
  std::shared_ptr<const converter> convert;
};

/// Converts one document in place; kind and apiVersion are the converter's to set.
using convert_function = result<void> (*)(json::document& doc, const std::string& api_version);

/// A built-in resource of several versions, or one that is kept as another resource.
struct builtin_conversion {
  std::string_view resource; ///< group resource: "horizontalpodautoscalers.autoscaling"
  /// The group resource under which the store has the objects; may be `resource` itself.
  std::string_view stored_as;
  std::string_view stored; ///< the apiVersion that is written: "autoscaling/v2"
  convert_function convert;
};

/// nullptr when the resource has one version only. The rows are in builtin_conversions.cpp.
const builtin_conversion* find_builtin_conversion(std::string_view resource);

/// A converter of such a function.
std::shared_ptr<const converter> make_converter(convert_function f);

/// A number no other schema of this process has: objects remember the one they are known to fit.
uint64_t next_epoch();

} // namespace thespis::api::schema
