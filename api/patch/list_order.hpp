// The order of a merged list: what a strategic merge patch says, then what the server had.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace thespis::api::patch {

/// Where each key stands in a list; the first place counts.
using key_order = std::map<std::string, size_t, std::less<>>;

key_order order_of(const std::vector<std::string>& keys);

/// Arranges a merged list whose elements have these keys; returns element positions. Elements in
/// `patch_order` take its order among themselves, the others that of `server_order`; of two
/// neighbours the patch's comes first unless the server's list had both the other way round.
std::vector<size_t> arrange(const std::vector<std::string>& keys, const key_order& patch_order,
                            const key_order& server_order);

} // namespace thespis::api::patch
