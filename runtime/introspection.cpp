#include "runtime/introspection.hpp"

#include "runtime/actor_system.hpp"
#include "runtime/introspection/trace.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace thespis::runtime {

uint64_t steady_nanoseconds() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

actor_record::actor_record(uint64_t id, uint64_t parent, std::string kind, std::string name)
    : id_(id), parent_(parent), kind_(std::move(kind)), name_(std::move(name)) {
  const auto now = steady_nanoseconds();
  for (auto& m : marks_)
    m.at.store(now, std::memory_order_relaxed);
}

void actor_record::end_handling(const std::type_info* type, uint64_t begin, uint64_t end) {
  const auto n = handled();
  const auto spent = end - std::min(begin, end);
  add(busy_ns_, n < always_timed ? spent : spent * timed_of);
  end_handling(type);
  auto& [older, newer] = marks_;
  if (end - newer.at.load(std::memory_order_relaxed) < mark_every)
    return;
  older.handled.store(newer.handled.load(std::memory_order_relaxed), std::memory_order_relaxed);
  older.at.store(newer.at.load(std::memory_order_relaxed), std::memory_order_relaxed);
  newer.handled.store(n + 1, std::memory_order_relaxed);
  newer.at.store(end, std::memory_order_relaxed);
}

void actor_record::count_type(const std::type_info* type) {
  if (!type)
    return;
  for (uint32_t i = 0; i < max_types; ++i) {
    auto& slot = types_[i];
    const auto* known = slot.type.load(std::memory_order_relaxed);
    const bool last = i + 1 == max_types;
    if (known && known != type && !last)
      continue;
    if (!known)
      slot.type.store(type, std::memory_order_relaxed);
    add(slot.count, 1);
    // The last slot's count is several types'.
    if (!last)
      hot_ = i;
    return;
  }
}

double actor_record::rate(uint64_t handled) const {
  // The mark may be moved meanwhile: a rate that is a little off, never a crash.
  const auto since = marks_[0].handled.load(std::memory_order_relaxed);
  const auto at = marks_[0].at.load(std::memory_order_relaxed);
  const auto now = steady_nanoseconds();
  return now <= at || handled <= since
             ? 0
             : static_cast<double>(handled - since) * 1e9 / static_cast<double>(now - at);
}

void actor_record::set_self(caf::weak_actor_ptr self) {
  const std::lock_guard lock{mutex_};
  self_ = std::move(self);
}

caf::strong_actor_ptr actor_record::self() const {
  const std::lock_guard lock{mutex_};
  return self_.lock();
}

void actor_record::set_state(std::string_view state) {
  const std::lock_guard lock{mutex_};
  state_ = state;
}

uint64_t actor_record::mailbox() const {
  // Read handled first: reading it second could show more handled than enqueued.
  const auto done = handled() + (running() ? 1 : 0);
  return std::max(enqueued_.load(std::memory_order_relaxed), done) - done;
}

actor_info actor_record::info(bool with_types) const {
  actor_info res;
  res.id = id_;
  res.parent = parent_;
  res.kind = kind_;
  res.name = name_;
  res.handled = handled();
  res.enqueued = std::max(enqueued_.load(std::memory_order_relaxed), res.handled);
  res.running = running();
  // What is being handled waits no more.
  res.mailbox = res.enqueued - std::min(res.enqueued, res.handled + (res.running ? 1 : 0));
  res.busy_ns = busy_ns();
  res.rate = rate(res.handled);
  res.waits = waits();
  if (const auto* last = last_.load(std::memory_order_relaxed))
    res.last_message = short_type_name(*last);
  if (with_types)
    for (const auto& slot : types_)
      if (const auto* type = slot.type.load(std::memory_order_relaxed))
        res.by_type.push_back({short_type_name(*type), slot.count.load(std::memory_order_relaxed)});
  const std::lock_guard lock{mutex_};
  res.state = state_;
  return res;
}

introspection_table::introspection_table() : traces_(std::make_unique<trace_table>()) {}
introspection_table::~introspection_table() = default;

record_ptr introspection_table::add(uint64_t id, uint64_t parent, std::string kind,
                                    std::string name) {
  auto res = std::make_shared<actor_record>(id, parent, std::move(kind), std::move(name));
  auto& p = of(id);
  const std::lock_guard lock{p.mutex};
  p.records[id] = res;
  return res;
}

void introspection_table::remove(uint64_t id) {
  record_ptr last; // ends outside of the lock
  auto& p = of(id);
  const std::lock_guard lock{p.mutex};
  if (const auto i = p.records.find(id); i != p.records.end()) {
    last = std::move(i->second);
    p.records.erase(i);
  }
}

size_t introspection_table::size() const {
  size_t res = 0;
  for (const auto& p : parts_) {
    const std::lock_guard lock{p.mutex};
    res += p.records.size();
  }
  return res;
}

std::vector<actor_info> introspection_table::list() const {
  std::vector<actor_info> res;
  for (size_t i = 0; i < parts; ++i)
    visit(i, [&](const record_ptr& r) { res.push_back(r->info(false)); });
  std::sort(res.begin(), res.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return res;
}

record_ptr introspection_table::find(uint64_t id) const {
  const auto& p = of(id);
  const std::lock_guard lock{p.mutex};
  const auto i = p.records.find(id);
  return i == p.records.end() ? nullptr : i->second;
}

introspection_table& introspection_of(caf::actor_system& sys) {
  return dynamic_cast<const system_config&>(sys.config()).introspection();
}

std::string short_type_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name{
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free};
  std::string res = status == 0 ? name.get() : type.name();
  const auto args = res.find('<');
  const auto colon = res.rfind("::", args);
  if (colon != std::string::npos)
    res.erase(0, colon + 2);
  return res;
}

} // namespace thespis::runtime
