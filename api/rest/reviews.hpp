// Questions about access that are answered and not stored: who am I, may I, may they, whose token.
#pragma once

#include "api/rest/core.hpp"

#include <string_view>

namespace thespis::api::rest {

/// Whether creating this resource asks a question.
bool is_review(const schema::resource& r);

/// The answer: the question with its status, 201. `body` is JSON.
transport::response answer_review(const exchange& x, std::string_view body);

} // namespace thespis::api::rest
