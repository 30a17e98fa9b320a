// Writes rulesets and batches down in nftables' own language, for libnftables (nft(8)).
#pragma once

#include "api/result.hpp"
#include "proxy/data/ruleset.hpp"

namespace thespis::proxy {

/// Refuses options that do not name a table, ranges of its family or one mark bit, as `invalid`.
api::result<void> check(const data_path_options& o);

// In what follows `o` must have passed check(), and `table` is the table's name in the kernel.

/// One transaction that makes the table hold exactly `rules`, whatever it held before.
/// `with_marker` adds the empty chain `localnet_marker`, see nft_kernel.
std::string replacement_text(const data_path_options& o, const std::string& table,
                             const ruleset& rules, bool with_marker);

/// The transaction that must precede change_text(): new chains, which nothing leads to yet. A
/// packet sees the rules of one generation and the elements of the next when both change under it,
/// so an element must never lead to a chain of its own transaction. Empty if there are none.
std::string chains_text(const data_path_options& o, const std::string& table, const batch& changes);

/// One transaction that applies the changes to a table that holds what they start from.
std::string change_text(const data_path_options& o, const std::string& table, const batch& changes);

/// One transaction after which the table looks up no new connection.
std::string retirement_text(ip_family f, const std::string& table);

/// One transaction after which the table does not exist, whether it did before or not.
std::string removal_text(ip_family f, const std::string& table);

/// The chain that remembers who turned a sysctl on.
inline constexpr std::string_view localnet_marker = "restores_route_localnet";

} // namespace thespis::proxy
