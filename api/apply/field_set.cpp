#include "api/apply/field_set.hpp"

#include <algorithm>

namespace thespis::api::apply {

namespace {

bool before(const field_set::node& a, const field_set::node& b) {
  return a.element < b.element;
}

/// Walks two sorted levels; `both` gets nodes of the same element, `left` those of `a` alone and
/// `right` those of `b` alone.
template <class Left, class Right, class Both>
void zip(const std::vector<field_set::node>& a, const std::vector<field_set::node>& b, Left left,
         Right right, Both both) {
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() || y != b.end()) {
    const int order = x == a.end()   ? 1
                      : y == b.end() ? -1
                                     : x->element.bytes().compare(y->element.bytes());
    if (order < 0)
      left(*x++);
    else if (order > 0)
      right(*y++);
    else
      both(*x++, *y++);
  }
}

constexpr auto skip = [](const field_set::node&) {};

} // namespace

bool operator==(const field_set& a, const field_set& b) {
  return a.nodes_ == b.nodes_;
}

path fields(std::initializer_list<std::string_view> names) {
  path out;
  for (auto name : names)
    out.push_back(path_element::field(name));
  return out;
}

size_t field_set::size() const {
  size_t n = 0;
  for (const auto& node : nodes_)
    n += (node.member ? 1 : 0) + node.below.size();
  return n;
}

const field_set::node* field_set::find(const path_element& pe) const {
  const auto it =
      std::lower_bound(nodes_.begin(), nodes_.end(), pe,
                       [](const node& n, const path_element& e) { return n.element < e; });
  return it != nodes_.end() && it->element == pe ? &*it : nullptr;
}

bool field_set::has(const path& p) const {
  const auto* level = this;
  const node* at = nullptr;
  for (const auto& pe : p) {
    at = level->find(pe);
    if (!at)
      return false;
    level = &at->below;
  }
  return at && at->member;
}

void field_set::insert(const path& p) {
  auto* level = this;
  node* at = nullptr;
  for (const auto& pe : p) {
    auto& nodes = level->nodes_;
    auto it = std::lower_bound(nodes.begin(), nodes.end(), pe,
                               [](const node& n, const path_element& e) { return n.element < e; });
    if (it == nodes.end() || !(it->element == pe))
      it = nodes.insert(it, node{pe, false, {}});
    at = &*it;
    level = &at->below;
  }
  if (at)
    at->member = true;
}

void field_set::append(path_element pe, bool member, field_set below) {
  if (member || !below.empty())
    nodes_.push_back(node{std::move(pe), member, std::move(below)});
}

void field_set::settle() {
  if (std::is_sorted(nodes_.begin(), nodes_.end(), before) &&
      std::adjacent_find(nodes_.begin(), nodes_.end(), [](const node& a, const node& b) {
        return a.element == b.element;
      }) == nodes_.end())
    return;
  std::stable_sort(nodes_.begin(), nodes_.end(), before);
  std::vector<node> joined;
  joined.reserve(nodes_.size());
  for (auto& n : nodes_) {
    if (joined.empty() || !(joined.back().element == n.element)) {
      joined.push_back(std::move(n));
      continue;
    }
    joined.back().member |= n.member;
    joined.back().below = joined.back().below.union_with(n.below);
  }
  nodes_ = std::move(joined);
}

field_set field_set::union_with(const field_set& other) const {
  if (other.empty())
    return *this;
  if (empty())
    return other;
  field_set out;
  out.nodes_.reserve(std::max(nodes_.size(), other.nodes_.size()));
  const auto keep = [&out](const node& n) { out.nodes_.push_back(n); };
  zip(nodes_, other.nodes_, keep, keep, [&out](const node& x, const node& y) {
    out.nodes_.push_back({x.element, x.member || y.member, x.below.union_with(y.below)});
  });
  return out;
}

field_set field_set::intersection(const field_set& other) const {
  field_set out;
  zip(nodes_, other.nodes_, skip, skip, [&out](const node& x, const node& y) {
    out.append(x.element, x.member && y.member, x.below.intersection(y.below));
  });
  return out;
}

field_set field_set::difference(const field_set& other) const {
  if (other.empty())
    return *this;
  field_set out;
  zip(
      nodes_, other.nodes_, [&out](const node& n) { out.nodes_.push_back(n); }, skip,
      [&out](const node& x, const node& y) {
        out.append(x.element, x.member && !y.member, x.below.difference(y.below));
      });
  return out;
}

field_set field_set::recursive_difference(const field_set& other) const {
  if (other.empty())
    return *this;
  field_set out;
  zip(
      nodes_, other.nodes_, [&out](const node& n) { out.nodes_.push_back(n); }, skip,
      [&out](const node& x, const node& y) {
        if (!y.member)
          out.append(x.element, x.member, x.below.recursive_difference(y.below));
      });
  return out;
}

field_set field_set::leaves() const {
  field_set out;
  for (const auto& n : nodes_)
    out.append(n.element, n.member && n.below.empty(), n.below.leaves());
  return out;
}

field_set field_set::below(const path& prefix) const {
  const auto* level = this;
  const node* at = nullptr;
  for (const auto& pe : prefix) {
    at = level->find(pe);
    if (!at)
      return {};
    level = &at->below;
  }
  if (!at)
    return *this;
  field_set out;
  out.nodes_.push_back(*at);
  for (size_t i = prefix.size() - 1; i-- > 0;) {
    field_set outer;
    outer.append(prefix[i], false, std::move(out));
    out = std::move(outer);
  }
  return out;
}

void field_set::walk(path& at, const std::function<void(const path&)>& visit) const {
  for (const auto& n : nodes_)
    if (n.member) {
      at.push_back(n.element);
      visit(at);
      at.pop_back();
    }
  for (const auto& n : nodes_)
    if (!n.below.empty()) {
      at.push_back(n.element);
      n.below.walk(at, visit);
      at.pop_back();
    }
}

void field_set::for_each(const std::function<void(const path&)>& visit) const {
  path at;
  walk(at, visit);
}

json::value field_set::to_json(json::allocator& a) const {
  json::value out(rapidjson::kObjectType);
  for (const auto& n : nodes_) {
    json::value inner(rapidjson::kObjectType);
    if (!n.below.empty()) {
      inner = n.below.to_json(a);
      if (n.member) {
        // Its own mark comes first.
        json::value marked(rapidjson::kObjectType);
        marked.AddMember(".", json::value(rapidjson::kObjectType), a);
        for (auto& m : inner.GetObject())
          marked.AddMember(m.name, m.value, a);
        inner = std::move(marked);
      }
    }
    out.AddMember(json::make_string(n.element.text(), a), std::move(inner), a);
  }
  return out;
}

namespace {

/// Whether the node itself is a member goes to `member`; what is below it is returned.
result<field_set> read_level(const json::value& v, bool& member) {
  field_set out;
  member = false;
  if (!v.IsNull() && !v.IsObject())
    return fail(bad_request("a set of fields must be an object"));
  if (v.IsObject())
    for (const auto& m : v.GetObject()) {
      const auto name = json::as_string(m.name);
      if (name == ".") {
        member = true;
        continue;
      }
      auto pe = path_element::parse(name);
      if (!pe)
        return fail(std::move(pe.error()));
      if (!*pe)
        continue;
      bool inner_member = false;
      auto inner = read_level(m.value, inner_member);
      if (!inner)
        return inner;
      out.append(std::move(**pe), inner_member, std::move(*inner));
    }
  out.settle();
  member |= out.empty();
  return out;
}

} // namespace

result<field_set> field_set::from_json(const json::value& v) {
  bool ignored = false;
  return read_level(v, ignored);
}

} // namespace thespis::api::apply
