// What the cluster's DNS knows, and what it says of a name: the records of Kubernetes'
// "DNS-Based Service Discovery" specification, version 1.1.0. No socket and no wire format here.
#pragma once

#include "api/text/cidr.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace thespis::proxy::dns {

/// Record types that the cluster's zone holds; the numbers are the wire's.
enum record_type : uint16_t {
  type_a = 1,
  type_ns = 2,
  type_cname = 5,
  type_soa = 6,
  type_ptr = 12,
  type_txt = 16,
  type_aaaa = 28,
  type_srv = 33,
  type_any = 255,
};

struct named_port {
  std::string name;     ///< empty for a single port without a name
  std::string protocol; ///< "tcp", "udp" or "sctp"
  uint16_t port = 0;
};

/// One ready endpoint of a headless service.
struct named_endpoint {
  std::vector<std::string> addresses;
  std::string hostname; ///< empty: named after its address
  std::vector<named_port> ports;
};

/// What DNS needs to know of one Service.
struct service_entry {
  std::string external_name;             ///< ExternalName: a CNAME, and nothing else
  std::vector<std::string> addresses;    ///< cluster IPs; empty for a headless service
  std::vector<named_port> ports;         ///< of a service with cluster IPs
  std::vector<named_endpoint> endpoints; ///< of a headless service
};

/// A record of an answer. `data` is in presentation format.
struct record {
  std::string owner; ///< absolute, without the final dot
  uint16_t type = 0;
  std::string data;
};

/// What is said of one question. All records have the zone's one TTL.
struct answer {
  bool exists = false; ///< false: NXDOMAIN
  std::vector<record> records;
  std::vector<record> additional;
  /// Set when the last record is a CNAME to a name outside: who has no cache of its own needs that
  /// name's addresses too.
  std::string follow;
};

/// Keys are (namespace, name). Not thread-safe.
class zone {
public:
  /// `domain` is the cluster's, "cluster.local". Reverse look-ups in `ranges` (pods, services) are
  /// answered here and go nowhere else.
  zone(std::string domain, std::vector<api::cidr> ranges);

  using service_key = std::pair<std::string, std::string>;

  /// Adds or replaces a service.
  void set(const service_key& key, service_entry entry);
  void erase(const service_key& key);
  void clear();
  size_t services() const { return services_.size(); }
  const std::string& domain() const { return domain_; }

  /// What is known of a name (lower case, absolute, without the final dot), or nothing when it
  /// belongs to others.
  std::optional<answer> find(std::string_view name, uint16_t type) const;

private:
  answer find_service(std::string_view name, const std::vector<std::string_view>& labels,
                      uint16_t type) const;
  answer find_pod(std::string_view name, const std::vector<std::string_view>& labels,
                  uint16_t type) const;
  std::optional<answer> find_reverse(std::string_view name, uint16_t type) const;
  std::string name_of(const service_key& key) const;
  void add_endpoints(std::string_view owner, const service_entry& s, uint16_t type,
                     std::string_view host, answer& out) const;
  void add_ports(std::string_view owner, const service_key& key, const service_entry& s,
                 std::string_view port, std::string_view protocol, uint16_t type,
                 answer& out) const;
  void index(const service_key& key, const service_entry& s, bool add);

  std::string domain_;
  std::vector<api::cidr> ranges_;
  std::map<service_key, service_entry, std::less<>> services_;
  std::map<std::string, size_t, std::less<>> namespaces_;               ///< services in each
  std::unordered_map<std::string, std::multiset<std::string>> reverse_; ///< address to names
};

} // namespace thespis::proxy::dns
