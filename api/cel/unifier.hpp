// Type parameters and what they stand for while an expression is checked.
#pragma once

#include "api/cel/type.hpp"

#include <unordered_map>
#include <vector>

namespace thespis::api::cel {

class unifier {
public:
  explicit unifier(type_store& types) : types_(types) {}

  /// What `t` stands for, parameters inside kept.
  const type* find(const type* t) const;
  /// `t` with all known parameters replaced; unknown ones become dyn when `close`.
  const type* substitute(const type* t, bool close);
  /// Whether a value of `from` may stand where `to` is expected; parameters are bound on success.
  bool assign(const type* to, const type* from);
  /// As assign, for all pairs or none.
  bool assign(const std::vector<const type*>& to, const std::vector<const type*>& from);
  /// A point to roll back to, taking back what was bound since.
  size_t mark() const { return trail_.size(); }
  void rollback(size_t mark);
  /// The more general of two assignable types.
  const type* general(const type* a, const type* b);

private:
  bool unify(const type* to, const type* from, unsigned depth);
  bool bind(const type* param, const type* to);
  bool occurs(const type* param, const type* in) const;

  type_store& types_;
  std::unordered_map<const type*, const type*> bound_;
  std::vector<const type*> trail_; ///< the keys of bound_, in the order they came
};

} // namespace thespis::api::cel
