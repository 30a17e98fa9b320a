#include "runtime/introspection/journal.hpp"

#include "runtime/environment.hpp"

namespace thespis::runtime {

namespace {

std::string text_of(const journal_key& k) {
  return k.resource + "/" + k.ns + "/" + k.name;
}

} // namespace

void causal_journal::add(journal_entry e) {
  auto key = text_of(e.object);
  const std::lock_guard lock{mutex_};
  const auto [i, is_new] = objects_.try_emplace(std::move(key));
  auto& h = i->second;
  if (is_new)
    h.place = order_.insert(order_.end(), i->first);
  else
    order_.splice(order_.end(), order_, h.place);
  // An object of the same name as one that is gone begins a new story.
  if (e.what == "create") {
    entries_ -= h.size();
    h.first.clear();
    h.last.clear();
  }
  ++entries_;
  if (h.first.size() < first_kept) {
    h.first.push_back(std::move(e));
  } else {
    h.last.push_back(std::move(e));
    if (h.last.size() > last_kept) {
      h.last.pop_front();
      --entries_;
    }
  }
  while (entries_ > max_entries_ && order_.size() > 1)
    forget_oldest();
}

void causal_journal::forget_oldest() {
  const auto i = objects_.find(order_.front());
  entries_ -= i->second.size();
  objects_.erase(i);
  order_.pop_front();
}

std::vector<journal_entry> causal_journal::find(const journal_key& object) const {
  const std::lock_guard lock{mutex_};
  const auto i = objects_.find(text_of(object));
  if (i == objects_.end())
    return {};
  auto res = i->second.first;
  res.insert(res.end(), i->second.last.begin(), i->second.last.end());
  return res;
}

size_t causal_journal::size() const {
  const std::lock_guard lock{mutex_};
  return entries_;
}

void note(const environment& env, journal_key object, std::string who, std::string what,
          std::string detail) {
  if (!env.journal || !env.clock)
    return;
  journal_entry e;
  e.object = std::move(object);
  e.at = static_cast<uint64_t>(env.clock->now().time_since_epoch().count());
  e.who = std::move(who);
  e.what = std::move(what);
  e.detail = std::move(detail);
  env.journal->add(std::move(e));
}

size_t causal_journal::objects() const {
  const std::lock_guard lock{mutex_};
  return objects_.size();
}

} // namespace thespis::runtime
