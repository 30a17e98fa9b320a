#include "api/apply/typed_walk.hpp"

namespace thespis::api::apply {

namespace {

using schema::value_type;

class merger {
public:
  merger(bool custom, json::allocator& a) : custom_(custom), alloc_(a) {}

  void merge(const value_type* t, json::value& x, const json::value& y) {
    const auto f = form_of(t, &y, custom_);
    if (f == form::leaf || (is_empty(&x) && is_empty(&y))) {
      x = json::copy(y, alloc_);
      return;
    }
    if (is_empty(&y)) // says nothing about what is there
      return;
    if (f == form::set || f == form::keyed)
      return items(*t, f, x, y);
    if (!x.IsObject())
      x.SetObject();
    members(t, x, y);
  }

private:
  void members(const value_type* t, json::value& x, const json::value& y) {
    member_finder in_x{&x};
    std::vector<const json::value::Member*> fresh;
    for (const auto& m : y.GetObject()) {
      const auto name = json::as_string(m.name);
      if (const auto* there = in_x.find(name))
        merge(type_of_member(t, name).type, const_cast<json::value&>(*there), m.value);
      else
        fresh.push_back(&m);
    }
    for (const auto* m : fresh)
      x.AddMember(json::copy(m->name, alloc_), json::copy(m->value, alloc_), alloc_);
  }

  /// The state of laying one list over another.
  struct lists {
    const value_type& type;
    json::value& x;
    const json::value& y;
    named_items old_names;
    named_items new_names;
    std::vector<path_element> x_order; ///< the names of all items of x, also repeated ones
    json::value out{rapidjson::kArrayType};

    bool shared(const path_element& pe) const { return old_names.find(pe) && new_names.find(pe); }
  };

  void items(const value_type& t, form f, json::value& x, const json::value& y) {
    if (!x.IsArray())
      x.SetArray();
    lists l{t,
            x,
            y,
            named_items{t, f, x},
            named_items{t, f, y},
            {},
            json::value{rapidjson::kArrayType}};
    for (const auto& item : x.GetArray())
      if (auto name = name_item(t, f, item); name.element)
        l.x_order.push_back(std::move(*name.element));
    if (l.x_order.size() != x.Size())
      return; // live items that cannot be told apart stay alone
    l.out.Reserve(x.Size() + y.Size(), alloc_);
    interleave(l);
    x = std::move(l.out);
  }

  /// Items both have come in the order of y; items of x alone stay between their neighbours.
  void interleave(lists& l) {
    const auto& ys = l.new_names.order;
    std::vector<size_t> shared; // places in ys
    for (size_t i = 0; i < ys.size(); ++i)
      if (l.old_names.find(ys[i]))
        shared.push_back(i);
    size_t next = 0; // into shared
    size_t i = 0, j = 0;
    std::vector<bool> done(ys.size());
    std::unordered_map<std::string_view, size_t> place;
    place.reserve(ys.size());
    for (size_t k = 0; k < ys.size(); ++k)
      place.emplace(ys[k].bytes(), k);
    while (i < l.x_order.size() || j < ys.size()) {
      if (i < l.x_order.size()) {
        const auto it = place.find(l.x_order[i].bytes());
        if (it == place.end()) { // of x alone
          l.out.PushBack(l.x[static_cast<rapidjson::SizeType>(i)], alloc_);
          ++i;
          continue;
        }
        // Another shared item is due first, or this one has been laid already.
        const bool due = next < shared.size() && shared[next] == it->second;
        if (done[it->second] || (j < ys.size() && !due && it->second != j)) {
          ++i;
          continue;
        }
      }
      if (j >= ys.size())
        continue;
      lay(l, ys[j]);
      done[j] = true;
      if (i < l.x_order.size() && l.x_order[i] == ys[j])
        ++i;
      if (next < shared.size() && shared[next] == j)
        ++next;
      ++j;
    }
  }

  void lay(lists& l, const path_element& pe) {
    const auto& item = l.y[(*l.new_names.find(pe))[0]];
    const auto* there = l.old_names.find(pe);
    if (!there || there->size() > 1) { // new, or in place of doubles
      l.out.PushBack(json::copy(item, alloc_), alloc_);
      return;
    }
    auto& old = l.x[(*there)[0]];
    merge(l.type.element.get(), old, item);
    l.out.PushBack(old, alloc_);
  }

  bool custom_;
  json::allocator& alloc_;
};

class remover {
public:
  explicit remover(bool custom) : custom_(custom) {}

  void remove(const value_type* t, json::value& v, const field_set& what) {
    const auto f = form_of(t, &v, custom_);
    if (f == form::leaf) {
      // A part that is taken as a whole goes as a whole.
      if (v.IsObject() || v.IsArray())
        v.SetNull();
      return;
    }
    if (f == form::set || f == form::keyed)
      items(*t, f, v, what);
    else
      members(t, v, what);
  }

private:
  void items(const value_type& t, form f, json::value& v, const field_set& what) {
    if (!v.IsArray())
      return;
    rapidjson::SizeType keep = 0;
    for (rapidjson::SizeType i = 0; i < v.Size(); ++i) {
      const auto name = name_item(t, f, v[i]);
      const auto* n = name.element ? what.find(*name.element) : nullptr;
      if (n && n->member)
        continue;
      if (n)
        remove(t.element.get(), v[i], n->below);
      if (keep != i)
        v[keep].Swap(v[i]);
      ++keep;
    }
    while (v.Size() > keep)
      v.PopBack();
    if (v.Empty())
      v.SetNull();
  }

  void members(const value_type* t, json::value& v, const field_set& what) {
    if (!v.IsObject())
      return;
    const auto begin = v.MemberBegin();
    auto keep = begin;
    for (auto m = begin; m != v.MemberEnd(); ++m) {
      const auto name = json::as_string(m->name);
      const auto* n = what.find(path_element::field(name));
      if (n && n->member)
        continue;
      if (n && !m->value.IsNull()) {
        const auto type = type_of_member(t, name);
        remove(type.type, m->value, n->below);
        if (type.field && m->value.IsNull())
          continue; // a field that lost all it had
      }
      if (keep != m) {
        keep->name.Swap(m->name);
        keep->value.Swap(m->value);
      }
      ++keep;
    }
    if (keep != v.MemberEnd())
      v.EraseMember(keep, v.MemberEnd());
    if (v.ObjectEmpty())
      v.SetNull();
  }

  bool custom_;
};

} // namespace

void merge(const object_type& t, json::value& into, const json::value& config, json::allocator& a) {
  const auto root = root_of(t);
  merger{t.custom, a}.merge(t.type ? &root : nullptr, into, config);
}

void remove(const object_type& t, json::value& v, const field_set& what) {
  if (what.empty())
    return;
  const auto root = root_of(t);
  remover{t.custom}.remove(t.type ? &root : nullptr, v, what);
}

} // namespace thespis::api::apply
