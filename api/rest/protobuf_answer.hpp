// Answers in Kubernetes' protobuf encoding, made from JSON by the field numbers of the schema:
// single objects, lists and watch events. Only built-in kinds have numbers; what is defined at run
// time is answered as JSON.
#pragma once

#include "api/object/object.hpp"
#include "api/result.hpp"
#include "api/schema/schema.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::rest {

/// Whether objects of `r` have a protobuf form.
bool has_protobuf(const schema::resource& r);

/// An object with apiVersion and kind (also Status, Scale, PartialObjectMetadata and its list) as
/// the magic bytes and a runtime.Unknown. Errors: internal_error for a kind without numbers.
result<std::string> json_to_protobuf(const json::value& object);

/// The message of one object and what its envelope names.
struct protobuf_object {
  std::string api_version, kind;
  std::string message;
};
using protobuf_object_ptr = std::shared_ptr<const protobuf_object>;

/// The message of an object. Errors: as json_to_protobuf.
result<protobuf_object> to_protobuf_object(const json::value& object);

/// The magic bytes and the runtime.Unknown around a message.
std::string protobuf_envelope(const protobuf_object& o);

/// metav1.ListMeta of an answer.
struct protobuf_list_meta {
  uint64_t revision = 0;
  std::string_view continue_token;
  int64_t remaining = 0; ///< 0 leaves it out
};

/// A list, in its envelope, of messages that are there already.
std::string protobuf_list(std::string_view api_version, std::string_view kind,
                          const protobuf_list_meta& meta,
                          const std::vector<protobuf_object_ptr>& items);

/// A frame of a watch is four bytes of length and a WatchEvent whose object is an envelope: this
/// head, the message, and the tail. So all watchers share the message's bytes.
std::string protobuf_event_head(std::string_view type, const protobuf_object& o);
const std::shared_ptr<const std::string>& protobuf_event_tail();

/// Messages of objects that many watchers and lists ask for at about the same time. Thread-safe;
/// holds a bounded number, and large ones never.
class protobuf_cache {
public:
  /// The message of `o`; made when it is not there, and kept when `keep`. Errors: as
  /// to_protobuf_object.
  result<protobuf_object_ptr> get(const object_ptr& o, bool keep);

  /// Lists of more objects would push everything else out.
  static constexpr size_t worth_keeping = 256;

private:
  struct slot {
    std::weak_ptr<const object> of;
    protobuf_object_ptr message;
  };

  std::mutex mutex_;
  std::vector<slot> slots_; ///< by the object's address; empty until first used
};

} // namespace thespis::api::rest
