// Writes rulesets and batches down in nftables' own language, for libnftables (nft(8)).
#pragma once

#include "api/result.hpp"
#include "proxy/data/ruleset.hpp"

namespace thespis::proxy {

/// Refuses options that do not name a table, an IPv4 range or one mark bit, as `invalid`.
api::result<void> check(const data_path_options& o);

/// One transaction that makes the table hold exactly `rules`, whatever it held before.
/// `with_marker` adds the empty chain `localnet_marker`, see nft_kernel. `o` must pass check().
std::string replacement_text(const data_path_options& o, const ruleset& rules, bool with_marker);

/// One transaction that applies the changes to a table that holds what they start from.
std::string change_text(const data_path_options& o, const batch& changes);

/// One transaction after which the table does not exist, whether it did before or not.
std::string removal_text(const data_path_options& o);

inline constexpr std::string_view localnet_marker = "restores_route_localnet";

} // namespace thespis::proxy
