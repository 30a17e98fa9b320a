// What all handlers of the REST server share. Internal to api/rest.
#pragma once

#include "api/audit/record.hpp"
#include "api/fairness/gate.hpp"
#include "api/rest/forwarder.hpp"
#include "api/rest/listing_cache.hpp"
#include "api/rest/media_types.hpp"
#include "api/rest/metrics.hpp"
#include "api/rest/protobuf_answer.hpp"
#include "api/rest/server.hpp"
#include "api/rest/timers.hpp"
#include "api/table/table.hpp"

#include <atomic>
#include <map>
#include <mutex>

namespace thespis::api::rest {

class watch_session;

/// An answer that is costly to make and seldom changes, with its entity tag.
struct cached_document {
  transport::shared_bytes bytes;
  std::string etag; ///< with quotes
};

/// Documents made from the schema registry, dropped when it changes.
class document_cache {
public:
  /// The document under `key`, made by `make` when there is none for `generation`.
  cached_document get(const std::string& key, uint64_t generation,
                      const std::function<std::string()>& make);

private:
  std::mutex mutex_;
  uint64_t generation_ = 0;
  std::map<std::string, cached_document> documents_;
};

struct core {
  core(backend& b, const schema::registry& r, server_options o);

  backend& cluster;
  const schema::registry& schemas;
  server_options options;
  std::string address; ///< "host:port"
  metrics counters;
  listing_cache pages;
  document_cache documents;
  protobuf_cache protobufs;
  rest::timers clock;
  rest::forwarder forwarding;
  std::atomic<uint64_t> proxied{0};     ///< requests to services, whose endpoints take turns
  std::shared_ptr<fairness::gate> gate; ///< never null

  const auth::policy& access() const { return *options.access; }

  // Running watches, so that stop() can end them.
  std::mutex watches_mutex;
  std::map<uint64_t, std::weak_ptr<watch_session>> watches;
  uint64_t next_watch = 0;
  bool stopping = false;
};

using core_ptr = std::shared_ptr<core>;

/// One request on its way, from the hook to its answer.
struct exchange {
  core_ptr server;
  user_info user;
  request_target target;
  schema::resource_ptr resource;            ///< null for plain paths
  const schema::subresource* sub = nullptr; ///< of `resource`; null without one
  representation form;
  std::string method;
  std::string content_type;
  std::string user_agent;
  std::chrono::steady_clock::time_point begin;
  std::shared_ptr<audit::record> audit; ///< null: nothing is written down
  fairness::flow flow;                  ///< empty until the request has been classified
  fairness::seat seat;                  ///< of one answered in place

  std::string group_resource() const { return resource->group_resource(); }
  /// The name under which the state has the objects.
  std::string stored_resource() const { return resource->stored_resource(); }
  /// The object the request names, in the request's version; null when there is none. May block
  /// when the resource calls out. Errors: those of a conversion.
  result<object_ptr> find_object() const;
  /// The same as it is stored.
  object_ptr stored_object() const;
  /// Counts the answer and tells the audit log of it.
  void observe(int code) const;
  void observe(const transport::response& r) const;
};

using exchange_ptr = std::shared_ptr<exchange>;

} // namespace thespis::api::rest
