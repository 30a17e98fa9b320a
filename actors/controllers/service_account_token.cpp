#include "actors/controllers/service_account_token.hpp"

#include "api/generated/core_v1_config.hpp"
#include "api/text/base64.hpp"

#include <spdlog/spdlog.h>

namespace thespis::actors {

namespace {

namespace v1 = api::v1;

constexpr const char* secret_type = "kubernetes.io/service-account-token";
constexpr const char* account_annotation = "kubernetes.io/service-account.name";
constexpr const char* uid_annotation = "kubernetes.io/service-account.uid";

std::string annotation_of(const v1::secret& s, const char* key) {
  const auto it = s.metadata.annotations.find(key);
  return it == s.metadata.annotations.end() ? std::string{} : it->second;
}

class service_account_token final : public reconciler {
public:
  explicit service_account_token(const service_account_token_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "serviceaccounttoken"; }

  std::vector<watch_spec> watches() const override {
    auto of_account = [](const api::object& account, const api::object_ptr&, const view& v) {
      std::vector<object_id> keys;
      for (const auto& s : v.list<v1::secret>(account.ns()))
        if (annotation_of(*s, account_annotation) == account.name())
          keys.push_back({account.ns(), s.object->name()});
      return keys;
    };
    return {{"secrets", self_key(), {.field_selector = std::string{"type="} + secret_type}},
            {"serviceaccounts", of_account}};
  }

  reconcile_result reconcile(const object_id& key, const view& v, wall_time) override {
    reconcile_result res;
    const auto secret = v.get<v1::secret>(key.ns, key.name);
    if (!secret || secret->type != secret_type || secret.object->meta().deleting)
      return res;
    const auto account =
        v.find("serviceaccounts", key.ns, annotation_of(*secret, account_annotation));
    const auto uid = annotation_of(*secret, uid_annotation);
    if (!account || (!uid.empty() && uid != account->uid())) {
      res.calls.push_back(delete_call(*secret.object));
      return res;
    }
    auto next = *secret;
    next.metadata.annotations[uid_annotation] = account->uid();
    auto set = [&](const char* what, const std::string& value) {
      next.data[what] = api::encode_base64(value);
    };
    if (!deps_.root_ca.empty())
      set("ca.crt", deps_.root_ca);
    if (next.data["namespace"].empty())
      set("namespace", key.ns);
    if (next.data["token"].empty()) {
      auto token = deps_.tokens->issue_for_secret(*account, key.name);
      if (!token) {
        spdlog::error("secret {}/{}: {}", key.ns, key.name, token.error().message);
        res.retry = true;
        return res;
      }
      set("token", *token);
    }
    if (!(next == *secret))
      res.calls.push_back(update_call(next));
    return res;
  }

private:
  const service_account_token_deps deps_;
};

} // namespace

std::unique_ptr<reconciler>
make_service_account_token_controller(const service_account_token_deps& deps) {
  return std::make_unique<service_account_token>(deps);
}

} // namespace thespis::actors
