#include "actors/controllers/namespace_defaults.hpp"

#include "api/generated/core_v1_config.hpp"
#include "api/generated/core_v1_namespace.hpp"

namespace thespis::actors {

namespace {

constexpr const char* account_name = "default";
constexpr const char* ca_name = "kube-root-ca.crt";
constexpr const char* ca_key = "ca.crt";
constexpr const char* description_key = "kubernetes.io/description";
constexpr const char* description =
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters.";

key_mapper own_namespace() {
  return [](const api::object& o, const api::object_ptr&, const view&) {
    return std::vector<object_id>{{{}, o.ns()}};
  };
}

class namespace_defaults final : public reconciler {
public:
  explicit namespace_defaults(const namespace_defaults_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "serviceaccount"; }

  std::vector<watch_spec> watches() const override {
    std::vector<watch_spec> res{{"namespaces", self_key()},
                                {"serviceaccounts", own_namespace(), {.name = account_name}}};
    if (!deps_.root_ca.empty())
      res.push_back({"configmaps", own_namespace(), {.name = ca_name}});
    return res;
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto ns = v.find("namespaces", {}, key.name);
    if (!ns || ns->meta().deleting)
      return res;
    if (!v.find("serviceaccounts", key.name, account_name)) {
      api::v1::service_account account;
      account.metadata.namespace_ = key.name;
      account.metadata.name = account_name;
      res.calls.push_back(create_call(account));
    }
    if (!deps_.root_ca.empty())
      publish_ca(key.name, v, res);
    return res;
  }

private:
  void publish_ca(const std::string& ns, const view& v, reconcile_result& res) const {
    const auto present = v.get<api::v1::config_map>(ns, ca_name);
    auto wanted = present ? *present : api::v1::config_map{};
    wanted.metadata.namespace_ = ns;
    wanted.metadata.name = ca_name;
    wanted.metadata.annotations[description_key] = description;
    wanted.data = {{ca_key, deps_.root_ca}};
    if (!present)
      res.calls.push_back(create_call(wanted));
    else if (!(wanted == *present))
      res.calls.push_back(update_call(wanted));
  }

  const namespace_defaults_deps deps_;
};

} // namespace

std::unique_ptr<reconciler> make_namespace_defaults(const namespace_defaults_deps& deps) {
  return std::make_unique<namespace_defaults>(deps);
}

} // namespace thespis::actors
