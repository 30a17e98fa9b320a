// What an idle client costs: its connection, and a watch on it.
#include "tools/bench/bench_cluster.hpp"
#include "tools/bench/https_load.hpp"
#include "tools/bench/wait.hpp"

#include <cerrno>
#include <cmath>

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

namespace thespis::tools::bench {

namespace {

/// A pair of pipes between the measurement and its clients.
struct talk {
  int to_clients[2] = {-1, -1};
  int from_clients[2] = {-1, -1};
};

bool put(int fd, const std::string& text) {
  const auto size = static_cast<uint32_t>(text.size());
  return ::write(fd, &size, sizeof size) == static_cast<ssize_t>(sizeof size) &&
         ::write(fd, text.data(), size) == static_cast<ssize_t>(size);
}

bool take(int fd, void* into, size_t size) {
  for (size_t done = 0; done < size;) {
    const auto n = ::read(fd, static_cast<char*>(into) + done, size - done);
    if (n > 0)
      done += static_cast<size_t>(n);
    else if (n == 0 || errno != EINTR)
      return false;
  }
  return true;
}

std::string take_text(int fd) {
  uint32_t size = 0;
  if (!take(fd, &size, sizeof size) || size > 1'000'000)
    return {};
  std::string text(size, '\0');
  return take(fd, text.data(), size) ? text : std::string{};
}

/// The clients, in a process of their own so that their memory is not counted: told where to
/// connect, they say '1' when connected and '2' when watching, and go on when answered.
[[noreturn]] void run_clients(const talk& t, int n) {
  load_request r;
  r.connections = n;
  r.path = "/version";
  r.ca_pem = take_text(t.to_clients[0]);
  r.client.certificate = take_text(t.to_clients[0]);
  r.client.key = take_text(t.to_clients[0]);
  const auto port = take_text(t.to_clients[0]);
  r.port = static_cast<uint16_t>(std::atoi(port.c_str()));
  const auto say = [&](char what) {
    char go = 0;
    if (::write(t.from_clients[1], &what, 1) != 1 || !take(t.to_clients[0], &go, 1))
      ::_exit(1);
  };
  const auto held = hold_watches(
      r, "/api/v1/namespaces/default/secrets?watch=true&allowWatchBookmarks=true",
      [&] { say('1'); }, [&] { say('2'); });
  ::_exit(held ? 0 : 1);
}

/// Bytes that are allocated, once the server has put away what it used.
double allocated() {
  pause_for(2000);
  return static_cast<double>(::mallinfo2().uordblks);
}

} // namespace

api::result<figures> measure_watchers(const context& c) {
  const int n = c.opts.idle_watchers;
  talk t;
  if (::pipe(t.to_clients) != 0 || ::pipe(t.from_clients) != 0)
    return api::fail(api::internal_error("no pipe"));
  const auto clients = ::fork(); // before there are threads
  if (clients < 0)
    return api::fail(api::internal_error("no second process"));
  if (clients == 0) {
    ::close(t.to_clients[1]);
    ::close(t.from_clients[0]);
    run_clients(t, n);
  }
  ::close(t.to_clients[0]);
  ::close(t.from_clients[1]);
  auto started = bench_cluster::start(c, 0);
  if (!started)
    return api::fail(std::move(started.error()));
  auto& cluster = **started;
  const auto empty = allocated();
  const auto& client = cluster.certificates().admin;
  bool ok = put(t.to_clients[1], cluster.certificates().ca.pem().certificate) &&
            put(t.to_clients[1], client.certificate) && put(t.to_clients[1], client.key) &&
            put(t.to_clients[1], std::to_string(cluster.port()));
  char said = 0;
  ok = ok && take(t.from_clients[0], &said, 1);
  c.log.say(std::to_string(n) + " connections are idle");
  const auto connected = allocated();
  ok = ok && ::write(t.to_clients[1], "g", 1) == 1 && take(t.from_clients[0], &said, 1);
  c.log.say("each of them watches");
  const auto watching = allocated();
  ::close(t.to_clients[1]);
  ::waitpid(clients, nullptr, 0);
  if (!ok)
    return api::fail(api::internal_error("the clients could not connect and watch"));
  const auto each = [&](const char* what, double bytes, double target, std::string note) {
    figure f;
    f.what = what;
    f.value = bytes / n / 1000;
    f.unit = "KB";
    f.target = target;
    f.less_is_better = true;
    f.note = std::move(note);
    return f;
  };
  return figures{
      each("an idle connection", connected - empty, 0,
           std::to_string(n) + " connections over TLS with client certificates; most is OpenSSL's"),
      each("an idle watch", watching - connected, 8, "beyond its connection"),
  };
}

} // namespace thespis::tools::bench
