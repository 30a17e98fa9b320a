// The plug-ins that ask webhooks.
#include "api/admission/equivalents.hpp"
#include "api/admission/plugins.hpp"
#include "api/admission/selectors.hpp"
#include "api/admission/webhook_client.hpp"
#include "api/patch/json_patch.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/schema/decode.hpp"
#include "api/schema/defaults.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <algorithm>
#include <future>

#include <spdlog/spdlog.h>

namespace thespis::api::admission {

namespace {

/// Kinds that could lock everybody out if webhooks judged them.
bool is_exempt(const request& r) {
  return r.type.schema->group == "admissionregistration.k8s.io";
}

/// What both kinds of webhooks share.
class webhook_plugin : public plugin {
public:
  webhook_plugin(const ports& p, std::string resource)
      : ports_(p), source_(std::move(resource)), equivalents_(p.schemas) {}

  bool may_call_out(const api::call& c) const override {
    auto hooks = source_.get(*ports_.state);
    if (!hooks)
      return false;
    const auto names = equivalents_.group_resources(c.resource);
    return std::any_of(hooks->begin(), hooks->end(), [&](const webhook& h) {
      return std::any_of(h.rules.begin(), h.rules.end(), [&](const auto& rule) {
        return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
          auto dot = name.find('.');
          auto group = dot == name.npos ? std::string{} : name.substr(dot + 1);
          return rule.may_match(group, std::string_view(name).substr(0, dot));
        });
      });
    });
  }

protected:
  /// null when there is nobody to ask.
  webhook_list hooks_for(const request& r) const {
    return is_exempt(r) ? nullptr : source_.get(r.state);
  }

  /// A request as one webhook is to see it.
  struct sight {
    request* shown = nullptr;          ///< null: not at all
    std::unique_ptr<translation> made; ///< owns `shown` where that is another version's
  };

  /// As what the webhook wants to see the request; an error when that cannot be told, or when it
  /// must not see a rehearsal.
  result<sight> look(const webhook& h, request& r) const {
    auto match = match_rules(h.rules, r, h.equivalent ? &equivalents_ : nullptr,
                             [](const auto& rule, const request& q, const resource_type& as) {
                               return rule.matches(q, as);
                             });
    if (!match.holds || !selects(h, r))
      return sight{};
    sight out;
    out.shown = &r;
    if (match.as) {
      auto made = translation::make(r, match.as);
      if (!made)
        return fail(internal_error(made.error().message));
      out.made = std::move(*made);
      out.shown = &out.made->shown();
    }
    auto wanted = wants(h, *out.shown);
    if (!wanted)
      return fail(wanted.error());
    return *wanted ? std::move(out) : sight{};
  }

  static bool selects(const webhook& h, const request& r) {
    if (!h.namespaces.matches_everything())
      if (auto labels = namespace_labels(r); labels && !h.namespaces.matches(*labels))
        return false;
    if (!h.objects.matches_everything() && !h.objects.matches(labels_of(r.object)) &&
        !(r.old_object && h.objects.matches(labels_of(r.old_object))))
      return false;
    return true;
  }

  result<bool> wants(const webhook& h, request& r) const {
    if (auto meant = conditions_hold(h, r); !meant || !*meant)
      return meant;
    if (r.dry_run && h.side_effects != "None" && h.side_effects != "NoneOnDryRun")
      return fail(
          bad_request("admission webhook " + quote_go(h.name) + " does not support dry run"));
    return true;
  }

  /// What a failure means: an error, or nothing where the webhook does not mind.
  result<void> judge_failure(const webhook& h, const webhook_failure& failure) const {
    if (h.fail_open) {
      spdlog::warn("failing open: {}", failure.message);
      return {};
    }
    return fail(internal_error(failure.message));
  }

  tl::expected<webhook_answer, webhook_failure> ask(const webhook& h, const request& r,
                                                    bool mutating) const {
    return ask_webhook(h, r, ports_.new_uid(), mutating, ports_.outbound.get());
  }

  const ports& surroundings() const { return ports_; }

private:
  /// All conditions hold; one that is false decides, whatever others come to.
  result<bool> conditions_hold(const webhook& h, request& r) const {
    std::optional<error> trouble;
    for (const auto& c : h.conditions) {
      auto held = ports_.condition ? ports_.condition(c.expression, r)
                                   : result<bool>(fail(internal_error("no expressions here")));
      if (held && !*held)
        return false;
      if (!held && !trouble)
        trouble = held.error();
    }
    if (!trouble)
      return true;
    if (h.fail_open)
      return false;
    return fail(refuse(r, trouble->message));
  }

  ports ports_;
  webhook_source source_;
  equivalents equivalents_;
};

class mutating_webhooks_plugin final : public webhook_plugin {
public:
  explicit mutating_webhooks_plugin(const ports& p)
      : webhook_plugin(p, "mutatingwebhookconfigurations.admissionregistration.k8s.io") {}

  std::string_view name() const override { return "MutatingAdmissionWebhook"; }

  result<void> mutate(request& r) override {
    auto hooks = hooks_for(r);
    if (!hooks)
      return {};
    for (const auto& h : *hooks) {
      if (r.reinvoking && !again(h, r))
        continue;
      auto seen = look(h, r);
      if (!seen)
        return fail(seen.error());
      if (!seen->shown)
        continue;
      if (auto ok = ask_one(h, *seen->shown); !ok)
        return ok;
      if (seen->made && seen->shown->changed)
        if (auto ok = seen->made->give_back(r); !ok)
          return fail(internal_error(ok.error().message));
      if (r.object)
        r.seen_by[key(h)] = json::to_string(*r.object);
    }
    return {};
  }

private:
  static std::string key(const webhook& h) { return h.configuration + "/" + h.name; }

  /// A second time only who asked for it, and only when others have changed the object since.
  static bool again(const webhook& h, const request& r) {
    auto seen = r.seen_by.find(key(h));
    return seen == r.seen_by.end() ||
           (h.reinvoke && r.object && seen->second != json::to_string(*r.object));
  }

  result<void> ask_one(const webhook& h, request& r) const {
    auto got = ask(h, r, true);
    if (!got)
      return judge_failure(h, got.error());
    r.warnings.insert(r.warnings.end(), got->warnings.begin(), got->warnings.end());
    if (!got->allowed)
      return fail(std::move(got->denial));
    if (!got->patch.empty())
      if (auto ok = apply(got->patch, r); !ok)
        return fail(internal_error(ok.error().message));
    return {};
  }

  static result<void> apply(const std::string& text, request& r) {
    if (!r.object)
      return fail(bad_request("admission webhook attempted to modify the object, which is not "
                              "supported for this operation"));
    auto patch = json::parse(text);
    if (!patch)
      return fail(patch.error());
    auto& a = r.object->GetAllocator();
    json::document changed;
    changed.CopyFrom(*r.object, changed.GetAllocator());
    if (auto ok = patch::apply_json_patch(changed, *patch, changed.GetAllocator()); !ok)
      return ok;
    if (!changed.IsObject())
      return fail(bad_request("the patch does not leave an object"));
    if (auto ok = schema::conform(r.object_type, changed, changed.GetAllocator()); !ok)
      return ok;
    schema::apply_defaults(r.object_type, changed, changed.GetAllocator());
    if (json::equal(changed, *r.object))
      return {};
    static_cast<json::value&>(*r.object) = json::copy(changed, a);
    r.changed = true;
    r.reinvoke = true;
    return {};
  }
};

class validating_webhooks_plugin final : public webhook_plugin {
public:
  explicit validating_webhooks_plugin(const ports& p)
      : webhook_plugin(p, "validatingwebhookconfigurations.admissionregistration.k8s.io") {}

  std::string_view name() const override { return "ValidatingAdmissionWebhook"; }

  result<void> validate(request& r) override {
    auto hooks = hooks_for(r);
    if (!hooks)
      return {};
    std::vector<std::pair<const webhook*, sight>> asked;
    for (const auto& h : *hooks) {
      auto seen = look(h, r);
      if (!seen)
        return fail(seen.error());
      if (seen->shown)
        asked.emplace_back(&h, std::move(*seen));
    }
    const auto ask_nth = [&](size_t i) {
      return ask(*asked[i].first, *asked[i].second.shown, false);
    };
    using reply = tl::expected<webhook_answer, webhook_failure>;
    // All at once: none changes anything, and one that hangs keeps the others no longer.
    std::vector<std::future<reply>> others;
    for (size_t i = 1; i < asked.size(); ++i)
      others.push_back(std::async(std::launch::async, [&ask_nth, i] { return ask_nth(i); }));
    result<void> verdict;
    for (size_t i = 0; i < asked.size(); ++i) {
      auto got = i == 0 ? ask_nth(0) : others[i - 1].get();
      auto ok = judge(*asked[i].first, got, r);
      if (verdict && !ok)
        verdict = std::move(ok);
    }
    return verdict;
  }

private:
  result<void> judge(const webhook& h, tl::expected<webhook_answer, webhook_failure>& got,
                     request& r) const {
    if (!got)
      return judge_failure(h, got.error());
    r.warnings.insert(r.warnings.end(), got->warnings.begin(), got->warnings.end());
    if (!got->allowed)
      return fail(std::move(got->denial));
    return {};
  }
};

} // namespace

plugin_ptr mutating_webhooks(const ports& p) {
  return std::make_shared<mutating_webhooks_plugin>(p);
}

plugin_ptr validating_webhooks(const ports& p) {
  return std::make_shared<validating_webhooks_plugin>(p);
}

} // namespace thespis::api::admission
