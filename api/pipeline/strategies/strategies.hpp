// The strategies there are. Internal to api/pipeline/strategies.
#pragma once

#include "api/pipeline/operation.hpp"

namespace thespis::api {

strategy namespace_strategy();

} // namespace thespis::api
