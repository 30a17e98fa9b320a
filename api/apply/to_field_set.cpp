#include "api/apply/typed_walk.hpp"

namespace thespis::api::apply {

namespace {

using schema::value_type;

/// The set of what is below a value; `self` becomes true when the value itself is a leaf.
class collector {
public:
  explicit collector(bool custom) : custom_(custom) {}

  field_set collect(const value_type* t, const json::value& v, bool& self) const {
    const auto f = form_of(t, &v, custom_);
    self = f == form::leaf;
    switch (f) {
    case form::leaf:
      return {};
    case form::set:
    case form::keyed:
      return items(*t, f, v);
    case form::map:
    case form::object:
      return members(t, v);
    }
    return {};
  }

private:
  field_set items(const value_type& t, form f, const json::value& v) const {
    field_set out;
    const named_items names{t, f, v};
    for (const auto& pe : names.order) {
      const auto& places = *names.find(pe);
      bool ignored = false;
      // An item that is there twice is owned as a whole.
      auto below =
          places.size() > 1 ? field_set{} : collect(t.element.get(), v[places[0]], ignored);
      out.append(pe, true, std::move(below));
    }
    out.settle();
    return out;
  }

  field_set members(const value_type* t, const json::value& v) const {
    field_set out;
    if (!v.IsObject())
      return out;
    out.nodes().reserve(v.MemberCount());
    for (const auto& m : v.GetObject()) {
      const auto name = json::as_string(m.name);
      const auto type = type_of_member(t, name);
      bool self = false;
      auto below = collect(type.type, m.value, self);
      self |= m.value.IsNull() || (m.value.IsObject() && m.value.ObjectEmpty()) || !type.field;
      if (self || !below.empty())
        out.append(path_element::field(name), self, std::move(below));
    }
    out.settle();
    return out;
  }

  bool custom_;
};

/// Rebuilds a set along its type.
class set_walker {
public:
  using step = void (*)(const value_type* child, const schema::field* field, bool custom,
                        field_set::node& n);

  set_walker(bool custom, step s) : custom_(custom), step_(s) {}

  field_set walk(const value_type* t, const field_set& s) const {
    field_set out;
    out.nodes().reserve(s.nodes().size());
    for (const auto& n : s.nodes()) {
      const value_type* child = nullptr;
      const schema::field* field = nullptr;
      if (n.element.is_field()) {
        const auto m = type_of_member(t, n.element.field_name());
        child = m.type;
        field = m.field;
      } else if (t && t->form == schema::shape::list) {
        child = t->element.get();
      }
      field_set::node next{n.element, n.member, {}};
      if (!n.below.empty())
        next.below = walk(child, n.below);
      step_(child, field, custom_, next);
      out.nodes().push_back(std::move(next));
    }
    return out;
  }

private:
  bool custom_;
  step step_;
};

} // namespace

field_set to_field_set(const object_type& t, const json::value& v) {
  const auto root = root_of(t);
  bool ignored = false;
  return collector{t.custom}.collect(t.type ? &root : nullptr, v, ignored);
}

field_set with_named_fields(const object_type& t, const field_set& s) {
  const auto root = root_of(t);
  return set_walker{t.custom, [](const value_type*, const schema::field* f, bool,
                                 field_set::node& n) { n.member |= f && !n.below.empty(); }}
      .walk(t.type ? &root : nullptr, s);
}

field_set reconciled(const object_type& t, const field_set& s) {
  const auto root = root_of(t);
  return set_walker{
      t.custom,
      [](const value_type* type, const schema::field*, bool custom, field_set::node& n) {
        if (!type || n.below.empty() || form_of(type, nullptr, custom) != form::leaf)
          return;
        const bool container = type->form == schema::shape::object ||
                               type->form == schema::shape::map ||
                               type->form == schema::shape::list;
        if (!container)
          return;
        n.below = {};
        n.member = true;
      }}
      .walk(t.type ? &root : nullptr, s);
}

} // namespace thespis::api::apply
