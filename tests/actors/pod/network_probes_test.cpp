#include "actors/pod/probe_port.hpp"
#include "actors/pod/probe_url.hpp"

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/test/unit_test.hpp>

#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include <openssl/evp.h>
#include <openssl/x509.h>

using namespace thespis::actors;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

/// Answers one request a connection with what the script says; a connection for which it says
/// nothing stays open without an answer.
class server {
public:
  using script = std::function<std::optional<std::string>(const std::string& request)>;

  explicit server(script s, bool tls = false) : script_(std::move(s)) {
    if (tls)
      make_certificate();
    thread_ = std::thread{[this, tls] { serve(tls); }};
  }
  ~server() {
    closing_ = true;
    boost::system::error_code ignored;
    tcp::socket wake{io_};
    wake.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  int port() const { return acceptor_.local_endpoint().port(); }
  std::string requests() {
    const std::lock_guard lock{mutex_};
    return requests_;
  }

private:
  void serve(bool tls) {
    while (!closing_) {
      tcp::socket s{io_};
      boost::system::error_code failed;
      acceptor_.accept(s, failed);
      if (failed || closing_)
        return;
      if (!tls) {
        talk(s);
        held_.push_back(std::move(s));
        continue;
      }
      asio::ssl::stream<tcp::socket&> secure{s, tls_};
      secure.handshake(asio::ssl::stream_base::server, failed);
      if (!failed)
        talk(secure);
    }
  }

  template <class Stream>
  void talk(Stream& s) {
    boost::system::error_code failed;
    std::string request;
    asio::read_until(s, asio::dynamic_buffer(request), "\r\n\r\n", failed);
    if (failed)
      return;
    {
      const std::lock_guard lock{mutex_};
      requests_ += request;
    }
    const auto answer = script_(request);
    if (!answer)
      return;
    asio::write(s, asio::buffer(*answer), failed);
    s.lowest_layer().shutdown(tcp::socket::shutdown_both, failed);
  }

  void make_certificate() {
    auto* key = EVP_EC_gen("P-256");
    auto* cert = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    SSL_CTX_use_certificate(tls_.native_handle(), cert);
    SSL_CTX_use_PrivateKey(tls_.native_handle(), key);
    X509_free(cert);
    EVP_PKEY_free(key);
  }

  const script script_;
  std::atomic<bool> closing_ = false;
  asio::io_context io_;
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::vector<tcp::socket> held_;
  std::mutex mutex_;
  std::string requests_;
  std::thread thread_;
};

std::string answer(int code, const std::string& headers = "", const std::string& body = "ok") {
  return "HTTP/1.1 " + std::to_string(code) + " Status\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

server::script always(std::string text) {
  return [text = std::move(text)](const std::string&) { return text; };
}

struct probe_fixture {
  std::shared_ptr<probe_port> probes = make_network_probes();

  probe_result get(int port, http_probe what = {}, std::chrono::seconds timeout = 20s) {
    what.host = "127.0.0.1";
    what.port = port;
    std::promise<probe_result> done;
    probes->http_get(what, timeout, [&](probe_result r) { done.set_value(std::move(r)); });
    return done.get_future().get();
  }
  probe_result connect(const std::string& host, int port, std::chrono::seconds timeout = 20s) {
    std::promise<probe_result> done;
    probes->tcp_connect(host, port, timeout, [&](probe_result r) { done.set_value(std::move(r)); });
    return done.get_future().get();
  }
  /// A port that nobody listens on.
  static int closed_port() {
    asio::io_context io;
    return tcp::acceptor{io, {asio::ip::address_v4::loopback(), 0}}.local_endpoint().port();
  }
  static std::string url(int port, const std::string& path = "/") {
    return "Get \"http://127.0.0.1:" + std::to_string(port) + path + "\": ";
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(network_probes, probe_fixture)

BOOST_AUTO_TEST_CASE(succeed_from_200_to_399) {
  for (const auto& [code, good] :
       {std::pair{200, true}, {204, true}, {302, true}, {399, true}, {400, false}, {500, false}}) {
    server s{always(answer(code))};
    const auto r = get(s.port());
    BOOST_TEST(r.success == good);
    const bool redirects = code >= 300 && code < 400;
    BOOST_TEST(r.warning == redirects);
    BOOST_TEST(r.message == (redirects ? "Probe terminated redirects, Response body: ok"
                             : good
                                 ? ""
                                 : "HTTP probe failed with statuscode: " + std::to_string(code)));
  }
}

BOOST_AUTO_TEST_CASE(send_what_kubelet_sends) {
  server s{always(answer(200))};
  BOOST_TEST(get(s.port(), {{}, 0, false, "/a b?c=d", {{"X-One", "1"}, {"X-One", "2"}}}).success);
  const auto sent = s.requests();
  BOOST_TEST(sent.starts_with("GET /a%20b?c=d HTTP/1.1\r\n"));
  BOOST_TEST(sent.find("Host: 127.0.0.1:" + std::to_string(s.port()) + "\r\n") !=
             std::string::npos);
  BOOST_TEST(sent.find("User-Agent: kube-probe/1.34\r\n") != std::string::npos);
  BOOST_TEST(sent.find("Accept: */*\r\n") != std::string::npos);
  BOOST_TEST(sent.find("X-One: 1\r\nX-One: 2\r\n") != std::string::npos);
  BOOST_TEST(sent.find("Connection: close\r\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(let_headers_be_replaced) {
  server s{always(answer(200))};
  get(s.port(),
      {{}, 0, false, "/", {{"host", "web.example"}, {"User-Agent", "me"}, {"Accept", ""}}});
  const auto sent = s.requests();
  BOOST_TEST(sent.find("host: web.example\r\n") != std::string::npos);
  BOOST_TEST(sent.find("127.0.0.1") == std::string::npos);
  BOOST_TEST(sent.find("User-Agent: me\r\n") != std::string::npos);
  BOOST_TEST(sent.find("Accept") == std::string::npos);
  const auto bad = get(s.port(), {{}, 0, false, "/", {{"X", "a\r\nInjected: 1"}}});
  BOOST_TEST(bad.message == url(s.port()) + "net/http: invalid header field value for \"X\"");
}

BOOST_AUTO_TEST_CASE(do_not_verify_certificates) {
  server s{always(answer(200)), true};
  BOOST_TEST(get(s.port(), {{}, 0, true, "/", {}}).success);
  server plain{always(answer(200))};
  const auto r = get(plain.port(), {{}, 0, true, "/", {}}, 2s);
  BOOST_TEST(!r.success);
  BOOST_TEST(r.message.starts_with("Get \"https://127.0.0.1:"));
}

BOOST_AUTO_TEST_CASE(follow_redirects_on_the_same_host_only) {
  server there{[](const std::string& request) {
    return request.starts_with("GET /start ") ? answer(302, "Location: /end\r\n") : answer(503);
  }};
  BOOST_TEST(get(there.port(), {{}, 0, false, "/start", {}}).message ==
             "HTTP probe failed with statuscode: 503");
  server away{always(answer(302, "Location: http://192.0.2.7/\r\n"))};
  BOOST_TEST(get(away.port()).success);
  server round{always(answer(302, "Location: /\r\n"))};
  BOOST_TEST(get(round.port()).message == url(round.port()) + "stopped after 10 redirects");
}

BOOST_AUTO_TEST_CASE(do_not_read_endless_bodies) {
  server s{always("HTTP/1.1 200 OK\r\n\r\n" + std::string(100'000, 'x'))};
  BOOST_TEST(get(s.port()).success);
  server bad{
      always("HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'))};
  BOOST_TEST(get(bad.port()).message == "HTTP probe failed with statuscode: 500");
}

BOOST_AUTO_TEST_CASE(say_what_went_wrong) {
  const auto closed = closed_port();
  BOOST_TEST(get(closed).message == url(closed) + "dial tcp 127.0.0.1:" + std::to_string(closed) +
                                        ": connect: connection refused");
  server silent{[](const std::string&) { return std::nullopt; }};
  BOOST_TEST(get(silent.port(), {}, 1s).message ==
             url(silent.port()) +
                 "context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
  server curt{always("")};
  BOOST_TEST(get(curt.port()).message == url(curt.port()) + "EOF");
  server odd{always("what?\r\n\r\n")};
  BOOST_TEST(!get(odd.port()).success);
}

BOOST_AUTO_TEST_CASE(connect_over_tcp) {
  server s{always(answer(200))};
  BOOST_TEST(connect("127.0.0.1", s.port()).success);
  BOOST_TEST(connect("localhost", s.port()).success);
  const auto closed = closed_port();
  BOOST_TEST(connect("127.0.0.1", closed).message ==
             "dial tcp 127.0.0.1:" + std::to_string(closed) + ": connect: connection refused");
}

BOOST_AUTO_TEST_CASE(answer_even_when_the_port_ends) {
  server silent{[](const std::string&) { return std::nullopt; }};
  std::promise<probe_result> done;
  probes->http_get({"127.0.0.1", silent.port(), false, "/", {}}, 600s,
                   [&](probe_result r) { done.set_value(std::move(r)); });
  probes.reset();
  BOOST_TEST(!done.get_future().get().success);
}

BOOST_AUTO_TEST_CASE(may_end_on_their_own_thread) {
  server s{always(answer(200))};
  std::promise<void> done;
  auto owner = std::make_shared<std::shared_ptr<probe_port>>(std::move(probes));
  auto* port = owner->get();
  // The callback holds the last reference, as an actor that ends meanwhile may.
  port->tcp_connect("127.0.0.1", s.port(), 20s, [owner, &done](probe_result) {
    owner->reset();
    done.set_value();
  });
  owner.reset();
  done.get_future().get();
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(probe_urls)

BOOST_AUTO_TEST_CASE(resolve_locations) {
  const auto from = make_probe_url(false, "10.0.0.1", 8080, "/a/b?x=1");
  const auto to = [&](const std::string& location) {
    const auto r = from.resolve(location);
    return r ? r->to_string() : "none";
  };
  BOOST_TEST(from.to_string() == "http://10.0.0.1:8080/a/b?x=1");
  BOOST_TEST(to("/c") == "http://10.0.0.1:8080/c");
  BOOST_TEST(to("c#d") == "http://10.0.0.1:8080/a/c");
  BOOST_TEST(to("?y") == "http://10.0.0.1:8080/a/b?y");
  BOOST_TEST(to("https://[fd00::1]/x") == "https://[fd00::1]:443/x");
  BOOST_TEST(to("//h:99") == "http://h:99/");
  BOOST_TEST(to("http://h:x/") == "none");
  BOOST_TEST(to("ftp://h/") == "none");
  BOOST_TEST(make_probe_url(false, "h", 1, "x\r\ny").target == "/x%0D%0Ay");
}

BOOST_AUTO_TEST_SUITE_END()
