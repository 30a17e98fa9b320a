// Deletion: at once, after a grace period, or when the last finalizer is gone.
#include "api/crd/definition.hpp"
#include "api/pipeline/admit.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/operation.hpp"
#include "api/pipeline/service_addresses.hpp"
#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::api {

namespace {

constexpr std::string_view foreground_finalizer = "foregroundDeletion";
constexpr std::string_view orphan_finalizer = "orphan";

enum class grace : uint8_t {
  none,    ///< this kind, or this object, is deleted without grace
  begins,  ///< the document has been given a new deletion time
  pending, ///< a deletion is under way already, and stays as it is
};

result<void> check_preconditions(const operation& op, const object& current,
                                 const delete_options& options) {
  auto refuse = [&](std::string detail) {
    auto e = conflict(op.type.group_kind, current.name(), detail);
    return fail(std::move(e));
  };
  if (!options.uid.empty() && options.uid != current.uid())
    return refuse("the UID in the precondition (" + options.uid +
                  ") does not match the UID in record (" + current.uid() +
                  "). The object might have been deleted and then recreated");
  auto revision = std::to_string(current.revision());
  if (!options.revision.empty() && options.revision != revision)
    return refuse("the ResourceVersion in the precondition (" + options.revision +
                  ") does not match the ResourceVersion in record (" + revision +
                  "). The object might have been modified");
  return {};
}

std::string shifted(std::string_view timestamp_text, int64_t seconds);

/// The grace that a pod is given: what was asked, else its own; none when no node runs it.
int64_t pod_grace(const json::value& pod, int64_t asked) {
  static const json::value none(rapidjson::kObjectType);
  const auto* spec = json::find(pod, "spec");
  const auto* status = json::find(pod, "status");
  auto phase = json::get_string(status ? *status : none, "phase");
  if (json::get_string(spec ? *spec : none, "nodeName").empty() || phase == "Failed" ||
      phase == "Succeeded")
    return 0;
  auto period =
      asked >= 0 ? asked : json::get_int(spec ? *spec : none, "terminationGracePeriodSeconds");
  return period < 0 ? 1 : period;
}

/// Only pods are deleted with grace. `seconds` is the grace asked for, then the one given.
grace begin_grace(operation& op, json::document& doc, int64_t& seconds) {
  if (op.type.resource != "pods")
    return grace::none;
  auto& a = doc.GetAllocator();
  auto& metadata = json::ensure_object(doc, "metadata", a);
  auto since = json::get_string(metadata, "deletionTimestamp");
  if (since.empty()) {
    seconds = pod_grace(doc, seconds);
    mark_deleting(op, doc);
    json::set(metadata, "deletionTimestamp", shifted(op.now, seconds), a);
    json::set(metadata, "deletionGracePeriodSeconds", json::value(seconds), a);
    return grace::begins;
  }
  const auto* given = json::find(metadata, "deletionGracePeriodSeconds");
  if (!given || !given->IsInt64())
    return grace::none;
  auto before = given->GetInt64();
  // A deletion under way may be hurried, never slowed down.
  if (seconds < 0 || seconds >= before) {
    seconds = before;
    return grace::pending;
  }
  auto due = shifted(since, seconds - before);
  json::set(metadata, "deletionTimestamp", due, a);
  json::set(metadata, "deletionGracePeriodSeconds", json::value(seconds), a);
  return grace::begins;
}

/// The condition by which others (a Job's failure policy) tell an eviction from a failure.
void tell_eviction(const operation& op, json::document& doc) {
  auto& a = doc.GetAllocator();
  auto& status = json::ensure_object(doc, "status", a);
  json::value c(rapidjson::kObjectType);
  json::set(c, "type", "DisruptionTarget", a);
  if (json::get_int(status, "observedGeneration") > 0)
    json::set(c, "observedGeneration", json::value(json::get_int(metadata_of(doc), "generation")),
              a);
  json::set(c, "status", "True", a);
  json::set(c, "lastTransitionTime", op.now, a);
  json::set(c, "reason", "EvictionByEvictionAPI", a);
  json::set(c, "message", "Eviction API: evicting", a);
  json::value all(rapidjson::kArrayType);
  if (const auto* known = json::find(status, "conditions"); known && known->IsArray())
    for (const auto& x : known->GetArray())
      if (json::get_string(x, "type") != "DisruptionTarget")
        all.PushBack(json::value(x, a), a);
  all.PushBack(c, a);
  json::set(status, "conditions", std::move(all), a);
}

/// Whether dependents are to be orphaned or to go first, as finalizers for the collector.
void settle_policy(const operation& op, json::document& doc, propagation policy) {
  bool orphan = false;
  bool foreground = false;
  switch (policy) {
  case propagation::orphan:
    orphan = true;
    break;
  case propagation::foreground:
    foreground = true;
    break;
  case propagation::background:
    break;
  case propagation::unset:
    foreground = has_finalizer(doc, foreground_finalizer);
    orphan = has_finalizer(doc, orphan_finalizer) || (!foreground && op.plan.orphans_by_default);
    break;
  }
  if (!orphan)
    drop_finalizer(doc, orphan_finalizer);
  if (!foreground)
    drop_finalizer(doc, foreground_finalizer);
  if (orphan)
    add_finalizer(doc, orphan_finalizer);
  if (foreground)
    add_finalizer(doc, foreground_finalizer);
}

reply done_already(object_ptr current) {
  reply r;
  r.ok = true;
  r.object = std::move(current);
  return r;
}

/// Puts a write into words the caller can use without writing when it is only a rehearsal.
prepared rehearse_or(bool dry_run, const object& current, prepared_write w) {
  if (!dry_run)
    return w;
  auto r = std::move(w.answer);
  r.object = seal(std::move(w.write.draft), current.revision());
  return r;
}

/// A namespace stays, terminating, until its controller has emptied it.
result<prepared> remove_namespace(operation& op, object_ptr current, json::document doc, bool retry,
                                  bool dry_run) {
  auto& a = doc.GetAllocator();
  if (mark_deleting(op, doc)) {
    json::set(json::ensure_object(doc, "status", a), "phase", "Terminating", a);
    return rehearse_or(dry_run, *current, replace(op, *current, doc, retry));
  }
  const auto* left = json::at(doc, {"spec", "finalizers"});
  if ((left && left->IsArray() && !left->Empty()) || has_finalizers(doc))
    return done_already(std::move(current));
  return rehearse_or(dry_run, *current, removal(op, *current, doc, retry));
}

propagation read_policy(std::string_view s) {
  if (s == "Orphan")
    return propagation::orphan;
  if (s == "Foreground")
    return propagation::foreground;
  return s == "Background" ? propagation::background : propagation::unset;
}

std::string shifted(std::string_view text, int64_t seconds) {
  // Far beyond any use, but within what a timestamp can show.
  constexpr int64_t century = int64_t{100} * 366 * 24 * 3600;
  auto at = parse_time(text);
  if (!at)
    return std::string(text);
  return format_time(*at + std::chrono::seconds{std::clamp(seconds, -century, century)});
}

} // namespace

result<prepared> remove_object(operation& op, object_ptr current, delete_options options) {
  if (auto ok = check_preconditions(op, *current, options); !ok)
    return fail(ok.error());
  if (op.type.resource == "services")
    op.addresses.observe();
  auto doc = current->parse();
  bool retry = options.revision.empty();
  if (op.type.resource == "namespaces")
    return remove_namespace(op, std::move(current), std::move(doc), retry, options.dry_run);
  int64_t seconds = options.grace_seconds;
  auto g = begin_grace(op, doc, seconds);
  if (g == grace::pending)
    return done_already(std::move(current));
  settle_policy(op, doc, options.policy);
  if (options.evicted)
    tell_eviction(op, doc);
  // A definition goes when its instances are gone.
  if (op.type.resource == crd::definitions_resource && !current->meta().deleting)
    add_finalizer(doc, crd::cleanup_finalizer);
  bool held = has_finalizers(doc);
  if (g == grace::none && held) {
    auto& a = doc.GetAllocator();
    mark_deleting(op, doc);
    json::set(json::ensure_object(doc, "metadata", a), "deletionGracePeriodSeconds",
              json::value(int64_t{0}), a);
  }
  if (held || (g == grace::begins && seconds > 0)) {
    if (json::equal(doc, current->parse()))
      return done_already(std::move(current));
    return rehearse_or(options.dry_run, *current, replace(op, *current, doc, retry));
  }
  return rehearse_or(options.dry_run, *current, removal(op, *current, doc, retry));
}

result<void> read_delete_options(const json::value& body, delete_options& into) {
  auto kind = json::get_string(body, "kind");
  if (!kind.empty() && kind != "DeleteOptions")
    return fail(bad_request("decoded object cannot be converted to DeleteOptions"));
  if (const auto* g = json::find(body, "gracePeriodSeconds"); g && !g->IsNull()) {
    if (!g->IsInt64())
      return fail(bad_request("json: cannot unmarshal into Go struct field "
                              "DeleteOptions.gracePeriodSeconds of type int64"));
    // A negative period means one second.
    into.grace_seconds = g->GetInt64() < 0 ? 1 : g->GetInt64();
  }
  std::vector<cause> causes;
  const auto* orphan = json::find(body, "orphanDependents");
  bool has_orphan = orphan && orphan->IsBool();
  if (const auto* p = json::find(body, "propagationPolicy"); p && !p->IsNull()) {
    if (has_orphan)
      causes.push_back(invalid_value("propagationPolicy", json::to_string(*p),
                                     "orphanDependents and deletionPropagation cannot be both "
                                     "set"));
    into.policy = read_policy(json::as_string(*p));
    if (into.policy == propagation::unset)
      causes.push_back(not_supported("propagationPolicy", json::to_string(*p),
                                     {"Foreground", "Background", "Orphan", "nil"}));
  } else if (has_orphan) {
    into.policy = orphan->GetBool() ? propagation::orphan : propagation::background;
  }
  if (const auto* dry = json::find(body, "dryRun"); dry && dry->IsArray())
    for (const auto& v : dry->GetArray()) {
      if (json::as_string(v) == "All")
        into.dry_run = true;
      else
        causes.push_back(not_supported("dryRun", json::to_string(*dry), {"All"}));
    }
  if (!causes.empty())
    return fail(invalid("DeleteOptions.meta.k8s.io", "", std::move(causes)));
  if (const auto* p = json::find(body, "preconditions")) {
    if (auto uid = json::get_string(*p, "uid"); !uid.empty())
      into.uid = uid;
    if (auto rv = json::get_string(*p, "resourceVersion"); !rv.empty())
      into.revision = rv;
  }
  return {};
}

result<delete_options> delete_options_of(operation& op) {
  delete_options options;
  const auto& c = op.request;
  options.grace_seconds = c.grace_seconds < -1 ? 1 : c.grace_seconds;
  options.policy = c.policy;
  options.uid = c.precondition_uid;
  options.dry_run = c.dry_run;
  if (c.precondition_revision != 0)
    options.revision = std::to_string(c.precondition_revision);
  if (!c.body.empty()) {
    auto body = json::parse(c.body);
    if (!body)
      return fail(body.error());
    if (!body->IsObject())
      return fail(bad_request("the object provided is unrecognized (must be of type "
                              "DeleteOptions)"));
    if (auto ok = read_delete_options(*body, options); !ok)
      return fail(ok.error());
  }
  return options;
}

result<prepared> prepare_remove(operation& op) {
  auto options = delete_options_of(op);
  if (!options)
    return fail(options.error());
  auto current = existing(op);
  if (!current)
    return fail(current.error());
  auto doc = (*current)->parse();
  if (auto ok =
          admit(op, admission::action::remove, op.type.type(), nullptr, &doc, options->dry_run);
      !ok)
    return fail(ok.error());
  return remove_object(op, *current, *options);
}

} // namespace thespis::api
