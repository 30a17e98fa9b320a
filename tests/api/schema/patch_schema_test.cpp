#include "api/patch/patch_schema.hpp"

#include "tests/api/schema/support.hpp"

using namespace thespis;

BOOST_AUTO_TEST_SUITE(patch_schema)

BOOST_AUTO_TEST_CASE(a_type_answers_what_strategic_merge_asks) {
  const auto& pod = test::type_of("pods").patch_schema();
  const auto spec = pod.field("spec");
  BOOST_REQUIRE(spec.type);
  const auto containers = spec.type->field("containers");
  BOOST_TEST(containers.merge);
  BOOST_TEST(containers.merge_key == "name");
  BOOST_REQUIRE(containers.type);
  BOOST_TEST(containers.type->field("ports").merge_key == "containerPort");
  BOOST_TEST(!containers.type->field("command").merge);
  BOOST_TEST(spec.type->field("volumes").retain_keys);
  const auto finalizers = pod.field("metadata").type->field("finalizers");
  BOOST_TEST(finalizers.merge);
  BOOST_TEST(finalizers.merge_key.empty());
  BOOST_TEST(!finalizers.type);
}

BOOST_AUTO_TEST_CASE(fields_nobody_knows_have_the_plain_strategy) {
  const auto f = test::type_of("pods").patch_schema().field("nothing");
  BOOST_TEST(!f.type);
  BOOST_TEST(!f.merge);
  BOOST_TEST(!f.replace);
}

BOOST_AUTO_TEST_SUITE_END()
