// The shell's questions, answered on the server: JSON out of the process's actor records.
#pragma once

#include "api/result.hpp"
#include "runtime/introspection.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools {

/// What `ps` is asked for.
struct ps_query {
  enum class order : uint8_t { name, mailbox, handled, busy };
  std::string kind; ///< empty: all
  order sort = order::name;
  size_t limit = 100; ///< 0: no limit
};

/// Reads the words after "ps": "[KIND] [--sort name|mailbox|handled|busy] [--limit N]".
/// Errors: bad_request, saying what was expected.
api::result<ps_query> parse_ps(std::string_view words);

/// The actors asked for; `matched` becomes how many there are without the limit. By name means
/// by kind, name and id; the other orders put the largest first.
std::vector<runtime::actor_info> select(std::vector<runtime::actor_info> all, const ps_query& q,
                                        size_t& matched);

/// Commands:
///   ps ...            {"actors":[...],"matched":N,"total":N}, see parse_ps
///   tree, top         {"actors":[...],"nanoseconds":N}: all of them, and a clock to tell how
///                     much time passed between two answers
///   kinds             {"kinds":[{"kind":"pod","count":N}]}
///   info ID|KIND[/NAME]  {"actor":{...}}: one actor with its messages by type and its state in
///                     its own words
/// Errors: bad_request for an unknown command; not_found when there is no such actor.
void run_introspection(caf::actor_system& sys, std::string command,
                       std::function<void(api::result<std::string>)> done);

} // namespace thespis::tools
