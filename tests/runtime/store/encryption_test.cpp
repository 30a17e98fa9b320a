#include "config/temporary_directory.hpp"
#include "runtime/store/encryption.hpp"
#include "runtime/store/engine.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

using namespace thespis;
using namespace thespis::runtime;

namespace {

// base64 of 32 times 'a', 'b' and of 16 times 'c'.
const std::string key_a = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";
const std::string key_b = "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=";
const std::string key_c = "Y2NjY2NjY2NjY2NjY2NjYw==";

std::string config(const std::string& providers, const std::string& resources = "secrets") {
  return "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n"
         "- resources: [" +
         resources + "]\n  providers: [" + providers + "]\n";
}
std::string gcm(const std::string& name, const std::string& secret) {
  return "{aesgcm: {keys: [{name: " + name + ", secret: " + secret + "}]}}";
}
std::shared_ptr<const encryption> read(const std::string& text) {
  auto e = encryption::parse(text);
  BOOST_REQUIRE_MESSAGE(e, e.error().message);
  return std::make_shared<const encryption>(std::move(*e));
}
std::string refusal(const std::string& text) {
  auto e = encryption::parse(text);
  return e ? "" : e.error().message;
}

struct store_fixture {
  test::temporary_directory folder;
  std::string path = folder / "store";

  static stored_change secret(const std::string& name, const std::string& value) {
    auto doc =
        api::json::parse(R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":")" + name +
                         R"(","namespace":"a","uid":"u"},"data":{"k":")" + value + "\"}}");
    return {"secrets", "a", name, api::seal(api::make_draft("secrets", *doc), 7)};
  }
  void put(const std::shared_ptr<const encryption>& e, const stored_change& c) {
    auto engine = open_rocksdb_engine(path, e);
    BOOST_REQUIRE_MESSAGE(engine, engine.error().message);
    (*engine)->commit({c}, 7);
  }
  /// The objects as they are read; the refusal when they are not.
  std::string get(const std::shared_ptr<const encryption>& e) {
    auto engine = open_rocksdb_engine(path, e);
    if (!engine)
      return engine.error().message;
    std::string out;
    (*engine)->load([&](const api::object_ptr& o) { out += o->bytes(); });
    return out;
  }
  /// Whether any file holds these bytes.
  bool on_disk(std::string_view bytes) {
    for (const auto& f : std::filesystem::directory_iterator(path)) {
      std::ifstream in{f.path(), std::ios::binary};
      const std::string all{std::istreambuf_iterator<char>{in}, {}};
      if (all.find(bytes) != std::string::npos)
        return true;
    }
    return false;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_encryption, store_fixture)

BOOST_AUTO_TEST_CASE(seals_to_its_place) {
  const auto e = read(config(gcm("k1", key_a)));
  const auto one = e->seal("secrets", "place", "{text}");
  BOOST_TEST(one.starts_with("k8s:enc:aesgcm:v1:k1:"));
  BOOST_TEST(one.find("text") == std::string::npos);
  BOOST_TEST(one != e->seal("secrets", "place", "{text}")); // a nonce is used once
  BOOST_TEST(e->open("secrets", "place", one).value() == "{text}");
  BOOST_TEST(!e->open("secrets", "elsewhere", one));
  for (size_t i = 0; i < one.size(); ++i) {
    auto changed = one;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto opened = e->open("secrets", "place", changed);
    BOOST_TEST(!opened, i);
  }
  BOOST_TEST(!e->open("secrets", "place", one.substr(0, 30)));
  BOOST_TEST(!e->open("secrets", "place", "{plain}"));
  BOOST_TEST(e->seal("pods", "place", "{text}") == "{text}");
}

BOOST_AUTO_TEST_CASE(chooses_by_resource_and_takes_the_first_key) {
  const auto e = read("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n"
                      "resources:\n- {resources: [pods], providers: [{identity: {}}]}\n"
                      "- {resources: ['*.apps'], providers: [" +
                      gcm("k1", key_a) + "]}\n- {resources: ['*.'], providers: [" +
                      gcm("k2", key_c) + "," + gcm("k1", key_a) + ", {identity: {}}]}\n");
  auto form = [&](std::string_view resource) { return e->seal(resource, "p", "{}").substr(0, 20); };
  BOOST_TEST(form("pods") == "{}");
  BOOST_TEST(form("deployments.apps") == "k8s:enc:aesgcm:v1:k1");
  BOOST_TEST(form("secrets") == "k8s:enc:aesgcm:v1:k2");
  BOOST_TEST(form("leases.coordination.k8s.io") == "{}");
  BOOST_TEST(e->open("secrets", "p", "{}").value() == "{}");
  const auto old = e->seal("deployments.apps", "p", "{old}");
  BOOST_TEST(e->open("secrets", "p", old).value() == "{old}");
}

BOOST_AUTO_TEST_CASE(refusals_name_the_field_and_no_key) {
  BOOST_TEST(refusal(config(gcm("k1", "YWJj"))) ==
             "encryption configuration: resources[0].providers[0].aesgcm.keys[0].secret: must be "
             "16, 24 or 32 bytes, not 3");
  BOOST_TEST(refusal(config("{aescbc: {keys: []}}")) ==
             "encryption configuration: resources[0].providers[0].aescbc: is not supported: use "
             "aesgcm or identity");
  BOOST_TEST(refusal(config(gcm("k1", key_a) + "," + gcm("k1", key_b))) ==
             "encryption configuration: resources[0].providers[1].aesgcm.keys[0].name: stands here "
             "twice");
  BOOST_TEST(!refusal(config("")).empty());
  BOOST_TEST(!refusal("kind: Other").empty());
  for (const auto& broken : {config(gcm("k1", key_a) + "}"), config(gcm("k1:x", key_a)),
                             "secret: [" + key_a, config(gcm("k1", "'" + key_a + "!'"))})
    BOOST_TEST(refusal(broken).find("YWFh") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_secret_does_not_lie_on_the_disk) {
  const auto e = read(config(gcm("k1", key_a)));
  put(e, secret("s", "canary-value"));
  BOOST_TEST(!on_disk("canary-value"));
  BOOST_TEST(get(e).find("canary-value") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_store_that_cannot_be_read_is_not_opened) {
  put(read(config(gcm("k1", key_a))), secret("s", "v"));
  const auto lost = get(nullptr);
  BOOST_TEST(lost.find("secrets/a/s cannot be read") != std::string::npos, lost);
  BOOST_TEST(lost.find("\"k1\", which the encryption configuration does not have") !=
             std::string::npos);
  const auto other = get(read(config(gcm("k1", key_b))));
  BOOST_TEST(other.find("the key \"k1\" does not open it") != std::string::npos, other);
  const auto renamed = get(read(config(gcm("k2", key_a))));
  BOOST_TEST(renamed.find("\"k1\"") != std::string::npos, renamed);
  // Nothing was harmed.
  BOOST_TEST(get(read(config(gcm("k1", key_a)))).find("\"v\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(keys_rotate_and_plain_values_are_sealed_at_start) {
  put(nullptr, secret("s", "canary-value"));
  BOOST_TEST(on_disk("canary-value"));
  const auto first = read(config(gcm("k1", key_a) + ", {identity: {}}"));
  BOOST_TEST(get(first).find("canary-value") != std::string::npos);
  BOOST_TEST(!on_disk("canary-value"));
  BOOST_TEST(on_disk("k8s:enc:aesgcm:v1:k1:"));
  const auto both = read(config(gcm("k2", key_b) + "," + gcm("k1", key_a)));
  BOOST_TEST(get(both).find("canary-value") != std::string::npos);
  BOOST_TEST(on_disk("k8s:enc:aesgcm:v1:k2:"));
  BOOST_TEST(!on_disk("k8s:enc:aesgcm:v1:k1:"));
  const auto second = read(config(gcm("k2", key_b)));
  BOOST_TEST(get(second).find("canary-value") != std::string::npos);
  // And back.
  const auto none = read(config("{identity: {}}, " + gcm("k2", key_b)));
  BOOST_TEST(get(none).find("canary-value") != std::string::npos);
  BOOST_TEST(get(nullptr).find("canary-value") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
