#include "api/admission/plugins.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

namespace thespis::api::admission {

namespace {

class service_account_plugin final : public plugin {
public:
  std::string_view name() const override { return "ServiceAccount"; }

  result<void> mutate(request& r) override {
    if (!r.is("pods") || r.action != action::create)
      return {};
    auto& a = r.object->GetAllocator();
    auto& spec = json::ensure_object(*r.object, "spec", a);
    std::string account(text(spec, "serviceAccountName"));
    if (account.empty())
      account = "default";
    // The account named "default" comes to every namespace by itself, in its own time.
    else if (account != "default" && !r.state.get("serviceaccounts", r.ns, account))
      return fail(refuse(r, "error looking up service account " + r.ns + "/" + account +
                                ": serviceaccount " + quote_go(account) + " not found"));
    json::set(spec, "serviceAccountName", account, a);
    json::set(spec, "serviceAccount", account, a);
    r.changed = true;
    return {};
  }
};

} // namespace

plugin_ptr service_account() {
  return std::make_shared<service_account_plugin>();
}

} // namespace thespis::api::admission
