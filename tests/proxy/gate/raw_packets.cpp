#include "proxy/gate/gate_lab.hpp"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace thespis::test {

namespace {

uint16_t checksum(const std::vector<uint8_t>& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < bytes.size(); i += 2)
    sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  if (bytes.size() % 2)
    sum += static_cast<uint32_t>(bytes.back() << 8);
  while (sum >> 16)
    sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

void put(std::vector<uint8_t>& out, const void* data, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  out.insert(out.end(), bytes, bytes + size);
}

struct raw_socket {
  raw_socket() : fd{socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)} {
    if (fd < 0)
      throw std::runtime_error("no raw socket");
  }
  ~raw_socket() { close(fd); }

  /// The kernel fills in the header's checksum and length.
  void send(uint32_t from, uint32_t to, uint8_t protocol, const std::vector<uint8_t>& payload) {
    iphdr h{};
    h.version = 4;
    h.ihl = 5;
    h.ttl = 64;
    h.protocol = protocol;
    h.saddr = from;
    h.daddr = to;
    std::vector<uint8_t> packet;
    put(packet, &h, sizeof h);
    put(packet, payload.data(), payload.size());
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = to;
    sendto(fd, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&a), sizeof a);
  }
  int fd;
};

std::vector<uint8_t> syn(uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port) {
  tcphdr t{};
  t.source = htons(from_port);
  t.dest = htons(to_port);
  t.doff = 5;
  t.syn = 1;
  t.window = htons(1024);
  std::vector<uint8_t> pseudo;
  put(pseudo, &from, 4);
  put(pseudo, &to, 4);
  const std::array<uint8_t, 4> rest{0, IPPROTO_TCP, 0, sizeof t};
  put(pseudo, rest.data(), rest.size());
  put(pseudo, &t, sizeof t);
  t.check = htons(checksum(pseudo));
  std::vector<uint8_t> out;
  put(out, &t, sizeof t);
  return out;
}

} // namespace

void flood_with_syns(const net_space& from, const std::string& to, uint16_t port, int most,
                     const std::atomic<bool>& stop, std::atomic<int>& sent) {
  from.run([&] {
    raw_socket s;
    const auto target = inet_addr(to.c_str());
    for (int i = 0; i < most && !stop; ++i) {
      // Of the outside network, so that the node's reverse path filter lets them in.
      const auto source = htonl(0xc0a84d03U + static_cast<uint32_t>(i % 200));
      s.send(source, target, IPPROTO_TCP,
             syn(source, static_cast<uint16_t>(1024 + i / 200), target, port));
      ++sent;
    }
  });
}

void send_raw(const net_space& from, const std::string& to, uint8_t protocol,
              const std::vector<uint8_t>& payload) {
  from.run([&] {
    raw_socket s;
    s.send(inet_addr(net_lab::outside_ip), inet_addr(to.c_str()), protocol, payload);
  });
}

} // namespace thespis::test
