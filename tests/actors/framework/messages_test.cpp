#include "actors/fixture.hpp"
#include "actors/node/folders_interface.hpp"
#include "actors/node/node_interface.hpp"
#include "runtime/link/gateway_interface.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>

using namespace thespis;
using namespace thespis::test;

namespace {

using bytes = std::vector<char>;

bytes save(caf::actor_system& system, const caf::type_erased_value& x) {
  bytes res;
  caf::binary_serializer sink{system, res};
  BOOST_TEST(!x.save(sink));
  return res;
}

/// Through the wire and back, as the registered type of that name.
template <class T>
T there_and_back(const cluster_fixture&, caf::actor_system& system, const T& x) {
  bytes wire;
  caf::binary_serializer sink{system, wire};
  BOOST_REQUIRE(!sink(x));
  T res;
  caf::binary_deserializer source{system, wire};
  BOOST_REQUIRE(!source(res));
  return res;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(messages, cluster_fixture)

BOOST_AUTO_TEST_CASE(every_registered_type_survives_the_wire) {
  test_config registered;
  size_t types = 0;
  for (const auto& [name, make] : registered.value_factories_by_name) {
    BOOST_TEST_CONTEXT(name) {
      const auto before = make();
      const auto wire = save(system(), *before);
      auto after = make();
      caf::binary_deserializer source{system(), wire};
      BOOST_TEST(!after->load(source));
      BOOST_TEST((save(system(), *after) == wire));
      ++types;
    }
  }
  // All of runtime/ and actors/; a type that is sent and not here fails only between machines.
  BOOST_TEST(types >= 30);
}

BOOST_AUTO_TEST_CASE(objects_travel_with_identity_and_bytes) {
  const auto o =
      create("{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: web}}, spec: "
             "{containers: [{name: main, image: web}]}}");
  runtime::watch_batch batch;
  batch.watch = 7;
  batch.what.revision = 42;
  batch.what.initial_end = true;
  batch.what.events.push_back({api::event_kind::modified, o});
  const auto back = there_and_back(*this, system(), batch);
  BOOST_TEST(back.watch == 7);
  BOOST_TEST(back.what.revision == 42);
  BOOST_TEST(back.what.initial_end);
  BOOST_REQUIRE(back.what.events.size() == 1);
  const auto& e = back.what.events.front();
  BOOST_TEST((e.kind == api::event_kind::modified));
  BOOST_TEST(e.object->bytes() == o->bytes());
  BOOST_TEST(e.object->uid() == o->uid());
  BOOST_TEST(e.object->revision() == o->revision());
  BOOST_TEST((e.object->labels() == o->labels()));
}

BOOST_AUTO_TEST_CASE(calls_and_their_outcomes_keep_every_field) {
  auto call = actors::patch_call("pods", {"default", "a"}, "{\"x\":1}", "status");
  call.dry_run = true;
  call.grace_seconds = 5;
  call.policy = api::propagation::orphan;
  call.precondition_uid = "u";
  call.precondition_revision = 9;
  call.user = {"me", "id", {"one", "two"}};
  runtime::call_batch batch;
  batch.calls.push_back(call);
  const auto back = there_and_back(*this, system(), batch).calls.front();
  BOOST_TEST(back.resource == "pods");
  BOOST_TEST(back.subresource == "status");
  BOOST_TEST(back.body == call.body);
  BOOST_TEST((back.patch == api::patch_kind::json_merge));
  BOOST_TEST(back.dry_run);
  BOOST_TEST(back.grace_seconds == 5);
  BOOST_TEST((back.policy == api::propagation::orphan));
  BOOST_TEST(back.precondition_uid == "u");
  BOOST_TEST(back.precondition_revision == 9);
  BOOST_TEST((back.user.groups == call.user.groups));

  runtime::call_outcomes outcomes;
  outcomes.outcomes.push_back({false, api::conflict("pods", "a", "moved on"), {}});
  const auto told = there_and_back(*this, system(), outcomes).outcomes.front();
  BOOST_TEST(!told.ok);
  BOOST_TEST((told.failure.why == api::reason::conflict));
  BOOST_TEST(told.failure.message == outcomes.outcomes.front().failure.message);
  BOOST_TEST(!told.object);
}

BOOST_AUTO_TEST_CASE(requests_for_streams_travel_whole) {
  actors::open_log log{"ns", "web", {"main", true}, true, true, 1, 2, 3, 4};
  const auto l = there_and_back(*this, system(), log);
  BOOST_TEST((l.ns == "ns" && l.pod == "web" && l.what.container == "main" && l.what.previous));
  BOOST_TEST((l.follow && l.timestamps && l.tail_lines == 1 && l.since_seconds == 2 &&
              l.since_nanos == 3 && l.limit_bytes == 4));
  actors::open_connection c{"ns", "web", "main", "exec", {"ls", "-l"},
                            true, false, true,   true,   {80, 443}};
  const auto d = there_and_back(*this, system(), c);
  BOOST_TEST((d.ns == "ns" && d.pod == "web" && d.container == "main" && d.kind == "exec"));
  BOOST_TEST((d.command == c.command && d.ports == c.ports));
  BOOST_TEST((d.in && !d.out && d.err && d.tty));
  const std::string raw{"\0\xff\n", 3};
  BOOST_TEST((there_and_back(*this, system(), runtime::stream_data{raw}).bytes == raw));
  BOOST_TEST(there_and_back(*this, system(), runtime::stream_credit{uint64_t{1} << 40}).bytes ==
             uint64_t{1} << 40);
}

BOOST_AUTO_TEST_CASE(what_links_say_first_and_ask_for_travels_whole) {
  runtime::link::open_watch w{7, "pods", {}, 9, true};
  w.what.ns = "a";
  const auto x = there_and_back(*this, system(), w);
  BOOST_TEST((x.watch == 7 && x.resource == "pods" && x.what.ns == "a"));
  BOOST_TEST((x.from_revision == 9 && x.brief));
  runtime::link::link_welcome welcome;
  welcome.server = "s";
  welcome.refused = "another process is linked";
  const auto told = there_and_back(*this, system(), welcome);
  BOOST_TEST((told.server == "s" && told.refused == welcome.refused));
  BOOST_TEST(there_and_back(*this, system(), actors::remove_folder{"/a/b"}).path == "/a/b");
  const auto gone = there_and_back(*this, system(), actors::folder_removed{true, "x"});
  BOOST_TEST((gone.ok && gone.why == "x"));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_object_are_refused) {
  bytes wire;
  caf::binary_serializer sink{system(), wire};
  BOOST_REQUIRE(!sink(std::string{"pods"}, std::string{"{not json"}));
  api::object_ref res;
  caf::binary_deserializer source{system(), wire};
  BOOST_TEST(!!source(res));
  BOOST_TEST(!res);
}

BOOST_AUTO_TEST_SUITE_END()
