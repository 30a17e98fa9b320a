// A client's connection that gives nothing away before its upgrade has been granted.
#pragma once

#include "api/rest/transport/stream.hpp"

#include <memory>

namespace thespis::api::rest {

/// `client`, from which nothing is read until an HTTP answer 101 has been written to it. After any
/// other answer it reads as ended: what a client sends behind a refused upgrade goes nowhere.
std::shared_ptr<transport::raw_stream> guard_switch(std::shared_ptr<transport::raw_stream> client);

} // namespace thespis::api::rest
