// What a link costs: a second process talks to this one, over bare CAF and through the encrypted
// link with its guard, and watches what is written here.
#include "runtime/link/link_server.hpp"
#include "runtime/streams/stream_interface.hpp"
#include "tools/bench/bench_cluster.hpp"
#include "tools/bench/wait.hpp"
#include "tools/cluster/process_config.hpp"

#include <caf/io/all.hpp>

#include <algorithm>
#include <cstring>
#include <future>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace thespis::tools::bench {

using namespace std::chrono_literals;
namespace link = runtime::link;

namespace {

constexpr auto answer_deadline = 60s;
constexpr uint64_t burst = 2000;
constexpr int events = 200;
constexpr const char* loopback = "127.0.0.1";

int64_t steady_nanos() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

// --- both ends -----------------------------------------------------------------------------------

struct counter {
  uint64_t n = 0;
};

/// Counts what it is told, and answers questions.
caf::behavior echo(caf::stateful_actor<counter>* self) {
  return {[self](uint64_t) { return self->state.n; },
          [self](const runtime::stream_credit& c) { self->state.n += c.bytes; }};
}

/// Talks to an echo for a while: bursts of one-way messages with a question behind each, or
/// questions alone. Tells how many messages or questions a second there were.
caf::behavior talk(caf::event_based_actor* self, caf::actor to, uint64_t at_once,
                   std::chrono::nanoseconds how_long, std::shared_ptr<std::promise<double>> done) {
  const auto begin = std::chrono::steady_clock::now();
  auto said = std::make_shared<uint64_t>(0);
  auto next = std::make_shared<std::function<void()>>();
  *next = [=] {
    for (uint64_t i = 0; i < at_once; ++i)
      self->send(to, runtime::stream_credit{1});
    self->request(to, answer_deadline, uint64_t{0})
        .then(
            [=](uint64_t) {
              *said += std::max<uint64_t>(at_once, 1);
              const auto spent = std::chrono::steady_clock::now() - begin;
              if (spent < how_long)
                return (*next)();
              done->set_value(static_cast<double>(*said) /
                              std::chrono::duration<double>(spent).count());
              *next = nullptr;
              self->quit();
            },
            [=](const caf::error&) {
              done->set_value(0);
              self->quit();
            });
  };
  (*next)();
  return {[](caf::unit_t) {}};
}

double talk_to(caf::actor_system& sys, const caf::actor& to, uint64_t at_once,
               std::chrono::nanoseconds how_long) {
  auto done = std::make_shared<std::promise<double>>();
  auto res = done->get_future();
  sys.spawn(talk, to, at_once, how_long, done);
  return res.get();
}

std::shared_ptr<SSL_CTX> tls_context(const SSL_METHOD* method, const config::key_pair& own) {
  std::shared_ptr<SSL_CTX> res{SSL_CTX_new(method), SSL_CTX_free};
  const auto source = [](const std::string& text) {
    return std::shared_ptr<BIO>{BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                BIO_free};
  };
  const std::shared_ptr<X509> certificate{
      PEM_read_bio_X509(source(own.certificate).get(), nullptr, nullptr, nullptr), X509_free};
  const std::shared_ptr<EVP_PKEY> key{
      PEM_read_bio_PrivateKey(source(own.key).get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
  SSL_CTX_use_certificate(res.get(), certificate.get());
  SSL_CTX_use_PrivateKey(res.get(), key.get());
  SSL_CTX_set_mode(res.get(), SSL_MODE_AUTO_RETRY | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return res;
}

/// Encrypts a connected socket, at its accepting or its dialling end. Null when that fails.
std::optional<link::link_socket> encrypt(int fd, const std::shared_ptr<SSL_CTX>& context,
                                         bool accepting) {
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  std::shared_ptr<SSL> tls{SSL_new(context.get()), [context](SSL* s) { SSL_free(s); }};
  SSL_set_fd(tls.get(), fd);
  if ((accepting ? SSL_accept(tls.get()) : SSL_connect(tls.get())) != 1)
    return std::nullopt;
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return link::link_socket{fd, std::move(tls)};
}

// --- the other process ---------------------------------------------------------------------------

enum class role : uint8_t { bare, linked, watching };

struct other_process {
  pid_t pid = -1;
  int to = -1, from = -1; ///< pipes
};

/// Connects to the measuring process and gives its gateway; null when that fails.
caf::strong_actor_ptr connect_link(caf::actor_system& sys, const config::key_pair& own,
                                   uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = ::inet_addr(loopback);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    return nullptr;
  auto socket = encrypt(fd, tls_context(TLS_client_method(), own), false);
  if (!socket)
    return nullptr;
  auto done = std::make_shared<std::promise<caf::strong_actor_ptr>>();
  auto state = std::make_shared<link::link_state>(link::side::agent, link::guard_limits{}, nullptr,
                                                  [](const std::string&) {});
  link::open_link(sys, std::move(*socket), state,
                  [done](auto gateway, const auto&) { done->set_value(gateway); });
  auto told = done->get_future();
  return told.wait_for(answer_deadline) == std::future_status::ready ? told.get() : nullptr;
}

/// How long after they were written ConfigMaps come; tells it when there were enough.
runtime::watcher_handle::behavior_type watch(runtime::watcher_handle::pointer self,
                                             link::gateway_handle gateway,
                                             std::shared_ptr<std::promise<double>> done) {
  self->send(gateway, link::open_watch{1, "configmaps", {}, 0, false});
  auto latencies = std::make_shared<std::vector<double>>();
  return {[=](const runtime::watch_batch& b) {
            const auto now = steady_nanos();
            for (const auto& e : b.what.events) {
              const auto doc = e.object->parse();
              const auto* stamp = api::json::at(doc, {"data", "stamp"});
              if (stamp)
                latencies->push_back(static_cast<double>(now - std::stoll(std::string{
                                                                   api::json::as_string(*stamp)})) /
                                     1e6);
            }
            self->send(gateway, link::watch_credit{1});
            if (latencies->size() < static_cast<size_t>(events))
              return;
            std::nth_element(latencies->begin(), latencies->begin() + events / 2, latencies->end());
            done->set_value((*latencies)[events / 2]);
            self->quit();
          },
          [=](const runtime::watch_closed&) {
            done->set_value(0);
            self->quit();
          }};
}

std::string read_line(int fd) {
  std::string res;
  for (char c = 0; ::read(fd, &c, 1) == 1 && c != '\n';)
    res += c;
  return res;
}

void write_line(int fd, const std::string& text) {
  const auto line = text + "\n";
  (void)!::write(fd, line.data(), line.size());
}

[[noreturn]] void be_other(role what, const config::key_pair& own, uint16_t link_port,
                           std::chrono::nanoseconds how_long, const other_process& pipes) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto port = static_cast<uint16_t>(std::atoi(read_line(pipes.to).c_str()));
  process_config cfg{config::settings{}};
  caf::actor_system sys{cfg};
  caf::strong_actor_ptr peer;
  if (what == role::bare) {
    if (auto found = sys.middleman().remote_actor(loopback, port))
      peer = caf::actor_cast<caf::strong_actor_ptr>(*found);
  } else {
    peer = connect_link(sys, own, link_port);
  }
  if (!peer)
    ::_exit(1);
  std::string told;
  if (what == role::watching) {
    const auto gateway = caf::actor_cast<link::gateway_handle>(peer);
    caf::scoped_actor self{sys};
    self->request(gateway, answer_deadline, link::link_hello{"bench", "bench", {}, 1})
        .receive([](const link::link_welcome&) {}, [](const caf::error&) { ::_exit(1); });
    auto done = std::make_shared<std::promise<double>>();
    auto res = done->get_future();
    sys.spawn(watch, gateway, done);
    write_line(pipes.from, "ready");
    told = std::to_string(res.get());
  } else {
    const auto to = caf::actor_cast<caf::actor>(peer);
    const auto trips = talk_to(sys, to, 0, how_long);
    const auto rate = talk_to(sys, to, burst, how_long);
    told = std::to_string(trips) + " " + std::to_string(rate);
  }
  write_line(pipes.from, told);
  ::_exit(0);
}

// --- the measuring process -----------------------------------------------------------------------

/// Must come before this process has threads.
other_process start_other(role what, const config::key_pair& own, uint16_t link_port,
                          std::chrono::nanoseconds how_long) {
  other_process res;
  int to[2], from[2];
  if (::pipe(to) != 0 || ::pipe(from) != 0)
    return res;
  res.pid = ::fork();
  if (res.pid == 0)
    be_other(what, own, link_port, how_long, {0, to[0], from[1]});
  ::close(to[0]);
  ::close(from[1]);
  res.to = to[1];
  res.from = from[0];
  return res;
}

std::pair<int, uint16_t> listen_here() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = ::inet_addr(loopback);
  socklen_t size = sizeof at;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || ::listen(fd, 4) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    return {-1, 0};
  return {fd, ntohs(at.sin_port)};
}

struct talked {
  double trips = 0; ///< a second
  double rate = 0;  ///< messages a second
};

talked result_of(const other_process& p) {
  talked res;
  std::sscanf(read_line(p.from).c_str(), "%lf %lf", &res.trips, &res.rate);
  ::waitpid(p.pid, nullptr, 0);
  return res;
}

/// Writes ConfigMaps, one after the other, until the other process has had enough of them.
double write_for(cluster& c, const other_process& p) {
  (void)read_line(p.from);
  caf::scoped_actor self{c.system()};
  const auto requests = c.env().roles->find<runtime::requests_handle>(runtime::requests_role);
  for (int i = 0; i < events; ++i) {
    api::call call;
    call.verb = api::verb::create;
    call.resource = "configmaps";
    call.ns = "default";
    call.user = {"bench", {}, {"system:masters"}};
    call.body = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"n)" +
                std::to_string(i) + R"("},"data":{"stamp":")" + std::to_string(steady_nanos()) +
                "\"}}";
    runtime::call_batch batch;
    batch.calls.push_back(std::move(call));
    self->request(requests, answer_deadline, std::move(batch))
        .receive([](const runtime::call_outcomes&) {}, [](const caf::error&) {});
    pause_for(5);
  }
  double median = 0;
  std::sscanf(read_line(p.from).c_str(), "%lf", &median);
  ::waitpid(p.pid, nullptr, 0);
  return median;
}

figures as_figures(const talked& bare, const talked& linked, double median) {
  figure trip;
  trip.what = "round trip to another process";
  trip.value = linked.trips > 0 ? 1e6 / linked.trips : 0;
  trip.unit = "µs";
  trip.reference = bare.trips > 0 ? 1e6 / bare.trips : 0;
  trip.reference_name = "bare CAF";
  trip.target = trip.reference * 1.5;
  trip.less_is_better = true;
  trip.note = "loopback; encrypted, every message looked at; bare CAF is neither";
  figure rate;
  rate.what = "one-way messages through a link";
  rate.value = linked.rate;
  rate.unit = "/s";
  rate.reference = bare.rate;
  rate.reference_name = "bare CAF";
  rate.target = 100'000;
  figure event;
  event.what = "write to an actor elsewhere";
  event.value = median;
  event.unit = "ms";
  event.target = 2;
  event.less_is_better = true;
  event.note = "median of " + std::to_string(events) +
               " synced writes, each seen by a watch of "
               "another process";
  return {trip, rate, event};
}

} // namespace

api::result<figures> measure_links(const context& c) {
  const auto now = std::chrono::floor<std::chrono::seconds>(runtime::system_clock_port()->now());
  auto ca = config::signer::create("bench", now, 24h);
  auto own = ca ? ca->issue({"bench", {}, {loopback}, config::usage::both}, now)
                : api::result<config::key_pair>{api::fail(ca.error())};
  if (!own)
    return api::fail(std::move(own.error()));
  const auto [listener, port] = listen_here();
  if (listener < 0)
    return api::fail(api::internal_error(std::string{"listen: "} + std::strerror(errno)));
  const auto how_long = std::chrono::seconds{c.opts.seconds};
  // Each is a process of its own: CAF keeps one connection between two.
  const auto bare = start_other(role::bare, *own, port, how_long);
  const auto linked = start_other(role::linked, *own, port, how_long);
  const auto watching = start_other(role::watching, *own, port, how_long);
  auto started = bench_cluster::start(c, 0);
  if (!started)
    return api::fail(std::move(started.error()));
  auto& control = (*started)->control();
  auto& sys = control.system();
  const auto target = sys.spawn(echo);
  const auto context = tls_context(TLS_server_method(), *own);

  c.log.say("bare CAF");
  const auto published = sys.middleman().publish(target, 0, loopback);
  write_line(bare.to, std::to_string(published ? *published : 0));
  const auto without = result_of(bare);

  c.log.say("through the link");
  write_line(linked.to, "0");
  auto first = encrypt(::accept(listener, nullptr, nullptr), context, true);
  if (!first)
    return api::fail(api::internal_error("no TLS connection"));
  link::accept_link(sys, std::move(*first),
                    std::make_shared<link::link_state>(link::side::server, link::guard_limits{},
                                                       nullptr, [](const std::string&) {}),
                    caf::actor_cast<caf::strong_actor_ptr>(target));
  const auto with = result_of(linked);

  c.log.say("events");
  static link::link_server links{
      {sys, control.env(), control.access(), {}, {}, control.state(), {}, 10}};
  write_line(watching.to, "0");
  auto second = encrypt(::accept(listener, nullptr, nullptr), context, true);
  if (!second)
    return api::fail(api::internal_error("no TLS connection"));
  links.accept({"bench", {}, {"system:masters"}}, loopback, std::move(*second));
  const auto median = write_for(control, watching);
  if (without.trips <= 0 || with.trips <= 0 || median <= 0)
    return api::fail(api::internal_error("the other process ended before it had measured"));
  return as_figures(without, with, median);
}

} // namespace thespis::tools::bench
