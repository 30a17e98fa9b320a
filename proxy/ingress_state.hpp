// What Ingresses ask of the HTTP entry: joined with classes, Services, endpoints and certificates,
// from watch events. No CAF headers.
#pragma once

#include "proxy/ingress/haproxy_plan.hpp"
#include "proxy/service_slices.hpp"

#include "api/generated/networking_v1.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace thespis::proxy {

/// spec.controller of IngressClasses that are the entry's.
inline constexpr const char* ingress_controller = "thespis.dev/ingress";

/// Not thread-safe; owned by the ingress actor.
class ingress_state {
public:
  void apply_ingress(const api::watch_event& e);
  void apply_class(const api::watch_event& e);
  void apply_service(const api::watch_event& e) { services_.apply_service(e); }
  void apply_slice(const api::watch_event& e) { services_.apply_slice(e); }
  void apply_secret(const api::watch_event& e);
  void clear();

  /// Whether any Ingress is ours.
  bool wanted() const;
  size_t ingresses() const { return ingresses_.size(); }
  /// The oldest Ingress has a host and path that several claim.
  ingress_table table() const;

  using name_pair = std::pair<std::string, std::string>; ///< namespace, name
  /// The Secrets that our Ingresses prove themselves with.
  std::set<name_pair> certificates() const;
  void forget_secret(const name_pair& name) { secrets_.erase(name); }

private:
  using ingress_ptr = std::shared_ptr<const api::v1::ingress>;

  bool is_ours(const api::v1::ingress& i) const;
  std::vector<ingress_ptr> ours() const;
  std::string add_backend(const std::string& ns, const api::v1::ingress_backend& b,
                          std::map<std::string, ingress_backend>& all) const;
  std::vector<std::string> servers_of(const std::string& ns,
                                      const api::v1::ingress_service_backend& b) const;
  void add_certificates(const api::v1::ingress& i, std::set<std::string>& claimed,
                        ingress_table& out) const;

  std::map<name_pair, ingress_ptr> ingresses_;
  std::map<std::string, std::string> classes_; ///< name: controller
  std::map<name_pair, api::object_ptr> secrets_;
  service_slices services_;
};

} // namespace thespis::proxy
