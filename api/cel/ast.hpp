// Expressions as trees.
#pragma once

#include "api/cel/source.hpp"
#include "api/cel/value.hpp"
#include "api/result.hpp"

#include <deque>

namespace thespis::api::cel {

struct overload;

enum class node : uint8_t {
  literal,
  ident,
  select,    ///< args[0].name
  test,      ///< has(args[0].name)
  call,      ///< name(args), or args[0].name(args[1]...) when `member`
  list,      ///< of args
  map,       ///< args: key, value, key, value
  structure, ///< name{fields: args}
  fold,      ///< a comprehension over args[0]
  bind,      ///< cel.bind(var, args[0], args[1])
};

/// What a comprehension makes of its range. args: the range, then what the comment names.
enum class folding : uint8_t {
  all,                  ///< predicate
  exists,               ///< predicate
  exists_one,           ///< predicate
  map,                  ///< element
  map_filtered,         ///< predicate, element
  filter,               ///< predicate
  transform_list,       ///< element
  transform_list_some,  ///< predicate, element
  transform_map,        ///< value
  transform_map_some,   ///< predicate, value
  transform_entry,      ///< a map of one entry
  transform_entry_some, ///< predicate, a map of one entry
  opt_map,              ///< of an optional: its new value
  opt_flat_map,         ///< of an optional: the new optional
  sort_by,              ///< the key
};

struct expr {
  node form = node::literal;
  folding fold = folding::all;
  bool member = false;   ///< a call with a receiver
  bool absolute = false; ///< an identifier with a leading dot
  uint32_t offset = 0;   ///< bytes into the expression, where errors are told
  std::string name;      ///< identifier, field, function, struct
  std::string var, var2; ///< of fold and bind; var2 is empty with one variable
  value literal;
  std::vector<expr*> args;
  std::vector<std::string> fields; ///< of a structure
  std::vector<uint32_t> colons;    ///< of a structure: where its fields' complaints are told
  std::vector<bool> maybe;         ///< elements of list, map, structure written with '?'

  // Filled by the checker.
  const type* of = nullptr;
  std::vector<const overload*> candidates; ///< of a call: those the types allow
  int variable = -1;                       ///< of ident: the environment's variable
  int slot = -1, slot2 = -1;               ///< of ident, fold and bind: local variables
};

/// A parsed expression and all that it owns.
struct ast {
  std::string text;
  std::deque<expr> nodes;
  std::deque<std::string> strings; ///< what literals refer to
  expr* root = nullptr;
};

/// Limits on what is parsed, in code points and levels.
constexpr size_t max_expression_size = 100'000;
constexpr unsigned max_expression_depth = 250;

/// Parses an expression and expands its macros. On failure `found` tells why and root is null.
void parse(std::string_view text, ast& out, issues& found);

} // namespace thespis::api::cel
