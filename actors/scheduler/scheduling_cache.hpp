// What is where, as scheduling decisions need it: nodes, what is placed on them, and indexes that
// answer "which pods like these, on which nodes" without looking at every pod.
#pragma once

#include "actors/scheduler/node_info.hpp"
#include "actors/scheduler/volume_book.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace thespis::actors {

/// How many pods of a class.
struct class_count {
  int all = 0;
  int alive = 0; ///< without those on their way out
};

/// Pods that no selector and no term can tell apart: same namespace, labels, and affinity.
/// A workload's pods are one, so indexes grow with workloads rather than pods.
struct pod_class {
  std::string key;
  std::string ns;
  api::label_set labels;
  std::shared_ptr<const pod_terms> terms; ///< null unless they concern other pods
  std::unordered_map<node_info*, class_count> on;
  size_t pods = 0;
};

/// What a PodDisruptionBudget allows now.
struct budget_info {
  std::string ns;
  api::label_selector selector;
  int32_t allowed = 0;
  std::set<std::string> under_way; ///< names of pods whose eviction counts already
};

/// Owned by scheduler_state. Invariant: a pod is accounted for on exactly the node it is placed
/// on, while that node is known.
class scheduling_cache {
public:
  /// Returns whether scheduling can tell the difference.
  bool set_node(const api::object_ptr& o);
  void remove_node(const std::string& name);

  placed_pod& place(const std::string& uid, const std::shared_ptr<const pod_info>& p,
                    const std::string& node);
  /// Forgets a placed pod; false when there is none.
  bool release(const std::string& uid);
  placed_pod* find(const std::string& uid);
  /// Follows a change of labels or the beginning of the end.
  void update(placed_pod& p, const api::object& now);

  /// Takes a pod out of all accounts, and puts it back: for "what if".
  void detach(placed_pod& p);
  void attach(placed_pod& p);

  node_info* node(const std::string& name);
  const node_info* node(const std::string& name) const;
  const std::vector<node_info*>& order() const { return order_; }
  /// In how many nodes an image is.
  int nodes_with_image(const std::string& name) const;
  /// Pods of that group in that zone.
  int in_zone(const std::string& zone, const std::string& group) const;

  /// How many placed pods mount that claim.
  int users_of_claim(const std::string& ns, const std::string& name) const;

  const std::set<pod_class*>& concerned() const { return concerned_; }
  /// Calls `f` for every class of pods that the term selects.
  template <class F>
  void each_matching(const affinity_term& t, F f) const {
    const auto visit = [&](const std::set<pod_class*>& in) {
      for (auto* c : in)
        if (t.matches(c->ns, c->labels, namespaces))
          f(*c);
    };
    if (!t.namespace_labels) {
      std::set<std::string> once{t.namespaces.begin(), t.namespaces.end()};
      for (const auto& ns : once)
        visit(classes_in(ns));
      return;
    }
    for (const auto& [ns, in] : by_namespace_)
      visit(in);
  }
  const std::set<pod_class*>& classes_in(const std::string& ns) const;
  size_t classes() const { return classes_.size(); }

  namespace_labels namespaces;
  std::map<std::string, budget_info> budgets; ///< by uid
  volume_book volumes;

private:
  pod_class& class_of(const pod_info& p);
  void drop_if_unused(pod_class& c);
  void count_images(const node_info& n, int by);
  void count_zone(const node_info& n, const std::string& group, int by);
  void count(placed_pod& p, int by);

  std::map<std::string, node_info> nodes_;
  std::vector<node_info*> order_;                      ///< nodes_, for rotation
  std::unordered_map<std::string, placed_pod> placed_; ///< by uid
  std::unordered_map<std::string, std::unique_ptr<pod_class>> classes_;
  std::unordered_map<std::string, std::set<pod_class*>> by_namespace_;
  std::set<pod_class*> concerned_; ///< those with terms
  std::unordered_map<std::string, int> images_;
  std::unordered_map<std::string, int> claim_users_; ///< by "namespace/name"
  std::unordered_map<std::string, std::unordered_map<std::string, int>> zones_;
};

} // namespace thespis::actors
