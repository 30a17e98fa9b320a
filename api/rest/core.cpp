#include "api/rest/core.hpp"

#include "api/auth/default_policy.hpp"
#include "api/openapi/openapi.hpp"
#include "api/pipeline/presentation.hpp"

#include <algorithm>

namespace thespis::api::rest {

namespace {

/// Requests at a time, as Kubernetes allows: 400 that read and 200 that write.
constexpr int64_t default_seats = 600;

/// The verb as Kubernetes counts it.
std::string_view counted_verb(const request_target& t) {
  if (t.verb == "get")
    return "GET";
  if (t.verb == "list")
    return "LIST";
  if (t.verb == "watch")
    return "WATCH";
  if (t.verb == "create" || t.verb == "post")
    return t.is_resource && (t.subresource == "exec" || t.subresource == "attach" ||
                             t.subresource == "portforward")
               ? "CONNECT"
               : "POST";
  if (t.verb == "update" || t.verb == "put")
    return "PUT";
  if (t.verb == "patch")
    return "PATCH";
  if (t.verb == "delete")
    return "DELETE";
  if (t.verb == "deletecollection")
    return "DELETECOLLECTION";
  return "other";
}

} // namespace

core::core(backend& b, const schema::registry& r, server_options o)
    : cluster(b), schemas(r), options(std::move(o)), counters(options.metrics),
      gate(options.gate ? options.gate : fairness::gate::make(default_seats)) {
  if (options.access)
    return;
  auto access = std::make_shared<auth::policy>();
  access->set_index(auth::default_index());
  options.access = std::move(access);
}

cached_document document_cache::get(const std::string& key, uint64_t generation,
                                    const std::function<std::string()>& make) {
  std::lock_guard lock(mutex_);
  if (generation != generation_) {
    documents_.clear();
    generation_ = generation;
  }
  auto it = documents_.find(key);
  if (it == documents_.end()) {
    auto bytes = std::make_shared<const std::string>(make());
    auto etag = "\"" + openapi::hash_of(*bytes) + "\"";
    it = documents_.emplace(key, cached_document{std::move(bytes), std::move(etag)}).first;
  }
  return it->second;
}

object_ptr exchange::stored_object() const {
  return server->cluster.state().get(stored_resource(), target.ns, target.name);
}

result<object_ptr> exchange::find_object() const {
  auto stored = stored_object();
  return stored ? present(*resource, stored) : stored;
}

void exchange::observe(const transport::response& r) const {
  if (audit && r.content_type == "application/json" &&
      (r.status >= 400 || audit->how() == audit::level::request_response)) {
    std::string body;
    for (const auto& piece : r.body)
      body.append(static_cast<const char*>(piece.data()), piece.size());
    audit->tell(audit::stage::response_complete, r.status, body);
  }
  observe(r.status);
}

void exchange::observe(int code) const {
  if (audit)
    audit->tell(audit::stage::response_complete, code);
  request_labels labels;
  labels.verb = counted_verb(target);
  // Only what the schema knows: a client's own words would make a label each.
  if (resource) {
    labels.group = resource->group;
    labels.version = resource->version;
    labels.resource = resource->plural;
  }
  if (sub)
    labels.subresource = sub->name;
  server->counters.observe(labels, code, std::chrono::steady_clock::now() - begin);
}

} // namespace thespis::api::rest
