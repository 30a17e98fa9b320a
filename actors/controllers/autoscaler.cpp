#include "actors/controllers/autoscaler.hpp"

#include "actors/controllers/autoscaler_pace.hpp"
#include "actors/controllers/notes.hpp"
#include "api/json.hpp"
#include "api/pipeline/scale.hpp"
#include "api/text/labels.hpp"
#include "api/text/time.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace thespis::actors {

namespace {

namespace v1 = api::v1;
namespace json = api::json;
using namespace autoscaling;
using autoscaler = v1::horizontal_pod_autoscaler;

/// An answer of another server is looked for again after this.
constexpr std::chrono::milliseconds pending_delay{250};

/// What is scaled, as its scale subresource shows it.
struct target {
  api::schema::resource_ptr type;
  api::object_ptr object;
  json::document scale;
  int32_t wanted = 0;
  int32_t present = 0;
  std::string selector;
};

int32_t number_at(const json::value& doc, std::initializer_list<std::string_view> path) {
  const auto* v = json::at(doc, path);
  return v && v->IsInt() ? v->GetInt() : 0;
}

std::string group_of(const std::string& api_version) {
  const auto slash = api_version.find('/');
  return slash == std::string::npos ? std::string{} : api_version.substr(0, slash);
}

api::result<target> none(std::string why) {
  return api::fail(api::reason::not_found, std::move(why));
}

/// One look at an autoscaler: what is to be told and written.
struct look {
  observed<autoscaler> hpa;
  v1::horizontal_pod_autoscaler_status status;
  std::vector<event_note> events = {};
  wall_time now{};

  void set(const char* type, bool on, const remark& why) {
    auto& all = status.conditions;
    auto c = std::find_if(all.begin(), all.end(), [&](const auto& x) { return x.type == type; });
    if (c == all.end()) {
      c = all.insert(all.end(), v1::horizontal_pod_autoscaler_condition{});
      c->type = type;
    }
    const auto* text = on ? "True" : "False";
    if (c->status != text)
      c->last_transition_time = api::format_time(now);
    c->status = text;
    c->reason = why.reason;
    c->message = why.message;
  }
  void tell(const char* type, const std::string& reason, const std::string& message) {
    events.push_back(note_about(hpa, type, reason, message));
  }
  /// Writes what changed of the status.
  reconcile_result finish() const {
    reconcile_result res;
    res.events = events;
    if (status == hpa->status)
      return res;
    auto updated = *hpa;
    updated.status = status;
    res.calls.push_back(update_call(updated, "status"));
    return res;
  }
};

class autoscaler_controller final : public reconciler {
public:
  explicit autoscaler_controller(const autoscaler_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "horizontalpodautoscaler"; }

  std::vector<watch_spec> watches() const override {
    // Its own writes of the status are no news; the kind counts no generations.
    auto when_respecified = [](const api::object& o, const api::object_ptr& previous,
                               const view& v) -> std::vector<object_id> {
      const auto now = v.get<autoscaler>(o.ns(), o.name());
      if (now && previous && previous->uid() == o.uid() &&
          api::typed<autoscaler>(*previous)->spec == now->spec)
        return {};
      return {{o.ns(), o.name()}};
    };
    return {{std::string{autoscaler::resource_name}, when_respecified}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    look l{v.get<autoscaler>(key.ns, key.name), {}};
    if (!l.hpa || l.hpa.object->meta().deleting) {
      memories_.erase(key);
      return {};
    }
    l.status = l.hpa->status;
    l.now = now;
    pending_ = false;
    auto res = scale(key, std::move(l), v);
    res.requeue_after = pending_ ? std::chrono::nanoseconds{pending_delay} : deps_.interval;
    return res;
  }

private:
  reconcile_result scale(const object_id& key, look l, const view& v) {
    auto found = find_target(*l.hpa);
    if (!found) {
      l.tell("Warning", "FailedGetScale", found.error().message);
      l.set("AbleToScale", false,
            {"FailedGetScale", "the HPA controller was unable to get the target's current scale: " +
                                   found.error().message});
      return l.finish();
    }
    auto& t = *found;
    l.set("AbleToScale", true,
          {"SucceededGetScale", "the HPA controller was able to get the target's current scale"});
    auto& past = memories_[key];
    if (past.recommendations.empty())
      past.recommendations.push_back({l.now, t.wanted, false});
    const auto& spec = l.hpa->spec;
    const auto least = spec.min_replicas.value_or(1);
    std::string why;
    int32_t wanted = t.wanted;
    std::vector<v1::metric_status> measured;
    if (t.wanted == 0 && least != 0) {
      l.set(
          "ScalingActive", false,
          {"ScalingDisabled", "scaling is disabled since the replica count of the target is zero"});
    } else if (t.wanted > spec.max_replicas) {
      why = "Current number of replicas above Spec.MaxReplicas";
      wanted = spec.max_replicas;
    } else if (t.wanted < least) {
      why = "Current number of replicas below Spec.MinReplicas";
      wanted = least;
    } else {
      auto best = judge_all(l, t, v);
      if (pending_)
        return {};
      measured = std::move(best.statuses);
      if (!best.failure.empty() && best.replicas < 0) {
        l.tell("Warning", "FailedComputeMetricsReplicas", best.failure);
        set_counts(l, t.wanted, l.status.desired_replicas, std::move(measured));
        return l.finish();
      }
      why = best.replicas > t.wanted ? best.metric + " above target" : "All metrics below target";
      const auto held = hold(*l.hpa, past, t.wanted, best.replicas, l.now);
      l.set("AbleToScale", true, held.able_to_scale);
      l.set("ScalingLimited", held.limited, held.limit);
      wanted = held.replicas;
    }
    if (wanted != t.wanted)
      return rescale(key, std::move(l), t, wanted, why, std::move(measured));
    set_counts(l, t.wanted, t.wanted, std::move(measured));
    return l.finish();
  }

  static void set_counts(look& l, int32_t current, int32_t desired,
                         std::vector<v1::metric_status> measured) {
    l.status.current_replicas = current;
    l.status.desired_replicas = desired;
    l.status.current_metrics = std::move(measured);
  }

  reconcile_result rescale(const object_id& key, look l, target& t, int32_t wanted,
                           const std::string& why, std::vector<v1::metric_status> measured) {
    auto& a = t.scale.GetAllocator();
    json::set(json::ensure_object(t.scale, "spec", a), "replicas", json::value{wanted}, a);
    api::call c;
    c.verb = api::verb::update;
    c.resource = t.type->stored_resource();
    c.ns = key.ns;
    c.name = t.object->name();
    c.subresource = "scale";
    c.body = json::to_string(t.scale);
    reconcile_result res;
    res.calls.push_back(std::move(c));
    res.then = [this, key, l = std::move(l), before = t.wanted, wanted, why,
                measured](const std::vector<call_result>& done) mutable {
      const auto size = "New size: " + std::to_string(wanted) + "; reason: " + why;
      if (!done.front().ok) {
        const auto& error = done.front().failure.message;
        l.tell("Warning", "FailedRescale", size + "; error: " + error);
        l.set("AbleToScale", false,
              {"FailedUpdateScale",
               "the HPA controller was unable to update the target scale: " + error});
        set_counts(l, before, l.status.desired_replicas, std::move(measured));
        return again(l.finish());
      }
      l.set("AbleToScale", true,
            {"SucceededRescale", "the HPA controller was able to update the target scale to " +
                                     std::to_string(wanted)});
      l.tell("Normal", "SuccessfulRescale", size);
      remember_change(*l.hpa, memories_[key], before, wanted, l.now);
      set_counts(l, before, wanted, std::move(measured));
      l.status.last_scale_time = api::format_time(l.now);
      return again(l.finish());
    };
    return res;
  }

  reconcile_result again(reconcile_result res) const {
    res.requeue_after = deps_.interval;
    return res;
  }

  api::result<target> find_target(const autoscaler& hpa) const {
    const auto& ref = hpa.spec.scale_target_ref;
    const auto group = group_of(ref.api_version);
    target res;
    for (const auto& r : deps_.schemas->resources())
      if (r->group == group && r->kind == ref.kind && r->namespaced &&
          (!r->versions || r->versions->stored == r->api_version()))
        res.type = r;
    if (!res.type)
      return none("no matches for kind " + json::quote(ref.kind) + " in group " +
                  json::quote(group));
    res.object = deps_.state->get(res.type->stored_resource(), hpa.metadata.namespace_, ref.name);
    if (!res.object)
      return api::fail(api::not_found(res.type->group_resource(), ref.name));
    if (!api::is_scalable(*res.type))
      return none("the server could not find the requested resource");
    const auto text = api::scale_of(*res.type, *res.object);
    if (!text)
      return api::fail(text.error());
    auto doc = json::parse(*text);
    if (!doc)
      return api::fail(doc.error());
    res.scale = std::move(*doc);
    res.wanted = number_at(res.scale, {"spec", "replicas"});
    res.present = number_at(res.scale, {"status", "replicas"});
    if (const auto* s = json::at(res.scale, {"status", "selector"}))
      res.selector = json::as_string(*s);
    return res;
  }

  /// What all metrics call for together.
  struct verdict {
    int32_t replicas = -1; ///< -1: nothing can be told
    std::string metric;
    std::string failure;
    std::vector<v1::metric_status> statuses;
  };

  verdict judge_all(look& l, const target& t, const view& v) {
    verdict res;
    scene s;
    if (!select_pods(l, t, v, s, res.failure))
      return res;
    const auto& metrics = l.hpa->spec.metrics;
    size_t failed = 0;
    std::optional<failure> first;
    int32_t replicas = 0;
    for (const auto& m : metrics) {
      auto j = judge(m, s);
      if (j.failed && j.failed->pending) {
        pending_ = true;
        return res;
      }
      res.statuses.push_back(j.found ? j.found->status : v1::metric_status{});
      if (j.failed) {
        l.tell("Warning", j.failed->reason, j.failed->told);
        if (failed++ == 0)
          first = std::move(j.failed);
      } else if (replicas == 0 || j.found->replicas > replicas) {
        replicas = j.found->replicas;
        res.metric = j.found->name;
      }
    }
    if (first)
      res.failure = "invalid metrics (" + std::to_string(failed) + " invalid out of " +
                    std::to_string(metrics.size()) + "), first error is: " + first->summary;
    if (first && (failed == metrics.size() || replicas < t.wanted)) {
      l.set("ScalingActive", false,
            {first->reason, "the HPA was unable to compute the replica count: " + first->told});
      return res;
    }
    res.replicas = replicas;
    l.set("ScalingActive", true,
          {"ValidMetricFound",
           "the HPA was able to successfully calculate a replica count from " + res.metric});
    return res;
  }

  /// False when the target does not say which pods are its own.
  bool select_pods(look& l, const target& t, const view& v, scene& s, std::string& failure) const {
    const auto refuse = [&](const std::string& reason, const std::string& event,
                            const std::string& message) {
      failure = event;
      l.tell("Warning",
             reason == "InvalidSelector" && t.selector.empty() ? "SelectorRequired" : reason,
             event);
      l.set("ScalingActive", false, {reason, message});
      return false;
    };
    if (t.selector.empty())
      return refuse("InvalidSelector", "selector is required",
                    "the HPA target's scale is missing a selector");
    const auto selector = api::parse_label_selector(t.selector);
    if (!selector) {
      const auto message = "couldn't convert selector into a corresponding internal selector "
                           "object: " +
                           selector.error().message;
      return refuse("InvalidSelector", message, message);
    }
    s.ns = l.hpa.object->ns();
    for (const auto& o : deps_.state->list("pods", s.ns).objects)
      if (selector->matches(o->labels()))
        s.pods.push_back(api::typed<v1::pod>(*o));
    if (const auto rivals = rivals_of(*l.hpa, s, v); !rivals.empty()) {
      const auto message =
          "pods by selector " + t.selector + " are controlled by multiple HPAs: [" + rivals + "]";
      return refuse("AmbiguousSelector", message, message);
    }
    s.current = t.wanted;
    s.present = t.present;
    s.now = l.now;
    s.usage = deps_.usage.get();
    s.source = deps_.source.get();
    s.selector = t.selector;
    return true;
  }

  /// "ns/a ns/b" when several autoscalers' targets select one of the pods; empty otherwise.
  std::string rivals_of(const autoscaler& own, const scene& s, const view& v) const {
    std::set<std::string> names;
    const auto all = v.list<autoscaler>(s.ns);
    if (all.size() < 2)
      return {};
    for (const auto& other : all) {
      const auto t = find_target(*other);
      if (!t || t->selector.empty())
        continue;
      const auto selector = api::parse_label_selector(t->selector);
      const bool theirs =
          selector && std::any_of(s.pods.begin(), s.pods.end(), [&](const auto& p) {
            api::label_set labels{p->metadata.labels.begin(), p->metadata.labels.end()};
            return selector->matches(labels);
          });
      if (theirs)
        names.insert(other.object->ns() + "/" + other.object->name());
    }
    names.insert(own.metadata.namespace_ + "/" + own.metadata.name);
    std::string res;
    for (const auto& n : names)
      res += (res.empty() ? "" : " ") + n;
    return names.size() > 1 ? res : std::string{};
  }

  const autoscaler_deps deps_;
  std::map<object_id, memory> memories_;
  bool pending_ = false; ///< this look waits for an answer
};

} // namespace

std::unique_ptr<reconciler> make_autoscaler(const autoscaler_deps& deps) {
  return std::make_unique<autoscaler_controller>(deps);
}

} // namespace thespis::actors
