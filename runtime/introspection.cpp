#include "runtime/introspection.hpp"

#include "runtime/actor_system.hpp"

#include <cxxabi.h>

#include <cstdlib>

namespace thespis::runtime {

namespace {

thread_local uint64_t running = 0;

} // namespace

uint64_t running_actor() {
  return running;
}

running_scope::running_scope(uint64_t id) : outer_(running) {
  running = id;
}

running_scope::~running_scope() {
  running = outer_;
}

actor_record::actor_record(uint64_t id, uint64_t parent, std::string kind, std::string name)
    : id_(id), parent_(parent), kind_(std::move(kind)), name_(std::move(name)) {}

void actor_record::count_handled(const std::type_info* type, uint64_t nanoseconds) {
  // The actor's thread is the only writer: no read-modify-write is needed.
  const auto add = [](std::atomic<uint64_t>& to, uint64_t n) {
    to.store(to.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  };
  const auto n = handled_.load(std::memory_order_relaxed);
  add(busy_ns_, n < always_timed ? nanoseconds : nanoseconds * timed_of);
  add(handled_, 1);
  last_.store(type, std::memory_order_relaxed);
  if (!type)
    return;
  for (auto& slot : types_) {
    const auto* known = slot.type.load(std::memory_order_relaxed);
    if (known && known != type && &slot != &types_.back())
      continue;
    if (!known)
      slot.type.store(type, std::memory_order_relaxed);
    add(slot.count, 1);
    return;
  }
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

actor_info actor_record::info(bool with_types) const {
  actor_info res;
  res.id = id_;
  res.parent = parent_;
  res.kind = kind_;
  res.name = name_;
  // Read handled first: reading it second could show more handled than enqueued.
  res.handled = handled_.load(std::memory_order_relaxed);
  res.enqueued = std::max(enqueued_.load(std::memory_order_relaxed), res.handled);
  res.mailbox = res.enqueued - res.handled;
  res.busy_ns = busy_ns_.load(std::memory_order_relaxed);
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

std::shared_ptr<actor_record> introspection_table::add(uint64_t id, uint64_t parent,
                                                       std::string kind, std::string name) {
  auto res = std::make_shared<actor_record>(id, parent, std::move(kind), std::move(name));
  const std::lock_guard lock{mutex_};
  records_[id] = res;
  return res;
}

void introspection_table::remove(uint64_t id) {
  const std::lock_guard lock{mutex_};
  records_.erase(id);
}

size_t introspection_table::size() const {
  const std::lock_guard lock{mutex_};
  return records_.size();
}

std::vector<actor_info> introspection_table::list() const {
  std::vector<std::shared_ptr<actor_record>> records;
  {
    const std::lock_guard lock{mutex_};
    records.reserve(records_.size());
    for (const auto& [id, record] : records_)
      records.push_back(record);
  }
  std::vector<actor_info> res;
  res.reserve(records.size());
  for (const auto& record : records)
    res.push_back(record->info(false));
  std::sort(res.begin(), res.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return res;
}

std::shared_ptr<actor_record> introspection_table::find(uint64_t id) const {
  const std::lock_guard lock{mutex_};
  const auto i = records_.find(id);
  return i == records_.end() ? nullptr : i->second;
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
