// The types of CEL: what the checker reasons about, and what values are at run time.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::cel {

/// What a value or a type is. `dyn`, `object` and `param` are of types alone: an object's values
/// are maps. Fewer than 32, so that a set of kinds is a bit mask.
enum class kind : uint8_t {
  dyn,
  error,
  null_,
  boolean,
  int_,
  uint_,
  double_,
  string,
  bytes,
  timestamp,
  duration,
  list,
  map,
  type,
  optional,
  url,
  ip,
  cidr,
  quantity,
  semver,
  format,
  authorizer,
  path_check,
  group_check,
  resource_check,
  decision,
  object,
  param,
};

struct type;

/// A field of an object type, by the name expressions use. The JSON name differs where it is no
/// identifier of CEL ("foo-bar" is foo__dash__bar).
struct field_decl {
  std::string name;
  std::string json_name;
  const type* of = nullptr;
};

struct type {
  static constexpr uint64_t unbounded = std::numeric_limits<uint64_t>::max();

  kind form = kind::dyn;
  std::string name;                ///< as messages show it, without parameters
  std::vector<const type*> params; ///< of list, map, type and optional
  std::vector<field_decl> fields;  ///< of an object, ordered by name
  bool open = false;               ///< an object that has any field, of type dyn
  /// The most characters, bytes, items or entries that a declared value has.
  uint64_t max_size = unbounded;
  /// The fewest bytes of JSON that a declared value takes.
  uint64_t min_json = 1;

  /// nullptr when there is none of that name.
  const field_decl* find(std::string_view field) const;
  const type* param(size_t n) const;
};

/// The one type of a kind without parameters; dyn for those that need some.
const type& simple(kind k);

/// As cel-go's messages show it: "list(int)", "map(string, dyn)".
std::string to_string(const type& t);

/// Owns types. Pointers stay valid as long as it lives.
class type_store {
public:
  type_store() = default;
  type_store(const type_store&) = delete;
  type_store& operator=(const type_store&) = delete;

  type& make(kind k, std::string name = {});
  const type* list(const type* element);
  const type* map(const type* key, const type* value);
  const type* optional(const type* of);
  const type* type_of(const type* of);
  const type* fresh_param();

private:
  std::deque<type> types_;
  uint32_t next_param_ = 0;
};

/// Whether both are the same type, limits aside.
bool same(const type& a, const type& b);

} // namespace thespis::api::cel
