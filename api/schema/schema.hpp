// The API's types and resources in memory, and the registry that finds them. Built-in kinds come
// from api/schema/*.yaml (turned into a table at build time); kinds defined at run time enter the
// same structures through registry::add.
#pragma once

#include "api/json.hpp"
#include "api/patch/patch_schema.hpp"
#include "api/schema/conversion.hpp"
#include "api/schema/custom_type.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::schema {

struct struct_type;

/// What a JSON value is.
enum class shape : uint8_t {
  string,
  boolean,
  int32,
  int64,
  number,
  bytes,         ///< base64
  quantity,      ///< a string or a number, "500m"
  time,          ///< RFC 3339, whole seconds
  micro_time,    ///< RFC 3339 with six digits of a second
  int_or_string, ///< a number or a string, "25%"
  any,           ///< any JSON, kept as it is
  object,        ///< value_type::object tells its fields
  list,          ///< of value_type::element
  map,           ///< string to value_type::element
};

/// How lists are merged by server-side apply.
enum class list_kind : uint8_t { atomic, set, map };

/// What a strategic merge patch does with a list or an object; a bit set.
enum patch_strategy : uint8_t {
  patch_default = 0,     ///< lists are replaced, objects merged
  patch_merge = 1,       ///< lists are merged by merge_key (scalars: as a set)
  patch_replace = 2,     ///< objects are replaced
  patch_retain_keys = 4, ///< members the patch does not name are dropped
};

/// Declarative validation of one value. Negative bounds are unset.
struct rules {
  bool nonempty = false;       ///< absent, null, "" and empty lists are "Required value"
  std::string nonempty_detail; ///< said behind it
  std::string message;         ///< said of bounds in place of the usual words
  bool immutable = false;      ///< may not change after creation
  bool open_enum = false;      ///< the values are known ones; others are accepted
  std::string format;          ///< a named format of formats.hpp
  std::vector<std::string> enum_values;
  std::optional<int64_t> min, max;
  int min_length = -1, max_length = -1;
  int min_items = -1, max_items = -1;
};

struct value_type {
  shape form = shape::any;
  const struct_type* object = nullptr;       ///< of shape::object
  std::shared_ptr<const value_type> element; ///< of list and map
  list_kind list = list_kind::atomic;
  bool list_declared = false;          ///< listType is stated, not just Kubernetes' default
  std::vector<std::string> list_keys;  ///< of list_kind::map
  bool map_declared = false;           ///< mapType is stated
  bool atomic_map = false;             ///< a map or object that server-side apply takes as a whole
  std::string go_type;                 ///< "v1.PullPolicy"; empty: follows from the shape
  std::shared_ptr<const rules> checks; ///< nullptr: none
  std::shared_ptr<const rules> keys;   ///< of map keys
};

struct field {
  std::string name;
  value_type type;
  std::string about;             ///< one line
  std::string default_json;      ///< compact JSON; empty: no default
  std::string merge_key;         ///< patchMergeKey
  uint8_t patch = patch_default; ///< patch_strategy bits
  uint16_t pb = 0;               ///< protobuf number; 0: in a wrap, or of TypeMeta
  bool required = false;         ///< always present in answers (no omitempty)
};

/// Members that exclude one another; with `exactly`, one must be set.
struct group_rule {
  bool exactly = false;
  std::string what; ///< what they are, for messages: "volume type"
  std::vector<std::string> members;
};

/// A protobuf message, member `pb` of the outer one, that holds fields which JSON keeps outside.
struct wrap {
  uint16_t pb = 0;
  uint16_t inside = 0; ///< the pb of the wrap that it is nested in; 0: the object itself
  std::vector<std::pair<std::string, uint16_t>> members; ///< name, number in the wrap
};

/// The fields of one JSON object.
struct struct_type {
  std::string name;         ///< "PodSpec"
  std::string full_name;    ///< "io.k8s.api.core.v1.PodSpec"
  std::string group;        ///< "" for the core group
  std::string version;      ///< "v1"
  std::string about;        ///< one line
  std::string default_hook; ///< a named function of default_hooks.hpp; empty: none
  bool kind = false;        ///< has apiVersion and kind: can be sent by itself
  bool map_declared = false;
  bool atomic = false;       ///< server-side apply takes it as a whole
  bool keep_unknown = false; ///< members that are no fields are kept (run-time kinds)
  std::vector<field> fields; ///< in the order of their protobuf numbers
  std::vector<group_rule> groups;
  std::vector<wrap> wraps;
  /// Of a kind that is defined at run time: decodes, fills in and judges its objects.
  std::shared_ptr<const custom_type> custom;
  /// Something inside has defaults, or rules; false spares the walk.
  bool defaults_inside = true, rules_inside = true;

  struct_type();
  ~struct_type();

  /// nullptr when there is no such field.
  const field* find(std::string_view name) const;

  /// The type as strategic merge patches see it.
  const patch::type_schema& patch_schema() const { return *patch_schema_; }

  /// Orders the index that `find` uses; call when `fields` is complete.
  void seal();

private:
  std::unique_ptr<patch::type_schema> patch_schema_;
  std::vector<uint16_t> index_; ///< into fields, ordered by name
};

/// One column of a Table answer.
struct column {
  std::string name;   ///< "Ready"
  std::string type;   ///< string, integer, boolean, date, number
  std::string format; ///< "name" for the first column, else mostly empty
  int priority = 0;   ///< above 0: only with -o wide
  /// A path, ".spec.replicas". Kinds whose cells are computed have their columns in api/table.
  std::string source;
  std::string about;
};

struct subresource {
  std::string name;           ///< "status", "log", "scale"
  std::string kind;           ///< "Pod", "Scale"
  std::string group, version; ///< of that kind; may differ from the resource's
  std::vector<std::string> verbs;
};

/// Where a scale subresource finds its numbers: paths such as ".spec.replicas".
struct scale_paths {
  std::string spec, status, selector;
};

struct resource {
  std::string group, version, kind;
  std::string plural, singular;
  std::vector<std::string> short_names, categories, verbs;
  bool namespaced = true;
  std::string name_format; ///< of metadata.name: "dns1123-subdomain", "dns1123-label", ...
  std::vector<std::string> field_selectors; ///< beyond metadata.name and metadata.namespace
  std::vector<subresource> subresources;
  std::optional<scale_paths> scale;
  std::vector<column> columns;
  const struct_type* type = nullptr;
  const struct_type* list_type = nullptr; ///< PodList; nullptr when it cannot be listed
  /// Keeps the types of a run-time kind alive; nullptr for built-in ones.
  std::shared_ptr<const void> owner;
  /// Where there are several versions; nullptr: objects are stored as they are shown.
  std::shared_ptr<const version_set> versions;
  /// The group resource under which the store has the objects; empty: the resource's own.
  std::string stored_as;
  /// Objects known to fit this schema (object::fits) are shown as they are stored; 0: all are.
  uint64_t epoch = 0;
  /// Nothing new may be created: the kind is on its way out.
  bool ending = false;
  /// Said in a Warning header of every answer; empty: not deprecated.
  std::string deprecation;

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  /// "pods", "deployments.apps"
  std::string group_resource() const { return group.empty() ? plural : plural + "." + group; }
  /// "Pod", "Deployment.apps"
  std::string group_kind() const { return group.empty() ? kind : kind + "." + group; }
  /// The group resource that readers and writes of the store name.
  std::string stored_resource() const { return stored_as.empty() ? group_resource() : stored_as; }
  /// Whether reading or writing may ask another server.
  bool calls_out() const { return versions && versions->convert && versions->convert->calls_out(); }
  bool has_verb(std::string_view verb) const;
  /// nullptr when there is none of that name.
  const subresource* find_subresource(std::string_view name) const;
};

using resource_ptr = std::shared_ptr<const resource>;

/// Types of one run-time kind; pointers into it stay valid as long as it lives.
struct type_set {
  std::vector<std::unique_ptr<struct_type>> types;
};

/// All types and resources. Built-in ones never change; others come and go. Thread-safe.
class registry {
public:
  /// Holds the built-in kinds; their types are those of builtin().
  registry();
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  /// The built-in kinds alone, shared by the whole process.
  static const registry& builtin();

  // Look-ups; nullptr when there is no such thing.
  resource_ptr find_resource(std::string_view group, std::string_view version,
                             std::string_view plural) const;
  /// By "pods" or "deployments.apps", in the group's preferred version.
  resource_ptr find_group_resource(std::string_view group_resource) const;
  resource_ptr find_kind(std::string_view group, std::string_view version,
                         std::string_view kind) const;
  /// Any type with kind and apiVersion, also those of no resource: Status, DeleteOptions, Scale.
  const struct_type* find_kind_type(std::string_view group, std::string_view version,
                                    std::string_view kind) const;
  /// By full name, "io.k8s.api.core.v1.PodSpec". Built-in types only.
  const struct_type* find_type(std::string_view full_name) const;

  /// Everything, in the order of groups (core first), versions (preferred first) and plurals.
  std::vector<resource_ptr> resources() const;
  /// The built-in types, ordered by full name.
  const std::vector<const struct_type*>& types() const { return type_list_; }

  /// Adds a kind or replaces the one of the same group, version and plural.
  void add(resource r);
  /// Removes a kind that `add` added. False when there is none.
  bool remove(std::string_view group, std::string_view version, std::string_view plural);
  /// Grows with every add and remove, so that derived answers (discovery, OpenAPI) can be cached.
  uint64_t generation() const;

private:
  struct from_tables {};
  explicit registry(from_tables);
  void load();
  const struct_type* make_list_type(const resource& r);

  std::vector<std::unique_ptr<struct_type>> types_;
  std::vector<const struct_type*> type_list_;
  std::map<std::string, const struct_type*, std::less<>> by_name_;
  std::map<std::string, const struct_type*, std::less<>> by_kind_; ///< "group/version/Kind"
  mutable std::shared_mutex mutex_;                                ///< guards what follows
  std::map<std::string, resource_ptr, std::less<>> by_plural_;     ///< "group/version/plural"
  uint64_t generation_ = 0;
};

} // namespace thespis::api::schema
