#include "proxy/dns/server.hpp"
#include "tools/bench/bench.hpp"
#include "tools/shell/text_table.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <future>
#include <random>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace thespis::tools::bench {

namespace {

using namespace std::chrono_literals;
namespace dns = proxy::dns;

constexpr double target_rate = 100'000;
constexpr size_t batch = 64;
constexpr size_t longest_answer = 512;

double seconds_of(const timespec& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

/// What the threads of this process but the calling one have used.
double others_cpu() {
  rusage all{};
  getrusage(RUSAGE_SELF, &all);
  timespec own{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
  return seconds_of(all.ru_utime) + seconds_of(all.ru_stime) - seconds_of(own);
}

std::string service_name(size_t i) {
  return "service-" + std::to_string(i);
}

/// A client that keeps `batch` questions on their way.
class client {
public:
  client() {
    for (size_t i = 0; i < batch; ++i) {
      in_parts_[i] = {answers_[i].data(), answers_[i].size()};
      in_[i].msg_hdr.msg_iov = &in_parts_[i];
      in_[i].msg_hdr.msg_iovlen = 1;
      out_[i].msg_hdr.msg_iov = &out_parts_[i];
      out_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  ~client() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;

  bool connect(uint16_t port) {
    fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{1, 0};
    return fd_ >= 0 &&
           ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
           ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }

  /// Asks these and waits for as many answers: how many came that name an address.
  template <class Next>
  size_t ask(size_t count, Next next) {
    for (size_t i = 0; i < count; ++i) {
      const std::string& question = next();
      out_parts_[i] = {const_cast<char*>(question.data()), question.size()};
    }
    for (size_t sent = 0; sent < count;) {
      const int n = ::sendmmsg(fd_, out_.data() + sent, static_cast<unsigned>(count - sent), 0);
      if (n <= 0)
        return 0;
      sent += static_cast<size_t>(n);
    }
    size_t good = 0;
    for (size_t got = 0; got < count;) {
      const int n =
          ::recvmmsg(fd_, in_.data(), static_cast<unsigned>(count - got), MSG_WAITFORONE, nullptr);
      if (n <= 0)
        break;
      got += static_cast<size_t>(n);
      for (size_t i = 0; i < static_cast<size_t>(n); ++i)
        good += in_[i].msg_len > dns::header_size && (answers_[i][3] & 0x0f) == 0 &&
                answers_[i][7] == 1; // no error, one record
    }
    return good;
  }

private:
  int fd_ = -1;
  std::array<std::array<char, longest_answer>, batch> answers_{};
  std::array<iovec, batch> in_parts_{};
  std::array<iovec, batch> out_parts_{};
  std::array<mmsghdr, batch> in_{};
  std::array<mmsghdr, batch> out_{};
};

struct outcome {
  size_t asked = 0;
  size_t good = 0;
  double core = 0; ///< seconds of CPU the server used
  double wall = 0;
};

/// Asks batches while `more(asked)`.
template <class Next, class More>
outcome drive(client& c, Next next, More more) {
  outcome out;
  const double before = others_cpu();
  const auto begin = std::chrono::steady_clock::now();
  while (more(out.asked)) {
    out.good += c.ask(batch, next);
    out.asked += batch;
  }
  out.wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  out.core = others_cpu() - before;
  return out;
}

figure row(std::string what, const outcome& o, double target) {
  figure f;
  f.what = std::move(what);
  f.value = static_cast<double>(o.good) / std::max(o.core, 1e-9);
  f.unit = "/s";
  f.target = target;
  f.note = "UDP answers a second of one core's time; " +
           grouped(static_cast<uint64_t>(static_cast<double>(o.good) / o.wall)) +
           "/s by the clock, with the client on the same machine";
  if (o.good != o.asked)
    f.note += "; " + grouped(o.asked - o.good) + " without an address";
  return f;
}

} // namespace

api::result<figures> measure_dns(const context& c) {
  const auto n = static_cast<size_t>(std::max(c.opts.services, 1));
  auto server = dns::server::start({});
  if (!server)
    return api::fail(std::move(server.error()));
  c.log.say("naming " + std::to_string(n) + " services");
  std::promise<void> filled;
  (*server)->change([&](dns::zone& z) {
    for (size_t i = 0; i < n; ++i) {
      dns::service_entry s;
      s.addresses = {api::ip_address::v4(0x0a2b0000 + static_cast<uint32_t>(i) + 1).to_string()};
      s.ports = {{"http", "tcp", 80}};
      z.set({"default", service_name(i)}, std::move(s));
    }
    filled.set_value();
  });
  filled.get_future().wait();
  std::vector<std::string> questions;
  questions.reserve(n);
  for (size_t i = 0; i < n; ++i)
    questions.push_back(dns::encode_query(static_cast<uint16_t>(i + 1),
                                          service_name(i) + ".default.svc.cluster.local",
                                          dns::type_a, false));
  client asker;
  if (!asker.connect((*server)->port()))
    return api::fail(api::internal_error(std::string{"cannot ask: "} + std::strerror(errno)));
  c.log.say("asking for each once");
  size_t i = 0;
  const auto first = drive(
      asker, [&]() -> const std::string& { return questions[i++ % n]; },
      [&](size_t asked) { return asked < n; });
  c.log.say("asking for any");
  std::mt19937 random{1};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{c.opts.seconds};
  const auto again = drive(
      asker, [&]() -> const std::string& { return questions[random() % n]; },
      [&](size_t) { return std::chrono::steady_clock::now() < end; });
  return figures{row("DNS queries, " + grouped(n) + " names", again, target_rate),
                 row("DNS queries, each name's first", first, 0)};
}

} // namespace thespis::tools::bench
