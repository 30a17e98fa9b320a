#include "actors/renewal/renewal_actor.hpp"

#include "actors/fixture.hpp"
#include "config/certificates.hpp"
#include "config/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::test;

namespace {

/// Ten days pass from look to look.
struct leaping_clock final : runtime::clock_port {
  explicit leaping_clock(runtime::wall_time begin) : next(begin) {}
  runtime::wall_time now() const override {
    next += std::chrono::hours{24 * 10};
    return next;
  }
  mutable runtime::wall_time next;
};

struct renewing : cluster_fixture {
  actors::renewal_deps deps() {
    actors::renewal_deps d;
    d.clock = env().clock;
    d.run = [this](const std::function<void()>& work) {
      if (busy)
        return false;
      work();
      return true;
    };
    d.renew = [this](runtime::wall_time now) { looks.push_back(now); };
    return d;
  }
  bool busy = false;
  std::vector<runtime::wall_time> looks;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(renewal_actor, renewing)

BOOST_AUTO_TEST_CASE(looks_once_an_interval) {
  const auto begin = env().clock->now();
  spawn<actors::renewal_actor>(deps());
  settle();
  BOOST_TEST(looks.empty());
  advance(std::chrono::minutes{59});
  BOOST_TEST(looks.empty());
  advance(std::chrono::minutes{1});
  BOOST_REQUIRE_EQUAL(looks.size(), 1u);
  BOOST_TEST((looks[0] - begin == std::chrono::hours{1}));
  advance(std::chrono::hours{10});
  BOOST_TEST(looks.size() == 11u);
}

BOOST_AUTO_TEST_CASE(tries_again_soon_when_nobody_has_time) {
  busy = true;
  spawn<actors::renewal_actor>(deps());
  advance(std::chrono::hours{1});
  BOOST_TEST(looks.empty());
  busy = false;
  advance(std::chrono::minutes{1});
  BOOST_TEST(looks.size() == 1u);
}

BOOST_AUTO_TEST_CASE(certificates_are_renewed_before_they_end_and_not_sooner) {
  temporary_directory folder;
  std::string served;
  int changes = 0;
  auto look = [&](runtime::wall_time now) {
    auto pki = config::ensure_pki(folder / "pki", {"localhost"},
                                  std::chrono::floor<std::chrono::seconds>(now));
    BOOST_REQUIRE_MESSAGE(pki, pki.error().message);
    changes += pki->server.certificate != served;
    served = pki->server.certificate;
    const auto info = config::inspect_certificate(served);
    BOOST_TEST((info->not_after > now + std::chrono::hours{24 * 30}));
  };
  look(env().clock->now());
  auto d = deps();
  d.renew = look;
  d.clock = std::make_shared<leaping_clock>(env().clock->now());
  d.interval = std::chrono::minutes{1};
  spawn<actors::renewal_actor>(std::move(d));
  advance(std::chrono::minutes{25});
  BOOST_TEST(changes == 1);
  advance(std::chrono::minutes{5});
  BOOST_TEST(changes == 2);
  advance(std::chrono::minutes{30});
  BOOST_TEST(changes == 3);
}

BOOST_AUTO_TEST_SUITE_END()
