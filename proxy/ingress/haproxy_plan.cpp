#include "proxy/ingress/haproxy_plan.hpp"

#include "api/openssl.hpp"

#include <openssl/pem.h>

#include <algorithm>
#include <memory>

namespace thespis::proxy {

namespace {

/// What requests of hosts without routes are looked up as; no host is called so.
constexpr const char* everybody = "_";

std::string zone_of(const std::string& host) {
  return host.empty() ? everybody : host;
}

std::string global_section(const haproxy_options& o) {
  std::string out = "global\n"
                    "  maxconn 8192\n"
                    "  hard-stop-after 60s\n"
                    "  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets\n";
  if (o.drop_privileges)
    out += "  user haproxy\n  group haproxy\n";
  return out + "\ndefaults\n"
               "  mode http\n"
               "  option forwardfor\n"
               "  option redispatch\n"
               "  retries 3\n"
               "  timeout connect 5s\n"
               "  timeout client 60s\n"
               "  timeout server 60s\n"
               "  timeout http-request 10s\n"
               "  timeout http-keep-alive 60s\n"
               "  timeout tunnel 1h\n\n";
}

std::string frontend_section(const haproxy_options& o, const ingress_table& t) {
  const std::string folder = folder_mark;
  const auto bind = [&](uint16_t port) {
    const auto number = std::to_string(port);
    return o.ipv6 ? "  bind :::" + number + " v4v6" : "  bind *:" + number;
  };
  std::string out = "frontend http\n" + bind(o.http_port) + "\n";
  if (!t.certificates.empty())
    out +=
        bind(o.https_port) + " ssl strict-sni alpn h2,http/1.1 crt-list " + folder + "/crt-list\n";
  const auto map = [&](const char* how, const char* file) {
    return std::string{how} + "(" + folder + "/" + file + ")";
  };
  out += "  http-request set-header X-Forwarded-Proto https if { ssl_fc }\n"
         "  http-request set-header X-Forwarded-Proto http unless { ssl_fc }\n"
         "  http-request set-header X-Forwarded-Host %[req.hdr(host)]\n"
         "  http-request set-var(txn.host) req.hdr(host),field(1,:),lower\n"
         "  http-request set-var(txn.path) path\n";
  out += "  http-request set-var(txn.zone) var(txn.host)," + map("map_str", "hosts.map") + "\n";
  out += "  http-request set-var(txn.zone) var(txn.host),regsub(\"^[^.]+\",\"*\")," +
         map("map_str", "hosts.map") + " unless { var(txn.zone) -m found }\n";
  out += std::string{"  http-request set-var(txn.zone) str("} + everybody +
         ") unless { var(txn.zone) -m found }\n";
  out += "  http-request set-var(txn.to) var(txn.zone),concat(,txn.path)," +
         map("map_str", "exact.map") + "\n";
  out += "  http-request set-var(txn.to) var(txn.zone),concat(,txn.path,/)," +
         map("map_beg", "prefix.map") + " unless { var(txn.to) -m found }\n";
  out += t.default_backend.empty()
             ? "  http-request return status 404 content-type text/plain string \"404 page not "
               "found\\n\" unless { var(txn.to) -m found }\n"
             : "  http-request set-var(txn.to) str(" + t.default_backend +
                   ") unless { var(txn.to) -m found }\n";
  return out + "  use_backend %[var(txn.to)]\n\n";
}

std::string backend_sections(const ingress_table& t) {
  std::string out;
  for (const auto& b : t.backends) {
    out += "backend " + b.name + "\n";
    if (b.servers.empty())
      out += "  http-request return status 503 content-type text/plain string \"503 no endpoints "
             "available\\n\"\n";
    int n = 0;
    for (const auto& s : b.servers)
      out += "  server s" + std::to_string(++n) + " " + s + "\n";
    out += "\n";
  }
  return out;
}

void add_certificates(const ingress_table& t, std::map<std::string, std::string>& files) {
  std::string list;
  for (const auto& c : t.certificates) {
    files[c.name + ".pem"] = c.pem;
    list += std::string{folder_mark} + "/" + c.name + ".pem";
    for (const auto& h : c.hosts)
      list += " " + h;
    list += "\n";
  }
  if (!list.empty())
    files["crt-list"] = std::move(list);
}

} // namespace

bool is_plain_path(const std::string& path) {
  return !path.empty() && path.front() == '/' &&
         std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c < 127; });
}

bool is_key_pair(const std::string& certificate, const std::string& key) {
  // Nobody is there to be asked for the password of an encrypted key.
  const auto no_password = [](char*, int, int, void*) { return 0; };
  const auto cert_bio = api::openssl::reader(certificate);
  const auto key_bio = api::openssl::reader(key);
  const api::openssl::x509_ptr cert{
      PEM_read_bio_X509(cert_bio.get(), nullptr, no_password, nullptr)};
  const api::openssl::key_ptr secret{
      PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_password, nullptr)};
  return cert && secret && X509_check_private_key(cert.get(), secret.get()) == 1;
}

std::map<std::string, std::string> haproxy_files(const haproxy_options& o, const ingress_table& t) {
  std::map<std::string, std::string> hosts;
  std::map<std::string, std::string> exact;
  std::map<std::string, std::string> prefix;
  for (const auto& r : t.routes) {
    const auto zone = zone_of(r.host);
    if (!r.host.empty())
      hosts[r.host] = r.host;
    auto path = r.path;
    if (r.exact) {
      exact.try_emplace(zone + path, r.backend);
      continue;
    }
    if (path.back() != '/')
      path += '/';
    prefix.try_emplace(zone + path, r.backend);
  }
  std::map<std::string, std::string> files;
  const auto write = [&](const char* name, const std::map<std::string, std::string>& map) {
    auto& out = files[name];
    for (const auto& [key, value] : map)
      out += key + " " + value + "\n";
  };
  write("hosts.map", hosts);
  write("exact.map", exact);
  write("prefix.map", prefix);
  add_certificates(t, files);
  files["haproxy.cfg"] = global_section(o) + frontend_section(o, t) + backend_sections(t);
  return files;
}

} // namespace thespis::proxy
