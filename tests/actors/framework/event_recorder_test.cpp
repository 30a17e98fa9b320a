#include "actors/framework/event_recorder.hpp"

#include "actors/fixture.hpp"
#include "api/generated/core_v1_event.hpp"

using namespace thespis;
using namespace thespis::test;

namespace {

struct recorder_fixture : cluster_fixture {
  actors::event_recorder recorder{"test-controller", env().random};
  api::object_ptr pod = create("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: "
                               "{containers: [{name: main, image: web}]}}");

  actors::event_note note(std::string message) const {
    actors::event_note n;
    n.reason = "Test";
    n.message = std::move(message);
    n.about = pod;
    n.kind = "Pod";
    n.api_version = "v1";
    return n;
  }

  bool record(std::string message) {
    auto call = recorder.record(note(std::move(message)), now());
    if (!call)
      return false;
    must(*call);
    return true;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(event_recorder, recorder_fixture)

BOOST_AUTO_TEST_CASE(an_event_names_its_object_and_source) {
  BOOST_TEST(record("hello"));
  const auto all = list<api::v1::event>();
  BOOST_REQUIRE(all.size() == 1);
  const auto& e = all.front();
  BOOST_TEST(e.metadata.name.rfind("a.", 0) == 0);
  BOOST_TEST(e.involved_object.uid == pod->uid());
  BOOST_TEST(e.source->component == "test-controller");
  BOOST_TEST(e.message == "hello");
  BOOST_TEST(e.last_timestamp == timestamp());
}

BOOST_AUTO_TEST_CASE(the_same_news_again_counts_up) {
  for (int i = 0; i < 3; ++i)
    record("hello");
  record("other");
  BOOST_TEST(count("events") == 2);
  int32_t most = 0;
  for (const auto& e : list<api::v1::event>())
    most = std::max(most, e.count.value_or(0));
  BOOST_TEST(most == 3);
}

BOOST_AUTO_TEST_CASE(an_object_is_talked_about_25_times_and_then_once_in_five_minutes) {
  for (int i = 0; i < 25; ++i)
    BOOST_TEST(record(std::to_string(i)));
  BOOST_TEST(!record("one too many"));
  advance(299s);
  BOOST_TEST(!record("too early"));
  advance(2s);
  BOOST_TEST(record("again"));
  BOOST_TEST(!record("and no more"));
}

BOOST_AUTO_TEST_CASE(one_object_does_not_silence_another) {
  for (int i = 0; i < 30; ++i)
    record(std::to_string(i));
  pod = create("{apiVersion: v1, kind: Pod, metadata: {name: b}, spec: {containers: [{name: main, "
               "image: web}]}}");
  BOOST_TEST(record("about another"));
}

BOOST_AUTO_TEST_SUITE_END()
