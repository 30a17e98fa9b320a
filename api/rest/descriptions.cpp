#include "api/rest/descriptions.hpp"

#include "api/discovery/discovery.hpp"
#include "api/openapi/openapi.hpp"
#include "api/rest/admission_gate.hpp"
#include "api/rest/answers.hpp"
#include "api/rest/audit_trail.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <ctime>
#include <set>

#include <spdlog/spdlog.h>

namespace thespis::api::rest {

namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";

error no_such_path() {
  return make_error(reason::not_found, "the server could not find the requested resource");
}

transport::response text(int status, std::string body) {
  auto r = answer(status, std::string(plain_text), transport::payload(std::move(body)));
  r.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return r;
}

constexpr std::chrono::hours one_year{365 * 24};

/// RFC 9110's date: "Thu, 01 Jan 2026 00:00:00 GMT".
std::string http_date(std::chrono::sys_time<std::chrono::nanoseconds> t) {
  std::time_t seconds = std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    size_t end = std::min(path.find('/'), path.size());
    parts.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

std::string version_json(const version_info& v) {
  auto member = [](std::string_view k, std::string_view s, bool last = false) {
    return json::quote(k) + ":" + json::quote(s) + (last ? "" : ",");
  };
  return "{" + member("major", v.major) + member("minor", v.minor) +
         member("gitVersion", v.git_version) + member("gitCommit", v.git_commit) +
         member("gitTreeState", v.git_tree_state) + member("buildDate", v.build_date) +
         member("goVersion", "") + member("compiler", v.compiler) +
         member("platform", v.platform, true) + "}";
}

/// What only says whether requests should come here already.
bool is_readiness_only(std::string_view check) {
  return check == "etcd-readiness" || check == "informer-sync";
}

/// /healthz, /livez, /readyz and single checks below them. Why a check fails is not told to those
/// who ask for all: strangers may.
transport::response health(const exchange& x, std::string_view which, std::string_view check) {
  auto checks = x.server->cluster.health();
  if (which != "readyz")
    std::erase_if(checks, [](const auto& c) { return is_readiness_only(c.first); });
  if (!check.empty()) {
    auto it =
        std::find_if(checks.begin(), checks.end(), [&](const auto& c) { return c.first == check; });
    if (it == checks.end())
      return answer(no_such_path());
    return it->second.empty() ? text(200, "ok")
                              : text(500, "internal server error: " + it->second + "\n");
  }
  auto found = x.target.query.all("exclude");
  std::set<std::string_view> excluded(found.begin(), found.end());
  std::string report;
  bool ok = true;
  for (const auto& [name, why] : checks) {
    bool skipped = excluded.erase(name) > 0;
    bool good = skipped || why.empty();
    ok = ok && good;
    report += (good ? "[+]" : "[-]") + name +
              (skipped ? " excluded: ok"
               : good  ? " ok"
                       : " failed: reason withheld") +
              "\n";
    if (!good)
      spdlog::warn("{} check {} failed: {}", which, name, why);
  }
  if (!excluded.empty()) {
    report += "warn: some health checks cannot be excluded: no matches for ";
    for (std::string_view separator = ""; auto name : excluded) {
      report.append(separator).append(quote_go(name));
      separator = ", ";
    }
    report += "\n";
  }
  if (ok && !x.target.query.has("verbose"))
    return text(200, "ok");
  report += std::string(which) + (ok ? " check passed\n" : " check failed\n");
  return text(ok ? 200 : 500, std::move(report));
}

/// What other servers answer for.
discovery::foreign_versions foreign_of(const exchange& x) {
  discovery::foreign_versions out;
  if (const auto& extensions = x.server->options.extensions)
    for (const auto& e : *extensions->all())
      out.push_back({e.group, e.version, e.resources, e.available, e.group_priority});
  return out;
}

/// Grows when any discovery document may have changed.
uint64_t generation_of(const exchange& x) {
  const auto& extensions = x.server->options.extensions;
  return x.server->schemas.generation() + (extensions ? extensions->generation() : 0);
}

/// A discovery document, made once for each state of the schema registry.
transport::response discovery_document(const exchange& x, const std::string& key,
                                       const std::function<std::string()>& make,
                                       const transport::request_head& head) {
  auto form = negotiate_discovery(head.header("Accept"));
  if (!form)
    return answer(form.error());
  const auto& schemas = x.server->schemas;
  bool can_aggregate = x.target.path == "/api" || x.target.path == "/apis";
  if (can_aggregate && !form->aggregated.empty()) {
    auto version = form->aggregated;
    auto d = x.server->documents.get(x.target.path + "#" + version, generation_of(x), [&] {
      return discovery::aggregated(schemas, x.target.path == "/api", version, foreign_of(x));
    });
    return answer_document(
        d, "application/json;g=apidiscovery.k8s.io;v=" + version + ";as=APIGroupDiscoveryList",
        head.header("If-None-Match"));
  }
  auto d = x.server->documents.get(key, generation_of(x), make);
  if (d.bytes->empty())
    return answer(no_such_path());
  if (form->encoding == encoding::yaml)
    return answer(200, *d.bytes, {encoding::yaml, shape::plain, "v1", false});
  return answer(200, "application/json", transport::payload(d.bytes));
}

/// Whether there is such a group and version.
bool is_served(const exchange& x, const std::vector<std::string>& parts) {
  if (parts.size() == 1)
    return true;
  if (parts.size() == 2 && parts[0] == "apis" && x.server->options.extensions)
    for (const auto& e : *x.server->options.extensions->all())
      if (e.group == parts[1])
        return true;
  auto all = x.server->schemas.resources();
  bool core = parts[0] == "api";
  return std::any_of(all.begin(), all.end(), [&](const auto& r) {
    if (core)
      return r->group.empty() && r->version == parts[1];
    return r->group == parts[1] && (parts.size() == 2 || r->version == parts[2]);
  });
}

transport::response discover(const exchange& x, const std::vector<std::string>& parts,
                             const transport::request_head& head) {
  const auto& schemas = x.server->schemas;
  auto make = [&]() -> std::string {
    if (parts[0] == "api")
      return parts.size() == 1 ? discovery::core_versions(x.server->address)
                               : discovery::resource_list(schemas, "", parts[1]).value_or("");
    if (parts.size() == 1)
      return discovery::group_list(schemas, foreign_of(x));
    if (parts.size() == 2)
      return discovery::group(schemas, parts[1], foreign_of(x)).value_or("");
    return discovery::resource_list(schemas, parts[1], parts[2]).value_or("");
  };
  // What is not there must not fill the cache: paths are the client's.
  if (!is_served(x, parts))
    return answer(no_such_path());
  return discovery_document(x, x.target.path, make, head);
}

/// What other servers say of their objects in OpenAPI v2.
openapi::foreign_parts foreign_parts(const exchange& x) {
  openapi::foreign_parts out;
  if (const auto& extensions = x.server->options.extensions)
    for (const auto& e : *extensions->all())
      out.push_back(e.openapi_v2);
  return out;
}

transport::response openapi_v2(const exchange& x, const transport::request_head& head) {
  auto form = negotiate_openapi_v2(head.header("Accept"));
  if (!form)
    return answer(form.error());
  const auto& schemas = x.server->schemas;
  bool protobuf = *form == openapi_form::protobuf;
  auto d =
      x.server->documents.get(protobuf ? "/openapi/v2#pb" : "/openapi/v2", generation_of(x), [&] {
        return protobuf ? openapi::v2_protobuf(schemas, foreign_parts(x))
                        : openapi::v2_json(schemas, foreign_parts(x));
      });
  // The name that clients ask by has an @, which no media type may hold: Go refuses it.
  return answer_document(d,
                         protobuf ? "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
                                  : "application/json",
                         head.header("If-None-Match"));
}

/// Where other servers describe their objects.
openapi::foreign_paths foreign_schemas(const exchange& x) {
  openapi::foreign_paths out;
  if (const auto& extensions = x.server->options.extensions)
    for (const auto& e : *extensions->all())
      if (!e.openapi_path.empty())
        out.emplace_back("apis/" + e.group + "/" + e.version, e.openapi_path);
  return out;
}

transport::response openapi_v3(const exchange& x, std::string_view below,
                               const transport::request_head& head) {
  const auto& schemas = x.server->schemas;
  if (below.empty()) {
    auto d = x.server->documents.get("/openapi/v3", generation_of(x), [&] {
      return openapi::v3_index(schemas, foreign_schemas(x));
    });
    return answer_document(d, "application/json", head.header("If-None-Match"));
  }
  if (!openapi::has_v3(schemas, below))
    return answer(no_such_path());
  auto d = x.server->documents.get("/openapi/v3/" + std::string(below), generation_of(x),
                                   [&] { return openapi::v3(schemas, below).value_or(""); });
  // The hash in the query names one very document: it never changes under that name.
  auto hash = x.target.query.get("hash");
  auto present = d.etag.substr(1, d.etag.size() - 2);
  if (!hash.empty() && hash != present) {
    auto moved = answer(301, "text/html; charset=utf-8", transport::payload());
    moved.headers.emplace_back("Location", x.target.path + "?hash=" + present);
    return moved;
  }
  auto r = answer_document(d, "application/json", head.header("If-None-Match"));
  if (hash.empty())
    return r;
  for (auto& [name, value] : r.headers)
    if (name == "Cache-Control")
      value = "public, immutable";
  r.headers.emplace_back("Expires", http_date(x.server->options.now() + one_year));
  return r;
}

transport::outcome introspect(exchange_ptr x) {
  transport::stream s;
  s.start = [x](std::shared_ptr<transport::response_stream> out, std::string) {
    introspection what{std::string{x->target.query.get("command")}, x->method == "POST", x->user};
    x->server->cluster.introspect(std::move(what), [x, out](result<std::string> r) {
      int status = r ? 200 : http_code(r.error().why);
      x->observe(status);
      if (out->write_head(status, "application/json"))
        out->write(
            std::make_shared<const std::string>(r ? std::move(*r) : to_status_json(r.error())));
      out->close();
    });
  };
  return s;
}

std::string server_url(const exchange& x) {
  const auto& told = x.server->options.external_address;
  return "https://" + (told.empty() ? x.server->address : told);
}

transport::response answer_key_document(std::string json, std::string type) {
  auto r = answer(200, std::move(type), transport::payload(std::move(json)));
  r.headers.emplace_back("Cache-Control", "public, max-age=3600");
  return r;
}

transport::response describe_path(const exchange& x, const transport::request_head& head) {
  const auto& path = x.target.path;
  auto parts = segments(path);
  if (path == "/") {
    return answer(200, discovery::paths(x.server->schemas, foreign_of(x)), representation{});
  }
  const auto& root = parts[0];
  if ((root == "api" && parts.size() <= 2) || (root == "apis" && parts.size() <= 3))
    return discover(x, parts, head);
  if (path == "/version")
    return answer(200, version_json(x.server->options.version), representation{});
  if (root == "healthz" || root == "livez" || root == "readyz")
    return health(x, root, path.size() > root.size() + 2 ? path.substr(root.size() + 2) : "");
  if (path == "/thespis/v1/members" && x.server->options.members)
    return answer(200, x.server->options.members(), representation{});
  if (path == "/metrics") {
    return answer(200, "text/plain; version=0.0.4; charset=utf-8",
                  transport::payload(x.server->counters.text() + flow_metrics(*x.server->gate) +
                                     audit_metrics(*x.server)));
  }
  if (const auto& issuer = x.server->options.issuer) {
    if (path == "/.well-known/openid-configuration")
      return answer_key_document(issuer->discovery_document(server_url(x)), "application/json");
    if (path == "/openid/v1/jwks")
      return answer_key_document(issuer->key_set(), "application/jwk-set+json");
  }
  if (path == "/openapi/v2")
    return openapi_v2(x, head);
  if (root == "openapi" && parts.size() >= 2 && parts[1] == "v3")
    return openapi_v3(x, path == "/openapi/v3" ? "" : path.substr(12), head);
  return answer(no_such_path());
}

} // namespace

transport::outcome describe(exchange_ptr x, const transport::request_head& head) {
  if (x->target.path == introspection_path && (x->method == "GET" || x->method == "POST"))
    return introspect(std::move(x));
  if (x->method != "GET" && x->method != "HEAD") {
    error e;
    e.why = reason::method_not_allowed;
    e.message = "the server does not allow this method on the requested resource";
    x->observe(http_code(e.why));
    return transport::refuse(e);
  }
  auto r = describe_path(*x, head);
  add_flow(*x, r.headers);
  x->observe(r);
  return transport::respond{std::move(r)};
}

} // namespace thespis::api::rest
