#include "runtime/introspection/journal.hpp"

#include "runtime/environment.hpp"

namespace thespis::runtime {

namespace {

std::string text_of(const journal_key& k) {
  return k.resource + "/" + k.ns + "/" + k.name;
}

} // namespace

causal_journal::packed causal_journal::pack(const journal_entry& e) {
  packed p{e.at, e.revision, {}, e.specifies};
  const std::initializer_list<const std::string*> texts{&e.who, &e.what, &e.detail, &e.owner_type,
                                                        &e.owner_name};
  size_t length = 0;
  for (const auto* t : texts)
    length += t->size() + 1;
  p.texts.reserve(length);
  for (const auto* t : texts)
    // c_str: a text that holds a zero byte ends there, so that it cannot shift the others.
    p.texts.append(t->c_str()).push_back('\0');
  return p;
}

journal_entry causal_journal::unpack(const packed& p, const journal_key& object) {
  journal_entry e;
  e.object = object;
  e.at = p.at;
  e.revision = p.revision;
  e.specifies = p.specifies;
  size_t begin = 0;
  for (auto* t : {&e.who, &e.what, &e.detail, &e.owner_type, &e.owner_name}) {
    const auto end = p.texts.find('\0', begin);
    *t = p.texts.substr(begin, end - begin);
    begin = end + 1;
  }
  return e;
}

void causal_journal::add(journal_entry e) {
  auto key = text_of(e.object);
  const bool begins = e.what == "create";
  auto entry = pack(e);
  const std::lock_guard lock{mutex_};
  const auto [i, is_new] = objects_.try_emplace(std::move(key));
  auto& h = i->second;
  if (is_new)
    h.place = order_.insert(order_.end(), &i->first);
  else
    order_.splice(order_.end(), order_, h.place);
  // An object of the same name as one that is gone begins a new story.
  if (begins) {
    entries_ -= h.entries.size();
    h.entries.clear();
  }
  if (h.entries.size() == first_kept + last_kept) {
    h.entries.erase(h.entries.begin() + first_kept);
    --entries_;
  }
  h.entries.push_back(std::move(entry));
  ++entries_;
  while (entries_ > max_entries_ && order_.size() > 1)
    forget_oldest();
}

void causal_journal::forget_oldest() {
  const auto i = objects_.find(*order_.front());
  order_.pop_front();
  entries_ -= i->second.entries.size();
  objects_.erase(i);
}

std::vector<journal_entry> causal_journal::find(const journal_key& object) const {
  const std::lock_guard lock{mutex_};
  const auto i = objects_.find(text_of(object));
  if (i == objects_.end())
    return {};
  std::vector<journal_entry> res;
  for (const auto& p : i->second.entries)
    res.push_back(unpack(p, object));
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
