// The functions and operators that expressions call, and what calls of them cost.
#pragma once

#include "api/cel/value.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace thespis::api::cel {

/// What a call costs, with Kubernetes' factors. "size" is cost_size of an argument.
enum class price : uint8_t {
  none,
  one,
  authorization,   ///< 350,000: two checks an expression
  traverse,        ///< 0.1 of the first argument's size
  traverse_twice,  ///< 0.2 of it
  traverse_second, ///< 0.1 of the second argument's size
  result_twice,    ///< 0.2 of the result's size (join)
  concatenate,     ///< 0.1 of both sizes
  append_lists,    ///< one; the result has both sizes
  smaller,         ///< 0.1 of the smaller size
  contains,        ///< the product of 0.1 of both
  matches,         ///< 0.1 of the text times 0.25 of the pattern
  search_list,     ///< the second argument's size
  walk,            ///< all that is inside the first argument
  product,         ///< the product of both sizes, and one
  contains_ip,
  contains_ip_text,
  contains_cidr,
  contains_cidr_text,
  validate_format, ///< 0.1 of the text times 0.25 of the format's pattern
  index,           ///< one; the result is an element
  conditional,     ///< nothing of its own; the result is either branch
  keep_size,       ///< one; the result has the first argument's size
};

/// `args` holds the receiver first, where there is one.
using native = value (*)(evaluation& run, const value* args, size_t count);

struct overload {
  std::string_view function;
  bool member = false;
  std::vector<const type*> params;
  std::vector<uint32_t> masks; ///< of each parameter: the kinds it takes, as bits
  const type* result = nullptr;
  native call = nullptr; ///< nullptr: what the evaluator does itself
  price cost = price::one;

  bool accepts(const value* args, size_t count) const;
};

/// The overloads of a function; empty when there is no such function.
std::span<const overload> find_function(std::string_view name);

/// An entry of a library's table: "string.(string, int) -> int" takes a receiver, "(A, A) -> bool"
/// none. A, B are parameters; N is one of what can be summed, C one of what can be compared.
struct declaration {
  const char* function;
  const char* signature;
  native call;
  price cost = price::one;
};

using library = std::span<const declaration>;

library operators();
library conversions();
library times();
library strings();
library string_extras();
library lists();
library patterns();
library urls();
library networks();
library quantities();
library formats();
library versions();
library sets();
library mathematics();
library optionals();
library authorization();

/// Go's shortest form of a double, as string() and messages show it.
std::string format_double(double d);

/// Whether RE2 takes the pattern; the complaint otherwise, in Go's words.
std::optional<std::string> pattern_problem(std::string_view pattern);

/// What a call cost, now that its result is known.
void charge(price p, const value* args, size_t count, const value& result, evaluation& run);

/// 0.1 of a size, rounded up.
uint64_t tenth(uint64_t size);

} // namespace thespis::api::cel
