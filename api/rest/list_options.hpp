// What a list or a watch asks for, checked as Kubernetes checks ListOptions.
#pragma once

#include "api/discovery/selection.hpp"
#include "api/rest/listing_cache.hpp"
#include "api/rest/request_target.hpp"

#include <optional>

namespace thespis::api::rest {

enum class revision_match : uint8_t { unset, exact, not_older_than };

struct list_options {
  object_selector selector;
  std::string label_text, field_text;
  /// Nothing when resourceVersion is absent or empty; 0 is "any".
  std::optional<uint64_t> revision;
  revision_match match = revision_match::unset;
  int64_t limit = 0; ///< 0: all
  std::optional<continue_token> token;

  // Watches only.
  bool bookmarks = false;
  std::optional<bool> initial_events;
  std::optional<int64_t> timeout_seconds;
};

/// Errors: bad_request; invalid for combinations that make no sense.
result<list_options> read_list_options(const schema::resource& resource, const request_target& t);

/// A revision as clients write it. Errors: bad_request.
result<uint64_t> read_revision(std::string_view text);

/// The server has not seen that revision (yet): 504 with the cause ResourceVersionTooLarge.
error too_large_revision(uint64_t wanted, uint64_t present);
error expired_revision(std::string message);

} // namespace thespis::api::rest
