// Whether a value is what its schema says, in the words that Kubernetes' validator has for it.
#pragma once

#include "api/crd/structural.hpp"
#include "api/error.hpp"

#include <vector>

namespace thespis::api::crd {

/// Appends what is wrong with `v`. What an update leaves as it is in `old` (nullptr: a new value)
/// is not judged again. `root` skips the members of every object. Stops after some hundred causes.
void judge(const structural& s, const json::value& v, const json::value* old, bool root,
           std::vector<cause>& causes);

/// The same for a value at the path `at`.
void judge_at(const structural& s, const json::value& v, const std::string& at,
              std::vector<cause>& causes);

} // namespace thespis::api::crd
