// A machine with pods and a client outside, made of network namespaces that belong to this process
// alone: nothing has a name on the real machine, and all goes when the process does.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace thespis::test {

/// A network namespace, alive as long as this object or a socket in it.
class net_space {
public:
  net_space();
  ~net_space();
  net_space(const net_space&) = delete;

  /// Runs `f` in a thread that is inside, and waits for it. Exceptions pass through.
  void run(const std::function<void()>& f) const;

  /// ip(8) commands, one a line. Throws if one fails.
  void ip(const std::string& commands) const;

  /// Writes a file, seen from inside: /proc/sys/net is the namespace's own.
  void write(const std::string& path, const std::string& text) const;
  std::string read(const std::string& path) const;

  /// A path that ip(8) takes for this namespace.
  std::string path() const;

private:
  int fd_ = -1;
};

/// Answers TCP connections with "<name> <client address>\n" and then echoes, and each UDP datagram
/// with the same text.
class answerer {
public:
  answerer(const net_space& where, std::string name, const std::string& ip, uint16_t port);
  ~answerer();
  answerer(const answerer&) = delete;

private:
  void serve();

  std::string name_;
  int tcp_ = -1;
  int udp_ = -1;
  int wake_[2] = {-1, -1};
  std::thread thread_;
};

/// A client socket in a namespace.
class client {
public:
  enum class kind { tcp, udp };

  client(const net_space& where, kind k, const std::string& ip, uint16_t port,
         int timeout_ms = 5000);
  ~client();
  client(const client&) = delete;

  /// What the answerer says: for TCP its greeting the first time and an echo afterwards, for UDP
  /// its reply to another datagram. "refused", "timeout" or the errno's text when there is none.
  std::string ask();

private:
  std::string receive();

  kind kind_;
  int fd_ = -1;
  std::string failure_;
  bool greeted_ = false;
};

/// One connection or datagram: the answerer's name and the address it saw, "web-1 10.244.0.2".
std::string ask_tcp(const net_space& from, const std::string& ip, uint16_t port,
                    int timeout_ms = 5000);
std::string ask_udp(const net_space& from, const std::string& ip, uint16_t port,
                    int timeout_ms = 5000);

/// The first word.
std::string name_in(const std::string& answer);

/// A node with address 192.168.77.1, a client outside at 192.168.77.2, and pods 10.244.0.2,
/// 10.244.0.3, … on point-to-point links as CNI's ptp makes them: address of /32, everything routed
/// through the node. In IPv6 these are fd77::1, fd77::2 and fd10:244::2, … Each pod answers as
/// "web-<n>" on port 8080 of both addresses.
class net_lab {
public:
  explicit net_lab(int pods);

  net_space node;
  net_space outside;
  std::vector<std::unique_ptr<net_space>> pods;

  static std::string pod_ip(size_t i) { return "10.244.0." + std::to_string(i + 2); }
  static std::string pod_ip6(size_t i) { return "fd10:244::" + std::to_string(i + 2); }
  static constexpr const char* node_ip = "192.168.77.1";
  static constexpr const char* outside_ip = "192.168.77.2";

private:
  std::vector<std::unique_ptr<answerer>> answerers_;
};

/// Whether this process may make namespaces; tests that need them are skipped where it may not.
bool may_make_net_spaces();

} // namespace thespis::test
