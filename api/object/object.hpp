// The immutable value that everything exchanges: one Kubernetes object as the bytes that every
// client is sent, with the identity that stores, caches and selectors need parsed once.
#pragma once

#include "api/json.hpp"
#include "api/result.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thespis::api {

/// metav1.OwnerReference.
struct owner_reference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
  bool block_owner_deletion = false;
};

/// Labels in the order of their keys.
using label_set = std::vector<std::pair<std::string, std::string>>;

/// The value of a label, or nullptr.
const std::string* find_label(const label_set& labels, std::string_view key);

/// What identifies an object and what caches index it by.
struct object_meta {
  std::string resource; ///< group resource: "pods", "deployments.apps"
  std::string ns;       ///< empty for cluster-scoped objects
  std::string name;
  std::string uid;
  uint64_t revision = 0; ///< metadata.resourceVersion
  int64_t generation = 0;
  label_set labels;
  std::vector<owner_reference> owners;
  std::string node_name; ///< spec.nodeName of pods; empty elsewhere
  bool deleting = false; ///< metadata.deletionTimestamp is set
  bool has_finalizers = false;
};

/// An object about to be written: compact JSON whose metadata.resourceVersion is still a hole
/// that the store fills with the revision it gives. Made by `make_draft`.
struct draft {
  object_meta meta;        ///< revision is 0
  std::string bytes;       ///< `"resourceVersion":""` stands in metadata
  size_t revision_pos = 0; ///< where between those quotes the digits go
  uint64_t fits = 0;       ///< see object::fits
};

/// One revision of one object. Immutable, shared by store, caches, watches and answers.
class object {
public:
  object(object_meta meta, std::string bytes) : meta_(std::move(meta)), bytes_(std::move(bytes)) {}

  const object_meta& meta() const { return meta_; }
  const std::string& resource() const { return meta_.resource; }
  const std::string& ns() const { return meta_.ns; }
  const std::string& name() const { return meta_.name; }
  const std::string& uid() const { return meta_.uid; }
  uint64_t revision() const { return meta_.revision; }
  const label_set& labels() const { return meta_.labels; }

  /// The whole object, compact JSON with kind, apiVersion and resourceVersion.
  const std::string& bytes() const { return bytes_; }

  /// The epoch of the schema (schema::resource::epoch) that the bytes are known to fit, so that
  /// they need no look before they are shown; 0: none. Thread-safe.
  uint64_t fits() const { return fits_.load(std::memory_order_relaxed); }
  void set_fits(uint64_t epoch) const { fits_.store(epoch, std::memory_order_relaxed); }

  /// Parses the bytes; they are trusted (they came from `make_draft`).
  json::document parse() const;

private:
  template <class T>
  friend std::shared_ptr<const T> typed(const object& o);

  object_meta meta_;
  std::string bytes_;
  mutable std::atomic<uint64_t> fits_{0};
  mutable std::mutex typed_mutex_;
  mutable std::weak_ptr<const void> typed_; ///< of the one type that the resource has
};

using object_ptr = std::shared_ptr<const object>;

/// "namespace/name", or "name" without a namespace.
std::string object_key(std::string_view ns, std::string_view name);

/// Reads the identity of `doc`, an object of the group resource `resource`.
object_meta read_meta(std::string_view resource, const json::value& doc);

/// Serializes `doc` for writing. metadata.resourceVersion is replaced by the hole.
draft make_draft(std::string_view resource, json::document& doc);

/// Fills the hole with `revision`.
object_ptr seal(draft d, uint64_t revision);

/// An object from bytes that carry their resourceVersion (from the store's engine or another
/// machine). Errors: bad_request.
result<object_ptr> load_object(std::string_view resource, std::string bytes);

/// A CAF-sendable handle of an object; travels as resource and bytes between machines.
struct object_ref {
  object_ptr ptr;

  object_ref() = default;
  object_ref(object_ptr p) : ptr(std::move(p)) {}
  explicit operator bool() const { return static_cast<bool>(ptr); }
  const object* operator->() const { return ptr.get(); }
  const object& operator*() const { return *ptr; }
};

} // namespace thespis::api
