// The parts of the API that other servers answer for (apiregistration.k8s.io), as they are known
// now.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::outbound {

/// One group and version that an extension server answers for.
struct extension {
  std::string group, version;
  std::string service_ns, service_name;
  int64_t port = 443;
  std::string ca_bundle; ///< PEM; empty for the machine's
  bool insecure = false; ///< whoever answers is believed
  int64_t group_priority = 0;
  int64_t version_priority = 0;
  bool available = false;
  std::string resources; ///< its own APIResourceList, JSON; empty before it was asked
  std::string
      openapi_path; ///< where its OpenAPI v3 is: "/openapi/v3/apis/...?hash=..."; empty: none
  /// What its OpenAPI v2 says of this group version (openapi::part_of_v2); null: nothing.
  std::shared_ptr<const std::string> openapi_v2;

  /// By which its certificate is judged.
  std::string server_name() const { return service_name + "." + service_ns + ".svc"; }
  bool operator==(const extension&) const = default;
};

/// Whom an extension server is to believe when it is told who asks: a client certificate of the
/// authority that it was told of.
struct front_proxy {
  std::string certificate, key; ///< PEM
};

/// Thread-safe; what is read is one moment's state.
class extension_table {
public:
  using all_ptr = std::shared_ptr<const std::vector<extension>>;
  extension_table();

  /// Ordered by priority, then name.
  all_ptr all() const;
  /// Null when we answer for it ourselves, or nobody does. Shares the state that it is of.
  std::shared_ptr<const extension> find(std::string_view group, std::string_view version) const;
  void set(extension e);
  void remove(std::string_view group, std::string_view version);
  /// Grows with every change.
  uint64_t generation() const { return generation_; }

private:
  void publish(std::vector<extension> next);

  mutable std::mutex mutex_;
  all_ptr all_;
  std::atomic<uint64_t> generation_{0};
};

} // namespace thespis::api::outbound
