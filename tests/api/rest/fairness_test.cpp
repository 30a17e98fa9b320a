#include "api/fairness/gate.hpp"
#include "fixture.hpp"

using namespace thespis::test;
namespace api = thespis::api;
namespace fairness = thespis::api::fairness;

namespace {

const std::string maps = "/api/v1/namespaces/default/configmaps";
constexpr std::string_view body =
    R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"}})";

const std::string of_default = "{priority_level=\"global-default\"";
const std::string queued = "apiserver_flowcontrol_current_inqueue_requests" + of_default + "} ";
const std::string in_use = "apiserver_flowcontrol_current_executing_seats" + of_default + "} ";
const std::string timed_out = "apiserver_flowcontrol_rejected_requests_total" + of_default +
                              ",flow_schema=\"global-default\",reason=\"time-out\"} ";

/// Everybody who is no master has two seats, and one place to wait.
struct narrow_fixture : rest_fixture {
  narrow_fixture() : rest_fixture(narrow()) {}

  static api::rest::server_options narrow() {
    api::rest::server_options o;
    auto level = fairness::suggested().levels.back();
    level.metadata.uid = "level-uid";
    auto& limits = *level.spec.limited;
    limits.nominal_concurrency_shares = 95;
    limits.lendable_percent = 0;
    limits.limit_response->queuing->queues = 1;
    limits.limit_response->queuing->hand_size = 1;
    limits.limit_response->queuing->queue_length_limit = 1;
    auto schema = fairness::suggested().schemas.back();
    schema.metadata.uid = "schema-uid";
    o.gate = fairness::gate::make(2);
    o.gate->configure({level}, {schema});
    o.write_timeout = std::chrono::milliseconds{4000};
    return o;
  }

  /// Sends a write that is not answered before `silent` ends, or its time.
  std::unique_ptr<client> hang() {
    auto c = std::make_unique<client>(server->port());
    const auto before = cluster.calls().size();
    c->send("POST " + maps +
            " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer writer-token\r\nContent-Type: "
            "application/json\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    BOOST_REQUIRE(becomes_true([&] { return cluster.calls().size() > before; }));
    return c;
  }
  std::string metric(std::string_view line) {
    const auto text = get("/metrics").body;
    const auto at = text.find(line);
    return at == text.npos ? ""
                           : text.substr(at + line.size(), text.find('\n', at) - at - line.size());
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(fairness_, narrow_fixture)

BOOST_AUTO_TEST_CASE(answers_tell_by_what_they_were_judged) {
  auto a = request("GET", maps, {}, {}, "writer-token");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.headers["x-kubernetes-pf-flowschema-uid"] == "schema-uid");
  BOOST_TEST(a.headers["x-kubernetes-pf-prioritylevel-uid"] == "level-uid");
  a = request("GET", "/api/v1/secrets", {}, {}, "joe-token");
  BOOST_TEST(a.status == 403);
  BOOST_TEST(a.headers.contains("x-kubernetes-pf-flowschema-uid"));
  a = request("GET", maps, {}, {}, "wrong");
  BOOST_TEST(a.status == 401);
  BOOST_TEST(!a.headers.contains("x-kubernetes-pf-flowschema-uid"));
}

BOOST_AUTO_TEST_CASE(those_beyond_wait_and_those_beyond_these_come_again) {
  cluster.hold_writes = true;
  auto first = hang();
  auto second = hang();
  // A read waits as well, for its place ...
  client third(server->port());
  third.send("GET " + maps + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer writer-token\r\n\r\n");
  BOOST_REQUIRE(becomes_true([&] { return metric(queued) == "1"; }));
  // ... and who finds none is told so.
  auto refused = request("GET", maps, {}, {}, "writer-token");
  check_status(refused, 429, "TooManyRequests", "Too many requests, please try again later.");
  BOOST_TEST(refused.headers["retry-after"] == "1");
  // A watch too: its place in the queue is taken.
  auto watch = request("GET", maps + "?watch=true", {}, {}, "writer-token");
  check_status(watch, 429, "TooManyRequests");
  // Masters and probes pay for nothing.
  BOOST_TEST(get(maps).status == 200);
  BOOST_TEST(request("GET", "/healthz", {}, {}, "").status == 200);
  // The wait has an end.
  auto late = read_answer(third);
  check_status(late, 429, "TooManyRequests");
  // Who gives up waiting for an answer frees no seat: the work goes on.
  BOOST_TEST(metric(in_use) == "2");
  api::reply failed;
  failed.failure = api::bad_request("enough");
  for (auto& done : cluster.held_writes)
    done(failed);
  BOOST_TEST(metric(in_use) == "0");
  BOOST_TEST(metric(timed_out) == "1");
}

BOOST_AUTO_TEST_CASE(who_waits_is_served_when_somebody_leaves) {
  std::vector<fairness::seat> seats(2);
  const api::user_info joe{"joe", "", {"system:authenticated"}};
  for (auto& s : seats)
    BOOST_REQUIRE(gate->try_enter(
        gate->classify({joe, true, "list", "", "v1", "default", "configmaps", "", "", ""}), s));
  client waiting(server->port());
  waiting.send("GET " + maps +
               "?watch=true HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "
               "writer-token\r\n\r\n");
  BOOST_REQUIRE(becomes_true([&] { return metric(queued) == "1"; }));
  seats.pop_back();
  BOOST_TEST(waiting.read_until("\r\n\r\n").find(" 200 ") != std::string::npos);
  // A watch gives its seat back once it has begun.
  BOOST_TEST(request("POST", maps, body, {}, "writer-token").status == 201);
}

BOOST_AUTO_TEST_SUITE_END()
