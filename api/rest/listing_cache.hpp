// Consistent paging: a list read in pages shows one state. The token names its revision and the
// key to go on after; the state is kept for a while and expires honestly (410).
#pragma once

#include "api/pipeline/reader.hpp"
#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace thespis::api::rest {

/// Where a list goes on.
struct continue_token {
  uint64_t revision = 0; ///< 0: on the present state, inconsistent with the pages before
  std::string start;     ///< the last key sent, "namespace/name" or "name"

  std::string encode() const;
  /// Errors: bad_request.
  static result<continue_token> decode(std::string_view text);
};

/// States of lists that are being paged through. Thread-safe.
class listing_cache {
public:
  using listing_ptr = std::shared_ptr<const listing>;

  explicit listing_cache(size_t max_entries = 32,
                         std::chrono::milliseconds lifetime = std::chrono::minutes{5});

  void put(std::string_view resource, std::string_view ns, listing_ptr l);
  /// nullptr when that state is not kept (any more).
  listing_ptr find(std::string_view resource, std::string_view ns, uint64_t revision);

private:
  struct entry {
    std::string resource;
    std::string ns;
    listing_ptr state;
    std::chrono::steady_clock::time_point last_use;
  };
  void expire(std::chrono::steady_clock::time_point now);

  const size_t max_entries_;
  const std::chrono::milliseconds lifetime_;
  std::mutex mutex_;
  std::list<entry> entries_; ///< last used first
};

} // namespace thespis::api::rest
