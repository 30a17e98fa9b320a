// Which actors a person means: "pod", "mailbox>10", "name~web state!=running".
#pragma once

#include "api/result.hpp"
#include "runtime/introspection/actor_info.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace thespis::runtime {

/// Terms that must all hold. A term is FIELD OPERATOR VALUE without blanks, or one word alone: a
/// kind. Texts compare with = != and ~ !~ (contains), numbers also with < <= > >=.
class actor_filter {
public:
  /// Errors: bad_request, saying which field or operator is meant perhaps.
  static api::result<actor_filter> parse(std::string_view text);

  bool empty() const { return terms_.empty(); }
  bool matches(const actor_info& i) const;
  /// The kind that a single-word term asks for; empty without one.
  std::string kind() const;

private:
  enum class field : uint8_t {
    kind,
    name,
    machine,
    state,
    last,
    id,
    parent,
    mailbox,
    handled,
    rate,
    busy,
    waits,
  };
  enum class comparison : uint8_t {
    equal,
    unequal,
    contains,
    lacks,
    less,
    at_most,
    more,
    at_least
  };
  struct field_name {
    std::string_view name;
    field what;
    bool is_number;
  };
  struct term {
    field what = field::kind;
    comparison how = comparison::equal;
    std::string text;
    double number = 0;
  };

  static const std::vector<field_name>& fields();
  static api::result<term> parse_term(std::string_view word);
  static bool holds(const term& t, const actor_info& i);

  std::vector<term> terms_;
};

/// What comes first in a list.
enum class actor_order : uint8_t { name, mailbox, handled, rate, busy };

/// "mailbox"; the names a person types.
api::result<actor_order> parse_order(std::string_view text);

/// Whether `a` stands before `b`: the larger number, then kind, name and id.
bool stands_before(const actor_info& a, const actor_info& b, actor_order by);

/// Keeps the first `limit` (0: all) in their order.
void sort_and_cut(std::vector<actor_info>& all, actor_order by, size_t limit);

} // namespace thespis::runtime
