// metav1.Table: objects as the rows that `kubectl get` prints. Columns of well-known kinds come
// from C++ (they compute), those of other kinds from their schema.
#pragma once

#include "api/object/object.hpp"
#include "api/schema/schema.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace thespis::api::table {

using timestamp = std::chrono::sys_time<std::chrono::nanoseconds>;

/// One value of a row; monostate is null.
using cell = std::variant<std::monostate, std::string, int64_t, double, bool>;
using row = std::vector<cell>;

/// How objects of one kind become rows.
struct printer {
  std::vector<schema::column> columns;
  /// The cells of `object` at the time `now`, as many as there are columns.
  row (*cells)(const json::value& object, timestamp now) = nullptr;
};

/// The printer of a group resource ("pods", "deployments.apps"), or nullptr when it has none of
/// its own.
const printer* find_printer(std::string_view resource);

/// The value at the column's source, a path such as `.spec.replicas` or
/// `.status.conditions[?(@.type=="Ready")].status`: of the column's type, dates as an age. Null
/// when there is none.
cell evaluate(const schema::column& c, const json::value& object, timestamp now);

/// metav1.IncludeObjectPolicy.
enum class include_object : uint8_t { none, metadata, object };

struct options {
  std::string version = "v1"; ///< of meta.k8s.io: "v1", "v1beta1"
  include_object include = include_object::metadata;
  bool headers = true; ///< watches send the column definitions only once
  timestamp now;
};

/// metav1.ListMeta of the answer.
struct list_meta {
  uint64_t revision = 0;
  std::string continue_token;
  int64_t remaining = 0; ///< 0 leaves it out
};

/// The rows of `objects` as a Table, compact JSON. A kind without a printer of its own shows the
/// columns of its schema, or Name and Age when it has none.
std::string render(const schema::resource& resource, const std::vector<object_ptr>& objects,
                   const list_meta& meta, const options& o);

/// The metadata of an object as a PartialObjectMetadata, compact JSON.
std::string partial_metadata(const object& o, std::string_view version);

} // namespace thespis::api::table
