// The schema engine's protobuf encoder. Internal to the protobuf answers.
#pragma once

#include "api/json.hpp"
#include "api/rest/protobuf_wire.hpp"
#include "api/schema/schema.hpp"

#include <string_view>
#include <vector>

namespace thespis::api::rest {

/// The order in which one type's fields are written, by number.
struct wire_plan {
  /// A field, or a message of fields that JSON keeps beside the others.
  struct entry {
    uint32_t number = 0;
    uint16_t field = 0;         ///< position in the type; unused with members
    std::vector<entry> members; ///< of a wrap
  };
  std::vector<entry> entries; ///< descending, as the writer goes backwards
};

/// Writes JSON as messages of built-in types. Members without a number are left out, as are values
/// that do not fit their field (stored objects have none). Not thread-safe; reusable.
class protobuf_encoder {
public:
  /// Writes the fields of a message of type `t`, without tag or length.
  void message(const schema::struct_type& t, const json::value& object);

  wire_writer out;

private:
  struct place {
    const schema::struct_type& type;
    const schema::field& field;
  };

  /// Writes what is found of the entries; `frame` is where the object's members begin.
  void write(const schema::struct_type& t, const std::vector<wire_plan::entry>& entries,
             size_t frame);
  void field(const place& at, uint32_t number, const json::value& v);
  void items(const place& at, const schema::value_type& t, uint32_t number, const json::value& v);
  void entries(const place& at, uint32_t number, const json::value& v);
  void value(const place& at, const schema::value_type& t, uint32_t number, const json::value& v);
  void time(uint32_t number, const json::value& v, bool micro);
  void quantity(uint32_t number, const json::value& v);
  void int_or_string(uint32_t number, const json::value& v);
  void any(const place& at, uint32_t number, const json::value& v);

  /// Where the members of the objects being written stand, a frame each.
  std::vector<const json::value*> found_;
};

} // namespace thespis::api::rest
