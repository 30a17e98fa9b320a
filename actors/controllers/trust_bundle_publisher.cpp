#include "actors/controllers/trust_bundle_publisher.hpp"

#include "api/auth/trust_anchors.hpp"

#include <openssl/sha.h>

#include <array>

namespace thespis::actors {

namespace {

constexpr const char* bundles = "clustertrustbundles.certificates.k8s.io";
constexpr const char* signer = "kubernetes.io/kube-apiserver-serving";
/// How much of the content's hash stands in the name, as in Kubernetes.
constexpr size_t hash_bytes = 12;

/// What matters of a bundle: its text.
struct bundle {
  static constexpr const char* resource_name = bundles;
  static bundle of(const api::object& o) {
    const auto doc = o.parse();
    const auto* text = api::json::at(doc, {"spec", "trustBundle"});
    return {text != nullptr ? std::string{api::json::as_string(*text)} : std::string{}};
  }
  std::string pem;
};

std::string name_of(const std::string& pem) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
  SHA256(reinterpret_cast<const unsigned char*>(pem.data()), pem.size(), hash.data());
  constexpr const char* digits = "0123456789abcdef";
  auto out = api::auth::trust_bundle_prefix(signer);
  for (size_t i = 0; i < hash_bytes; ++i) {
    out += digits[hash[i] >> 4U];
    out += digits[hash[i] & 15U];
  }
  return out;
}

key_mapper only_key() {
  return [](const api::object&, const api::object_ptr&, const view&) {
    return std::vector<object_id>{{{}, signer}};
  };
}

class trust_bundle_publisher final : public reconciler {
public:
  explicit trust_bundle_publisher(const trust_bundle_publisher_deps& deps)
      : pem_(deps.root_ca), name_(name_of(deps.root_ca)) {}

  std::string_view name() const override { return "trustbundlepublisher"; }

  std::vector<watch_spec> watches() const override {
    // A namespace that is always there gives the first work, when no bundle is.
    return {{bundles, only_key(), {.field_selector = std::string{"spec.signerName="} + signer}},
            {"namespaces", only_key(), {.name = "kube-system"}}};
  }

  reconcile_result reconcile(const object_id&, const view& v, wall_time) override {
    reconcile_result res;
    bool present = false;
    for (const auto& o : v.list<bundle>()) {
      if (o.object->name() != name_) {
        res.calls.push_back(delete_call(*o.object));
        continue;
      }
      present = true;
      if (o->pem != pem_)
        res.calls.push_back(call(api::verb::update));
    }
    if (!present)
      res.calls.push_back(call(api::verb::create));
    return res;
  }

private:
  api::call call(api::verb v) const {
    api::call c;
    c.verb = v;
    c.resource = bundles;
    if (v == api::verb::update)
      c.name = name_;
    c.body = R"({"metadata":{"name":)" + api::json::quote(name_) + R"(},"spec":{"signerName":")" +
             signer + R"(","trustBundle":)" + api::json::quote(pem_) + "}}";
    return c;
  }

  const std::string pem_;
  const std::string name_;
};

} // namespace

std::unique_ptr<reconciler> make_trust_bundle_publisher(const trust_bundle_publisher_deps& deps) {
  return std::make_unique<trust_bundle_publisher>(deps);
}

} // namespace thespis::actors
