#include "runtime/link/gateway_actor.hpp"

#include "api/auth/node_authorizer.hpp"
#include "runtime/link/link_rights.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace thespis::runtime::link {

using namespace std::chrono_literals;
namespace auth = api::auth;

namespace {

/// Longer than the request bridge's own limit.
constexpr auto call_deadline = 160s;

std::string_view verb_of(const api::call& c) {
  switch (c.verb) {
  case api::verb::create:
    return "create";
  case api::verb::update:
    return "update";
  case api::verb::patch:
    return "patch";
  case api::verb::remove:
    return "delete";
  }
  return "";
}

/// "leases.coordination.k8s.io" as resource and group.
std::pair<std::string_view, std::string_view> split(std::string_view resource) {
  const auto dot = resource.find('.');
  return dot == resource.npos ? std::pair{resource, std::string_view{}}
                              : std::pair{resource.substr(0, dot), resource.substr(dot + 1)};
}

call_outcome failed(api::error why) {
  call_outcome res;
  res.failure = std::move(why);
  return res;
}

api::error too_many() {
  api::error e;
  e.why = api::reason::too_many_requests;
  e.message = "the link has too many requests under way";
  e.retry_after_seconds = 1;
  return e;
}

api::error not_greeted() {
  return api::forbidden("", "", "the link has not been greeted");
}

/// Whether `name` is a simulated node of `machine`: "worker.sim-0007".
bool is_simulated(std::string_view name, std::string_view machine) {
  constexpr std::string_view infix = ".sim-";
  if (!name.starts_with(machine) || !name.substr(machine.size()).starts_with(infix))
    return false;
  const auto digits = name.substr(machine.size() + infix.size());
  return !digits.empty() && digits.size() <= 6 &&
         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

constexpr std::string_view node_prefix = "system:node:";

/// Where links are opened; who may not get it is not linked either.
constexpr const char* link_path = "/thespis/v1/link";

/// What a program may add to the name of its account: a DNS label, so that it is one word to
/// people.
bool is_label(std::string_view s) {
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !s.empty() && s.size() <= 63 && word(s.front()) && word(s.back()) &&
         std::all_of(s.begin(), s.end(), [&](char c) { return word(c) || c == '-'; });
}

} // namespace

gateway_actor::gateway_actor(caf::actor_config& cfg, gateway_deps deps, gateway_limits limits)
    : actor_base(cfg, "gateway", deps.user.name), deps_(std::move(deps)), limits_(limits) {}

gateway_actor::behavior_type gateway_actor::make_behavior() {
  this->set_down_handler([this](const caf::down_msg& down) { on_down(down); });
  show_state("waiting for hello");
  this->delayed_send(this, limits_.review, review_link{});
  return {
      [this](call_batch& batch) { return run(batch); },
      [this](const link_hello& hello) { return greet(hello); },
      [this](api_call& c) { return run_one(c); },
      [this](const open_watch& w) { open(w); },
      [this](const watch_credit& c) { credit(c.watch); },
      [this](const close_watch& c) { close(c.watch); },
      [this](const announce_role& a) { announce(a); },
      [this](const withdraw_role& w) { withdraw(w.role); },
      [this](watch_batch& b) { forward(b); },
      [this](const watch_closed& c) {
        const auto i = watches_.find(c.watch);
        if (i == watches_.end())
          return;
        refuse_watch(caf::actor_cast<caf::strong_actor_ptr>(i->second.peer), i->second.number,
                     c.why);
        numbers_.erase({i->second.peer, i->second.number});
        watches_.erase(i);
      },
      [this](const link_ended& e) {
        spdlog::info("link of {} from its machine {} ended: {}", deps_.user.name,
                     machine_.empty() ? "(unknown)" : machine_, e.why);
        this->quit(caf::exit_reason::user_shutdown);
      },
      [this](const review_link&) { review(); },
      [this](const call_done& d) {
        const auto i = answers_.find(d.id);
        if (i == answers_.end())
          return;
        --calls_;
        i->second.deliver(api_answer{d.reply->ok, std::move(d.reply->failure), d.reply->object,
                                     std::move(d.reply->body)});
        answers_.erase(i);
      },
  };
}

void gateway_actor::on_exit() {
  for (const auto& [role, actor] : roles_)
    deps_.env.roles->erase(role, actor);
  for (const auto& [number, w] : watches_)
    if (const auto registry = registry_of(w.resource))
      this->send(registry, unsubscribe{this, number});
  watches_.clear();
  if (deps_.audit)
    deps_.audit->left(deps_.user.name);
  deps_.members->close(deps_.member, "the gateway ended");
  actor_base::on_exit();
}

caf::result<link_welcome> gateway_actor::greet(const link_hello& hello) {
  const auto node = auth::node_of(deps_.user);
  const auto account = auth::read_service_account(deps_.user.name);
  // A peer's name is what it has proved to be, whatever it says.
  if (!node.empty())
    machine_ = node;
  else if (!account.ns.empty())
    machine_ = std::string{account.ns} + ":" + std::string{account.name};
  else
    machine_ = "user:" + deps_.user.name;
  // Programs of one account or user live side by side when they call themselves differently.
  if (node.empty() && is_label(hello.machine))
    machine_ += ":" + hello.machine;
  auto refused =
      deps_.members->greet(deps_.member, machine_, hello.version, hello.epoch, hello.roles);
  if (!refused.empty()) {
    machine_.clear();
    show_state("refused");
    link_welcome no;
    no.version = deps_.welcome.version;
    no.server = deps_.welcome.server;
    no.refused = std::move(refused);
    spdlog::warn("a link of {} is refused: {}", deps_.user.name, no.refused);
    return no;
  }
  show_state("linked");
  spdlog::info("{} is linked as {} (Thespis {}, epoch {})", deps_.user.name, machine_,
               hello.version, hello.epoch);
  auto res = deps_.welcome;
  res.machine = machine_;
  return res;
}

/// Rights change, and what they are shown with ends, while a link lasts.
void gateway_actor::review() {
  this->delayed_send(this, limits_.review, review_link{});
  if (deps_.expires && deps_.env.clock->now() >= *deps_.expires)
    return end_link("the certificate it was opened with has expired");
  const auto account = auth::read_service_account(deps_.user.name);
  if (deps_.state && !account.ns.empty() &&
      !deps_.state->get("serviceaccounts", account.ns, account.name))
    return end_link("its service account is gone");
  const auth::access_query q{deps_.user, false, "get", "", "", "", "", "", "", link_path};
  if (const auto d = deps_.access->authorize(q); !d.allowed())
    end_link(auth::access_refused(q, d.reason).message);
}

void gateway_actor::end_link(const std::string& why) {
  deps_.members->close(deps_.member, why);
  this->quit(caf::exit_reason::user_shutdown);
}

// --- calls ---------------------------------------------------------------------------------------

const api::user_info& gateway_actor::speaker(const std::string& claimed,
                                             api::user_info& scratch) const {
  const std::string_view name{claimed};
  if (claimed == deps_.user.name || auth::node_of(deps_.user).empty())
    return deps_.user;
  // Asked for every call: from the moment that a role is another's, this machine writes nothing
  // with it any more, however late its messages come.
  if (auto user = deps_.role_user ? deps_.role_user(machine_, name) : std::nullopt) {
    scratch = std::move(*user);
    return scratch;
  }
  if (!name.starts_with(node_prefix) || !is_simulated(name.substr(node_prefix.size()), machine_))
    return deps_.user;
  scratch = deps_.user;
  scratch.name = claimed;
  return scratch;
}

api::result<void> gateway_actor::authorize(api::call& c) const {
  if (machine_.empty())
    return api::fail(not_greeted());
  api::user_info scratch;
  c.user = speaker(std::string{c.user.name}, scratch);
  const auto [resource, group] = split(c.resource);
  const bool plain_create = c.verb == api::verb::create && c.subresource.empty();
  const auto name = plain_create ? std::string_view{} : std::string_view{c.name};
  auto ask = [&](std::string_view verb) -> api::result<void> {
    const auth::access_query q{c.user, true,     verb,          group, c.version,
                               c.ns,   resource, c.subresource, name,  ""};
    const auto d = deps_.access->authorize(q);
    return d.allowed() ? api::result<void>{} : api::fail(auth::access_refused(q, d.reason));
  };
  auto verdict = ask(verb_of(c));
  // An apply may make what is not there.
  if (verdict && c.patch == api::patch_kind::apply && c.subresource.empty())
    verdict = ask("create");
  return verdict;
}

void gateway_actor::audit_refusal(const api::call& c, const api::error& why) const {
  if (!deps_.audit)
    return;
  api::reply refused;
  refused.failure = why;
  api::audit::call_auditor::end(deps_.audit->begin(c), refused);
}

caf::result<call_outcomes> gateway_actor::run(call_batch& batch) {
  auto all = std::make_shared<call_outcomes>();
  all->outcomes.resize(batch.calls.size());
  std::vector<size_t> places;
  call_batch allowed;
  const bool full = calls_ + batch.calls.size() > limits_.calls;
  for (size_t i = 0; i < batch.calls.size(); ++i) {
    auto verdict = full ? api::result<void>{api::fail(too_many())} : authorize(batch.calls[i]);
    if (!verdict) {
      audit_refusal(batch.calls[i], verdict.error());
      all->outcomes[i] = failed(std::move(verdict.error()));
      continue;
    }
    places.push_back(i);
    allowed.calls.push_back(std::move(batch.calls[i]));
  }
  const auto requests = deps_.env.roles->find<requests_handle>(requests_role);
  if (places.empty())
    return *all;
  if (!requests) {
    for (const auto i : places)
      all->outcomes[i] = failed(api::internal_error("the request bridge is not available"));
    return *all;
  }
  calls_ += places.size();
  auto promise = this->make_response_promise<call_outcomes>();
  this->request(requests, call_deadline, std::move(allowed))
      .then(
          [this, promise, all, places](call_outcomes& done) mutable {
            calls_ -= places.size();
            for (size_t n = 0; n < places.size() && n < done.outcomes.size(); ++n)
              all->outcomes[places[n]] = std::move(done.outcomes[n]);
            promise.deliver(std::move(*all));
          },
          [this, promise, all, places](const caf::error& why) mutable {
            calls_ -= places.size();
            for (const auto i : places)
              all->outcomes[i] = failed(api::internal_error(this->system().render(why)));
            promise.deliver(std::move(*all));
          });
  return caf::delegated<call_outcomes>{};
}

caf::result<api_answer> gateway_actor::run_one(api_call& c) {
  auto verdict =
      calls_ >= limits_.calls ? api::result<void>{api::fail(too_many())} : authorize(c.call);
  if (!verdict) {
    audit_refusal(c.call, verdict.error());
    return api_answer{false, std::move(verdict.error()), {}, {}};
  }
  const auto audited = deps_.audit ? deps_.audit->begin(c.call) : nullptr;
  ++calls_;
  const auto id = next_call_++;
  answers_[id] = this->make_response_promise<api_answer>();
  deps_.submit(std::move(c.call), [id, audited, address = this->address()](api::reply r) {
    api::audit::call_auditor::end(audited, r);
    if (auto self = caf::actor_cast<gateway_actor_handle>(address))
      caf::anon_send(self, call_done{id, std::make_shared<api::reply>(std::move(r))});
  });
  return caf::delegated<api_answer>{};
}

// --- watches -------------------------------------------------------------------------------------

api::result<void> gateway_actor::authorize(const open_watch& w, const api::user_info& user) const {
  if (machine_.empty())
    return api::fail(not_greeted());
  const auto [resource, group] = split(w.resource);
  auto ask = [&, resource = resource, group = group](std::string_view verb) -> api::result<void> {
    const auth::access_query q{user,      true,     verb, group,       "",
                               w.what.ns, resource, "",   w.what.name, ""};
    const auto d = deps_.access->authorize(q);
    return d.allowed() ? api::result<void>{} : api::fail(auth::access_refused(q, d.reason));
  };
  const auto node = auth::node_of(user);
  if (w.brief)
    return may_list(user, "networking.k8s.io", "networkpolicies") && w.resource == "pods"
               ? api::result<void>{}
               : api::fail(api::forbidden(w.resource, "",
                                          "only who may watch NetworkPolicies may "
                                          "watch what they are about"));
  if (!node.empty() && w.resource == "pods" && w.what.name.empty() && w.what.node_name != node)
    return api::fail(api::forbidden("pods", "", "a node may watch only the pods that are its own"));
  // To follow one object is what its reader could do by getting it again and again.
  if (!w.what.name.empty() && ask("get"))
    return {};
  // A machine serves the Ingresses that it may see, and needs what they prove themselves with.
  if (!node.empty() && w.resource == "secrets" && !w.what.name.empty() && deps_.state &&
      may_list(user, "networking.k8s.io", "ingresses") &&
      ingress_shows(*deps_.state, w.what.ns, w.what.name))
    return {};
  if (auto listed = ask("list"); !listed)
    return listed;
  return ask("watch");
}

/// Whether the user may follow all objects of that resource.
bool gateway_actor::may_list(const api::user_info& user, std::string_view group,
                             std::string_view resource) const {
  const auto may = [&](std::string_view verb) {
    const auth::access_query q{user, true, verb, group, "", "", resource, "", "", ""};
    return deps_.access->authorize(q).allowed();
  };
  return may("list") && may("watch");
}

registry_handle gateway_actor::registry_of(const std::string& resource) const {
  return deps_.env.roles->find<registry_handle>(registry_role(resource));
}

void gateway_actor::refuse_watch(const caf::strong_actor_ptr& peer, uint64_t number,
                                 api::error why) {
  if (const auto to = caf::actor_cast<watcher_handle>(peer))
    this->send(to, watch_closed{number, std::move(why)});
}

void gateway_actor::open(const open_watch& w) {
  const auto peer = this->current_sender();
  if (!peer)
    return;
  close(w.watch);
  // The pods of a simulated node are watched as that node.
  api::user_info scratch;
  const auto claimed = !w.as.empty()              ? w.as
                       : w.what.node_name.empty() ? deps_.user.name
                                                  : std::string{node_prefix} + w.what.node_name;
  const auto& user = speaker(claimed, scratch);
  if (watches_.size() >= limits_.watches)
    return refuse_watch(peer, w.watch, too_many());
  auto verdict = authorize(w, user);
  if (deps_.audit)
    deps_.audit->watched(user, w.resource, w.what, verdict ? nullptr : &verdict.error());
  if (!verdict)
    return refuse_watch(peer, w.watch, std::move(verdict.error()));
  const auto registry = registry_of(w.resource);
  if (!registry)
    return refuse_watch(peer, w.watch, api::not_found(w.resource, ""));
  const auto number = next_watch_++;
  const auto address = caf::actor_cast<caf::actor_addr>(peer);
  watches_[number] = {w.resource, registry.address(), address, w.watch, w.brief, {}};
  numbers_[{address, w.watch}] = number;
  this->monitor(registry);
  this->monitor(address);
  this->send(registry, subscribe{this, number, w.what, w.from_revision});
}

void gateway_actor::credit(uint64_t number) {
  const auto n = numbers_.find({caf::actor_cast<caf::actor_addr>(this->current_sender()), number});
  if (n == numbers_.end())
    return;
  auto& w = watches_.at(n->second);
  if (!w.parts.empty())
    send_part(w);
  else if (const auto registry = registry_of(w.resource))
    this->send(registry, watch_ack{this, n->second});
}

void gateway_actor::close(uint64_t number) {
  const auto n = numbers_.find({caf::actor_cast<caf::actor_addr>(this->current_sender()), number});
  if (n != numbers_.end())
    forget(watches_.find(n->second));
}

void gateway_actor::forget(std::map<uint64_t, watch>::iterator i) {
  if (const auto registry = registry_of(i->second.resource))
    this->send(registry, unsubscribe{this, i->first});
  numbers_.erase({i->second.peer, i->second.number});
  watches_.erase(i);
}

/// Cuts a batch so that no message is big, whatever state it holds.
void gateway_actor::forward(watch_batch& batch) {
  const auto i = watches_.find(batch.watch);
  if (i == watches_.end())
    return;
  auto& w = i->second;
  watch_batch part{w.number, {batch.what.revision, false, {}}};
  size_t bytes = 0;
  for (auto& e : batch.what.events) {
    if (w.brief)
      e.object = brief_pod(*e.object);
    if (!e.object)
      continue;
    const auto size = e.object->bytes().size();
    if (!part.what.events.empty() && bytes + size > limits_.batch_bytes) {
      // How far the peer has seen all is told by the last part alone.
      part.what.revision = 0;
      w.parts.push_back(std::exchange(part, {w.number, {batch.what.revision, false, {}}}));
      bytes = 0;
    }
    bytes += size;
    part.what.events.push_back(std::move(e));
  }
  part.what.initial_end = batch.what.initial_end;
  w.parts.push_back(std::move(part));
  send_part(w);
}

void gateway_actor::send_part(watch& w) {
  auto part = std::move(w.parts.front());
  w.parts.pop_front();
  if (const auto to = caf::actor_cast<watcher_handle>(w.peer))
    this->send(to, std::move(part));
}

void gateway_actor::on_down(const caf::down_msg& down) {
  for (auto i = roles_.begin(); i != roles_.end();) {
    if (i->second != down.source) {
      ++i;
      continue;
    }
    deps_.env.roles->erase(i->first, i->second);
    deps_.members->remove_role(deps_.member, i->first);
    i = roles_.erase(i);
  }
  for (auto i = watches_.begin(); i != watches_.end();) {
    const auto w = i++;
    if (w->second.peer == down.source) {
      forget(w);
      continue;
    }
    if (w->second.registry != down.source)
      continue;
    api::error why;
    why.why = api::reason::expired;
    why.message = "the watch was interrupted; list again";
    refuse_watch(caf::actor_cast<caf::strong_actor_ptr>(w->second.peer), w->second.number,
                 std::move(why));
    numbers_.erase({w->second.peer, w->second.number});
    watches_.erase(w);
  }
}

// --- roles ---------------------------------------------------------------------------------------

bool gateway_actor::may_use(std::string_view role) const {
  const auto slash = role.find('/');
  if (machine_.empty() || slash == role.npos || slash == 0)
    return false;
  const auto kind = role.substr(0, slash);
  const auto name = role.substr(slash + 1);
  if (kind == "registry" || kind == "controller")
    return false;
  return name == machine_ || (!auth::node_of(deps_.user).empty() && is_simulated(name, machine_));
}

void gateway_actor::announce(const announce_role& a) {
  const auto sender = this->current_sender();
  if (!a.actor || !sender || a.actor->node() != sender->node() ||
      a.actor->node() == this->system().node() || !may_use(a.role)) {
    spdlog::warn("{} may not announce {}", deps_.user.name, a.role);
    return;
  }
  const auto known = deps_.env.roles->find<caf::actor>(a.role);
  if (known && known.node() == this->system().node()) {
    spdlog::warn("{} announces {}, which is here already", deps_.user.name, a.role);
    return;
  }
  this->monitor(a.actor);
  deps_.env.roles->put(a.role, a.actor);
  roles_[a.role] = caf::actor_cast<caf::actor_addr>(a.actor);
  deps_.members->add_role(deps_.member, a.role);
}

void gateway_actor::withdraw(const std::string& role) {
  const auto i = roles_.find(role);
  if (i == roles_.end())
    return;
  deps_.env.roles->erase(role, i->second);
  deps_.members->remove_role(deps_.member, role);
  roles_.erase(i);
}

std::string gateway_actor::describe() const {
  return "{\"watches\":" + std::to_string(watches_.size()) +
         ",\"roles\":" + std::to_string(roles_.size()) + ",\"calls\":" + std::to_string(calls_) +
         "}";
}

} // namespace thespis::runtime::link
