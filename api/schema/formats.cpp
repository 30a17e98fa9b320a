#include "api/schema/formats.hpp"

#include "api/text/cidr.hpp"
#include "api/text/names.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace thespis::api::schema {
namespace {

using checker = complaints (*)(std::string_view);

complaints check_rooted(std::string_view s) {
  if (!s.empty() && s[0] == '/')
    return {};
  return {"must be an absolute path"};
}

complaints check_relative(std::string_view s) {
  complaints out;
  if (!s.empty() && s[0] == '/')
    out.push_back("must be a relative path");
  return out;
}

/// A path that stays below the folder it is relative to.
complaints check_no_backsteps(std::string_view s) {
  std::string_view rest = s;
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    if (rest.substr(0, slash) == "..")
      return {"must not contain '..'"};
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  }
  return {};
}

complaints check_local_path(std::string_view s) {
  auto out = check_relative(s);
  for (auto& c : check_no_backsteps(s))
    out.push_back(std::move(c));
  return out;
}

/// A file in a volume that is updated by swapping: names that begin with two dots are taken.
complaints check_volume_path(std::string_view s) {
  auto out = check_local_path(s);
  if (s.size() > 2 && s.substr(0, 2) == ".." && s[2] != '/')
    out.push_back("must not start with '..'");
  return out;
}

/// Resources of containers and quotas: qualified names, native ones without a prefix.
complaints check_resource_name(std::string_view s) {
  auto out = check_qualified_name(s);
  static constexpr std::array native = {"cpu", "memory", "ephemeral-storage", "storage", "pods"};
  if (!out.empty() || s.find('/') != std::string_view::npos || s.rfind("hugepages-", 0) == 0 ||
      std::find(native.begin(), native.end(), s) != native.end())
    return out;
  return {"must be a standard resource type or fully qualified"};
}

constexpr std::array<std::pair<std::string_view, checker>, 20> formats = {{
    {"absolute-path", check_rooted},
    {"c-identifier", check_c_identifier},
    {"cidr", check_cidr},
    {"config-map-key", check_config_map_key},
    {"dns1035-label", check_dns1035_label},
    {"dns1123-label", check_dns1123_label},
    {"dns1123-subdomain", check_dns1123_subdomain},
    {"env-name", check_env_var_name},
    {"http-header-name", check_http_header_name},
    {"ip", check_ip},
    {"label-key", check_qualified_name},
    {"label-value", check_label_value},
    {"local-path", check_local_path},
    {"no-backsteps", check_no_backsteps},
    {"path-segment", check_path_segment},
    {"percent", check_percent},
    {"port-name", check_port_name},
    {"qualified-name", check_qualified_name},
    {"resource-name", check_resource_name},
    {"volume-path", check_volume_path},
}};

const checker* find(std::string_view format) {
  for (auto& [name, fn] : formats)
    if (name == format)
      return &fn;
  return nullptr;
}

} // namespace

std::vector<std::string> check_format(std::string_view format, std::string_view text) {
  const auto* fn = find(format);
  return fn ? (*fn)(text) : std::vector<std::string>{};
}

bool is_format(std::string_view format) {
  return find(format) != nullptr;
}

} // namespace thespis::api::schema
