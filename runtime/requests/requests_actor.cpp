#include "runtime/requests/requests_actor.hpp"

namespace thespis::runtime {

using namespace std::chrono_literals;

namespace {

/// Longer than the store's own limit, after which the process ends.
constexpr auto store_deadline = 150s;

/// A call that loses this many races is told so.
constexpr int max_attempts = 64;

api::reply failed(api::error why) {
  api::reply res;
  res.failure = std::move(why);
  return res;
}

bool may_retry(const pending_call& c, const api::error& why) {
  return c.attempts < max_attempts &&
         ((c.work.retry_on_conflict &&
           (why.why == api::reason::conflict || why.why == api::reason::not_found)) ||
          (c.work.retry_on_exists && why.why == api::reason::already_exists));
}

std::string_view verb_name(const api::call& c) {
  switch (c.verb) {
  case api::verb::create:
    return "create";
  case api::verb::update:
    return "update";
  case api::verb::patch:
    return c.patch == api::patch_kind::apply ? "apply" : "patch";
  case api::verb::remove:
    return "delete";
  }
  return {};
}

/// What the client is shown of the object that was written.
api::object_ptr shown_object(api::prepared_write& work, const api::object_ptr& written) {
  return work.shown ? api::seal(std::move(*work.shown), written->revision()) : written;
}

} // namespace

api::error too_many_waiting() {
  api::error e;
  e.why = api::reason::too_many_requests;
  e.message = "the server has received too many requests and has asked us to try again later";
  e.retry_after_seconds = 1;
  return e;
}

requests_actor::behavior_type requests_actor::make_behavior() {
  show_state("serving");
  return {
      [this](call_batch& batch) -> caf::result<call_outcomes> {
        run(batch, this->make_response_promise<call_outcomes>());
        return caf::delegated<call_outcomes>{};
      },
      [this](const submit_call& s) {
        if (s.answer)
          s.pending->done(std::move(*s.answer));
        else
          write({s.pending});
      },
  };
}

void requests_actor::run(call_batch& batch, caf::typed_response_promise<call_outcomes> promise) {
  struct join {
    call_outcomes outcomes;
    size_t left = 0;
    caf::typed_response_promise<call_outcomes> promise;
  };
  auto all = std::make_shared<join>();
  all->promise = std::move(promise);
  all->outcomes.outcomes.resize(batch.calls.size());
  all->left = batch.calls.size();
  if (all->left == 0)
    all->promise.deliver(call_outcomes{});
  std::vector<pending_ptr> writes;
  for (size_t i = 0; i < batch.calls.size(); ++i) {
    std::shared_ptr<api::audit::record> audited;
    if (deps_.audit)
      audited = deps_.audit->begin(batch.calls[i]);
    auto done = [all, i, audited](api::reply r) {
      api::audit::call_auditor::end(audited, r);
      all->outcomes.outcomes[i] = {r.ok, std::move(r.failure), std::move(r.object)};
      if (--all->left == 0)
        all->promise.deliver(std::move(all->outcomes));
    };
    if (deps_.authorize)
      if (auto ok = deps_.authorize(batch.calls[i]); !ok) {
        done(failed(std::move(ok.error())));
        continue;
      }
    prepare(std::make_shared<pending_call>(
                pending_call{std::move(batch.calls[i]), {}, std::move(done)}),
            writes);
  }
  write(std::move(writes));
}

void requests_actor::prepare(pending_ptr c, std::vector<pending_ptr>& ready) {
  if (deps_.blocking && deps_.pipeline->may_call_out(c->call)) {
    prepare_aside(std::move(c));
    return;
  }
  auto next = deps_.pipeline->prepare(c->call);
  if (auto* answer = std::get_if<api::reply>(&next)) {
    c->done(std::move(*answer));
  } else {
    c->work = std::move(std::get<api::prepared_write>(next));
    ready.push_back(std::move(c));
  }
}

void requests_actor::prepare_aside(pending_ptr c) {
  auto job = [c, pipeline = deps_.pipeline, self = caf::actor_cast<requests_actor_handle>(this)] {
    submit_call s{c};
    auto next = pipeline->prepare(c->call);
    if (auto* answer = std::get_if<api::reply>(&next))
      s.answer = std::make_shared<api::reply>(std::move(*answer));
    else
      c->work = std::move(std::get<api::prepared_write>(next));
    caf::anon_send(self, std::move(s));
  };
  if (!deps_.blocking->post(std::move(job)))
    c->done(failed(too_many_waiting()));
}

void requests_actor::write(std::vector<pending_ptr> calls) {
  if (calls.empty())
    return;
  const auto store = deps_.roles->find<store_handle>(store_role);
  if (!store) {
    for (auto& c : calls)
      c->done(failed(api::internal_error("the store is not available")));
    return;
  }
  write_batch batch;
  batch.writes.reserve(calls.size());
  const auto now = deps_.clock ? deps_.clock->now() : wall_time{};
  for (auto& c : calls) {
    c->asked = now;
    batch.writes.push_back(std::move(c->work.write));
  }
  in_flight_ += calls.size();
  this->request(store, store_deadline, std::move(batch))
      .then([this, calls](write_outcomes& outcomes) { settle(calls, outcomes); },
            [this, calls](const caf::error& why) {
              in_flight_ -= calls.size();
              for (auto& c : calls)
                c->done(failed(api::internal_error(this->system().render(why))));
            });
}

void requests_actor::settle(std::vector<pending_ptr> calls, write_outcomes& outcomes) {
  in_flight_ -= calls.size();
  std::vector<pending_ptr> again;
  for (size_t i = 0; i < calls.size(); ++i) {
    auto& c = calls[i];
    auto& outcome = outcomes.outcomes[i];
    c->work.holds.clear();
    if (outcome.ok)
      remember(*c, outcome.object.ptr);
    if (outcome.ok && c->work.then) {
      go_on(std::move(c), again);
    } else if (outcome.ok) {
      c->work.answer.ok = true;
      c->work.answer.object = shown_object(c->work, outcome.object.ptr);
      c->done(std::move(c->work.answer));
    } else if (may_retry(*c, outcome.failure)) {
      ++c->attempts;
      prepare(std::move(c), again);
    } else {
      c->done(failed(std::move(outcome.failure)));
    }
  }
  write(std::move(again));
}

void requests_actor::remember(const pending_call& p, const api::object_ptr& written) {
  const auto& c = p.call;
  // Heartbeats and news are causes of nothing.
  if (!deps_.journal || !written || c.resource == "leases.coordination.k8s.io" ||
      c.resource == "events" || c.resource == "events.events.k8s.io")
    return;
  journal_entry e;
  e.object = {written->resource(), written->ns(), written->name()};
  // Others act on it as soon as it is written: this comes before what they do.
  e.at = static_cast<uint64_t>(p.asked.time_since_epoch().count());
  e.revision = written->revision();
  e.who = c.user.name;
  const bool creates = c.verb == api::verb::create && c.subresource.empty();
  e.what = creates ? "create" : std::string{verb_name(c)};
  if (!c.subresource.empty())
    e.what += " " + c.subresource;
  e.specifies = c.subresource.empty() || c.subresource == "scale";
  if (c.subresource == "binding")
    e.detail = "to node " + written->meta().node_name;
  if (creates)
    for (const auto& owner : written->meta().owners)
      if (owner.controller) {
        e.owner_type = owner.api_version + "/" + owner.kind;
        e.owner_name = owner.name;
      }
  deps_.journal->add(std::move(e));
}

void requests_actor::go_on(pending_ptr c, std::vector<pending_ptr>& ready) {
  c->done = [done = std::move(c->done), form = std::move(c->work.answer)](api::reply r) {
    if (r.ok) {
      r.body = form.body;
      r.created = form.created;
      r.removed = form.removed;
    }
    done(std::move(r));
  };
  c->call = *c->work.then;
  c->work = {};
  c->attempts = 1;
  prepare(std::move(c), ready);
}

std::string requests_actor::describe() const {
  return "{\"inFlight\":" + std::to_string(in_flight_) + "}";
}

} // namespace thespis::runtime
