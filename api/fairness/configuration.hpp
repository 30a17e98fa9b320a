// What FlowSchemas and PriorityLevelConfigurations say, made ready to be asked for every request.
#pragma once

#include "api/auth/access.hpp"
#include "api/generated/flowcontrol_v1.hpp"
#include "api/pipeline/call.hpp"
#include "api/pipeline/reader.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace thespis::api::fairness {

class level;

/// What was done under one flow schema; outlives changes of the schema.
struct schema_counters {
  std::atomic<uint64_t> dispatched{0};
  std::atomic<uint64_t> queue_full{0};
  std::atomic<uint64_t> no_seat{0}; ///< "concurrency-limit": a level that rejects
  std::atomic<uint64_t> timed_out{0};
};

/// One flow schema, with the level it leads to.
struct schema {
  v1::flow_schema object;
  std::shared_ptr<level> to;
  std::shared_ptr<schema_counters> counters;
  bool exempt = false;
  std::string uid, level_uid; ///< as answers tell them; empty before the objects are stored
};

/// Whether one of the schema's rules covers the request.
bool matches(const v1::flow_schema_spec& s, const auth::access_query& q);

/// What tells the senders under one schema apart; "" when they are one flow.
std::string_view distinguisher(const v1::flow_schema_spec& s, const auth::access_query& q);

/// Kubernetes' objects. The mandatory ones hold also when somebody deletes them.
struct default_objects {
  std::vector<v1::priority_level_configuration> levels;
  std::vector<v1::flow_schema> schemas;
};
const default_objects& mandatory();
const default_objects& suggested();

/// Whether that is one of the objects that hold as they are, whatever is stored.
bool is_mandatory(std::string_view name);

/// What is to be written so that the objects are as Kubernetes has them: missing ones are made;
/// those with apf.kubernetes.io/autoupdate-spec "true" (or made by us and never changed) get their
/// spec back, the mandatory ones always.
std::vector<call> reconcile_objects(const reader& state);

} // namespace thespis::api::fairness
