// Tokens in volumes: bound to the pod, renewed in time, readable by whom they are for.
#include "actors/pod/fake_state.hpp"
#include "actors/pod/host_files.hpp"
#include "actors/pod/pod_tokens.hpp"
#include "actors/pod/volume_files.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis;
using namespace thespis::actors;
using namespace thespis::test;
using namespace std::chrono_literals;
namespace v1 = api::v1;

namespace {

/// An API that numbers its tokens.
struct tokens_fixture {
  tokens_fixture()
      : tokens({[this](auto& ns, auto& account, auto& r) { return issue(ns, account, r); },
                [this] { return now; }}) {
    pod.metadata.name = "p";
    pod.metadata.namespace_ = "ns";
    pod.metadata.uid = "u1";
    pod.spec.service_account_name = "robot";
    what.path = "token";
    what.expiration_seconds = 1000;
  }

  api::result<v1::token_request> issue(const std::string& ns, const std::string& account,
                                       const v1::token_request& r) {
    ++asked;
    last = r;
    asked_for = ns + "/" + account;
    if (broken)
      return api::fail(api::internal_error("down"));
    v1::token_request answer = r;
    answer.status.token = "token-" + std::to_string(asked);
    answer.status.expiration_timestamp =
        api::format_time(now + std::chrono::seconds{*r.spec.expiration_seconds});
    return answer;
  }

  std::string get() {
    auto t = tokens.get(pod, what);
    return t ? *t : t.error().message;
  }

  api::time_point now{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};
  int asked = 0;
  bool broken = false;
  std::string asked_for;
  v1::token_request last;
  v1::pod pod;
  v1::service_account_token_projection what;
  pod_tokens tokens;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(pod_tokens_, tokens_fixture)

BOOST_AUTO_TEST_CASE(a_token_is_bound_to_its_pod) {
  what.audience = "vault";
  BOOST_TEST(get() == "token-1");
  BOOST_TEST(asked_for == "ns/robot");
  BOOST_REQUIRE(last.spec.bound_object_ref);
  BOOST_TEST(last.spec.bound_object_ref->kind == "Pod");
  BOOST_TEST(last.spec.bound_object_ref->name == "p");
  BOOST_TEST(last.spec.bound_object_ref->uid == "u1");
  BOOST_TEST((last.spec.audiences == std::vector<std::string>{"vault"}));
  BOOST_TEST(*last.spec.expiration_seconds == 1000);
}

BOOST_AUTO_TEST_CASE(a_token_is_renewed_when_four_fifths_of_its_life_are_over) {
  BOOST_TEST(get() == "token-1");
  now += 799s;
  BOOST_TEST(get() == "token-1");
  now += 2s;
  BOOST_TEST(get() == "token-2");
  BOOST_TEST(get() == "token-2");
}

BOOST_AUTO_TEST_CASE(a_long_token_is_renewed_once_a_day) {
  what.expiration_seconds = 30 * 24 * 3600;
  BOOST_TEST(get() == "token-1");
  now += 23h;
  BOOST_TEST(get() == "token-1");
  now += 61min;
  BOOST_TEST(get() == "token-2");
}

BOOST_AUTO_TEST_CASE(a_failed_renewal_leaves_the_old_token_until_it_ends) {
  BOOST_TEST(get() == "token-1");
  broken = true;
  now += 900s;
  BOOST_TEST(get() == "token-1");
  now += 101s;
  BOOST_TEST(get() == "failed to fetch token: Internal error occurred: down");
}

BOOST_AUTO_TEST_CASE(another_pod_of_the_name_gets_another_token) {
  BOOST_TEST(get() == "token-1");
  pod.metadata.uid = "u2";
  BOOST_TEST(get() == "token-2");
  pod.metadata.uid = "u1";
  BOOST_TEST(get() == "token-1");
  tokens.forget("u1");
  BOOST_TEST(get() == "token-3");
}

BOOST_AUTO_TEST_CASE(the_file_is_for_whom_it_is_needed) {
  const fake_state state;
  const node_facts node;
  v1::volume v;
  v.name = "v";
  v.projected.ensure().sources.emplace_back().service_account_token = what;
  v.projected->default_mode = 0644;
  auto file = [&] {
    auto files = collect_files(pod, v, node, state, tokens);
    BOOST_REQUIRE_MESSAGE(files, files.error().message);
    return files->at("token");
  };
  pod.spec.containers.resize(2);
  BOOST_TEST(file().mode == 0644u);
  BOOST_TEST(!file().owner);
  pod.spec.containers[0].security_context.ensure().run_as_user = 7;
  BOOST_TEST(file().mode == 0644u); // the other container's user is not known
  pod.spec.security_context.ensure().run_as_user = 7;
  BOOST_TEST(file().mode == 0600u);
  BOOST_TEST(file().owner.value() == 7u);
  pod.spec.security_context->run_as_user = 8;
  pod.spec.security_context->fs_group = 9;
  BOOST_TEST(file().mode == 0600u);
  BOOST_TEST(!file().owner);
}

BOOST_AUTO_TEST_SUITE_END()
