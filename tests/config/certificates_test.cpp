#include "config/certificates.hpp"
#include "config/files.hpp"
#include "config/temporary_directory.hpp"
#include "signing_request.hpp"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>

#include <sys/stat.h>

using namespace thespis;
using namespace std::chrono_literals;
using config::certificate_request;
using config::key_pair;
using config::usage;
using config::wall_time;

namespace {

// 2030-01-01: certificates are made and judged at given times, never at that of the test run.
constexpr wall_time new_year{std::chrono::seconds{1893456000}};
constexpr auto day = 24h;

template <class T>
T must(api::result<T> r) {
  BOOST_REQUIRE_MESSAGE(r, r.error().message);
  return std::move(*r);
}

config::signer authority() {
  return must(config::signer::create("test-ca", new_year, 3650 * day));
}

X509* parse(const std::string& pem) {
  auto* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  auto* out = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  BOOST_REQUIRE(out != nullptr);
  return out;
}

/// OpenSSL's verdict on the chain, as a client or server of TLS would reach it.
int verify(const std::string& ca_pem, const std::string& pem, int purpose, wall_time at,
           const char* host = nullptr) {
  auto* ca = parse(ca_pem);
  auto* leaf = parse(pem);
  auto* store = X509_STORE_new();
  X509_STORE_add_cert(store, ca);
  auto* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf, nullptr);
  auto* parameters = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(parameters, at.time_since_epoch().count());
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
  X509_STORE_CTX_set_purpose(context, purpose);
  if (host != nullptr)
    X509_VERIFY_PARAM_set1_host(parameters, host, 0);
  X509_verify_cert(context);
  int verdict = X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  X509_free(ca);
  X509_free(leaf);
  return verdict;
}

mode_t mode_of(const std::string& path) {
  struct stat s {};
  BOOST_REQUIRE_EQUAL(::stat(path.c_str(), &s), 0);
  return s.st_mode & 07777;
}

std::string content(const std::string& path) {
  return must(config::read_file(path));
}

} // namespace

BOOST_AUTO_TEST_SUITE(certificates)

BOOST_AUTO_TEST_CASE(issued_certificate_verifies_for_its_purpose_only) {
  auto ca = authority();
  auto server =
      must(ca.issue({"s", {}, {"localhost", "10.43.0.1"}, usage::server, 365 * day}, new_year));
  auto client = must(ca.issue({"c", {}, {}, usage::client, 365 * day}, new_year));
  const auto& root = ca.pem().certificate;
  BOOST_CHECK_EQUAL(
      verify(root, server.certificate, X509_PURPOSE_SSL_SERVER, new_year, "localhost"), X509_V_OK);
  BOOST_CHECK_EQUAL(verify(root, client.certificate, X509_PURPOSE_SSL_CLIENT, new_year), X509_V_OK);
  BOOST_CHECK_EQUAL(verify(root, client.certificate, X509_PURPOSE_SSL_SERVER, new_year),
                    X509_V_ERR_INVALID_PURPOSE);
  BOOST_CHECK_EQUAL(
      verify(root, server.certificate, X509_PURPOSE_SSL_SERVER, new_year, "elsewhere"),
      X509_V_ERR_HOSTNAME_MISMATCH);
  BOOST_CHECK_EQUAL(
      verify(root, server.certificate, X509_PURPOSE_SSL_SERVER, new_year + 366 * day, "localhost"),
      X509_V_ERR_CERT_HAS_EXPIRED);
}

BOOST_AUTO_TEST_CASE(certificate_says_what_was_asked) {
  auto ca = authority();
  auto pair = must(ca.issue(
      {"jane", {"devs", "ops, night"}, {"b.example", "::1", "10.0.0.1"}, usage::both, 30 * day},
      new_year));
  auto info = must(config::inspect_certificate(pair.certificate));
  BOOST_CHECK_EQUAL(info.common_name, "jane");
  BOOST_CHECK((info.organizations == std::vector<std::string>{"devs", "ops, night"}));
  BOOST_CHECK((info.names == std::vector<std::string>{"10.0.0.1", "::1", "b.example"}));
  BOOST_CHECK(info.not_before <= new_year);
  BOOST_CHECK(info.not_after == new_year + 30 * day);
  BOOST_CHECK(!info.is_ca);
  BOOST_CHECK(must(config::inspect_certificate(ca.pem().certificate)).is_ca);
  BOOST_CHECK(pair.key.starts_with("-----BEGIN PRIVATE KEY-----"));
}

BOOST_AUTO_TEST_CASE(name_that_could_smuggle_in_another_is_refused) {
  auto ca = authority();
  for (const auto* name : {"a,DNS:b", "a b", "", "x\nDNS:y", "a..b", "1.2.3.4/8"})
    BOOST_CHECK_MESSAGE(!ca.issue({"s", {}, {name}, usage::server, day}, new_year), name);
}

BOOST_AUTO_TEST_CASE(certificate_never_outlives_its_authority) {
  auto ca = must(config::signer::create("short", new_year, 10 * day));
  auto pair = must(ca.issue({"c", {}, {}, usage::client, 365 * day}, new_year));
  BOOST_CHECK(must(config::inspect_certificate(pair.certificate)).not_after == ca.not_after());
}

BOOST_AUTO_TEST_CASE(authority_vouches_only_for_its_own) {
  auto ca = authority();
  auto other = authority();
  auto pair = must(ca.issue({"c", {}, {}, usage::client, 30 * day}, new_year));
  auto second = must(ca.issue({"c", {}, {}, usage::client, 30 * day}, new_year));
  BOOST_CHECK(ca.vouches_for(pair, new_year));
  BOOST_CHECK(!other.vouches_for(pair, new_year));
  BOOST_CHECK(!ca.vouches_for(pair, new_year + 31 * day));
  BOOST_CHECK(!ca.vouches_for({pair.certificate, second.key}, new_year));
  BOOST_CHECK(!ca.vouches_for({"", ""}, new_year));
}

BOOST_AUTO_TEST_CASE(serial_numbers_differ) {
  auto ca = authority();
  auto a = must(ca.issue({"c", {}, {}, usage::client, day}, new_year));
  auto b = must(ca.issue({"c", {}, {}, usage::client, day}, new_year));
  auto* x = parse(a.certificate);
  auto* y = parse(b.certificate);
  BOOST_CHECK(ASN1_INTEGER_cmp(X509_get0_serialNumber(x), X509_get0_serialNumber(y)) != 0);
  X509_free(x);
  X509_free(y);
}

BOOST_AUTO_TEST_CASE(request_is_signed_for_its_own_key_and_names) {
  auto ca = authority();
  const auto request =
      test::make_signing_request("system:node:n", {"system:nodes"}, "DNS:n.example,IP:10.0.0.1");
  auto pem =
      must(ca.sign_request(request, {"digital signature", "server auth"}, new_year, 30 * day));
  auto info = must(config::inspect_certificate(pem));
  BOOST_CHECK_EQUAL(info.common_name, "system:node:n");
  BOOST_CHECK((info.organizations == std::vector<std::string>{"system:nodes"}));
  BOOST_CHECK((info.names == std::vector<std::string>{"10.0.0.1", "n.example"}));
  BOOST_CHECK(info.not_after == new_year + 30 * day);
  BOOST_CHECK(!info.is_ca);
  BOOST_CHECK_EQUAL(verify(ca.pem().certificate, pem, X509_PURPOSE_SSL_SERVER, new_year + day),
                    X509_V_OK);
  BOOST_CHECK(verify(ca.pem().certificate, pem, X509_PURPOSE_SSL_CLIENT, new_year + day) !=
              X509_V_OK);
}

BOOST_AUTO_TEST_CASE(request_with_a_wrong_signature_is_refused) {
  auto ca = authority();
  auto request = test::make_signing_request("ann", {});
  BOOST_CHECK(ca.sign_request(request, {"client auth"}, new_year, day));
  // A changed byte of the signature: near the end, before the padding.
  const auto at = request.rfind("\n-----END") - 12;
  request[at] = request[at] == 'A' ? 'B' : 'A';
  BOOST_CHECK(!ca.sign_request(request, {"client auth"}, new_year, day));
  BOOST_CHECK(!ca.sign_request("nothing", {}, new_year, day));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(pki)

BOOST_AUTO_TEST_CASE(first_start_makes_everything_private) {
  test::temporary_directory dir;
  auto made = must(config::ensure_pki(dir / "pki", {"localhost"}, new_year));
  BOOST_CHECK_EQUAL(mode_of(dir / "pki"), 0700u);
  for (const auto* file : {"ca.crt", "ca.key", "server.crt", "server.key", "admin.crt", "admin.key",
                           "sa.key", "sa.pub"})
    BOOST_CHECK_EQUAL(mode_of(dir / "pki/" + file), 0600u);
  auto admin = must(config::inspect_certificate(made.admin.certificate));
  BOOST_CHECK_EQUAL(admin.common_name, "admin");
  BOOST_CHECK((admin.organizations == std::vector<std::string>{"system:masters"}));
  BOOST_CHECK(made.service_account_public_key.starts_with("-----BEGIN PUBLIC KEY-----"));
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{dir / "pki"})
    files += entry.exists();
  BOOST_CHECK_EQUAL(files, 12u);
}

BOOST_AUTO_TEST_CASE(second_start_changes_nothing) {
  test::temporary_directory dir;
  auto first = must(config::ensure_pki(dir.path(), {"localhost", "127.0.0.1"}, new_year));
  auto second =
      must(config::ensure_pki(dir.path(), {"127.0.0.1", "localhost"}, new_year + 200 * day));
  BOOST_CHECK_EQUAL(first.ca.pem().certificate, second.ca.pem().certificate);
  BOOST_CHECK_EQUAL(first.server.certificate, second.server.certificate);
  BOOST_CHECK_EQUAL(first.admin.key, second.admin.key);
  BOOST_CHECK_EQUAL(first.service_account_key, second.service_account_key);
  BOOST_CHECK_EQUAL(first.service_account_public_key, second.service_account_public_key);
}

BOOST_AUTO_TEST_CASE(certificate_is_renewed_before_it_expires_under_the_same_authority) {
  test::temporary_directory dir;
  auto first = must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  auto later = new_year + 300 * day;
  auto second = must(config::ensure_pki(dir.path(), {"localhost"}, later));
  BOOST_CHECK_EQUAL(first.ca.pem().certificate, second.ca.pem().certificate);
  BOOST_CHECK(first.server.certificate != second.server.certificate);
  BOOST_CHECK(first.admin.certificate != second.admin.certificate);
  BOOST_CHECK_EQUAL(second.server.certificate, content(dir / "server.crt"));
  BOOST_CHECK(must(config::inspect_certificate(second.server.certificate)).not_after ==
              later + 365 * day);
}

BOOST_AUTO_TEST_CASE(server_certificate_follows_the_names) {
  test::temporary_directory dir;
  auto first = must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  auto second = must(config::ensure_pki(dir.path(), {"localhost", "192.0.2.7"}, new_year));
  BOOST_CHECK(first.server.certificate != second.server.certificate);
  BOOST_CHECK_EQUAL(first.admin.certificate, second.admin.certificate);
  auto names = must(config::inspect_certificate(second.server.certificate)).names;
  BOOST_CHECK((names == std::vector<std::string>{"192.0.2.7", "localhost"}));
}

BOOST_AUTO_TEST_CASE(renamed_token_key_still_verifies_and_a_new_one_signs) {
  test::temporary_directory dir;
  auto first = must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  BOOST_CHECK(first.service_account_old_keys.empty());
  std::filesystem::rename(dir / "sa.key", dir / "sa-1.key");
  auto second = must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  BOOST_CHECK(second.service_account_key != first.service_account_key);
  BOOST_CHECK(
      (second.service_account_old_keys == std::vector<std::string>{first.service_account_key}));
}

BOOST_AUTO_TEST_CASE(torn_pair_is_made_anew) {
  test::temporary_directory dir;
  auto first = must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  must(config::write_file(dir / "server.key", first.admin.key, 0600).map([] { return 0; }));
  std::filesystem::remove(dir / "admin.key");
  auto second = must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  BOOST_CHECK(second.ca.vouches_for(second.server, new_year));
  BOOST_CHECK(second.ca.vouches_for(second.admin, new_year));
}

BOOST_AUTO_TEST_CASE(interrupted_first_start_is_completed) {
  test::temporary_directory dir;
  must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  std::filesystem::remove(dir / "ca.crt");
  auto again = must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  BOOST_CHECK(again.ca.vouches_for(again.admin, new_year));
}

BOOST_AUTO_TEST_CASE(damaged_authority_is_never_replaced_silently) {
  test::temporary_directory dir;
  must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  auto certificate = content(dir / "ca.crt");
  std::filesystem::remove(dir / "ca.key");
  auto lost = config::ensure_pki(dir.path(), {"localhost"}, new_year);
  BOOST_REQUIRE(!lost);
  BOOST_CHECK_MESSAGE(lost.error().message.find("ca.key") != std::string::npos,
                      lost.error().message);
  BOOST_CHECK_EQUAL(content(dir / "ca.crt"), certificate);
  must(config::write_file(dir / "ca.key", "garbage", 0600).map([] { return 0; }));
  BOOST_CHECK(!config::ensure_pki(dir.path(), {"localhost"}, new_year));
}

BOOST_AUTO_TEST_CASE(expired_authority_is_refused) {
  test::temporary_directory dir;
  must(config::ensure_pki(dir.path(), {"localhost"}, new_year));
  auto late = config::ensure_pki(dir.path(), {"localhost"}, new_year + 3651 * day);
  BOOST_REQUIRE(!late);
  BOOST_CHECK(late.error().message.find("expired") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(server_names_cover_every_way_to_the_api) {
  config::settings s;
  s.api.tls_sans = {"Api.Example", "0:0:0:0:0:0:0:1"};
  s.api.advertise_address = "192.0.2.9";
  auto names = config::server_names(s);
  for (const auto* name : {"localhost", "127.0.0.1", "::1", "10.43.0.1", "kubernetes",
                           "kubernetes.default", "kubernetes.default.svc",
                           "kubernetes.default.svc.cluster.local", "api.example", "192.0.2.9"})
    BOOST_CHECK_MESSAGE(std::count(names.begin(), names.end(), name) == 1, name);
  test::temporary_directory dir;
  auto made = must(config::ensure_pki(dir.path(), names, new_year));
  BOOST_CHECK(must(config::inspect_certificate(made.server.certificate)).names == names);
  BOOST_CHECK_EQUAL(verify(made.ca.pem().certificate, made.server.certificate,
                           X509_PURPOSE_SSL_SERVER, new_year, "kubernetes.default.svc"),
                    X509_V_OK);
}

BOOST_AUTO_TEST_SUITE_END()
