#include "actors/node/image_garbage.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::actors {

namespace {

constexpr size_t most_images = 50;
constexpr size_t most_names = 5;

bool uses(const std::set<std::string>& used, const runtime::image_info& image) {
  const auto any = [&](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(), [&](const auto& n) { return used.contains(n); });
  };
  return used.contains(image.id) || any(image.tags) || any(image.digests);
}

std::vector<std::string> names_of(const runtime::image_info& image) {
  auto res = image.digests;
  res.insert(res.end(), image.tags.begin(), image.tags.end());
  res.resize(std::min(res.size(), most_names));
  return res;
}

} // namespace

int64_t bytes_to_free(const image_limits& limits, int64_t available, int64_t capacity) {
  if (capacity <= 0 || limits.high_percent >= 100)
    return 0;
  const auto used = 100 - static_cast<int64_t>(static_cast<double>(available) * 100 /
                                               static_cast<double>(capacity));
  if (used < limits.high_percent)
    return 0;
  return std::max<int64_t>(0, capacity / 100 * (100 - limits.low_percent) - available);
}

bool image_garbage::observe(const std::vector<runtime::image_info>& images,
                            const std::set<std::string>& used, time now) {
  const auto before = described();
  std::map<std::string, record> present;
  for (const auto& i : images) {
    const auto known = images_.find(i.id);
    auto& r = present[i.id];
    if (known != images_.end())
      r = std::move(known->second);
    else
      r.first_seen = now;
    r.info = i;
    if (uses(used, i))
      r.last_used = now;
  }
  images_ = std::move(present);
  return described() != before;
}

std::vector<image_garbage::candidate>
image_garbage::choose(uint64_t bytes, const image_limits& limits, time now) const {
  std::vector<const record*> idle;
  for (const auto& [id, r] : images_)
    if (!r.info.pinned && !r.info.digests.empty() && r.last_used < now &&
        now - r.first_seen >= limits.minimum_age)
      idle.push_back(&r);
  std::stable_sort(idle.begin(), idle.end(), [](const auto* a, const auto* b) {
    return std::tie(a->last_used, a->first_seen) < std::tie(b->last_used, b->first_seen);
  });
  std::vector<candidate> res;
  uint64_t freed = 0;
  for (const auto* r : idle) {
    if (freed >= bytes)
      break;
    res.push_back({r->info.id, r->info.size});
    freed += r->info.size;
  }
  return res;
}

std::vector<api::v1::container_image> image_garbage::described() const {
  std::vector<const record*> all;
  for (const auto& [id, r] : images_)
    all.push_back(&r);
  std::stable_sort(all.begin(), all.end(),
                   [](const auto* a, const auto* b) { return a->info.size > b->info.size; });
  all.resize(std::min(all.size(), most_images));
  std::vector<api::v1::container_image> res;
  for (const auto* r : all) {
    auto names = names_of(r->info);
    if (names.empty())
      continue;
    auto& i = res.emplace_back();
    i.names = std::move(names);
    i.size_bytes = static_cast<int64_t>(r->info.size);
  }
  return res;
}

} // namespace thespis::actors
