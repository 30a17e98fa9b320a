// What server-side apply does with values of a type: sets of their fields, differences, merging,
// removing. All by the schema; without one, lists are taken as a whole and objects by their
// members.
#pragma once

#include "api/apply/field_set.hpp"
#include "api/schema/schema.hpp"

#include <string>

namespace thespis::api::apply {

/// The type of a whole object.
struct object_type {
  /// nullptr: nothing is known of it.
  const schema::struct_type* type = nullptr;
  /// A kind defined at run time: what its schema leaves open is merged member by member, and its
  /// objects begin without any member. Built-in kinds take such parts as a whole, and members that
  /// Go writes always are there from the start.
  bool custom = false;
};

/// Every path that `v` gives a value to: scalars, atomic lists and objects, list items and map
/// entries, and members that are null or empty.
field_set to_field_set(const object_type& t, const json::value& v);

/// How two values differ. Paths of whole subtrees that came or went are included.
struct comparison {
  field_set added, modified, removed;
  /// An item of a list could not be told from others (it lacks a key): the sets are incomplete.
  bool broken = false;

  bool same() const { return added.empty() && modified.empty() && removed.empty(); }
};

/// Compares; metadata.managedFields is left out.
comparison compare(const object_type& t, const json::value& before, const json::value& after);

/// Lays `config` over `into`: atomic parts are replaced, others merged; items of lists follow the
/// order of `config`, items that only `into` has stay between their neighbours. `config` must have
/// passed `check_applied`.
void merge(const object_type& t, json::value& into, const json::value& config, json::allocator& a);

/// Takes the paths of `what` out of `v`. Fields that become empty thereby go too; items and entries
/// that do are null.
void remove(const object_type& t, json::value& v, const field_set& what);

/// Adds the fields of objects that lead to a path of the set: who owns a.b.c of fields has a and
/// a.b too.
field_set with_named_fields(const object_type& t, const field_set& s);

/// Paths into parts that the schema takes as a whole become the path of that part.
field_set reconciled(const object_type& t, const field_set& s);

/// Whether a configuration can be applied: all its fields are in the schema, its values are of
/// their kinds, lists identify their items. Empty when it can, else what is wrong in Kubernetes'
/// words: `.spec.foo: field not declared in schema`.
std::string check_applied(const object_type& t, const json::value& config);

} // namespace thespis::api::apply
