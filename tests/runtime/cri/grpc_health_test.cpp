// Health checks against a real gRPC server with gRPC's own health service.
#include "runtime/cri/grpc_health.hpp"

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <boost/test/unit_test.hpp>

#include <future>

using namespace std::chrono_literals;
using thespis::runtime::grpc_health;

namespace {

struct health_server {
  explicit health_server(bool with_service) {
    grpc::EnableDefaultHealthCheckService(with_service);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    // Answers UNIMPLEMENTED to what no service knows, and is one that keeps the server going.
    builder.RegisterCallbackGenericService(&others);
    server = builder.BuildAndStart();
    BOOST_REQUIRE(server);
  }
  ~health_server() { server->Shutdown(gpr_now(GPR_CLOCK_MONOTONIC)); }

  int port = 0;
  grpc::CallbackGenericService others;
  std::unique_ptr<grpc::Server> server;
};

grpc_health ask(int port, const std::string& service = {}, std::chrono::milliseconds limit = 20s) {
  std::promise<grpc_health> done;
  thespis::runtime::check_grpc_health("127.0.0.1", port, service, limit,
                                      [&](grpc_health h) { done.set_value(std::move(h)); });
  return done.get_future().get();
}

} // namespace

BOOST_AUTO_TEST_SUITE(grpc_health_check)

BOOST_AUTO_TEST_CASE(tells_a_service_that_serves_from_one_that_does_not) {
  health_server s{true};
  s.server->GetHealthCheckService()->SetServingStatus("shop", false);
  BOOST_TEST(ask(s.port).serving);
  const auto shop = ask(s.port, "shop");
  BOOST_TEST(!shop.serving);
  BOOST_TEST(shop.message == "service unhealthy (responded with \"NOT_SERVING\")");
  s.server->GetHealthCheckService()->SetServingStatus("shop", true);
  BOOST_TEST(ask(s.port, "shop").serving);
}

BOOST_AUTO_TEST_CASE(fails_for_a_service_that_nobody_knows) {
  health_server s{true};
  const auto unknown = ask(s.port, "nobody");
  BOOST_TEST(!unknown.serving);
  BOOST_TEST(unknown.message.starts_with("error: health rpc probe failed: "));
}

BOOST_AUTO_TEST_CASE(says_when_a_server_has_no_health_service) {
  health_server s{false};
  const auto h = ask(s.port);
  BOOST_TEST(!h.serving);
  BOOST_TEST(h.message.starts_with(
      "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): "));
}

BOOST_AUTO_TEST_CASE(says_when_nobody_listens) {
  int port = 0;
  { port = health_server{true}.port; }
  const auto h = ask(port, {}, 2s);
  BOOST_TEST(!h.serving);
  BOOST_TEST(h.message.starts_with(
      "timeout: failed to connect service \"127.0.0.1:" + std::to_string(port) + "\" within 2s: "));
}

BOOST_AUTO_TEST_SUITE_END()
