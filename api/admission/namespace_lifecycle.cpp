#include "api/admission/plugins.hpp"

#include <algorithm>
#include <array>

namespace thespis::api::admission {

namespace {

constexpr std::array<std::string_view, 3> immortal{"default", "kube-system", "kube-public"};

bool is_access_review(const request& r) {
  return r.type.resource == "localsubjectaccessreviews.authorization.k8s.io";
}

class namespace_lifecycle_plugin final : public plugin {
public:
  std::string_view name() const override { return "NamespaceLifecycle"; }

  result<void> mutate(request& r) override {
    if (r.is("namespaces") && r.action == action::remove &&
        std::find(immortal.begin(), immortal.end(), r.name) != immortal.end())
      return fail(refuse(r, "this namespace may not be deleted"));
    if (!r.type.namespaced || r.action == action::remove || is_access_review(r))
      return {};
    auto found = r.state.get("namespaces", {}, r.ns);
    if (!found)
      return fail(not_found("namespaces", r.ns));
    if (r.action != action::create || !found->meta().deleting)
      return {};
    auto e = refuse(r, "unable to create new content in namespace " + r.ns +
                           " because it is being terminated");
    e.causes.push_back({"NamespaceTerminating", "namespace " + r.ns + " is being terminated",
                        "metadata.namespace"});
    return fail(std::move(e));
  }
};

} // namespace

plugin_ptr namespace_lifecycle() {
  return std::make_shared<namespace_lifecycle_plugin>();
}

} // namespace thespis::api::admission
