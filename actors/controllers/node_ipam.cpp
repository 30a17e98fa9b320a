#include "actors/controllers/node_ipam.hpp"

#include "api/generated/core_v1_node.hpp"

#include <map>
#include <optional>

namespace thespis::actors {

namespace {

constexpr std::string_view nodes = "nodes";

/// What is read of a node: there may be thousands, and all are looked at for each new one.
struct node_ranges {
  static constexpr std::string_view resource_name = nodes;
  static node_ranges of(const api::object& o) {
    node_ranges res;
    const auto n = api::typed<api::v1::node>(o);
    auto all = n->spec.pod_cidrs;
    if (all.empty() && !n->spec.pod_cidr.empty())
      all.push_back(n->spec.pod_cidr);
    res.has_any = !all.empty();
    for (const auto& text : all)
      if (const auto range = api::parse_cidr(text))
        res.ranges.push_back(*range);
    return res;
  }

  bool has_any = false;
  std::vector<api::cidr> ranges;
};

/// When a node goes, those that wait for a range have work, too.
key_mapper node_and_those_that_wait() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res{{{}, o.name()}};
    if (!v.find(nodes, {}, o.name()))
      for (const auto& n : v.list<node_ranges>())
        if (!n->has_any)
          res.push_back({{}, n.object->name()});
    return res;
  };
}

event_note not_available(const api::object_ptr& node) {
  event_note res;
  res.reason = "CIDRNotAvailable";
  res.message = "Node " + node->name() + " status is now: CIDRNotAvailable";
  res.about = node;
  res.kind = "Node";
  res.api_version = "v1";
  return res;
}

class node_ipam final : public reconciler {
public:
  explicit node_ipam(node_ipam_deps deps)
      : deps_(deps), shares_(deps.pod_range.size() >> (32 - deps.node_mask)) {}

  std::string_view name() const override { return "nodeipam"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{nodes}, node_and_those_that_wait()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto n = v.get<node_ranges>({}, key.name);
    if (!n || n->has_any || n.object->meta().deleting) {
      given_.erase(key.name);
      return res;
    }
    const auto range = choose(key.name, v);
    if (!range) {
      res.events.push_back(not_available(n.object));
      return res;
    }
    const auto text = range->to_string();
    auto call =
        patch_call(std::string{nodes}, key,
                   R"({"spec":{"podCIDR":")" + text + R"(","podCIDRs":[")" + text + R"("]}})");
    call.precondition_uid = n.object->uid();
    res.calls.push_back(std::move(call));
    return res;
  }

private:
  /// The same again for a node whose range the view does not show yet.
  std::optional<api::cidr> choose(const std::string& node, const view& v) {
    if (const auto i = given_.find(node); i != given_.end())
      return share(i->second);
    std::vector<bool> used(shares_);
    for (const auto& [name, n] : given_)
      used[n] = true;
    for (const auto& n : v.list<node_ranges>())
      for (const auto& range : n->ranges)
        mark(range, used);
    for (uint64_t step = 0; step < shares_; ++step) {
      const auto n = (next_ + step) % shares_;
      if (used[n])
        continue;
      given_[node] = n;
      next_ = (n + 1) % shares_;
      return share(n);
    }
    return std::nullopt;
  }

  std::optional<api::cidr> share(uint64_t n) const {
    return deps_.pod_range.subnet(deps_.node_mask, n);
  }

  /// Marks every share that meets the range: nodes may bring ranges of other sizes.
  void mark(const api::cidr& range, std::vector<bool>& used) const {
    if (!range.overlaps(deps_.pod_range))
      return;
    const auto at = deps_.pod_range.index_of(range.base()).value_or(0);
    const auto bits = 32 - deps_.node_mask;
    const auto last = std::min(at + range.size() - 1, deps_.pod_range.size() - 1);
    for (auto n = at >> bits; n <= last >> bits; ++n)
      used[n] = true;
  }

  const node_ipam_deps deps_;
  const uint64_t shares_;
  uint64_t next_ = 0;
  std::map<std::string, uint64_t> given_; ///< by node: which share, until the view shows it
};

} // namespace

std::unique_ptr<reconciler> make_node_ipam_controller(node_ipam_deps deps) {
  return std::make_unique<node_ipam>(deps);
}

} // namespace thespis::actors
