#include "actors/controllers/volume_binder.hpp"

#include "actors/controllers/notes.hpp"
#include "actors/controllers/volume_match.hpp"
#include "actors/node/folders_interface.hpp"
#include "api/generated/core_v1_pod.hpp"
#include "api/object/typed.hpp"
#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

using claim = api::v1::persistent_volume_claim;
using volume = api::v1::persistent_volume;
using api::json::quote;
using api::v1::storage_class;
namespace notes = volume_notes;

constexpr auto removal_poll = std::chrono::seconds{1};
constexpr const char* host_label = "kubernetes.io/hostname";

/// A volume is news to the claim it names, and a free one to all that wait.
key_mapper claims_of_volume() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res{{{}, o.name()}};
    const auto pv = api::typed<volume>(o);
    if (const auto* r = pv->spec.claim_ref.get()) {
      res.push_back({r->namespace_, r->name});
      return res;
    }
    for (const auto& c : v.list<claim>())
      if (c->spec.volume_name.empty() || c->spec.volume_name == o.name())
        res.push_back({c.object->ns(), c.object->name()});
    return res;
  };
}

/// A claim is news to the volume it names and to those that name it.
key_mapper volumes_of_claim() {
  return [](const api::object& o, const api::object_ptr&, const view& v) {
    std::vector<object_id> res{{o.ns(), o.name()}};
    for (const auto& pv : v.list<volume>())
      if (const auto* r = pv->spec.claim_ref.get();
          r && r->namespace_ == o.ns() && r->name == o.name())
        res.push_back({{}, pv.object->name()});
    return res;
  };
}

key_mapper open_claims() {
  return [](const api::object&, const api::object_ptr&, const view& v) {
    std::vector<object_id> res;
    for (const auto& c : v.list<claim>())
      if (c->spec.volume_name.empty())
        res.push_back({c.object->ns(), c.object->name()});
    return res;
  };
}

/// What makes a claim or volume of this revision what it becomes.
api::call patch_of(const api::object& o, const std::string& members, std::string subresource = {}) {
  return patch_call(o.resource(), {o.ns(), o.name()}, "{" + members + "}", std::move(subresource));
}

std::string phase_body(const std::string& phase, const std::string& message, wall_time now) {
  return R"("status":{"phase":)" + quote(phase) + R"(,"message":)" +
         (message.empty() ? "null" : quote(message)) + R"(,"lastPhaseTransitionTime":)" +
         quote(api::format_time(now)) + "}";
}

std::string claim_name(const claim& c) {
  return quote(c.metadata.namespace_ + "/" + c.metadata.name);
}

/// One claim at one moment.
class claim_step {
public:
  claim_step(observed<claim> c, const view& v, const volume_binder_deps& deps, wall_time now)
      : c_(std::move(c)), view_(v), deps_(deps), now_(now) {}

  reconcile_result run() {
    if (c_.object->meta().deleting)
      return {};
    if (has_note(c_->metadata, notes::bind_completed))
      keep_bound();
    else if (!c_->spec.volume_name.empty())
      bind_named();
    else
      find();
    return std::move(res_);
  }

private:
  void tell(const char* type, const char* reason, std::string message) {
    res_.events.push_back(note_about(c_, type, reason, std::move(message)));
  }
  void set_phase(const std::string& phase) {
    if (c_->status.phase != phase)
      res_.calls.push_back(
          patch_of(*c_.object, R"("status":{"phase":)" + quote(phase) + "}", "status"));
  }
  void lose(const char* reason, const char* message) {
    if (c_->status.phase == "Lost")
      return;
    set_phase("Lost");
    tell("Warning", reason, message);
  }
  void keep_bound();
  void bind_named();
  void find();
  void bind(const observed<volume>& v);
  bool give_default_class();
  void provision(const storage_class& s);
  volume local_volume(const storage_class& s, const std::string& node) const;

  observed<claim> c_;
  const view& view_;
  const volume_binder_deps& deps_;
  wall_time now_;
  reconcile_result res_;
};

void claim_step::keep_bound() {
  const auto v = view_.get<volume>({}, c_->spec.volume_name);
  if (c_->spec.volume_name.empty() || !v)
    return lose("ClaimLost",
                "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
  if (v->spec.claim_ref && v->spec.claim_ref->uid != c_.object->uid() && !is_for(*v, *c_))
    return lose("ClaimMisbound", "Two claims are bound to the same volume, this one is bound "
                                 "incorrectly");
  if (v->spec.claim_ref && v->spec.claim_ref->uid == c_.object->uid() &&
      c_->status.phase == "Bound")
    return;
  bind(v);
}

void claim_step::bind_named() {
  const auto v = view_.get<volume>({}, c_->spec.volume_name);
  if (!v)
    return set_phase("Pending");
  if (v->spec.claim_ref && !is_for(*v, *c_)) {
    set_phase("Pending");
    return tell("Warning", "FailedBinding",
                "volume " + quote(v.object->name()) + " already bound to a different claim.");
  }
  if (!v->spec.claim_ref)
    if (const auto why = mismatch(*v, *c_); !why.empty()) {
      set_phase("Pending");
      return tell("Warning", "VolumeMismatch",
                  "Cannot bind to requested volume " + quote(v.object->name()) + ": " + why);
    }
  bind(v);
}

/// First the volume, of the version that was looked at: only one claim can get it. The rest
/// follows when the view shows that this one did.
void claim_step::bind(const observed<volume>& v) {
  const bool ours = v->spec.claim_ref && v->spec.claim_ref->uid == c_.object->uid();
  if (!ours) {
    const auto note = v->spec.claim_ref ? std::string{}
                                        : R"(,"annotations":{)" +
                                              quote(notes::bound_by_controller) + R"(:"yes"})";
    res_.calls.push_back(
        patch_of(*v.object, R"("metadata":{"resourceVersion":)" +
                                quote(v->metadata.resource_version) + note +
                                R"(},"spec":{"claimRef":{"apiVersion":"v1","kind":)"
                                R"("PersistentVolumeClaim","namespace":)" +
                                quote(c_.object->ns()) + R"(,"name":)" + quote(c_.object->name()) +
                                R"(,"uid":)" + quote(c_.object->uid()) + R"(,"resourceVersion":)" +
                                quote(c_->metadata.resource_version) + "}}"));
    return;
  }
  if (v->status.phase != "Bound")
    res_.calls.push_back(patch_of(*v.object, phase_body("Bound", {}, now_), "status"));
  const auto by = c_->spec.volume_name.empty()
                      ? "," + quote(notes::bound_by_controller) + R"(:"yes")"
                      : std::string{};
  if (!has_note(c_->metadata, notes::bind_completed) || c_->spec.volume_name.empty())
    res_.calls.push_back(patch_of(
        *c_.object, R"("metadata":{"annotations":{)" + quote(notes::bind_completed) + R"(:"yes")" +
                        by + R"(}},"spec":{"volumeName":)" + quote(v.object->name()) + "}"));
  std::string modes;
  for (const auto& m : v->spec.access_modes)
    modes += (modes.empty() ? "" : ",") + quote(m);
  std::string capacity;
  for (const auto& [name, amount] : v->spec.capacity)
    capacity += (capacity.empty() ? "" : ",") + quote(name) + ":" + quote(amount);
  res_.calls.push_back(patch_of(*c_.object,
                                R"("status":{"phase":"Bound","accessModes":[)" + modes +
                                    R"(],"capacity":{)" + capacity + "}}",
                                "status"));
}

/// A claim that names no class gets the default one, also when that came later than it.
bool claim_step::give_default_class() {
  const auto doc = c_.object->parse();
  if (api::json::at(doc, {"spec", "storageClassName"}) ||
      c_->metadata.annotations.contains(notes::beta_class))
    return false;
  observed<storage_class> best;
  for (auto& s : view_.list<storage_class>()) {
    const auto i = s->metadata.annotations.find(notes::default_class);
    if (i != s->metadata.annotations.end() && i->second == "true" &&
        (!best || s->metadata.creation_timestamp > best->metadata.creation_timestamp))
      best = std::move(s);
  }
  if (!best)
    return false;
  res_.calls.push_back(
      patch_of(*c_.object, R"("spec":{"storageClassName":)" + quote(best.object->name()) + "}"));
  return true;
}

void claim_step::find() {
  if (give_default_class())
    return;
  const auto name = class_of(*c_);
  const auto s = name.empty() ? observed<storage_class>{} : view_.get<storage_class>({}, name);
  std::vector<volume_ptr> all;
  for (const auto& v : view_.list<volume>())
    // With the pod, the scheduler decides: only what is reserved is for us.
    if (!waits_for_consumer(s.value.get()) || v->spec.claim_ref)
      all.push_back(v.value);
  if (const auto best = best_volume(all, *c_, nullptr, [](const auto&) { return false; }))
    return bind(view_.get<volume>({}, best->metadata.name));
  set_phase("Pending");
  if (waits_for_consumer(s.value.get()) && !has_note(c_->metadata, notes::selected_node))
    return tell("Normal", "WaitForFirstConsumer",
                "waiting for first consumer to be created before binding");
  if (name.empty())
    return tell("Normal", "FailedBinding",
                "no persistent volumes available for this claim and no storage class is set");
  if (!s)
    return tell("Warning", "ProvisioningFailed",
                "storageclass.storage.k8s.io " + quote(name) + " not found");
  if (s->provisioner != notes::no_provisioner)
    provision(*s);
}

void claim_step::provision(const storage_class& s) {
  const auto known = c_->metadata.annotations.find(notes::provisioner);
  if (known == c_->metadata.annotations.end() || known->second != s.provisioner)
    res_.calls.push_back(
        patch_of(*c_.object, R"("metadata":{"annotations":{)" + quote(notes::provisioner) + ":" +
                                 quote(s.provisioner) + "," + quote(notes::beta_provisioner) + ":" +
                                 quote(s.provisioner) + "}}"));
  if (s.provisioner != local_path_provisioner)
    return tell("Normal", "ExternalProvisioning",
                "Waiting for a volume to be created either by the external provisioner '" +
                    s.provisioner +
                    "' or manually by the system administrator. If volume creation is delayed, "
                    "please verify that the provisioner is running and correctly registered.");
  const auto failed = [&](const std::string& why) {
    tell("Warning", "ProvisioningFailed",
         "failed to provision volume with StorageClass " + quote(s.metadata.name) + ": " + why);
  };
  const auto chosen = c_->metadata.annotations.find(notes::selected_node);
  if (chosen == c_->metadata.annotations.end())
    return failed("configuration error, no node was specified");
  if (c_->spec.selector)
    return failed("claim.Spec.Selector is not supported");
  if (c_->spec.volume_mode == "Block")
    return failed("block volumes are not supported");
  for (const auto& mode : c_->spec.access_modes)
    if (mode != "ReadWriteOnce" && mode != "ReadWriteOncePod")
      return failed(
          "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes");
  tell("Normal", "Provisioning",
       "External provisioner is provisioning volume for claim " + claim_name(*c_));
  const auto v = local_volume(s, chosen->second);
  res_.calls.push_back(create_call(v));
  auto note = note_about(c_, "Normal", "ProvisioningSucceeded",
                         "Successfully provisioned volume " + v.metadata.name);
  note.of_call = res_.calls.size() - 1;
  res_.events.push_back(std::move(note));
}

volume claim_step::local_volume(const storage_class& s, const std::string& node) const {
  volume v;
  v.metadata.name = "pvc-" + c_.object->uid();
  v.metadata.annotations[notes::provisioned_by] = local_path_provisioner;
  v.metadata.annotations[notes::selected_node] = node;
  v.spec.capacity = {{"storage", c_->spec.resources ? c_->spec.resources->requests.at("storage")
                                                    : std::string{"0"}}};
  v.spec.access_modes = c_->spec.access_modes;
  v.spec.persistent_volume_reclaim_policy = s.reclaim_policy;
  v.spec.storage_class_name = s.metadata.name;
  v.spec.volume_mode = "Filesystem";
  v.spec.mount_options = s.mount_options;
  auto& path = v.spec.host_path.emplace();
  const auto at = view_.get<api::v1::node>({}, node);
  auto folder = deps_.folder;
  if (at && at->metadata.annotations.contains(storage_annotation))
    folder = at->metadata.annotations.at(storage_annotation);
  path.path = folder + "/" + v.metadata.name + "_" + c_.object->ns() + "_" + c_.object->name();
  path.type = "DirectoryOrCreate";
  auto& r = v.spec.claim_ref.emplace();
  r.api_version = "v1";
  r.kind = "PersistentVolumeClaim";
  r.namespace_ = c_.object->ns();
  r.name = c_.object->name();
  r.uid = c_.object->uid();
  r.resource_version = c_->metadata.resource_version;
  std::string host = node;
  if (at)
    if (const auto i = at->metadata.labels.find(host_label); i != at->metadata.labels.end())
      host = i->second;
  api::v1::node_selector_requirement only;
  only.key = host_label;
  only.operator_ = "In";
  only.values = {host};
  api::v1::node_selector_term term;
  term.match_expressions = {std::move(only)};
  v.spec.node_affinity.emplace().required.emplace().node_selector_terms = {std::move(term)};
  return v;
}

/// One volume at one moment.
class volume_step {
public:
  volume_step(observed<volume> v, const view& all, const volume_binder_deps& deps, wall_time now)
      : v_(std::move(v)), view_(all), deps_(deps), now_(now) {}

  reconcile_result run() {
    const auto* r = v_->spec.claim_ref.get();
    // A reservation leaves it available until its claim comes.
    if (!r || r->uid.empty()) {
      set_phase("Available");
      return std::move(res_);
    }
    const auto c = view_.get<claim>(r->namespace_, r->name);
    if (!c || c.object->uid() != r->uid) {
      if (v_->status.phase != "Released" && v_->status.phase != "Failed")
        set_phase("Released");
      else if (v_->status.phase == "Released")
        reclaim();
    } else if (c->spec.volume_name == v_.object->name()) {
      set_phase("Bound");
    } else if (!c->spec.volume_name.empty()) {
      take_back();
    }
    return std::move(res_);
  }

private:
  void set_phase(const std::string& phase, const std::string& message = {}) {
    if (v_->status.phase != phase)
      res_.calls.push_back(patch_of(*v_.object, phase_body(phase, message, now_), "status"));
  }

  /// The claim went to another volume.
  void take_back() {
    const bool ours = has_note(v_->metadata, notes::bound_by_controller);
    res_.calls.push_back(
        ours ? patch_of(*v_.object, R"("metadata":{"annotations":{)" +
                                        quote(notes::bound_by_controller) +
                                        R"(:null}},"spec":{"claimRef":null})")
             : patch_of(*v_.object, R"("spec":{"claimRef":{"uid":null,"resourceVersion":null}})"));
  }

  void reclaim() {
    const auto& policy = v_->spec.persistent_volume_reclaim_policy;
    if (policy == "Retain" || v_.object->meta().deleting)
      return;
    const auto by = v_->metadata.annotations.find(notes::provisioned_by);
    if (policy == "Delete" && by != v_->metadata.annotations.end()) {
      if (by->second != local_path_provisioner)
        return; // its provisioner deletes it
      return remove_folder();
    }
    const std::string why = policy == "Delete" ? "error getting deleter volume plugin for volume " +
                                                     quote(v_.object->name()) +
                                                     ": no deletable volume plugin matched"
                                               : "Recycling of volumes is not supported";
    set_phase("Failed", why);
    res_.events.push_back(note_about(
        v_, "Warning", policy == "Delete" ? "VolumeFailedDelete" : "VolumeFailedRecycle", why));
  }

  /// The object goes when the folder is gone; with a node that is no more it is.
  void remove_folder() {
    const auto node = v_->metadata.annotations.find(notes::selected_node);
    const auto at = node == v_->metadata.annotations.end()
                        ? observed<api::v1::node>{}
                        : view_.get<api::v1::node>({}, node->second);
    // Simulated nodes keep no folders, and do not say where these would be.
    if (deps_.remove && v_->spec.host_path && at &&
        at->metadata.annotations.contains(storage_annotation)) {
      const auto done = deps_.remove(node->second, v_->spec.host_path->path);
      if (done.now == folder_removal::step::under_way) {
        res_.requeue_after = removal_poll;
        return;
      }
      if (done.now == folder_removal::step::refused) {
        set_phase("Failed", done.why);
        res_.events.push_back(note_about(v_, "Warning", "VolumeFailedDelete", done.why));
        return;
      }
    }
    res_.calls.push_back(delete_call(*v_.object));
  }

  observed<volume> v_;
  const view& view_;
  const volume_binder_deps& deps_;
  wall_time now_;
  reconcile_result res_;
};

class volume_binder final : public reconciler {
public:
  explicit volume_binder(volume_binder_deps deps) : deps_(std::move(deps)) {}

  std::string_view name() const override { return "persistentvolume-binder"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{claim::resource_name}, volumes_of_claim()},
            {std::string{volume::resource_name}, claims_of_volume()},
            {std::string{storage_class::resource_name}, open_claims()},
            {"nodes", nullptr}};
  }

  /// Claims have a namespace, volumes none.
  reconcile_result reconcile(const object_id& key, const view& v, wall_time now) override {
    if (key.ns.empty()) {
      auto pv = v.get<volume>({}, key.name);
      return pv ? volume_step{std::move(pv), v, deps_, now}.run() : reconcile_result{};
    }
    auto c = v.get<claim>(key.ns, key.name);
    return c ? claim_step{std::move(c), v, deps_, now}.run() : reconcile_result{};
  }

private:
  const volume_binder_deps deps_;
};

class ephemeral_volumes final : public reconciler {
public:
  std::string_view name() const override { return "ephemeral-volume"; }

  std::vector<watch_spec> watches() const override {
    return {{"pods", self_key()}, {std::string{claim::resource_name}, owner_key("Pod")}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto object = v.find("pods", key.ns, key.name);
    // Few pods have such volumes; the others are not even parsed, let alone kept parsed.
    if (!object || object->meta().deleting ||
        object->bytes().find("\"ephemeral\"") == std::string::npos)
      return res;
    const auto p = api::typed<api::v1::pod>(*object);
    if (p->status.phase == "Succeeded" || p->status.phase == "Failed")
      return res;
    for (const auto& x : p->spec.volumes)
      if (x.ephemeral && x.ephemeral->volume_claim_template &&
          !v.find(claim::resource_name, key.ns, key.name + "-" + x.name))
        res.calls.push_back(create_call(claim_for(*p, x)));
    return res;
  }

private:
  static claim claim_for(const api::v1::pod& p, const api::v1::volume& x) {
    claim c;
    const auto& from = *x.ephemeral->volume_claim_template;
    c.metadata.labels = from.metadata.labels;
    c.metadata.annotations = from.metadata.annotations;
    c.metadata.name = p.metadata.name + "-" + x.name;
    c.metadata.namespace_ = p.metadata.namespace_;
    api::v1::owner_reference owner;
    owner.api_version = "v1";
    owner.kind = "Pod";
    owner.name = p.metadata.name;
    owner.uid = p.metadata.uid;
    owner.controller = true;
    owner.block_owner_deletion = true;
    c.metadata.owner_references = {std::move(owner)};
    c.spec = from.spec;
    return c;
  }
};

} // namespace

std::unique_ptr<reconciler> make_volume_binder(volume_binder_deps deps) {
  return std::make_unique<volume_binder>(std::move(deps));
}

std::unique_ptr<reconciler> make_ephemeral_volume_controller() {
  return std::make_unique<ephemeral_volumes>();
}

} // namespace thespis::actors
