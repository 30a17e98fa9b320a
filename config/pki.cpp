// The files of <data-dir>/pki.
#include "config/certificates.hpp"
#include "config/files.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <spdlog/spdlog.h>

#include <array>
#include <cstring>
#include <filesystem>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <unistd.h>

namespace thespis::config {

namespace {

using std::chrono::hours;

constexpr hours ca_lifetime{24 * 3650};
constexpr hours leaf_lifetime{24 * 365};

struct pair_path {
  std::string certificate;
  std::string key;
};

pair_path path_of(const std::string& dir, const std::string& name) {
  return {dir + "/" + name + ".crt", dir + "/" + name + ".key"};
}

api::result<key_pair> read_pair(const pair_path& path) {
  auto certificate = read_file(path.certificate);
  if (!certificate)
    return api::fail(certificate.error());
  auto key = read_file(path.key);
  if (!key)
    return api::fail(key.error());
  return key_pair{std::move(*certificate), std::move(*key)};
}

/// The key first: a certificate on disk then always has its key.
api::result<void> write_pair(const pair_path& path, const key_pair& pair) {
  if (auto done = write_file(path.key, pair.key, 0600); !done)
    return done;
  return write_file(path.certificate, pair.certificate, 0600);
}

api::result<signer> ensure_ca(const std::string& dir, const std::string& name, wall_time now) {
  auto path = path_of(dir, name);
  auto damaged = [&](const std::string& why) {
    return api::fail(api::reason::bad_request,
                     path.certificate + ": " + why + "; restore it and " + name +
                         ".key from a copy, or remove " + dir +
                         " to start with a new authority, which every client must then be told of");
  };
  auto pair = read_pair(path);
  if (pair) {
    auto ca = signer::load(*pair);
    if (!ca)
      return damaged(ca.error().message);
    if (ca->not_after() <= now)
      return damaged("the certificate authority has expired");
    return ca;
  }
  if (pair.error().why != api::reason::not_found || access(path.certificate.c_str(), F_OK) == 0)
    return damaged(pair.error().message);
  auto ca = signer::create("thespis-" + name, now, ca_lifetime);
  if (!ca)
    return ca;
  if (auto done = write_pair(path, ca->pem()); !done)
    return api::fail(done.error());
  return ca;
}

/// Why the pair on disk does not serve; empty when it does.
std::string fault(const signer& ca, const key_pair& pair, const certificate_request& wanted,
                  wall_time now) {
  if (!ca.vouches_for(pair, now))
    return "it is not valid under the cluster's authority";
  auto info = inspect_certificate(pair.certificate);
  if (!info)
    return info.error().message;
  if (info->not_after - now < leaf_lifetime / 4 && info->not_after < ca.not_after())
    return "it expires soon";
  auto names = wanted.names;
  std::sort(names.begin(), names.end());
  if (info->names != names)
    return "the names of this machine have changed";
  if (info->common_name != wanted.common_name || info->organizations != wanted.organizations)
    return "its subject has changed";
  return {};
}

api::result<key_pair> ensure_leaf(const std::string& dir, const std::string& name, const signer& ca,
                                  const certificate_request& wanted, wall_time now) {
  auto path = path_of(dir, name);
  if (auto pair = read_pair(path)) {
    auto why = fault(ca, *pair, wanted, now);
    if (why.empty())
      return pair;
    spdlog::info("issuing certificate {} anew: {}", path.certificate, why);
  }
  auto pair = ca.issue(wanted, now);
  if (!pair)
    return pair;
  if (auto done = write_pair(path, *pair); !done)
    return api::fail(done.error());
  return pair;
}

std::string bio_text(BIO* bio) {
  char* data = nullptr;
  auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

/// The key of <dir>/sa.key, made when it is not there; fills both halves of `out`.
api::result<void> ensure_service_account_key(const std::string& dir, pki& out) {
  auto path = dir + "/sa.key";
  std::unique_ptr<BIO, decltype(&BIO_free_all)> bio{BIO_new(BIO_s_secmem()), BIO_free_all};
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{nullptr, EVP_PKEY_free};
  auto text = read_file(path);
  if (!text && text.error().why != api::reason::not_found)
    return api::fail(text.error());
  if (text) {
    auto refuse = [](char*, int, int, void*) { return -1; };
    BIO_write(bio.get(), text->data(), static_cast<int>(text->size()));
    key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse, nullptr));
    if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_EC) {
      return api::fail(api::reason::bad_request, path + ": expected an EC private key in PEM");
    }
    out.service_account_key = *text;
  } else {
    key.reset(EVP_EC_gen("P-256"));
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    out.service_account_key = bio_text(bio.get());
    if (auto done = write_file(path, out.service_account_key, 0600); !done)
      return done;
  }
  std::unique_ptr<BIO, decltype(&BIO_free_all)> half{BIO_new(BIO_s_mem()), BIO_free_all};
  PEM_write_bio_PUBKEY(half.get(), key.get());
  out.service_account_public_key = bio_text(half.get());
  auto on_disk = read_file(dir + "/sa.pub");
  if (on_disk && *on_disk == out.service_account_public_key)
    return {};
  return write_file(dir + "/sa.pub", out.service_account_public_key, 0600);
}

/// Earlier keys of service accounts, by file name.
api::result<std::vector<std::string>> old_service_account_keys(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code failed;
  for (auto i = std::filesystem::directory_iterator{dir, failed};
       !failed && i != std::filesystem::directory_iterator{}; i.increment(failed)) {
    auto name = i->path().filename().string();
    if (name.starts_with("sa-") && (name.ends_with(".key") || name.ends_with(".pub")))
      names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  std::vector<std::string> keys;
  for (const auto& name : names) {
    auto text = read_file(dir + "/" + name);
    if (!text)
      return api::fail(text.error());
    keys.push_back(std::move(*text));
  }
  return keys;
}

std::optional<api::ip_address> address_of(const sockaddr* from) {
  if (from != nullptr && from->sa_family == AF_INET)
    return api::ip_address::v4(ntohl(reinterpret_cast<const sockaddr_in*>(from)->sin_addr.s_addr));
  if (from == nullptr || from->sa_family != AF_INET6)
    return std::nullopt;
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(from)->sin6_addr, bytes.size());
  return api::ip_address::v6(bytes);
}

/// The addresses of this machine outside the cluster's own ranges, IPv6 where the cluster has it.
std::vector<std::string> host_addresses(const settings& s) {
  std::vector<std::string> out;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0)
    return out;
  for (auto* at = list; at != nullptr; at = at->ifa_next) {
    const auto ip = address_of(at->ifa_addr);
    const bool six = ip && !ip->is_v4();
    if (!ip || (six && (ip->is_link_local() || !s.network.service_cidr.of_family(false))))
      continue;
    if (!s.network.pod_cidr.contains(*ip) && !s.network.service_cidr.contains(*ip))
      out.push_back(ip->to_string());
  }
  freeifaddrs(list);
  return out;
}

/// Addresses in their shortest form and names in lower case, as a certificate is compared.
std::string canonical(const std::string& name) {
  unsigned char binary[sizeof(in6_addr)];
  char text[INET6_ADDRSTRLEN] = {};
  if (inet_pton(AF_INET6, name.c_str(), binary) == 1)
    return inet_ntop(AF_INET6, binary, text, sizeof text);
  std::string lower{name};
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return lower;
}

} // namespace

api::result<pki> ensure_pki(const std::string& dir, const std::vector<std::string>& server_names,
                            wall_time now) {
  if (auto made = make_directory(dir, 0700); !made)
    return api::fail(made.error());
  auto ca = ensure_ca(dir, "ca", now);
  if (!ca)
    return api::fail(ca.error());
  if (ca->not_after() - now < hours{24 * 365})
    spdlog::warn("the cluster's certificate authority in {} expires within a year", dir);
  auto server = ensure_leaf(
      dir, "server", *ca, {"thespis-server", {}, server_names, usage::server, leaf_lifetime}, now);
  if (!server)
    return api::fail(server.error());
  auto admin = ensure_leaf(dir, "admin", *ca,
                           {"admin", {"system:masters"}, {}, usage::client, leaf_lifetime}, now);
  if (!admin)
    return api::fail(admin.error());
  // An authority of its own: whoever it vouches for may say that they are anybody.
  auto front_ca = ensure_ca(dir, "front-proxy-ca", now);
  if (!front_ca)
    return api::fail(front_ca.error());
  auto front = ensure_leaf(dir, "front-proxy-client", *front_ca,
                           {"front-proxy-client", {}, {}, usage::client, leaf_lifetime}, now);
  if (!front)
    return api::fail(front.error());
  pki out{std::move(*ca),
          std::move(*server),
          std::move(*admin),
          front_ca->pem().certificate,
          std::move(*front),
          {},
          {}};
  if (auto done = ensure_service_account_key(dir, out); !done)
    return api::fail(done.error());
  auto old = old_service_account_keys(dir);
  if (!old)
    return api::fail(old.error());
  out.service_account_old_keys = std::move(*old);
  return out;
}

std::vector<std::string> server_names(const settings& s) {
  std::vector<std::string> names{"localhost",
                                 "127.0.0.1",
                                 "::1",
                                 s.node_name(),
                                 "kubernetes",
                                 "kubernetes.default",
                                 "kubernetes.default.svc",
                                 "kubernetes.default.svc." + s.network.cluster_domain};
  for (const auto& range : s.network.service_cidr.all)
    names.push_back(range.nth(1).value().to_string());
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) == 0 && std::strchr(host, '_') == nullptr)
    names.emplace_back(host);
  for (auto& address : host_addresses(s))
    names.push_back(std::move(address));
  if (!s.api.advertise_address.empty())
    names.push_back(s.api.advertise_address);
  names.insert(names.end(), s.api.tls_sans.begin(), s.api.tls_sans.end());
  std::transform(names.begin(), names.end(), names.begin(), canonical);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

} // namespace thespis::config
