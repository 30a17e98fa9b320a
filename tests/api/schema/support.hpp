// What the tests of the schema engine share.
#pragma once

#include "api/schema/schema.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

namespace thespis::test {

inline api::json::document parse(std::string_view text) {
  auto doc = api::json::parse(text);
  BOOST_REQUIRE_MESSAGE(doc, "bad JSON in a test");
  return std::move(*doc);
}

/// The type of a resource such as "pods".
inline const api::schema::struct_type& type_of(std::string_view group_resource) {
  const auto r = api::schema::registry::builtin().find_group_resource(group_resource);
  BOOST_REQUIRE(r);
  return *r->type;
}

} // namespace thespis::test
