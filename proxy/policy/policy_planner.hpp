// Keeps the rules of NetworkPolicies up to date, pod by pod.
#pragma once

#include "api/generated/networking_v1.hpp"
#include "api/text/labels.hpp"
#include "proxy/data/address_family.hpp"
#include "proxy/policy/policy_rules.hpp"

#include <memory>
#include <optional>
#include <utility>

namespace thespis::proxy {

using policy_key = std::pair<std::string, std::string>; ///< namespace, name

struct named_port {
  std::string name;
  std::string protocol; ///< "TCP"
  int32_t number = 0;

  bool operator==(const named_port&) const = default;
};

/// What policies ask about a pod that runs in the pod network.
struct policy_pod {
  api::label_set labels;
  std::string ip; ///< of the planner's family
  bool local = false;
  std::vector<named_port> ports;

  bool operator==(const policy_pod&) const = default;
};

/// Kubernetes' meaning of NetworkPolicies, for the pods of one machine: a pod that some policy
/// selects is isolated in that policy's directions, and what any of its policies allows is allowed.
/// A pod always reaches itself. For one address family: another has its own. Not thread-safe; owned
/// by one actor.
class policy_planner {
public:
  explicit policy_planner(ip_family f = ip_family::v4) : family_(f), words_(words_of(f)) {}

  /// Null, or nothing: it is gone.
  void set_policy(const policy_key& key, std::shared_ptr<const api::v1::network_policy> policy);
  void set_namespace(const std::string& name, std::optional<api::label_set> labels);
  void set_pod(const policy_key& key, std::optional<policy_pod> pod);
  /// Forgets pods and namespaces, or policies as well.
  void forget_pods();
  void clear();

  size_t policies() const { return policies_.size(); }

  /// Brings the rules up to date. A change of a pod costs what it changes; one of a policy or of a
  /// namespace's labels looks at all pods.
  const policy_rules& rules();

private:
  // Whom a rule names.
  struct peer {
    std::string id;
    std::optional<std::string> ns;             ///< pods of this namespace
    std::optional<api::label_selector> spaces; ///< or of those with such labels
    api::label_selector pods;
    std::map<std::string, int> members; ///< address: how many pods have it
    bool used = false;
  };
  struct compiled {
    api::label_selector pods;
    bool ingress = false;
    bool egress = false;
    std::vector<std::string> ingress_rules;
    std::vector<std::string> egress_rules;
  };
  struct known_pod {
    policy_pod facts;
    std::vector<peer*> in; ///< where it is counted
  };
  using port_name = std::pair<std::string, std::string>; ///< name, protocol

  std::string id_of(char kind, const std::string& text);
  std::string peer_id(const std::string& ns, const api::v1::network_policy_peer& p);
  std::string block_id(const api::v1::ip_block& b);
  std::vector<std::string> port_matches(const std::vector<api::v1::network_policy_port>& ports);
  void add_rules(std::vector<std::string>& out, const std::string& ns,
                 const std::vector<api::v1::network_policy_peer>& peers,
                 const std::vector<api::v1::network_policy_port>& ports, bool ingress);
  compiled compile(const std::string& ns, const api::v1::network_policy& p);
  void compile_all();
  bool belongs(const peer& to, const policy_key& key, const policy_pod& pod) const;
  void count(const policy_key& key, known_pod& pod);
  static void discount(known_pod& pod);
  void isolate(const policy_key& key, const policy_pod& pod);

  const ip_family family_;
  const family_words& words_;
  std::map<policy_key, std::shared_ptr<const api::v1::network_policy>> policies_;
  std::map<std::string, api::label_set> namespaces_;
  std::map<policy_key, known_pod> pods_;

  std::map<policy_key, compiled> compiled_;
  std::map<std::string, peer> peers_; ///< by what they say
  std::map<std::string, policy_set> blocks_;
  std::map<port_name, std::string> port_ids_;
  std::map<std::string, std::string> ids_;
  uint64_t next_id_ = 0;
  bool dirty_ = true;
  policy_rules rules_;
};

} // namespace thespis::proxy
