// Builds whose messages differ are told apart by the name of what they speak.
#include "actors/fixture.hpp"
#include "actors/messages.hpp"
#include "runtime/link/link_version.hpp"

#include <caf/io/middleman.hpp>

using namespace thespis;
using namespace thespis::test;

namespace version_test {

struct small_message {
  int32_t a = 0;
};
struct grown_message {
  int32_t a = 0;
  int32_t b = 0;
};
/// Its fields come behind an actor's handle, as in many messages.
struct with_handle {
  caf::strong_actor_ptr from;
  int32_t a = 0;
};
struct with_handle_grown {
  caf::strong_actor_ptr from;
  int32_t a = 0;
  int64_t b = 0;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, small_message& x) {
  return f(x.a);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, grown_message& x) {
  return f(x.a, x.b);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, with_handle& x) {
  return f(x.from, x.a);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, with_handle_grown& x) {
  return f(x.from, x.a, x.b);
}

} // namespace version_test

namespace {

struct version_fixture : cluster_fixture {
  template <class... Messages>
  std::string speaks(const std::vector<const char*>& names) {
    runtime::system_config types;
    actors::register_actor_messages(types);
    size_t i = 0;
    (types.add_message_type<Messages>(names.at(i++)), ...);
    return runtime::link::link_protocol(system(), types);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(link_version, version_fixture)

BOOST_AUTO_TEST_CASE(equal_builds_speak_the_same) {
  const auto own = speaks<>({});
  BOOST_TEST(own == speaks<>({}));
  BOOST_TEST(own.starts_with("thespis-link/2-"));
  BOOST_TEST(own.size() == std::string{"thespis-link/2-"}.size() + 12);
  using namespace version_test;
  // Whatever order they are registered in.
  BOOST_TEST((speaks<small_message, grown_message>({"a", "b"}) ==
              speaks<grown_message, small_message>({"b", "a"})));
}

BOOST_AUTO_TEST_CASE(what_caf_itself_sends_does_not_count) {
  runtime::system_config types;
  actors::register_actor_messages(types);
  types.load<caf::io::middleman>();
  const caf::actor_system other{types}; // adds the messages of the module
  BOOST_TEST(runtime::link::link_protocol(system(), types) == speaks<>({}));
}

BOOST_AUTO_TEST_CASE(a_message_more_renamed_or_longer_is_another_version) {
  using namespace version_test;
  const std::set<std::string> all{speaks<>({}),
                                  speaks<small_message>({"a"}),
                                  speaks<small_message>({"b"}),
                                  speaks<grown_message>({"a"}),
                                  speaks<with_handle>({"a"}),
                                  speaks<with_handle_grown>({"a"})};
  BOOST_TEST(all.size() == 6u);
}

BOOST_AUTO_TEST_SUITE_END()
