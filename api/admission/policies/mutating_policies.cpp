// MutatingAdmissionPolicy: the plug-in that alters objects as policies in CEL say.

#include "api/admission/policies/merge_applied.hpp"
#include "api/admission/policies/policies.hpp"
#include "api/admission/policies/policy.hpp"
#include "api/patch/json_patch.hpp"
#include "api/schema/decode.hpp"
#include "api/schema/defaults.hpp"
#include "api/validation/access.hpp"

#include <spdlog/spdlog.h>

namespace thespis::api::admission {

namespace {

class mutating_policies_plugin final : public plugin {
public:
  explicit mutating_policies_plugin(const ports& p)
      : ports_(p), source_("mutatingadmissionpolicies.admissionregistration.k8s.io",
                           "mutatingadmissionpolicybindings.admissionregistration.k8s.io"),
        equivalents_(p.schemas) {}

  std::string_view name() const override { return "MutatingAdmissionPolicy"; }

  result<void> mutate(request& r) override {
    if (r.object == nullptr || is_policy_resource(r))
      return {};
    auto policies = source_.get(r.state);
    if (!policies)
      return {};
    for (const auto& p : *policies)
      for (const auto& b : p.bindings) {
        auto match = p.what.match.match(r, equivalents_);
        if (!match.holds || !b.match.match(r, equivalents_).holds || !again(p.what, b, r))
          continue;
        if (auto done = apply_as(match.as, p.what, b, r); !done) {
          auto message = "policy '" + p.what.name + "' with binding '" + b.name +
                         "' denied request: " + done.error().message;
          if (!p.what.fail_open)
            return fail(denied(r, message));
          spdlog::debug("{}", message);
        }
      }
    return {};
  }

private:
  static std::string key(const policy& p, const policy_binding& b) {
    return "policy " + p.name + "/" + b.name;
  }

  /// A second time only who asked for it, and only when others have changed the object since.
  static bool again(const policy& p, const policy_binding& b, const request& r) {
    auto seen = r.seen_by.find(key(p, b));
    return !r.reinvoking || seen == r.seen_by.end() ||
           (p.reinvoke && seen->second != json::to_string(*r.object));
  }

  static error denied(const request& r, const std::string& message) {
    auto e = refuse(r, message);
    e.why = reason::invalid;
    e.causes.push_back({"", message, ""});
    return e;
  }

  /// Applies the policy to the object as the version shows it that the policy's rules name.
  result<void> apply_as(const resource_type_ptr& as, const policy& p, const policy_binding& b,
                        request& r) const {
    if (as) {
      auto made = translation::make(r, as);
      if (!made)
        return fail(made.error());
      if (auto ok = apply(p, b, (*made)->shown()); !ok)
        return ok;
      if ((*made)->shown().changed)
        if (auto ok = (*made)->give_back(r); !ok)
          return ok;
    } else if (auto ok = apply(p, b, r); !ok) {
      return ok;
    }
    r.seen_by[key(p, b)] = json::to_string(*r.object);
    return {};
  }

  result<void> apply(const policy& p, const policy_binding& b, request& r) const {
    const auto& schemas = ports_.schemas ? *ports_.schemas : schema::registry::builtin();
    auto params = find_params(p, b, r, schemas);
    if (!params)
      return fail(bad_request("failed to configure binding: " + params.error().message));
    for (const auto& object : *params) {
      // Each change sees what the one before has made of the object.
      for (const auto& m : p.mutations) {
        expression_inputs in{ports_, r};
        {
          expression_inputs::run run{in, &p.variables, object.get(), condition_budget};
          auto wanted = conditions_hold(p.conditions, run);
          if (!wanted)
            return fail(wanted.error());
          if (!*wanted)
            break;
        }
        expression_inputs::run run{in, &p.variables, object.get(), policy_budget};
        if (auto done = change(m, run, r); !done)
          return done;
      }
    }
    return {};
  }

  static result<void> change(const policy_mutation& m, expression_inputs::run& run, request& r) {
    auto got = run.evaluate(m.make);
    if (!got.failure.empty())
      return fail(
          bad_request("expression '" + m.make.text + "' resulted in error: " + got.failure));
    json::document scratch;
    auto& a = scratch.GetAllocator();
    auto made = cel::to_json(got.value, run.evaluation(), a);
    if (!made)
      return fail(bad_request("expression '" + m.make.text +
                              "' resulted in error: " + made.error().message));
    json::document changed;
    changed.CopyFrom(*r.object, changed.GetAllocator());
    auto done = m.apply ? merge_applied(r.object_type, changed, *made, changed.GetAllocator())
                        : patch_with(changed, *made, a);
    if (!done)
      return done;
    if (!changed.IsObject())
      return fail(bad_request("the patch does not leave an object"));
    auto& into = changed.GetAllocator();
    if (auto ok = schema::conform(r.object_type, changed, into); !ok)
      return ok;
    schema::apply_defaults(r.object_type, changed, into);
    if (json::equal(changed, *r.object))
      return {};
    static_cast<json::value&>(*r.object) = json::copy(changed, r.object->GetAllocator());
    r.changed = true;
    r.reinvoke = true;
    return {};
  }

  static result<void> patch_with(json::document& target, json::value& operations,
                                 json::allocator& a) {
    if (operations.IsArray())
      for (auto& o : operations.GetArray())
        if (o.IsObject() && json::find(o, "value") == nullptr) {
          auto op = text(o, "op");
          if (op == "add" || op == "replace" || op == "test")
            json::set(o, "value", json::value{}, a);
        }
    auto done = patch::apply_json_patch(target, operations, target.GetAllocator());
    if (!done) {
      const auto& e = done.error();
      auto detail = e.causes.empty() ? e.message : e.causes[0].message;
      return fail(bad_request("JSON Patch: error applying patch: " + detail));
    }
    return {};
  }

  ports ports_;
  policy_source source_;
  equivalents equivalents_;
};

} // namespace

plugin_ptr mutating_policies(const ports& p) {
  return std::make_shared<mutating_policies_plugin>(p);
}

} // namespace thespis::api::admission
