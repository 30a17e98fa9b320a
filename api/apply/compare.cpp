#include "api/apply/typed_walk.hpp"

#include <unordered_set>

namespace thespis::api::apply {

namespace {

using schema::value_type;

/// What differs at a value and below it.
struct difference {
  comparison below;
  bool added = false, modified = false, removed = false; ///< of the value itself

  bool nothing() const { return !added && !modified && !removed && below.same(); }
};

class comparer {
public:
  explicit comparer(bool custom) : custom_(custom) {}

  bool broken() const { return broken_; }

  /// At least one of both is there.
  difference compare(const value_type* t, const json::value* x, const json::value* y, int depth) {
    difference d;
    const auto fx = form_of(t, x ? x : y, custom_);
    const auto fy = form_of(t, y ? y : x, custom_);
    if (fx == fy) {
      same_form(fx, t, x, y, depth, d);
    } else { // an untyped value that changed its kind
      same_form(fx, t, x, fx == form::leaf ? y : nullptr, depth, d);
      same_form(fy, t, fy == form::leaf ? x : nullptr, y, depth, d);
      d.added = d.removed = false;
      d.modified = true;
    }
    d.added |= !x;
    d.removed |= !y;
    return d;
  }

private:
  void same_form(form f, const value_type* t, const json::value* x, const json::value* y, int depth,
                 difference& d) {
    if (f == form::leaf || (is_empty(x) && is_empty(y))) {
      d.modified |= x && y && !json::equal(*x, *y);
      return;
    }
    if (f == form::set || f == form::keyed)
      return items(*t, f, x, y, depth, d.below);
    members(t, x, y, depth, d.below);
  }

  void adopt(comparison& into, const path_element& pe, difference d) {
    into.added.append(pe, d.added, std::move(d.below.added));
    into.modified.append(pe, d.modified, std::move(d.below.modified));
    into.removed.append(pe, d.removed, std::move(d.below.removed));
  }

  static void settle(comparison& c) {
    c.added.settle();
    c.modified.settle();
    c.removed.settle();
  }

  void items(const value_type& t, form f, const json::value* x, const json::value* y, int depth,
             comparison& out) {
    if (x && y && json::equal(*x, *y))
      return;
    static const json::value none;
    const auto& xs = x ? *x : none;
    const auto& ys = y ? *y : none;
    const named_items old_names{t, f, xs};
    const named_items new_names{t, f, ys};
    broken_ |= old_names.broken || new_names.broken;
    for (const auto& pe : old_names.order)
      item(t, pe, xs, old_names.find(pe), ys, new_names.find(pe), depth, out);
    for (const auto& pe : new_names.order)
      if (!old_names.find(pe))
        item(t, pe, xs, nullptr, ys, new_names.find(pe), depth, out);
    settle(out);
  }

  using places = std::vector<rapidjson::SizeType>;

  /// One name: items that are there once are compared, those that are there twice are one thing.
  void item(const value_type& t, const path_element& pe, const json::value& xs, const places* px,
            const json::value& ys, const places* py, int depth, comparison& out) {
    const bool many_x = px && px->size() > 1;
    const bool many_y = py && py->size() > 1;
    const auto* x = px ? &xs[(*px)[0]] : nullptr;
    const auto* y = py ? &ys[(*py)[0]] : nullptr;
    if (!many_x && !many_y)
      return adopt(out, pe, compare(t.element.get(), x, y, depth + 1));
    difference d;
    if (many_x && many_y) {
      d.modified = px->size() != py->size();
      for (size_t i = 0; !d.modified && i < px->size(); ++i)
        d.modified = !json::equal(xs[(*px)[i]], ys[(*py)[i]]);
    } else if (many_x) {
      if (y)
        d = compare(t.element.get(), nullptr, y, depth + 1);
      d.removed = true;
    } else {
      if (x)
        d = compare(t.element.get(), x, nullptr, depth + 1);
      d.added = true;
    }
    adopt(out, pe, std::move(d));
  }

  /// Objects that are no pointers in Go's types.
  static bool always_written(const schema::field& f) {
    static const std::unordered_set<std::string_view> names{
        "metadata", "resources", "spec", "status", "strategy", "template", "updateStrategy"};
    return f.required || names.contains(f.name);
  }

  /// Members that Go always writes are there, empty, also where JSON leaves them out.
  const json::value* given(const schema::field* f, const json::value* outer) const {
    static const json::value null, object(rapidjson::kObjectType);
    if (custom_ || !f || !outer || !outer->IsObject())
      return nullptr;
    const auto form = f->type.form;
    if (form == schema::shape::object)
      return always_written(*f) ? &object : nullptr;
    const bool container = form == schema::shape::list || form == schema::shape::map;
    return f->required && container ? &null : nullptr;
  }

  void members(const value_type* t, const json::value* x, const json::value* y, int depth,
               comparison& out) {
    member_finder in_x{x}, in_y{y};
    if (x && x->IsObject())
      for (const auto& m : x->GetObject())
        member(t, json::as_string(m.name), &m.value, in_y.find(json::as_string(m.name)), x, y,
               depth, out);
    if (y && y->IsObject())
      for (const auto& m : y->GetObject())
        if (const auto name = json::as_string(m.name); !in_x.find(name))
          member(t, name, nullptr, &m.value, x, y, depth, out);
    settle(out);
  }

  void member(const value_type* t, std::string_view name, const json::value* x,
              const json::value* y, const json::value* outer_x, const json::value* outer_y,
              int depth, comparison& out) {
    if (depth == 0)
      in_metadata_ = name == "metadata";
    else if (depth == 1 && in_metadata_ && name == "managedFields")
      return;
    const auto type = type_of_member(t, name);
    if (!x)
      x = given(type.field, outer_x);
    if (!y)
      y = given(type.field, outer_y);
    auto d = compare(type.type, x, y, depth + 1);
    if (!d.nothing())
      adopt(out, path_element::field(name), std::move(d));
  }

  bool custom_;
  bool broken_ = false;
  bool in_metadata_ = false;
};

} // namespace

comparison compare(const object_type& t, const json::value& before, const json::value& after) {
  const auto root = root_of(t);
  comparer c{t.custom};
  auto d = c.compare(t.type ? &root : nullptr, &before, &after, 0);
  d.below.broken = c.broken();
  return std::move(d.below);
}

} // namespace thespis::api::apply
