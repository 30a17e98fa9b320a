#include "runtime/link/membership.hpp"

#include "api/json.hpp"
#include "api/text/time.hpp"

namespace thespis::runtime::link {

namespace json = api::json;

uint64_t membership::begin(const api::user_info& user, const std::string& address) {
  const std::lock_guard lock{mutex_};
  auto& m = members_[++last_];
  m.id = last_;
  m.user = user;
  m.address = address;
  m.since = clock_->now();
  return last_;
}

void membership::attach(uint64_t id, std::shared_ptr<link_state> state) {
  const std::lock_guard lock{mutex_};
  if (const auto i = members_.find(id); i != members_.end())
    i->second.state = std::move(state);
}

bool membership::claim(uint64_t id, const caf::node_id& node) {
  const std::lock_guard lock{mutex_};
  const auto me = members_.find(id);
  if (me == members_.end())
    return false;
  for (auto& [other, m] : members_) {
    if (other == id || m.node != node)
      continue;
    if (m.user.name == me->second.user.name && m.state)
      m.state->close("the peer has opened another link");
    return false;
  }
  me->second.node = node;
  return true;
}

std::string membership::greet(uint64_t id, const std::string& machine, const std::string& version,
                              uint64_t epoch, std::vector<std::string> offers) {
  const std::lock_guard lock{mutex_};
  const auto me = members_.find(id);
  if (me == members_.end())
    return "the link is over";
  for (auto& [other, m] : members_) {
    if (other == id || m.machine != machine || m.user.name != me->second.user.name)
      continue;
    if (m.node != me->second.node)
      return "another process is linked as " + machine + ", from " + m.address + " since " +
             api::format_time(m.since);
    if (m.state)
      m.state->close("the machine has opened another link");
  }
  me->second.machine = machine;
  me->second.version = version;
  me->second.epoch = epoch;
  me->second.offers = std::move(offers);
  return {};
}

void membership::add_role(uint64_t id, const std::string& role) {
  const std::lock_guard lock{mutex_};
  if (const auto i = members_.find(id); i != members_.end())
    i->second.roles.insert(role);
}

void membership::remove_role(uint64_t id, const std::string& role) {
  const std::lock_guard lock{mutex_};
  if (const auto i = members_.find(id); i != members_.end())
    i->second.roles.erase(role);
}

void membership::end(uint64_t id) {
  std::shared_ptr<link_state> last;
  const std::lock_guard lock{mutex_};
  if (const auto i = members_.find(id); i != members_.end()) {
    last = std::move(i->second.state);
    members_.erase(i);
  }
}

void membership::close(uint64_t id, const std::string& why) {
  const std::lock_guard lock{mutex_};
  if (const auto i = members_.find(id); i != members_.end() && i->second.state)
    i->second.state->close(why);
}

std::vector<member> membership::list() const {
  const std::lock_guard lock{mutex_};
  std::vector<member> res;
  for (const auto& [id, m] : members_)
    res.push_back(m);
  return res;
}

std::string membership::to_json() const {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  const auto texts = [&](const auto& from) {
    json::value list{rapidjson::kArrayType};
    for (const auto& s : from)
      list.PushBack(json::make_string(s, a), a);
    return list;
  };
  json::value all{rapidjson::kArrayType};
  for (const auto& m : list()) {
    json::value entry{rapidjson::kObjectType};
    json::set(entry, "machine", std::string_view{m.machine}, a);
    json::set(entry, "user", std::string_view{m.user.name}, a);
    json::set(entry, "address", std::string_view{m.address}, a);
    json::set(entry, "version", std::string_view{m.version}, a);
    json::set(entry, "since", std::string_view{api::format_time(m.since)}, a);
    json::set(entry, "epoch", json::value{m.epoch}, a);
    json::set(entry, "offers", texts(m.offers), a);
    json::set(entry, "roles", texts(m.roles), a);
    if (m.state) {
      const auto c = m.state->counters();
      json::set(entry, "receivedMessages", json::value{c.received_messages}, a);
      json::set(entry, "receivedBytes", json::value{c.received_bytes}, a);
      json::set(entry, "sentMessages", json::value{c.sent_messages}, a);
      json::set(entry, "sentBytes", json::value{c.sent_bytes}, a);
      json::set(entry, "dropped", json::value{c.dropped}, a);
    }
    all.PushBack(std::move(entry), a);
  }
  json::set(doc, "members", std::move(all), a);
  return json::to_string(doc);
}

} // namespace thespis::runtime::link
