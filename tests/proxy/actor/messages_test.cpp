// What balancers are asked from other machines survives the way there.
#include "proxy/balancer_interface.hpp"
#include "proxy/messages.hpp"
#include "runtime/actor_system.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>

using namespace thespis;
using namespace thespis::proxy;

namespace {

struct fixture {
  runtime::system_config config{1};
  caf::actor_system system{(register_proxy_messages(config), config)};

  caf::message there_and_back(const caf::message& m) {
    std::vector<char> bytes;
    caf::binary_serializer out{system, bytes};
    BOOST_REQUIRE(!out(m));
    caf::message res;
    caf::binary_deserializer in{system, bytes};
    BOOST_REQUIRE(!in(res));
    return res;
  }
  template <class T>
  T back(const T& x) {
    const caf::message m = there_and_back(caf::make_message(x));
    BOOST_REQUIRE(m.match_elements<T>());
    return m.template get_as<T>(0);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(proxy_messages, fixture)

BOOST_AUTO_TEST_CASE(come_through_whole) {
  BOOST_TEST(back(choose_endpoint{"10.0.0.7"}).client == "10.0.0.7");
  const auto chosen = back(chosen_endpoint{"10.244.0.3", 8080, "web-1"});
  BOOST_TEST(chosen.ip == "10.244.0.3");
  BOOST_TEST(chosen.port == 8080);
  BOOST_TEST(chosen.pod == "web-1");
  const auto done = back(endpoint_done{"10.244.0.3", 8080, true});
  BOOST_TEST(done.ip == "10.244.0.3");
  BOOST_TEST(done.port == 8080);
  BOOST_TEST(done.failed);
}

BOOST_AUTO_TEST_CASE(a_message_within_a_message_comes_through) {
  const auto got = back(to_service{"me", caf::make_message(std::string{"hello"}, 7)});
  BOOST_TEST(got.client == "me");
  BOOST_REQUIRE((got.body.match_elements<std::string, int>()));
  BOOST_TEST(got.body.get_as<std::string>(0) == "hello");
  BOOST_TEST(got.body.get_as<int>(1) == 7);
}

BOOST_AUTO_TEST_SUITE_END()
