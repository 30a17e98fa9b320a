#include "api/fairness/gate.hpp"

#include <algorithm>

namespace thespis::api::fairness {

namespace {

/// Levels and schemas that are to hold: those given, and the mandatory ones.
template <class T>
void add_mandatory(std::vector<T>& given, const std::vector<T>& wanted) {
  for (const auto& w : wanted)
    if (std::none_of(given.begin(), given.end(),
                     [&](const auto& g) { return g.metadata.name == w.metadata.name; }))
      given.push_back(w);
}

} // namespace

seat& seat::operator=(seat&& other) noexcept {
  if (this != &other) {
    release();
    gate_ = std::move(other.gate_);
    level_ = std::move(other.level_);
  }
  return *this;
}

void seat::release() {
  const auto of = std::exchange(gate_, nullptr);
  const auto at = std::exchange(level_, nullptr);
  if (of)
    of->leave(*at);
}

std::shared_ptr<gate> gate::make(int64_t seats) {
  auto g = std::shared_ptr<gate>(new gate(seats));
  auto levels = mandatory().levels;
  auto schemas = mandatory().schemas;
  levels.insert(levels.end(), suggested().levels.begin(), suggested().levels.end());
  schemas.insert(schemas.end(), suggested().schemas.begin(), suggested().schemas.end());
  g->configure(levels, std::move(schemas));
  return g;
}

std::shared_ptr<level> gate::level_of(const v1::priority_level_configuration& object, int64_t sum) {
  auto& at = levels_[object.metadata.name];
  if (!at)
    at = std::make_shared<level>(object.metadata.name);
  at->uid = object.metadata.uid;
  at->limits = limits_of(object.spec, seats_, sum);
  at->retired = false;
  at->resize_queues();
  return at;
}

void gate::configure(const std::vector<v1::priority_level_configuration>& given,
                     std::vector<v1::flow_schema> schemas) {
  auto levels = given;
  add_mandatory(levels, mandatory().levels);
  add_mandatory(schemas, mandatory().schemas);
  std::sort(schemas.begin(), schemas.end(), [](const auto& a, const auto& b) {
    const auto x = a.spec.matching_precedence.value_or(1000);
    const auto y = b.spec.matching_precedence.value_or(1000);
    return x != y ? x < y : a.metadata.name < b.metadata.name;
  });
  int64_t sum = 0;
  for (const auto& l : levels)
    sum += shares_of(l.spec);
  auto next = std::make_shared<snapshot>();
  {
    const std::lock_guard lock{mutex_};
    for (auto& [name, l] : levels_)
      l->retired = true;
    std::map<std::string, std::shared_ptr<level>> present;
    for (const auto& l : levels)
      present[l.metadata.name] = level_of(l, sum);
    // Who is inside or waits at a level that goes may finish there.
    std::erase_if(levels_, [](const auto& e) {
      return e.second->retired && e.second->in_use == 0 && e.second->waiting == 0;
    });
    for (auto& s : schemas) {
      const auto to = present.find(s.spec.priority_level_configuration.name);
      if (to == present.end())
        continue;
      auto& counters = counters_[{s.metadata.name, to->first}];
      if (!counters)
        counters = std::make_shared<schema_counters>();
      next->schemas.push_back(std::make_shared<const schema>(schema{
          s, to->second, counters, to->second->limits.exempt, s.metadata.uid, to->second->uid}));
    }
  }
  now_.store(std::move(next), std::memory_order_release);
  call(admit(nullptr));
}

flow gate::classify(const auth::access_query& q) const {
  const auto now = now_.load(std::memory_order_acquire);
  for (const auto& s : now->schemas)
    if (matches(s->object.spec, q)) {
      flow f{s, 0};
      if (!s->exempt)
        f.hash = std::hash<std::string>{}(s->object.metadata.name + "\n" +
                                          std::string{distinguisher(s->object.spec, q)});
      return f;
    }
  return {now->schemas.back(), 0};
}

bool gate::may_take(const level& l) const {
  if (l.in_use < l.limits.nominal)
    return true;
  // One who waits where nobody may ever sit would wait for nothing.
  if (l.retired)
    return true;
  if (l.in_use - l.limits.nominal >= l.limits.borrowing)
    return false;
  int64_t idle = 0;
  for (const auto& [name, other] : levels_)
    idle += (other.get() == &l ? 0 : other->idle_lendable()) - other->borrowed();
  return idle > 0;
}

bool gate::try_enter(const flow& f, seat& got) {
  const auto& at = f.by->to;
  if (!f.by->exempt) {
    const std::lock_guard lock{mutex_};
    if (at->waiting > 0 || !may_take(*at))
      return false;
    ++at->in_use;
    got = seat{shared_from_this(), at};
  }
  f.by->counters->dispatched.fetch_add(1, std::memory_order_relaxed);
  return true;
}

admission gate::enter(const flow& f, entry then, std::function<void()> expired, uint64_t& id) {
  const auto& at = f.by->to;
  seat got;
  bool in = f.by->exempt;
  if (!in) {
    const std::lock_guard lock{mutex_};
    in = at->waiting == 0 && may_take(*at);
    if (in) {
      ++at->in_use;
      got = seat{shared_from_this(), at};
    } else {
      id = ++next_id_;
      auto go = [self = shared_from_this(), at, then, expired = std::move(expired)](bool come_in) {
        if (come_in)
          then(seat{self, at});
        else
          expired();
      };
      if (at->wait(f.hash, {id, std::move(go), f.by->counters}))
        return admission::waits;
      auto& why = at->limits.queues == 0 ? f.by->counters->no_seat : f.by->counters->queue_full;
      why.fetch_add(1, std::memory_order_relaxed);
      return admission::refused;
    }
  }
  f.by->counters->dispatched.fetch_add(1, std::memory_order_relaxed);
  then(std::move(got));
  return admission::entered;
}

void gate::expire(const flow& f, uint64_t id) {
  std::optional<waiter> w;
  {
    const std::lock_guard lock{mutex_};
    w = f.by->to->cancel(id);
  }
  if (!w)
    return;
  f.by->counters->timed_out.fetch_add(1, std::memory_order_relaxed);
  w->go(false);
}

std::vector<std::pair<std::shared_ptr<level>, waiter>> gate::admit(level* first) {
  std::vector<std::pair<std::shared_ptr<level>, waiter>> res;
  const std::lock_guard lock{mutex_};
  auto take = [&](const std::shared_ptr<level>& l) {
    while (l->waiting > 0 && may_take(*l)) {
      ++l->in_use;
      res.emplace_back(l, l->next());
    }
  };
  // A seat is first its own level's; others borrow what that leaves.
  for (const auto& [name, l] : levels_)
    if (l.get() == first)
      take(l);
  for (const auto& [name, l] : levels_)
    take(l);
  return res;
}

void gate::leave(level& l) {
  bool anybody = false;
  {
    const std::lock_guard lock{mutex_};
    --l.in_use;
    for (const auto& [name, other] : levels_)
      anybody = anybody || other->waiting > 0;
  }
  if (anybody)
    call(admit(&l));
}

/// Somebody let in may leave within the call, and let in the next: a loop, not a deep stack.
void gate::call(std::vector<std::pair<std::shared_ptr<level>, waiter>> admitted) {
  thread_local std::deque<waiter>* open = nullptr;
  std::deque<waiter> mine;
  auto* queue = open != nullptr ? open : &mine;
  for (auto& [at, w] : admitted) {
    w.counters->dispatched.fetch_add(1, std::memory_order_relaxed);
    queue->push_back(std::move(w));
  }
  if (open != nullptr)
    return;
  open = &mine;
  while (!mine.empty()) {
    auto w = std::move(mine.front());
    mine.pop_front();
    w.go(true);
  }
  open = nullptr;
}

std::vector<level_numbers> gate::levels() const {
  std::vector<level_numbers> res;
  const std::lock_guard lock{mutex_};
  for (const auto& [name, l] : levels_)
    res.push_back({name, l->limits.nominal, l->in_use, l->waiting});
  return res;
}

std::vector<schema_numbers> gate::schemas() const {
  std::vector<schema_numbers> res;
  const std::lock_guard lock{mutex_};
  for (const auto& [key, c] : counters_)
    res.push_back({key.first, key.second, c->dispatched, c->queue_full, c->no_seat, c->timed_out});
  return res;
}

error too_many_requests() {
  error e;
  e.why = reason::too_many_requests;
  e.message = "Too many requests, please try again later.";
  e.retry_after_seconds = 1;
  return e;
}

} // namespace thespis::api::fairness
