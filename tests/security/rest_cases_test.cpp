// What the REST server must refuse or withhold, over a real socket.
#include "api/fairness/gate.hpp"
#include "api/rest/fixture.hpp"

#include <boost/asio.hpp>
#include <openssl/ssl.h>

#include <poll.h>

using namespace thespis::test;
namespace api = thespis::api;
using boost::asio::ip::tcp;

namespace {

const std::string maps = "/api/v1/namespaces/default/configmaps";

/// A streaming server of a container runtime that refuses, and keeps what else comes.
class refusing_runtime {
public:
  /// `no` is what it answers.
  explicit refusing_runtime(
      std::string no = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno")
      : no_(std::move(no)), acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}) {
    thread_ = std::thread([this] { serve(); });
  }
  ~refusing_runtime() {
    if (thread_.joinable())
      thread_.join();
  }
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/exec/TOKEN";
  }
  /// All that reached it, once the connection has ended.
  std::string seen() {
    thread_.join();
    return seen_;
  }

private:
  void serve() {
    tcp::socket socket(context_);
    boost::system::error_code ec;
    acceptor_.accept(socket, ec);
    auto n = boost::asio::read_until(socket, boost::asio::dynamic_buffer(seen_), "\r\n\r\n", ec);
    (void)n;
    boost::asio::write(socket, boost::asio::buffer(no_), ec);
    char bytes[512];
    // Until the connection ends, or for a bounded time.
    pollfd p{socket.native_handle(), POLLIN, 0};
    while (::poll(&p, 1, 1000) > 0) {
      const auto got = socket.read_some(boost::asio::buffer(bytes), ec);
      if (ec)
        break;
      seen_.append(bytes, got);
    }
  }

  const std::string no_;
  boost::asio::io_context context_;
  tcp::acceptor acceptor_;
  std::thread thread_;
  std::string seen_;
};

std::string upgrade(std::string_view token) {
  return "POST /api/v1/namespaces/default/pods/web/exec?command=sh HTTP/1.1\r\nHost: a\r\n"
         "Authorization: Bearer " +
         std::string{token} +
         "\r\nCookie: session=1\r\nX-Remote-User: root\r\nConnection: Upgrade\r\n"
         "Upgrade: SPDY/3.1\r\n\r\n";
}

struct hostile : rest_fixture {
  boost::asio::io_context context;
  answer yaml(const std::string& text) {
    return request("POST", maps, text, "Content-Type: application/yaml\r\n");
  }
  answer patch(const std::string& text) {
    return request("PATCH", maps + "/c", text, "Content-Type: application/json-patch+json\r\n");
  }
  void config_map(const std::string& value) {
    BOOST_TEST(request("POST", maps,
                       R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":)"
                       R"("c"},"data":{"a":")" +
                           value + "\"}}")
                   .status == 201);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(upgrades, hostile)

BOOST_AUTO_TEST_CASE(a_refused_upgrade_leaves_no_way_to_the_runtime) {
  add_pod("default", "web", "{}", "n1");
  refusing_runtime runtime;
  cluster.upstream = runtime.url();
  client c(server->port());
  c.send(upgrade("admin-token"));
  BOOST_TEST(c.read_until("\r\n\r\n").find(" 400 ") != std::string::npos);
  BOOST_TEST(c.read_exactly(2) == "no");
  c.try_send("GET /exec/ANOTHER HTTP/1.1\r\nHost: a\r\n\r\n");
  BOOST_TEST(runtime.seen().find("ANOTHER") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(nothing_sent_ahead_reaches_a_runtime_that_refuses) {
  add_pod("default", "web", "{}", "n1");
  refusing_runtime runtime;
  cluster.upstream = runtime.url();
  client c(server->port());
  c.send(upgrade("admin-token") + "GET /exec/ANOTHER HTTP/1.1\r\nHost: a\r\n\r\n");
  c.read_to_end();
  BOOST_TEST(runtime.seen().find("ANOTHER") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_runtime_that_redirects_is_not_followed) {
  add_pod("default", "web", "{}", "n1");
  tcp::acceptor elsewhere{context, {boost::asio::ip::address_v4::loopback(), 0}};
  refusing_runtime runtime{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:" +
                           std::to_string(elsewhere.local_endpoint().port()) +
                           "/\r\nContent-Length: 0\r\n\r\n"};
  cluster.upstream = runtime.url();
  client c(server->port());
  c.send(upgrade("admin-token"));
  BOOST_TEST(c.read_until("\r\n\r\n").find(" 101 ") == std::string::npos);
  runtime.seen();
  pollfd p{elsewhere.native_handle(), POLLIN, 0};
  BOOST_TEST(::poll(&p, 1, 0) == 0);
}

BOOST_AUTO_TEST_CASE(the_runtime_sees_no_credentials) {
  add_pod("default", "web", "{}", "n1");
  refusing_runtime runtime;
  cluster.upstream = runtime.url();
  client c(server->port());
  c.send(upgrade("admin-token"));
  c.read_to_end();
  const auto seen = runtime.seen();
  BOOST_TEST(seen.find("SPDY") != std::string::npos);
  for (const auto* secret : {"admin-token", "session=1", "X-Remote-User"})
    BOOST_TEST(seen.find(secret) == std::string::npos, secret);
}

BOOST_AUTO_TEST_CASE(a_shell_over_a_websocket_is_no_read) {
  check_status(request("GET", "/api/v1/namespaces/a/pods/p/exec?command=sh", {}, {}, "joe-token"),
               403, "Forbidden",
               "pods \"p\" is forbidden: User \"joe\" cannot create resource \"pods/exec\" in API "
               "group \"\" in the namespace \"a\"");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(identities, hostile)

BOOST_AUTO_TEST_CASE(a_wrong_token_is_not_nobody) {
  check_status(request("GET", "/healthz", {}, {}, "wrong"), 401, "Unauthorized");
}

BOOST_AUTO_TEST_CASE(strangers_see_health_and_nothing_else) {
  for (const auto* path : {"/api", "/apis", "/openapi/v2", "/metrics", "/api/v1/pods",
                           "/thespis/v1/introspect?command=ps"})
    BOOST_TEST(request("GET", path, {}, {}, "").status == 401, path);
}

BOOST_AUTO_TEST_CASE(nobody_plays_a_master) {
  check_status(request("GET", maps, {},
                       "Impersonate-User: root\r\nImpersonate-Group: system:masters\r\n",
                       "writer-token"),
               403, "Forbidden");
}

BOOST_AUTO_TEST_CASE(groups_are_not_borrowed_without_a_user) {
  BOOST_TEST(
      request("GET", maps, {}, "Impersonate-Group: system:masters\r\n", "joe-token").status == 500);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(paths, hostile)

BOOST_AUTO_TEST_CASE(objects_of_the_cluster_have_no_path_in_a_namespace) {
  for (const auto* path : {"/api/v1/namespaces/default/nodes",
                           "/apis/rbac.authorization.k8s.io/v1/namespaces/default/clusterroles"})
    check_status(get(path), 404, "NotFound");
}

BOOST_AUTO_TEST_CASE(objects_of_a_namespace_have_no_path_in_the_cluster) {
  add_pod("default", "web");
  check_status(get("/api/v1/pods/web"), 404, "NotFound");
  check_status(request("POST", "/api/v1/configmaps", "{}"), 405, "MethodNotAllowed");
  check_status(request("DELETE", "/api/v1/configmaps"), 405, "MethodNotAllowed");
}

BOOST_AUTO_TEST_CASE(trace_shows_nobody_their_own_token) {
  const auto a = request("TRACE", "/healthz");
  BOOST_TEST(a.status == 405);
  BOOST_TEST(a.body.find("admin-token") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(two_lengths_make_no_second_request) {
  client c(server->port());
  c.send("POST " + maps +
         " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer admin-token\r\nContent-Length: 5\r\n"
         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /version HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto all = c.read_to_end();
  BOOST_TEST(all.find(" 400 ") != std::string::npos);
  BOOST_TEST(all.find("gitVersion") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(bombs, hostile)

BOOST_AUTO_TEST_CASE(yaml_aliases_do_not_multiply) {
  std::string text =
      "kind: ConfigMap\napiVersion: v1\nmetadata: {name: b}\nx0: &x0 [a,a,a,a,a,a]\n";
  for (int i = 1; i < 9; ++i) {
    const auto last = "*x" + std::to_string(i - 1);
    text += "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [" + last + "," + last + "," +
            last + "," + last + "]\n";
  }
  BOOST_TEST(yaml(text).status == 400);
  BOOST_TEST(yaml("kind: ConfigMap\napiVersion: v1\nmetadata: {name: b}\ndata: {a: &x y, b: *x}\n")
                 .status == 400);
}

BOOST_AUTO_TEST_CASE(deep_yaml_is_refused) {
  const auto a =
      yaml("kind: ConfigMap\napiVersion: v1\nmetadata: {name: b}\nx: " + std::string(100, '[') +
           std::string(100, ']') + "\n");
  BOOST_TEST(a.status == 400);
}

BOOST_AUTO_TEST_CASE(deep_json_is_refused) {
  const auto a = request("POST", maps,
                         R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"b"},"x":)" +
                             std::string(200, '[') + std::string(200, ']') + "}");
  BOOST_TEST(a.status == 400);
}

BOOST_AUTO_TEST_CASE(json_patches_have_a_bounded_number_of_steps) {
  config_map("x");
  std::string steps = "[";
  for (int i = 0; i < 10'001; ++i)
    steps += std::string{i ? "," : ""} + R"({"op":"test","path":"/data/a","value":"x"})";
  BOOST_TEST(patch(steps + "]").status == 413);
}

BOOST_AUTO_TEST_CASE(json_patches_do_not_multiply_by_copying) {
  config_map(std::string(100'000, 'x'));
  std::string steps = "[";
  for (int i = 0; i < 1000; ++i)
    steps += std::string{i ? "," : ""} + R"({"op":"copy","from":"/data/a","path":"/data/k)" +
             std::to_string(i) + "\"}";
  const auto a = patch(steps + "]");
  BOOST_TEST(a.status >= 400);
  BOOST_TEST(a.status < 500);
  BOOST_TEST(get(maps + "/c").body.size() < 200'000u);
}

BOOST_AUTO_TEST_CASE(heads_and_bodies_are_bounded) {
  BOOST_TEST(request("GET", maps, {}, "X-Pad: " + std::string(100'000, 'x') + "\r\n").status ==
             431);
  client c(server->port());
  c.send("POST " + maps +
         " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer admin-token\r\nContent-Type: "
         "application/json\r\nContent-Length: 4000000000\r\n\r\n");
  BOOST_TEST(read_answer(c).status == 413);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

/// Three requests of ordinary users at a time, and none that waits.
struct crowded : rest_fixture {
  crowded() : rest_fixture(options()) {}
  static api::rest::server_options options() {
    api::rest::server_options o;
    auto level = api::fairness::suggested().levels.back();
    auto& limits = *level.spec.limited;
    limits.nominal_concurrency_shares = 95;
    limits.lendable_percent = 0;
    limits.limit_response->type = "Reject";
    limits.limit_response->queuing.reset();
    o.gate = api::fairness::gate::make(3);
    o.gate->configure({level}, {api::fairness::suggested().schemas.back()});
    return o;
  }
};

/// A client with TLS that asks for nothing.
struct silent : rest_fixture {
  silent() : rest_fixture(options()) {}
  static api::rest::server_options options() {
    api::rest::server_options o;
    o.transport = shared_pki().options();
    o.transport.limits.handshake = std::chrono::milliseconds{500};
    return o;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(crowds, crowded)

BOOST_AUTO_TEST_CASE(one_users_requests_are_bounded_and_others_go_on) {
  cluster.hold_writes = true;
  const std::string body = R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"}})";
  std::vector<std::unique_ptr<client>> clients;
  int refused = 0;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<client>(server->port()));
    clients.back()->send("POST " + maps +
                         " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer writer-token\r\n"
                         "Content-Type: application/json\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
    if (i >= 3)
      refused += read_answer(*clients.back()).status == 429;
    else
      BOOST_REQUIRE(becomes_true([&] { return cluster.calls().size() == size_t(i) + 1; }));
  }
  BOOST_TEST(refused == 7);
  BOOST_TEST(cluster.calls().size() == 3u);
  BOOST_TEST(get(maps).status == 200);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

/// The certificate that a client which asks for `name` is shown, as DER.
std::string certificate_for(uint16_t port, const std::string& name) {
  boost::asio::io_context context;
  tcp::socket socket{context};
  socket.connect({boost::asio::ip::address_v4::loopback(), port});
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> ctx{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  std::unique_ptr<SSL, void (*)(SSL*)> ssl{SSL_new(ctx.get()), SSL_free};
  SSL_set_fd(ssl.get(), socket.native_handle());
  if (!name.empty())
    SSL_set_tlsext_host_name(ssl.get(), name.c_str());
  BOOST_REQUIRE(SSL_connect(ssl.get()) == 1);
  std::unique_ptr<X509, void (*)(X509*)> shown{SSL_get1_peer_certificate(ssl.get()), X509_free};
  unsigned char* der = nullptr;
  const auto size = i2d_X509(shown.get(), &der);
  std::string out{reinterpret_cast<char*>(der), static_cast<size_t>(size)};
  OPENSSL_free(der);
  return out;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(idlers, silent)

BOOST_AUTO_TEST_CASE(names_that_strangers_ask_for_grow_no_certificate) {
  const auto first = certificate_for(server->port(), "");
  for (int i = 0; i < 20; ++i) {
    const auto name = "n" + std::to_string(i) + ".mallory.example";
    const auto shown = certificate_for(server->port(), name);
    BOOST_TEST((shown == first));
    BOOST_TEST(shown.find(name) == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(who_shows_no_identity_gets_no_more_time_than_a_handshake) {
  client c(server->port(), shared_pki().ca.certificate, nullptr);
  const auto begin = std::chrono::steady_clock::now();
  BOOST_TEST(c.read_to_end().empty());
  BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::seconds{15}));
}

BOOST_AUTO_TEST_SUITE_END()
