#include "runtime/environment.hpp"

#include <algorithm>
#include <cstdio>

namespace thespis::runtime {

namespace {

class system_clock_impl final : public clock_port {
public:
  wall_time now() const override {
    return std::chrono::time_point_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now());
  }
};

} // namespace

std::shared_ptr<const clock_port> system_clock_port() {
  return std::make_shared<system_clock_impl>();
}

std::shared_ptr<random_port> machine_random_port() {
  std::random_device seed;
  return std::make_shared<random_port>((uint64_t{seed()} << 32) ^ seed());
}

uint64_t random_port::next() {
  const std::lock_guard lock{mutex_};
  return engine_();
}

std::string random_port::uuid() {
  uint64_t high = next();
  uint64_t low = next();
  high = (high & ~0xf000ULL) | 0x4000ULL;
  low = (low & ~(3ULL << 62)) | (2ULL << 62);
  char buf[37];
  std::snprintf(buf, sizeof buf, "%08x-%04x-%04x-%04x-%012llx", static_cast<unsigned>(high >> 32),
                static_cast<unsigned>(high >> 16 & 0xffff), static_cast<unsigned>(high & 0xffff),
                static_cast<unsigned>(low >> 48),
                static_cast<unsigned long long>(low & 0xffffffffffffULL));
  return buf;
}

std::string random_port::suffix(size_t n) {
  constexpr std::string_view alphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string res;
  for (size_t i = 0; i < n; ++i)
    res += alphabet[next() % alphabet.size()];
  return res;
}

void directory::put(const std::string& role, caf::strong_actor_ptr actor) {
  const std::unique_lock lock{mutex_};
  roles_[role] = std::move(actor);
}

void directory::erase(const std::string& role) {
  const std::unique_lock lock{mutex_};
  roles_.erase(role);
}

void directory::erase(const std::string& role, const caf::actor_addr& actor) {
  const std::unique_lock lock{mutex_};
  const auto i = roles_.find(role);
  if (i != roles_.end() && caf::actor_cast<caf::actor_addr>(i->second) == actor)
    roles_.erase(i);
}

void directory::clear() {
  const std::unique_lock lock{mutex_};
  roles_.clear();
}

std::vector<std::pair<std::string, caf::strong_actor_ptr>>
directory::players(std::string_view prefix) const {
  std::vector<std::pair<std::string, caf::strong_actor_ptr>> res;
  {
    const std::shared_lock lock{mutex_};
    for (const auto& entry : roles_)
      if (std::string_view{entry.first}.starts_with(prefix))
        res.emplace_back(entry);
  }
  std::sort(res.begin(), res.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return res;
}

caf::strong_actor_ptr directory::lookup(std::string_view role) const {
  const std::shared_lock lock{mutex_};
  const auto i = roles_.find(role);
  return i == roles_.end() ? nullptr : i->second;
}

} // namespace thespis::runtime
