// Priority and fairness at the REST server: which requests take seats, and what answers tell of it.
#pragma once

#include "api/rest/core.hpp"
#include "api/rest/writes.hpp"

namespace thespis::api::rest {

/// Requests that last as long as their client likes: they hold no seat. A watch takes one until it
/// has begun.
bool is_long_running(const request_target& t);

/// Tells by which flow schema and priority level the request was judged.
void add_flow(const exchange& x, transport::header_list& headers);

/// Takes the seat of a request that is answered in place, for as long as `x` lives; false when it
/// must wait or go.
bool enter_now(exchange& x);

/// Runs `work` once there is a seat, which is held until the seat it is given goes. Answers with
/// 429 when there is no place to wait, or no seat in time.
void enter(const exchange_ptr& x, const responder& respond,
           std::function<void(std::shared_ptr<fairness::seat>)> work);

/// The gate's numbers in Prometheus' text format, under Kubernetes' names.
std::string flow_metrics(const fairness::gate& g);

} // namespace thespis::api::rest
