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

/// The shares of one range: which are taken, and which comes next.
class share_book {
public:
  explicit share_book(const pod_range& r)
      : range_(r.range), mask_(r.node_mask), shares_(uint64_t{1} << (mask_ - range_.prefix())) {}

  /// Of the node, until `forget`: the same again when it has one. Nothing when all are taken.
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

  void forget(const std::string& node) { given_.erase(node); }

private:
  std::optional<api::cidr> share(uint64_t n) const { return range_.subnet(mask_, n); }

  /// Which share an address lies in; those beyond the range are told by being too many.
  uint64_t share_of(const api::ip_address& ip) const {
    const auto& bytes = ip.bytes();
    const auto& base = range_.base().bytes();
    const unsigned skip = 128 - ip.bits(); // IPv4 lies in the last four bytes
    uint64_t res = 0;
    for (unsigned bit = skip + range_.prefix(); bit < skip + mask_; ++bit) {
      const auto of = [bit](const auto& all) { return all[bit / 8] >> (7 - bit % 8) & 1U; };
      res = res << 1U | (of(bytes) ^ of(base));
    }
    return res;
  }

  /// Marks every share that meets the range: nodes may bring ranges of other sizes.
  void mark(const api::cidr& range, std::vector<bool>& used) const {
    if (range.base().is_v4() != range_.base().is_v4() || !range.overlaps(range_))
      return;
    const bool within = range.prefix() > range_.prefix();
    const auto first = within ? share_of(range.base()) : 0;
    const auto count = !within                   ? shares_
                       : range.prefix() >= mask_ ? 1
                                                 : uint64_t{1} << (mask_ - range.prefix());
    for (auto n = first; n < first + count; ++n)
      used[n] = true;
  }

  api::cidr range_;
  unsigned mask_;
  uint64_t shares_;
  uint64_t next_ = 0;
  std::map<std::string, uint64_t> given_; ///< by node: which share, until the view shows it
};

class node_ipam final : public reconciler {
public:
  explicit node_ipam(const node_ipam_deps& deps) : books_(deps.ranges.begin(), deps.ranges.end()) {}

  std::string_view name() const override { return "nodeipam"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{nodes}, node_and_those_that_wait()}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto n = v.get<node_ranges>({}, key.name);
    if (!n || n->has_any || n.object->meta().deleting) {
      for (auto& book : books_)
        book.forget(key.name);
      return res;
    }
    std::string first, all;
    for (auto& book : books_) {
      const auto range = book.choose(key.name, v);
      if (!range) {
        // What was chosen of the other family is for those that can have both.
        for (auto& b : books_)
          b.forget(key.name);
        res.events.push_back(not_available(n.object));
        return res;
      }
      const auto text = "\"" + range->to_string() + "\"";
      if (first.empty())
        first = text;
      all += (all.empty() ? "" : ",") + text;
    }
    auto call = patch_call(std::string{nodes}, key,
                           R"({"spec":{"podCIDR":)" + first + R"(,"podCIDRs":[)" + all + "]}}");
    call.precondition_uid = n.object->uid();
    res.calls.push_back(std::move(call));
    return res;
  }

private:
  std::vector<share_book> books_; ///< one a family
};

} // namespace

std::unique_ptr<reconciler> make_node_ipam_controller(node_ipam_deps deps) {
  return std::make_unique<node_ipam>(deps);
}

} // namespace thespis::actors
