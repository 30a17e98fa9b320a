// The rows that schemagen writes of the schema files and registry::load reads. Plain data, so
// that nothing runs before main; indexes are positions in the arrays.
#pragma once

#include <cstdint>

namespace thespis::api::schema::table {

struct rules_row {
  bool nonempty, immutable, open_enum;
  const char* format;
  const char* enum_values; ///< separated by newlines
  const char* min;         ///< decimal or empty
  const char* max;
  int16_t min_length, min_items;
  int32_t max_length, max_items;
  const char *nonempty_detail, *message;
};

struct field_row {
  const char* name;
  const char* holders; ///< outermost first: 'l' list, 'm' map
  const char* scalar;  ///< the notation's name; empty: `type` tells
  int16_t type;        ///< position in types; -1 for scalars
  uint16_t pb;
  bool required;
  char list;             ///< 0, 'a'tomic, 's'et, 'm'ap
  const char* list_keys; ///< separated by newlines
  char map;              ///< 0, 'a'tomic, 'g'ranular
  const char* merge_key;
  uint8_t patch; ///< bits of patch_strategy
  const char* go_type;
  const char* default_json;
  const char* about;
  int16_t checks, element, keys; ///< positions in rule rows; -1: none
};

struct type_row {
  const char* name;
  const char* package;
  const char* group;
  const char* version;
  const char* about;
  const char* hook;
  const char* groups; ///< lines "=what:a,b" (exactly one) or "<what:a,b" (at most one)
  const char* wraps;  ///< lines "pb name:number,name:number"; "outer.pb …" when it is nested
  bool kind, atomic;
  uint16_t first_field, field_count;
};

struct column_row {
  const char *name, *type, *format, *source, *about;
  int8_t priority;
};

struct subresource_row {
  const char *name, *kind, *group, *version;
  const char* verbs; ///< separated by newlines
};

struct resource_row {
  const char *group, *version, *plural, *singular;
  int16_t type;
  const char *short_names, *categories, *verbs, *selectors; ///< separated by newlines
  const char* name_format;
  bool namespaced;
  const char *scale_spec, *scale_status, *scale_selector;
  uint16_t first_column, column_count, first_subresource, subresource_count;
};

/// An array of rows and its length.
template <class T>
struct rows {
  const T* data;
  uint16_t size;

  const T* begin() const { return data; }
  const T* end() const { return data + size; }
  const T& operator[](int i) const { return data[i]; }
};

extern const rows<rules_row> all_rules;
extern const rows<field_row> all_fields;
extern const rows<type_row> all_types;
extern const rows<column_row> all_columns;
extern const rows<subresource_row> all_subresources;
extern const rows<resource_row> all_resources;

} // namespace thespis::api::schema::table
