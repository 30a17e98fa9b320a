#include "runtime/cri/simulated_state.hpp"

#include "runtime/cri/simulated_runtime.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <sstream>

namespace thespis::runtime::simulated {

namespace {

constexpr uint64_t simulated_memory = 16 << 20;
constexpr uint64_t simulated_image_size = 8 << 20;

/// Thousandths of a core that a simulated container uses.
constexpr uint64_t simulated_millicores = 5;

std::optional<double> unit_seconds(std::string_view& text) {
  const std::pair<std::string_view, double> units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3},
                                                       {"s", 1},     {"m", 60},    {"h", 3600}};
  for (const auto& [name, seconds] : units) {
    if (text.starts_with(name)) {
      text.remove_prefix(name.size());
      return seconds;
    }
  }
  return std::nullopt;
}

std::string fake_digest(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  std::string out = "sha256:";
  for (int word = 0; word < 4; ++word) {
    for (const char c : text)
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    char hex[17];
    std::snprintf(hex, sizeof(hex), "%016llx", static_cast<unsigned long long>(hash));
    out += hex;
  }
  return out;
}

} // namespace

uint64_t random_source::next() {
  state_ += 0x9e3779b97f4a7c15U;
  uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

uint64_t random_source::up_to(uint64_t bound) {
  return bound == UINT64_MAX ? next() : next() % (bound + 1);
}

bool random_source::chance(double probability) {
  constexpr double range = 18446744073709551616.0; // 2^64
  return static_cast<double>(next()) / range < probability;
}

packed_map::packed_map(const string_map& m) {
  const auto append = [this](const std::string& s) {
    const auto size = static_cast<uint32_t>(s.size());
    bytes_.append(reinterpret_cast<const char*>(&size), sizeof(size));
    bytes_ += s;
  };
  for (const auto& [key, value] : m) {
    append(key);
    append(value);
  }
  bytes_.shrink_to_fit();
}

template <class Visit>
void packed_map::each(Visit visit) const {
  std::string_view rest{bytes_};
  const auto cut = [&rest] {
    uint32_t size = 0;
    std::memcpy(&size, rest.data(), sizeof(size));
    const auto s = rest.substr(sizeof(size), size);
    rest.remove_prefix(sizeof(size) + size);
    return s;
  };
  while (!rest.empty()) {
    const auto key = cut();
    visit(key, cut());
  }
}

string_map packed_map::unpack() const {
  string_map out;
  each([&](std::string_view key, std::string_view value) {
    out.emplace_hint(out.end(), std::string{key}, std::string{value});
  });
  return out;
}

bool packed_map::contains(const string_map& wanted) const {
  size_t found = 0;
  each([&](std::string_view key, std::string_view value) {
    const auto it = wanted.find(std::string{key});
    found += it != wanted.end() && it->second == value ? 1 : 0;
  });
  return found == wanted.size();
}

bool address_pool::set_cidr(const std::string& cidr) {
  std::vector<api::cidr> ranges;
  uint64_t size = max_size;
  std::istringstream texts{cidr};
  for (std::string text; std::getline(texts, text, ',');) {
    const auto range = api::parse_cidr(text);
    if (!range || range->prefix() < 8 || range->size() < 4)
      return false;
    size = std::min(size, range->size());
    ranges.push_back(*range);
  }
  if (ranges.empty())
    return false;
  ranges_ = std::move(ranges);
  size_ = static_cast<uint32_t>(size);
  next_ = 2;
  return true;
}

uint32_t address_pool::take() {
  const uint32_t usable = size_ < 4 ? 0 : size_ - 3;
  if (used_.size() >= usable)
    return 0;
  for (;;) {
    const uint32_t candidate = next_;
    next_ = next_ + 2 >= size_ ? 2 : next_ + 1;
    if (used_.insert(candidate).second)
      return candidate;
  }
}

void address_pool::give_back(uint32_t number) {
  used_.erase(number);
}

std::vector<std::string> address_pool::addresses(uint32_t number) const {
  std::vector<std::string> res;
  if (number == 0)
    return res;
  for (const auto& range : ranges_)
    if (const auto ip = range.nth(number))
      res.push_back(ip->to_string());
  return res;
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text == "0")
    return std::chrono::nanoseconds{0};
  if (text.empty())
    return std::nullopt;
  double seconds = 0;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc{} || number < 0)
      return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const auto unit = unit_seconds(text);
    if (!unit)
      return std::nullopt;
    seconds += number * *unit;
  }
  constexpr double most = 1e9; // thirty years
  if (seconds > most)
    return std::nullopt;
  return std::chrono::nanoseconds{static_cast<int64_t>(seconds * 1e9 + 0.5)};
}

behaviour make_behaviour(const container_config& config, const sandbox_config& pod) {
  const auto find = [&](const std::string& key) -> const std::string* {
    if (const auto it = config.annotations.find(key); it != config.annotations.end())
      return &it->second;
    if (const auto it = pod.annotations.find(key + "." + config.name); it != pod.annotations.end())
      return &it->second;
    // An init container of a pod that ends some day still just does its work.
    const auto it = pod.annotations.find(key);
    return it != pod.annotations.end() && !config.expected_to_end ? &it->second : nullptr;
  };
  const auto duration = [&](const char* key) {
    const auto* text = find(key);
    return text ? parse_duration(*text) : std::nullopt;
  };
  const auto number = [&](const char* key) {
    int32_t value = 0;
    if (const auto* text = find(key))
      std::from_chars(text->data(), text->data() + text->size(), value);
    return value;
  };
  behaviour b;
  b.exit_after = duration(simulation::exit_after);
  b.stop_after = duration(simulation::stop_after);
  b.exit_code = number(simulation::exit_code);
  b.exec_code = number(simulation::exec_code);
  if (const auto* text = find(simulation::start_error))
    b.start_error = *text;
  return b;
}

sandbox_status status_of(const std::string& id, const sandbox& s, const address_pool& addresses) {
  sandbox_status out;
  out.id = id;
  out.metadata = s.metadata;
  out.state = s.ready ? sandbox_state::ready : sandbox_state::not_ready;
  out.created_at = s.created_at;
  out.ips = addresses.addresses(s.address);
  out.namespaces = s.namespaces;
  out.labels = s.labels.unpack();
  out.annotations = s.annotations.unpack();
  return out;
}

sandbox_summary summary_of(const std::string& id, const sandbox& s) {
  return {
      id,           s.metadata,        s.ready ? sandbox_state::ready : sandbox_state::not_ready,
      s.created_at, s.labels.unpack(), s.annotations.unpack()};
}

container_status status_of(const std::string& id, const container& c) {
  container_status out;
  out.id = id;
  out.name = c.name;
  out.attempt = c.attempt;
  out.state = c.state;
  out.created_at = c.created_at;
  out.started_at = c.started_at;
  out.finished_at = c.finished_at;
  out.exit_code = c.exit_code;
  out.image = c.image;
  out.image_ref = fake_digest(c.image);
  out.reason = c.reason;
  out.labels = c.labels.unpack();
  out.annotations = c.annotations.unpack();
  out.log_path = c.log_path;
  return out;
}

container_summary summary_of(const std::string& id, const container& c) {
  container_summary out;
  out.id = id;
  out.sandbox_id = c.sandbox_id;
  out.name = c.name;
  out.attempt = c.attempt;
  out.image = c.image;
  out.image_ref = fake_digest(c.image);
  out.state = c.state;
  out.created_at = c.created_at;
  out.labels = c.labels.unpack();
  out.annotations = c.annotations.unpack();
  return out;
}

container_stats stats_of(const std::string& id, const container& c, unix_nanos now) {
  container_stats out;
  out.id = id;
  out.name = c.name;
  out.labels = c.labels.unpack();
  out.timestamp = now;
  const unix_nanos end = c.state == container_state::running ? now : c.finished_at;
  if (c.started_at != 0 && end > c.started_at)
    out.cpu_core_nanoseconds =
        static_cast<uint64_t>(end - c.started_at) / 1000 * simulated_millicores;
  if (c.state == container_state::running)
    out.memory_working_set = out.memory_usage = out.memory_rss = simulated_memory;
  return out;
}

image_info image_of(const std::string& reference) {
  image_info out;
  out.id = fake_digest(reference);
  if (reference.find('@') == std::string::npos)
    out.tags = {reference};
  out.digests = {reference.substr(0, reference.rfind(':')) + "@" + fake_digest(reference)};
  out.size = simulated_image_size;
  return out;
}

bool matches(const sandbox_filter& f, const std::string& id, const sandbox& s) {
  return (f.id.empty() || f.id == id) &&
         (!f.state || (*f.state == sandbox_state::ready) == s.ready) && s.labels.contains(f.labels);
}

bool matches(const container_filter& f, const std::string& id, const container& c) {
  return (f.id.empty() || f.id == id) && (f.sandbox_id.empty() || f.sandbox_id == c.sandbox_id) &&
         (!f.state || *f.state == c.state) && c.labels.contains(f.labels);
}

} // namespace thespis::runtime::simulated
