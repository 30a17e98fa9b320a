#include "runtime/introspection/introspector_state.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace thespis::runtime {

namespace {

/// An actor that is busy for this part of the time is hot.
constexpr double hot_share = 0.8;
/// A mailbox that grows is worth a word from this size.
constexpr uint64_t large_mailbox = 100;
constexpr size_t max_findings = 100;

uint64_t weight(const actor_record& r, actor_order by) {
  switch (by) {
  case actor_order::name:
    return 0;
  case actor_order::mailbox:
    return r.mailbox();
  case actor_order::handled:
    return r.handled();
  case actor_order::busy:
    return r.busy_ns();
  case actor_order::rate:
    return 0; // taken from the whole record
  }
  return 0;
}

struct candidate {
  uint64_t weight;
  record_ptr record;

  bool before(const candidate& other) const {
    if (weight != other.weight)
      return weight > other.weight;
    const auto& a = *record;
    const auto& b = *other.record;
    return std::forward_as_tuple(a.kind(), a.name(), a.id()) <
           std::forward_as_tuple(b.kind(), b.name(), b.id());
  }
};

/// The first `limit` records without looking into the others.
std::vector<actor_info> first_of(const introspection_table& table, actor_order by, size_t limit) {
  std::vector<candidate> best; // a heap whose front stands last
  const auto worse = [](const candidate& a, const candidate& b) { return a.before(b); };
  for (size_t p = 0; p < introspection_table::parts; ++p)
    table.visit(p, [&](const record_ptr& r) {
      const auto w = weight(*r, by);
      if (best.size() == limit && w < best.front().weight)
        return;
      candidate c{w, r};
      if (best.size() < limit) {
        best.push_back(std::move(c));
        std::push_heap(best.begin(), best.end(), worse);
      } else if (c.before(best.front())) {
        std::pop_heap(best.begin(), best.end(), worse);
        best.back() = std::move(c);
        std::push_heap(best.begin(), best.end(), worse);
      }
    });
  std::sort_heap(best.begin(), best.end(), worse);
  std::vector<actor_info> res;
  res.reserve(best.size());
  for (const auto& c : best)
    res.push_back(c.record->info(false));
  return res;
}

} // namespace

actor_rows select_actors(const introspection_table& table, const actor_query& q,
                         const actor_filter& filter) {
  actor_rows res;
  res.total = table.size();
  if (filter.empty() && q.limit > 0 && q.order != actor_order::rate) {
    res.rows = first_of(table, q.order, q.limit);
    res.matched = res.total;
    return res;
  }
  for (size_t p = 0; p < introspection_table::parts; ++p)
    table.visit(p, [&](const record_ptr& r) {
      auto i = r->info(false);
      if (filter.matches(i))
        res.rows.push_back(std::move(i));
    });
  res.matched = res.rows.size();
  sort_and_cut(res.rows, q.order, q.limit);
  return res;
}

counter_sample::counter_sample(const introspection_table& table) : at_(steady_nanoseconds()) {
  for (size_t p = 0; p < introspection_table::parts; ++p)
    table.visit(p, [&](const record_ptr& r) { rows_[p].push_back(row_of(*r)); });
}

const counter_sample::row* counter_sample::find(size_t part, uint64_t id, size_t& next) const {
  const auto& rows = rows_[part];
  if (next < rows.size() && rows[next].id == id)
    return &rows[next++];
  const auto i = std::find_if(rows.begin(), rows.end(), [&](const row& r) { return r.id == id; });
  if (i == rows.end())
    return nullptr;
  next = static_cast<size_t>(i - rows.begin()) + 1;
  return &*i;
}

actor_rows rows_since(const counter_sample& before, const introspection_table& table,
                      const actor_filter& filter, size_t limit) {
  struct candidate {
    record_ptr record;
    uint64_t handled;
    uint64_t busy;
  };
  std::vector<candidate> active;
  actor_rows res;
  const auto now = steady_nanoseconds();
  before.compare(table, [&](const counter_sample::change& c) {
    ++res.total;
    const auto handled = c.after.handled - c.before.handled;
    if (handled == 0 && c.after.mailbox == 0 && !c.after.running)
      return;
    if (!filter.empty() && !filter.matches(c.record->info(false)))
      return;
    active.push_back({c.record, handled, c.after.busy_ns - c.before.busy_ns});
  });
  res.matched = active.size();
  res.seconds = std::max(1e-9, static_cast<double>(now - before.at()) / 1e9);
  const auto kept = limit == 0 ? active.size() : std::min(limit, active.size());
  const auto end = active.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(active.begin(), end, active.end(), [](const auto& a, const auto& b) {
    return std::tuple{b.busy, b.handled, a.record->id()} <
           std::tuple{a.busy, a.handled, b.record->id()};
  });
  for (auto i = active.begin(); i != end; ++i) {
    auto row = i->record->info(false);
    row.rate = static_cast<double>(i->handled) / res.seconds;
    row.busy_share = std::min(1.0, static_cast<double>(i->busy) / 1e9 / res.seconds);
    res.rows.push_back(std::move(row));
  }
  return res;
}

std::vector<finding> findings_since(const counter_sample& before, const introspection_table& table,
                                    uint64_t self) {
  std::vector<finding> res;
  const auto passed = static_cast<double>(steady_nanoseconds() - before.at());
  before.compare(table, [&](const counter_sample::change& c) {
    if (!c.was_there || c.after.id == self || res.size() >= max_findings)
      return;
    const auto handled = c.after.handled - c.before.handled;
    const auto share = static_cast<double>(c.after.busy_ns - c.before.busy_ns) / passed;
    const auto milliseconds = std::to_string(static_cast<uint64_t>(passed / 1e6)) + " ms";
    const auto say = [&](const char* what, std::string text) {
      res.push_back({what, c.record->info(false), std::move(text)});
    };
    if (c.before.running && c.after.running && handled == 0)
      say("stuck",
          "busy with one " + c.record->info(false).last_message + " for at least " + milliseconds);
    else if (share >= hot_share)
      say("hot", "worked " + std::to_string(static_cast<int>(std::min(1.0, share) * 100)) +
                     " % of the time, " + std::to_string(handled) + " messages in " + milliseconds);
    if (c.after.mailbox >= large_mailbox && c.after.mailbox > c.before.mailbox)
      say("growing", std::to_string(c.before.mailbox) + " → " + std::to_string(c.after.mailbox) +
                         " messages wait; it handled " + std::to_string(handled) + " in " +
                         milliseconds);
  });
  return res;
}

std::vector<record_ptr> waiting_since(const counter_sample& before,
                                      const introspection_table& table, size_t limit) {
  std::vector<record_ptr> res;
  before.compare(table, [&](const counter_sample::change& c) {
    if (c.before.waits > 0 && c.after.waits > 0 && res.size() < limit)
      res.push_back(c.record);
  });
  return res;
}

namespace {

/// Walks depth first; what closes onto the path is a ring.
class ring_search {
public:
  explicit ring_search(const std::vector<wait_edge>& waits) {
    for (const auto& w : waits)
      on_[w.who].insert(w.on);
  }

  std::vector<std::vector<std::string>> run() {
    for (const auto& [who, on] : on_)
      visit(who);
    return std::move(rings_);
  }

private:
  struct frame {
    std::string who;
    std::set<std::string>::const_iterator next, end;
  };

  void enter(const std::string& who, std::vector<frame>& path) {
    seen_.insert(who);
    const auto i = on_.find(who);
    static const std::set<std::string> nobody;
    const auto& next = i == on_.end() ? nobody : i->second;
    path.push_back({who, next.begin(), next.end()});
  }

  void visit(const std::string& start) {
    if (seen_.count(start) > 0)
      return;
    std::vector<frame> path;
    enter(start, path);
    while (!path.empty()) {
      auto& top = path.back();
      if (top.next == top.end) {
        path.pop_back();
        continue;
      }
      const auto next = *top.next++;
      const auto on_path =
          std::find_if(path.begin(), path.end(), [&](const frame& f) { return f.who == next; });
      if (on_path != path.end()) {
        auto& ring = rings_.emplace_back();
        for (auto i = on_path; i != path.end(); ++i)
          ring.push_back(i->who);
      } else if (seen_.count(next) == 0) {
        enter(next, path);
      }
    }
  }

  std::map<std::string, std::set<std::string>> on_;
  std::set<std::string> seen_;
  std::vector<std::vector<std::string>> rings_;
};

} // namespace

std::vector<std::vector<std::string>> rings_of(const std::vector<wait_edge>& waits) {
  return ring_search{waits}.run();
}

} // namespace thespis::runtime
