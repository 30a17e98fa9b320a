#include "config/settings.hpp"

#include <algorithm>

#include <climits>
#include <unistd.h>

namespace thespis::config {

namespace {

template <class... Ts>
struct overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
overload(Ts...) -> overload<Ts...>;

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + '"';
}

std::string list_to_string(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items)
    out += (out.empty() ? "" : ", ") + quote(item);
  return "[" + out + "]";
}

/// " from 1 to 5", " of at least 1" or nothing, with the bounds written by `print`.
template <class Print>
std::string bounds(const option& o, Print print) {
  if (o.max != INT64_MAX)
    return " from " + print(o.min) + " to " + print(o.max);
  return o.min > 0 ? " of at least " + print(o.min) : std::string{};
}

std::string text_expectation(const option& o) {
  if (!o.allowed.empty()) {
    std::string out = "one of";
    for (size_t i = 0; i < o.allowed.size(); ++i)
      out += (i == 0 ? " " : i + 1 == o.allowed.size() ? " or " : ", ") + std::string{o.allowed[i]};
    return out;
  }
  switch (o.shape) {
  case form::path:
    return "an absolute path";
  case form::address:
    return "an IP address such as 192.0.2.10";
  case form::host:
    return "a DNS name or an IP address";
  case form::dns_name:
    return "a DNS domain such as cluster.local";
  case form::node_name:
    return "a name of lower-case letters, digits, '-' and '.'";
  case form::plain:
  case form::bytes:
    break;
  }
  return "text";
}

} // namespace

std::string settings::kubeconfig_path() const {
  return api.kubeconfig.empty() ? data_dir + "/kubeconfig" : api.kubeconfig;
}

std::string settings::image_path() const {
  return node.image_dir.empty() ? data_dir + "/images" : node.image_dir;
}

std::string settings::node_name() const {
  if (!node.name.empty())
    return node.name;
  char host[HOST_NAME_MAX + 1] = {};
  if (gethostname(host, sizeof host - 1) != 0)
    return "localhost";
  // Host names may hold what names of Kubernetes may not.
  std::string name{host};
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z')
      c += 'a' - 'A';
    else if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.'))
      c = '-';
  }
  auto first = name.find_first_not_of("-.");
  auto last = name.find_last_not_of("-.");
  return first == std::string::npos ? "localhost" : name.substr(first, last - first + 1);
}

std::string settings::kubernetes_service_ip(std::string_view api_address) const {
  const auto& ranges = network.service_cidr;
  const auto api = api::parse_ip(api_address);
  const auto* range = ranges.of_family(!api || api->is_v4());
  return (range ? *range : ranges.all.front()).nth(1).value().to_string();
}

std::string settings::dns_service_ip() const {
  const auto* range = network.service_cidr.of_family(true);
  return (range ? *range : network.service_cidr.all.front()).nth(10).value().to_string();
}

std::string host_and_port(const std::string& host, int64_t port) {
  const bool bare = host.find(':') != std::string::npos && host.front() != '[';
  return (bare ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string value_to_string(const option& o, const settings& s) {
  // The table serves reading and writing, so it hands out pointers to a mutable object.
  auto value = o.at(const_cast<settings&>(s));
  return std::visit(overload{
                        [](const bool* v) { return std::string{*v ? "true" : "false"}; },
                        [&](const int64_t* v) {
                          return o.shape == form::bytes ? bytes_to_string(*v) : std::to_string(*v);
                        },
                        [](const std::string* v) { return v->empty() ? quote(*v) : *v; },
                        [](const duration* v) { return to_string(*v); },
                        [](const ip_ranges* v) { return to_string(*v); },
                        [](const port_range* v) { return to_string(*v); },
                        [](const std::vector<std::string>* v) { return list_to_string(*v); },
                    },
                    value);
}

std::string expectation(const option& o) {
  settings scratch;
  auto number = [](int64_t n) { return std::to_string(n); };
  auto time = [](int64_t n) { return to_string(duration{n}); };
  return std::visit(
      overload{
          [](const bool*) { return std::string{"true or false"}; },
          [&](const int64_t*) {
            return o.shape == form::bytes ? "a size such as 8Ki or 3Mi" + bounds(o, bytes_to_string)
                                          : "a whole number" + bounds(o, number);
          },
          [&](const std::string*) { return text_expectation(o); },
          [&](const duration*) { return "a duration such as 40s or 1m30s" + bounds(o, time); },
          [&](const ip_ranges*) {
            return "an IPv4 range such as 10.42.0.0/16 with a prefix" + bounds(o, number) +
                   ", an IPv6 range with a prefix from " + number(o.min_v6) + " to " +
                   number(o.max_v6) + ", or one of each behind a comma";
          },
          [](const port_range*) { return std::string{"a range of ports such as 30000-32767"}; },
          [&](const std::vector<std::string>*) {
            return "a list, each item " + text_expectation(o);
          },
      },
      o.at(scratch));
}

} // namespace thespis::config
