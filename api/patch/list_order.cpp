#include "api/patch/list_order.hpp"

#include <algorithm>

namespace thespis::api::patch {

namespace {

constexpr size_t nowhere = ~size_t{0};

size_t place(const key_order& order, const std::string& key) {
  auto it = order.find(key);
  return it == order.end() ? nowhere : it->second;
}

} // namespace

key_order order_of(const std::vector<std::string>& keys) {
  key_order order;
  for (size_t i = 0; i < keys.size(); ++i)
    order.emplace(keys[i], i);
  return order;
}

std::vector<size_t> arrange(const std::vector<std::string>& keys, const key_order& patch_order,
                            const key_order& server_order) {
  std::vector<size_t> server(keys.size()), patch_rank(keys.size());
  std::vector<size_t> from_patch, server_only;
  for (size_t i = 0; i < keys.size(); ++i) {
    server[i] = place(server_order, keys[i]);
    patch_rank[i] = place(patch_order, keys[i]);
    (patch_rank[i] == nowhere ? server_only : from_patch).push_back(i);
  }
  std::stable_sort(from_patch.begin(), from_patch.end(),
                   [&](size_t x, size_t y) { return patch_rank[x] < patch_rank[y]; });
  std::stable_sort(server_only.begin(), server_only.end(),
                   [&](size_t x, size_t y) { return server[x] < server[y]; });
  std::vector<size_t> out;
  out.reserve(keys.size());
  auto p = from_patch.begin();
  auto s = server_only.begin();
  while (p != from_patch.end() && s != server_only.end()) {
    bool server_first = server[*s] != nowhere && server[*p] != nowhere && server[*s] < server[*p];
    out.push_back(server_first ? *s++ : *p++);
  }
  out.insert(out.end(), p, from_patch.end());
  out.insert(out.end(), s, server_only.end());
  return out;
}

} // namespace thespis::api::patch
