#include "config/settings_reader.hpp"

#include "api/text/threshold.hpp"
#include "config/spelling.hpp"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <arpa/inet.h>

namespace thespis::config {

namespace {

constexpr size_t max_file_bytes = 1 << 20;

std::string mark_to_string(const std::string& name, const YAML::Mark& mark) {
  return name + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
}

bool is_number(std::string_view text) {
  double value{};
  auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && code == std::errc{} && at == text.data() + text.size();
}

bool is_bool(std::string_view text) {
  return text == "true" || text == "false";
}

/// yaml-cpp tags a quoted scalar with "!".
bool is_quoted(const YAML::Node& node) {
  return node.Tag() == "!";
}

/// How the value of a node reads in a message.
std::string describe(const YAML::Node& node) {
  if (node.IsNull())
    return "nothing";
  if (node.IsSequence())
    return "a list";
  if (node.IsMap())
    return "a map";
  if (is_quoted(node))
    return "\"" + node.Scalar() + "\"";
  return node.Scalar();
}

/// Whether a YAML scalar is of the option's type; a number is no text and quoted text no number.
bool right_type(const slot& place, const YAML::Node& node) {
  const auto& text = node.Scalar();
  if (std::holds_alternative<bool*>(place))
    return !is_quoted(node) && is_bool(text);
  if (std::holds_alternative<int64_t*>(place))
    return !is_quoted(node);
  return is_quoted(node) || !(is_number(text) || is_bool(text));
}

bool is_label(std::string_view label) {
  auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !label.empty() && label.size() <= 63 && plain(label.front()) && plain(label.back()) &&
         std::all_of(label.begin(), label.end(), [&](char c) { return plain(c) || c == '-'; });
}

/// A subdomain of RFC 1123, as Kubernetes asks of names.
bool is_subdomain(std::string_view text) {
  if (text.size() > 253)
    return false;
  while (true) {
    auto dot = text.find('.');
    if (!is_label(text.substr(0, dot)))
      return false;
    if (dot == std::string_view::npos)
      return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_address(const std::string& text) {
  unsigned char binary[sizeof(in6_addr)];
  return inet_pton(AF_INET, text.c_str(), binary) == 1 ||
         inet_pton(AF_INET6, text.c_str(), binary) == 1;
}

bool valid_text(const option& o, const std::string& text) {
  if (!o.allowed.empty())
    return std::find(o.allowed.begin(), o.allowed.end(), text) != o.allowed.end();
  if (text.empty())
    return o.min == 0;
  if (text.find('\0') != std::string::npos)
    return false;
  switch (o.shape) {
  case form::path:
    return text.front() == '/';
  case form::address:
    return api::parse_ip(text).has_value();
  case form::host:
    return is_address(text) || is_subdomain(text.starts_with("*.") ? text.substr(2) : text);
  case form::dns_name:
  case form::node_name:
    return is_subdomain(text);
  case form::plain:
  case form::bytes:
    break;
  }
  return true;
}

template <class T>
std::optional<T> within(const option& o, std::optional<T> value, int64_t number) {
  return value && number >= o.min && number <= o.max ? value : std::nullopt;
}

std::optional<int64_t> parse_int(std::string_view text) {
  int64_t value{};
  auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc{} || at != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// Parses `text` into the place; false leaves it as it was.
class parser {
public:
  parser(const option& o, const std::string& text) : o_{o}, text_{text} {}

  bool operator()(bool* v) const {
    if (!is_bool(text_))
      return false;
    *v = text_ == "true";
    return true;
  }
  bool operator()(int64_t* v) const {
    auto n = o_.shape == form::bytes ? parse_bytes(text_) : parse_int(text_);
    return store(v, within(o_, n, n.value_or(0)));
  }
  bool operator()(std::string* v) const {
    return store(v, valid_text(o_, text_) ? std::optional{text_} : std::nullopt);
  }
  bool operator()(duration* v) const {
    auto d = parse_duration(text_);
    return store(v, within(o_, d, d ? d->count() : 0));
  }
  bool operator()(ip_ranges* v) const {
    auto ranges = parse_ranges(text_);
    if (ranges)
      for (const auto& range : ranges->all) {
        const auto prefix = static_cast<int64_t>(range.prefix());
        const bool v4 = range.base().is_v4();
        if (prefix < (v4 ? o_.min : o_.min_v6) || prefix > (v4 ? o_.max : o_.max_v6))
          return false;
      }
    return store(v, ranges);
  }
  bool operator()(port_range* v) const { return store(v, parse_port_range(text_)); }
  bool operator()(std::vector<std::string>* v) const {
    bool valid = !text_.empty() && valid_text(o_, text_);
    if (valid)
      v->push_back(text_);
    return valid;
  }

private:
  template <class T>
  static bool store(T* place, const std::optional<T>& value) {
    if (value)
      *place = *value;
    return value.has_value();
  }

  const option& o_;
  const std::string& text_;
};

std::string suggestion(const std::string& prefix, const std::string& key) {
  std::vector<std::string> known;
  for (const auto& o : options()) {
    auto rest = o.key;
    if (!rest.starts_with(prefix))
      continue;
    rest.remove_prefix(prefix.size());
    known.emplace_back(rest.substr(0, rest.find('.')));
  }
  auto best = closest_spelling(key, known);
  if (!best.empty())
    return "; did you mean \"" + best + "\"?";
  // A key that is right in another group: name its whole path.
  for (const auto& o : options())
    if (o.key.ends_with("." + key) || o.flag == key)
      return "; did you mean \"" + std::string{o.key} + "\"?";
  return {};
}

bool is_group(const std::string& key) {
  const auto& all = options();
  return std::any_of(all.begin(), all.end(),
                     [&](const option& o) { return o.key.starts_with(key + "."); });
}

const option* find_option(std::string_view option::*member, std::string_view name) {
  for (const auto& o : options())
    if (o.*member == name)
      return &o;
  return nullptr;
}

} // namespace

void settings_reader::refuse(const std::string& origin, const std::string& expected,
                             std::string_view got) {
  problems_.push_back(origin + ": expected " + expected + " (got " + std::string{got} + ")");
}

std::string settings_reader::origin_of(std::string_view key) const {
  auto at = origins_.find(key);
  return at == origins_.end() ? std::string{key} + " (default)" : at->second;
}

void settings_reader::read_file(const std::string& path) {
  std::error_code code;
  std::ifstream in{path, std::ios::binary};
  if (!in || std::filesystem::is_directory(path, code)) {
    problems_.push_back(
        path + ": expected a readable configuration file (got " +
        (std::filesystem::exists(path, code) ? "one that cannot be read" : "none of that name") +
        ")");
    return;
  }
  std::string text(max_file_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  read_text(text, path);
}

void settings_reader::read_text(std::string_view text, const std::string& name) {
  if (text.size() > max_file_bytes) {
    problems_.push_back(name + ": expected at most 1 MiB of configuration");
    return;
  }
  try {
    auto documents = YAML::LoadAll(std::string{text});
    if (documents.size() > 1)
      refuse(mark_to_string(name, documents[1].Mark()), "one YAML document",
             std::to_string(documents.size()));
    else if (!documents.empty() && documents[0].IsMap())
      read_map(documents[0], "", name);
    else if (!documents.empty() && !documents[0].IsNull())
      refuse(mark_to_string(name, documents[0].Mark()), "a map of settings",
             describe(documents[0]));
  } catch (const YAML::Exception& e) {
    problems_.push_back(mark_to_string(name, e.mark) + ": not YAML: " + e.msg);
  }
}

void settings_reader::read_map(const YAML::Node& map, const std::string& prefix,
                               const std::string& name) {
  std::map<std::string, YAML::Mark> seen;
  for (const auto& entry : map) {
    auto here = mark_to_string(name, entry.first.Mark());
    if (!entry.first.IsScalar()) {
      refuse(here, "a key", describe(entry.first));
      continue;
    }
    const auto& word = entry.first.Scalar();
    auto key = prefix + word;
    auto [first, fresh] = seen.emplace(word, entry.first.Mark());
    if (!fresh) {
      problems_.push_back(here + ": " + key + ": expected once, but line " +
                          std::to_string(first->second.line + 1) + " has it already");
      continue;
    }
    const auto& node = entry.second;
    auto origin =
        mark_to_string(name, node.IsNull() ? entry.first.Mark() : node.Mark()) + ": " + key;
    if (const auto* o = find_option(&option::key, key))
      read_value(*o, node, origin);
    else if (!is_group(key))
      problems_.push_back(here + ": " + key + ": unknown key" + suggestion(prefix, word));
    else if (node.IsMap())
      read_map(node, key + ".", name);
    else if (!node.IsNull())
      refuse(origin, "a map of settings", describe(node));
  }
}

void settings_reader::read_value(const option& o, const YAML::Node& node,
                                 const std::string& origin) {
  auto place = o.at(value_);
  if (auto* list = std::get_if<std::vector<std::string>*>(&place)) {
    if (!node.IsSequence())
      return refuse(origin, expectation(o), describe(node));
    (*list)->clear();
    for (const auto& item : node) {
      if (!item.IsScalar() || !right_type(place, item))
        return refuse(origin, expectation(o), "an item that is " + describe(item));
      assign(o, item.Scalar(), origin);
    }
    return;
  }
  if (!node.IsScalar() || !right_type(place, node))
    return refuse(origin, expectation(o), describe(node));
  assign(o, node.Scalar(), origin);
}

void settings_reader::assign(const option& o, const std::string& text, const std::string& origin) {
  if (std::visit(parser{o, text}, o.at(value_)))
    origins_[std::string{o.key}] = origin;
  else
    refuse(origin, expectation(o), text.empty() ? "\"\"" : text);
}

void settings_reader::set_flag(std::string_view flag, const std::string& text) {
  const auto* o = find_option(&option::flag, flag);
  if (o == nullptr) {
    problems_.push_back("--" + std::string{flag} + ": unknown flag");
    return;
  }
  auto origin = "--" + std::string{flag};
  bool relative = o->shape == form::path && !text.empty() && text.front() != '/';
  assign(*o, relative ? std::filesystem::absolute(text).lexically_normal().string() : text, origin);
}

/// A node's share is part of the pod range, and they are so few that a table of them is small.
void settings_reader::check_shares(const api::cidr& pods) {
  constexpr int64_t max_share_bits = 16;
  const bool v4 = pods.base().is_v4();
  const std::string key = v4 ? "network.node-cidr-mask" : "network.node-cidr-mask-ipv6";
  const auto mask = v4 ? value_.network.node_cidr_mask : value_.network.node_cidr_mask_ipv6;
  const auto origin = origin_of(origins_.contains(key) ? key : "network.pod-cidr");
  const auto prefix = static_cast<int64_t>(pods.prefix());
  if (mask < prefix)
    refuse(origin, "a node's share no larger than the pod range " + pods.to_string(),
           "/" + std::to_string(mask));
  else if (!v4 && mask - prefix > max_share_bits)
    refuse(origin,
           "a node's share at most " + std::to_string(max_share_bits) +
               " bits longer than the pod range " + pods.to_string(),
           "/" + std::to_string(mask));
}

void settings_reader::check_network() {
  const auto& n = value_.network;
  if (n.service_cidr.overlaps(n.pod_cidr))
    refuse(origin_of(origins_.contains("network.service-cidr") ? "network.service-cidr"
                                                               : "network.pod-cidr"),
           "ranges of pods and services that do not overlap",
           "pods " + to_string(n.pod_cidr) + ", services " + to_string(n.service_cidr));
  for (const auto& pods : n.pod_cidr.all)
    check_shares(pods);
  for (const bool v4 : {true, false})
    if ((n.pod_cidr.of_family(v4) != nullptr) != (n.service_cidr.of_family(v4) != nullptr))
      refuse(origin_of(origins_.contains("network.service-cidr") ? "network.service-cidr"
                                                                 : "network.pod-cidr"),
             "ranges of pods and services of the same families",
             "pods " + to_string(n.pod_cidr) + ", services " + to_string(n.service_cidr));
  if (value_.api.port >= n.node_ports.first && value_.api.port <= n.node_ports.last)
    refuse(origin_of(origins_.contains("api.port") ? "api.port" : "network.service-node-ports"),
           "a port of the API outside the services' node ports " + to_string(n.node_ports),
           std::to_string(value_.api.port));
  if (n.mtu != 0 && n.mtu < 576)
    refuse(origin_of("network.mtu"), "0 or at least 576, the least of IPv4", std::to_string(n.mtu));
}

void settings_reader::check_node() {
  // A node renews its lease every status interval; a few may be late before it counts as lost.
  if (2 * value_.node.status_interval > value_.controllers.node_monitor_grace)
    refuse(origin_of(origins_.contains("node.status-interval") ? "node.status-interval"
                                                               : "controllers.node-monitor-grace"),
           "at most half of the silence that loses a node, " +
               to_string(value_.controllers.node_monitor_grace),
           to_string(value_.node.status_interval));
}

void settings_reader::check_soft_pressure() {
  const auto& n = value_.node;
  const auto soft = api::parse_thresholds(n.eviction_soft);
  const auto grace = api::parse_grace_periods(n.eviction_soft_grace_period);
  const auto reclaim = api::parse_minimum_reclaims(n.eviction_minimum_reclaim);
  if (!soft)
    refuse(origin_of("node.eviction-soft"),
           "thresholds such as memory.available<200Mi (" + soft.error().message + ")",
           n.eviction_soft);
  if (!grace)
    refuse(origin_of("node.eviction-soft-grace-period"),
           "times such as memory.available=1m30s (" + grace.error().message + ")",
           n.eviction_soft_grace_period);
  if (!reclaim)
    refuse(origin_of("node.eviction-minimum-reclaim"),
           "amounts such as nodefs.available=1Gi (" + reclaim.error().message + ")",
           n.eviction_minimum_reclaim);
  if (soft && grace)
    for (const auto& t : *soft)
      if (!grace->contains(t.signal))
        refuse(origin_of("node.eviction-soft"),
               "a grace period for each soft threshold; " + t.signal + " has none",
               n.eviction_soft);
}

void settings_reader::check_pressure() {
  if (const auto ok = api::parse_thresholds(value_.node.eviction_hard); !ok)
    refuse(origin_of("node.eviction-hard"),
           "thresholds such as memory.available<100Mi,nodefs.available<10% (" + ok.error().message +
               ")",
           value_.node.eviction_hard);
  check_soft_pressure();
  if (value_.node.image_gc_low_threshold >= value_.node.image_gc_high_threshold)
    refuse(origin_of(origins_.contains("node.image-gc-low-threshold")
                         ? "node.image-gc-low-threshold"
                         : "node.image-gc-high-threshold"),
           "a low threshold below the high one, " +
               std::to_string(value_.node.image_gc_high_threshold),
           std::to_string(value_.node.image_gc_low_threshold));
}

void settings_reader::check_times() {
  const auto& c = value_.controllers;
  if (c.initial_backoff > c.max_backoff)
    refuse(origin_of(origins_.contains("controllers.initial-backoff")
                         ? "controllers.initial-backoff"
                         : "controllers.max-backoff"),
           "no longer than controllers.max-backoff, " + to_string(c.max_backoff),
           to_string(c.initial_backoff));
}

api::result<settings> settings_reader::finish() {
  // Values that were refused are still at their defaults, so checks between keys would mislead.
  if (problems_.empty()) {
    check_network();
    check_node();
    check_pressure();
    check_times();
  }
  if (problems_.empty())
    return value_;
  api::error e;
  e.why = api::reason::bad_request;
  for (const auto& problem : problems_)
    e.message += (e.message.empty() ? "" : "\n") + problem;
  return api::fail(std::move(e));
}

api::result<settings> load_settings(const std::string& path) {
  settings_reader reader;
  if (!path.empty())
    reader.read_file(path);
  return reader.finish();
}

} // namespace thespis::config
