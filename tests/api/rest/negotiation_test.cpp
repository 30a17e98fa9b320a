#include "api/rest/listing_cache.hpp"
#include "api/rest/media_types.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::rest;

BOOST_AUTO_TEST_SUITE(negotiation)

BOOST_AUTO_TEST_CASE(answers_json_when_nothing_is_asked_for) {
  BOOST_TEST(negotiate("")->content_type() == "application/json");
  BOOST_TEST(negotiate("*/*")->content_type() == "application/json");
  BOOST_TEST(negotiate("text/html, application/*;q=0.5")->content_type() == "application/json");
}

BOOST_AUTO_TEST_CASE(understands_what_kubectl_asks_for) {
  auto form = negotiate("application/json;as=Table;v=v1;g=meta.k8s.io,"
                        "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json");
  BOOST_REQUIRE(form);
  BOOST_TEST((form->shape == shape::table));
  BOOST_TEST(form->meta_version == "v1");
  BOOST_TEST(form->content_type() == "application/json;as=Table;v=v1;g=meta.k8s.io");
}

BOOST_AUTO_TEST_CASE(skips_what_it_does_not_speak) {
  auto form = negotiate("application/vnd.kubernetes.protobuf, application/json;as=Chart;v=v1;g="
                        "meta.k8s.io, application/json");
  BOOST_REQUIRE(form);
  BOOST_TEST((form->shape == shape::plain));
  auto yaml = negotiate("application/yaml");
  BOOST_REQUIRE(yaml);
  BOOST_TEST((yaml->encoding == encoding::yaml));
}

BOOST_AUTO_TEST_CASE(speaks_protobuf_where_the_kind_has_it) {
  constexpr std::string_view go = "application/vnd.kubernetes.protobuf,application/json";
  BOOST_TEST((negotiate(go)->encoding == encoding::json));
  auto form = negotiate(go, {true, false});
  BOOST_REQUIRE(form);
  BOOST_TEST(form->content_type() == "application/vnd.kubernetes.protobuf");
  form =
      negotiate("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1,"
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
                {true, false});
  BOOST_REQUIRE(form);
  BOOST_TEST((form->shape == shape::partial_metadata));
  auto cbor = negotiate("application/cbor", {true, true});
  BOOST_REQUIRE(!cbor);
  BOOST_TEST(cbor.error().message ==
             "only the following media types are accepted: application/json;stream=watch, "
             "application/vnd.kubernetes.protobuf;stream=watch");
}

BOOST_AUTO_TEST_CASE(orders_by_quality) {
  auto form = negotiate("application/json;q=0.1, application/yaml;q=0.9");
  BOOST_REQUIRE(form);
  BOOST_TEST((form->encoding == encoding::yaml));
}

BOOST_AUTO_TEST_CASE(refuses_what_it_cannot_answer) {
  for (std::string_view accept : {"application/vnd.kubernetes.protobuf", "text/html",
                                  "application/cbor", "application/json;q=0", "nonsense"}) {
    auto form = negotiate(accept);
    BOOST_REQUIRE_MESSAGE(!form, accept);
    BOOST_TEST((form.error().why == reason::not_acceptable));
  }
}

BOOST_AUTO_TEST_CASE(negotiates_aggregated_discovery) {
  auto form = negotiate_discovery(
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
      "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json");
  BOOST_REQUIRE(form);
  BOOST_TEST(form->aggregated == "v2");
  BOOST_TEST(negotiate_discovery("application/json")->aggregated.empty());
}

BOOST_AUTO_TEST_CASE(names_the_patch_types_it_takes) {
  BOOST_TEST(
      (*patch_kind_of("application/merge-patch+json; charset=utf-8") == patch_kind::json_merge));
  BOOST_TEST((*patch_kind_of("application/json-patch+json") == patch_kind::json_patch));
  BOOST_TEST(
      (*patch_kind_of("application/strategic-merge-patch+json") == patch_kind::strategic_merge));
  BOOST_TEST((*patch_kind_of("application/apply-patch+yaml") == patch_kind::apply));
  auto bad = patch_kind_of("application/json");
  BOOST_REQUIRE(!bad);
  BOOST_TEST((bad.error().why == reason::unsupported_media_type));
  BOOST_TEST(bad.error().message.find("application/merge-patch+json") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(takes_the_bodies_it_can_read) {
  BOOST_TEST((*body_encoding("") == encoding::json));
  BOOST_TEST((*body_encoding("application/json;charset=utf-8") == encoding::json));
  BOOST_TEST((*body_encoding("application/yaml") == encoding::yaml));
  BOOST_TEST((*body_encoding("application/vnd.kubernetes.protobuf") == encoding::protobuf));
  for (std::string_view type : {"application/cbor", "application/x-www-form-urlencoded"})
    BOOST_TEST(!body_encoding(type).has_value(), type);
}

BOOST_AUTO_TEST_CASE(continue_tokens_survive_a_round_trip) {
  continue_token token{42, "default/web-\xC3\xA9"};
  auto back = continue_token::decode(token.encode());
  BOOST_REQUIRE(back);
  BOOST_TEST(back->revision == 42u);
  BOOST_TEST(back->start == token.start);
  BOOST_TEST(continue_token::decode(continue_token{0, "x"}.encode())->revision == 0u);
  for (std::string_view bad : {"x", "!!!!", "e30", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ"})
    BOOST_TEST(!continue_token::decode(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(old_list_states_expire) {
  listing_cache cache(2, std::chrono::minutes{1});
  auto at = [](uint64_t revision) {
    auto l = std::make_shared<listing>();
    l->revision = revision;
    return l;
  };
  cache.put("pods", "", at(1));
  cache.put("pods", "", at(2));
  BOOST_TEST(cache.find("pods", "", 1) != nullptr); // the last used
  cache.put("pods", "", at(3));
  BOOST_TEST(cache.find("pods", "", 1) != nullptr);
  BOOST_TEST(cache.find("pods", "", 2) == nullptr);
  BOOST_TEST(cache.find("pods", "default", 3) == nullptr);
  BOOST_TEST(cache.find("services", "", 3) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
