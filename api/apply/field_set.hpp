// Sets of paths into an object: what a manager owns. The sets of server-side apply and their
// notation in metadata.managedFields (FieldsV1).
#pragma once

#include "api/apply/path_element.hpp"

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

namespace thespis::api::apply {

/// A set of paths as a tree: each node may be a member itself and lead to longer paths. Nodes of a
/// level are sorted and unique; a node is a member or has something below (once `settle` ran).
class field_set {
public:
  struct node;

  bool empty() const { return nodes_.empty(); }
  /// How many paths.
  size_t size() const;
  bool has(const path& p) const;
  void insert(const path& p);

  field_set union_with(const field_set& other) const;
  field_set intersection(const field_set& other) const;
  /// The paths of this set that are not in `other`; longer paths stay.
  field_set difference(const field_set& other) const;
  /// Likewise, without what lies below a path of `other`.
  field_set recursive_difference(const field_set& other) const;
  /// The paths with nothing below them.
  field_set leaves() const;
  /// The paths below the steps `prefix`, and no others.
  field_set below(const path& prefix) const;
  bool contains(const field_set& other) const { return other.difference(*this).empty(); }

  /// Each path, a level's members before what is below them: the order of conflict messages.
  void for_each(const std::function<void(const path&)>& visit) const;

  /// FieldsV1, in Kubernetes' order.
  json::value to_json(json::allocator& a) const;
  /// Reads FieldsV1; elements of an unknown kind are skipped. Errors: bad_request.
  static result<field_set> from_json(const json::value& v);

  /// The nodes, for walkers that build or change sets; `settle` makes them a set again.
  std::vector<node>& nodes() { return nodes_; }
  const std::vector<node>& nodes() const { return nodes_; }
  /// Appends a node unless it says nothing.
  void append(path_element pe, bool member, field_set below);
  /// Orders the nodes of this level and joins those of the same element.
  void settle();
  /// nullptr when there is no such node.
  const node* find(const path_element& pe) const;

  friend bool operator==(const field_set& a, const field_set& b);

private:
  void walk(path& at, const std::function<void(const path&)>& visit) const;

  std::vector<node> nodes_;
};

struct field_set::node {
  path_element element;
  bool member = false;
  field_set below;

  friend bool operator==(const node&, const node&) = default;
};

/// A path of fields alone: fields({"metadata", "name"}).
path fields(std::initializer_list<std::string_view> names);

} // namespace thespis::api::apply
