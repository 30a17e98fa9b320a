// Decides what becomes of a DNS message: an answer from the zone, one kept from before, or a
// question to others. No socket and no clock here.
#pragma once

#include "proxy/dns/wire.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>

namespace thespis::proxy::dns {

using time_point = std::chrono::steady_clock::time_point;

enum class transport : uint8_t { udp, tcp };

/// Answers by the exact bytes of their query, without the id. Bounded: a full cache is emptied.
class answer_cache {
public:
  explicit answer_cache(size_t max_entries) : max_entries_(max_entries) {}

  /// The answer to that query, with its id, its TTLs as old as they are.
  std::optional<std::string> find(std::string_view request, transport via, time_point now);
  /// Keeps an answer of others as long as it lives.
  void keep(std::string_view request, transport via, std::string_view answer, time_point now);
  /// Keeps an answer of the zone until `clear`.
  void keep(std::string_view request, transport via, std::string_view answer);
  void clear();
  size_t size() const { return entries_.size(); }

private:
  struct entry {
    std::string bytes;
    std::vector<uint16_t> ttl_offsets;
    time_point stored;
    time_point expires;
  };
  struct hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  /// The cache's key of a request; valid until the next call.
  std::string_view key_of(std::string_view request, transport via);
  void put(std::string_view request, transport via, entry e);

  const size_t max_entries_;
  std::string key_;
  std::unordered_map<std::string, entry, hash, std::equal_to<>> entries_;
};

struct responder_options {
  std::string domain = "cluster.local";
  std::vector<api::cidr> ranges; ///< of pods and services: their reverse names are ours
  uint32_t ttl = 5;
  size_t cache_entries = 16384;
};

/// A question that others must answer.
struct ask_others {
  /// What is to be sent; its id is the sender's to choose.
  std::string request;
  /// Set when the client's question was another one: its CNAME leads out of the zone.
  std::optional<query> joined;
  answer so_far;
};

using response = std::variant<std::string, ask_others, ignored>;

struct responder_counters {
  uint64_t queries = 0, kept = 0, own = 0, forwarded = 0, bad = 0;
};

/// Not thread-safe.
class responder {
public:
  explicit responder(responder_options options);

  /// Changes of the zone go through here, so that no answer outlives what it says.
  template <class Change>
  void change(Change&& change) {
    change(zone_);
    own_.clear();
  }

  response handle(std::string_view request, transport via, time_point now);

  /// What the client is told when others have answered `asked`; keeps it. `their` is empty when
  /// they have not.
  std::string finish(std::string_view request, transport via, const ask_others& asked,
                     std::string_view their, time_point now);

  const responder_counters& counters() const { return counters_; }
  size_t services() const { return zone_.services(); }

private:
  answer_options limits(const query& q, transport via) const;

  responder_options options_;
  zone zone_;
  answer_cache own_;
  answer_cache others_;
  responder_counters counters_;
};

} // namespace thespis::proxy::dns
