#include "api/cel/unifier.hpp"

namespace thespis::api::cel {

const type* unifier::find(const type* t) const {
  for (auto it = bound_.find(t); it != bound_.end(); it = bound_.find(t))
    t = it->second;
  return t;
}

const type* unifier::substitute(const type* t, bool close) {
  t = find(t);
  if (t->form == kind::param)
    return close ? &simple(kind::dyn) : t;
  if (t->params.empty() || t->form == kind::object)
    return t;
  std::vector<const type*> params;
  bool changed = false;
  for (const auto* p : t->params) {
    params.push_back(substitute(p, close));
    changed = changed || params.back() != p;
  }
  if (!changed)
    return t;
  auto& out = types_.make(t->form, t->name);
  out.params = std::move(params);
  out.max_size = t->max_size;
  return &out;
}

bool unifier::occurs(const type* param, const type* in) const {
  in = find(in);
  if (in == param)
    return true;
  for (const auto* p : in->params)
    if (occurs(param, p))
      return true;
  return false;
}

bool unifier::bind(const type* param, const type* to) {
  if (param == to)
    return true;
  if (occurs(param, to))
    return false;
  bound_[param] = to;
  trail_.push_back(param);
  return true;
}

bool unifier::unify(const type* to, const type* from, unsigned depth) {
  if (depth > 300)
    return false;
  to = find(to);
  from = find(from);
  if (to == from)
    return true;
  if (to->form == kind::param) {
    // A parameter never turns to what is inside of itself.
    return bind(to, from);
  }
  if (from->form == kind::param)
    return bind(from, to);
  for (auto any : {kind::dyn, kind::error})
    if (to->form == any || from->form == any)
      return true;
  if (from->form == kind::null_)
    return to->form == kind::object || to->form == kind::timestamp || to->form == kind::duration ||
           to->form >= kind::optional || to->form == kind::null_;
  if (to->form != from->form || to->params.size() != from->params.size())
    return to->form == kind::type && from->form == kind::type;
  if (to->form == kind::object)
    return to->name == from->name;
  for (size_t n = 0; n < to->params.size(); ++n)
    if (!unify(to->params[n], from->params[n], depth + 1))
      return false;
  return true;
}

bool unifier::assign(const type* to, const type* from) {
  auto before = mark();
  if (unify(to, from, 0))
    return true;
  rollback(before);
  return false;
}

bool unifier::assign(const std::vector<const type*>& to, const std::vector<const type*>& from) {
  if (to.size() != from.size())
    return false;
  auto before = mark();
  for (size_t n = 0; n < to.size(); ++n)
    if (!unify(to[n], from[n], 0)) {
      rollback(before);
      return false;
    }
  return true;
}

void unifier::rollback(size_t mark) {
  for (; trail_.size() > mark; trail_.pop_back())
    bound_.erase(trail_.back());
}

const type* unifier::general(const type* a, const type* b) {
  a = find(a);
  b = find(b);
  return a->form == kind::dyn || a->form == kind::error || b->form == kind::param ? a
         : b->form == kind::dyn || b->form == kind::error                         ? b
                                                                                  : a;
}

} // namespace thespis::api::cel
