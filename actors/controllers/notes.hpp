// What several controllers of workloads say and compute alike.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace thespis::actors {

/// An event about an object.
template <class T>
event_note note_about(const observed<T>& owner, std::string type, std::string reason,
                      std::string message) {
  event_note res;
  res.type = std::move(type);
  res.reason = std::move(reason);
  res.message = std::move(message);
  res.about = owner.object;
  res.kind = T::kind_name;
  res.api_version = T::api_version_name;
  return res;
}

enum class rounding : uint8_t { down, up };

/// A number, or a percentage of `total`; 0 for nothing.
inline int32_t share_of(const std::optional<api::int_or_string>& x, int32_t total, rounding r) {
  if (!x)
    return 0;
  if (x->is_int())
    return x->as_int();
  int64_t percent = 0;
  const auto& text = x->as_string();
  std::from_chars(text.data(), text.data() + text.size(), percent);
  const auto product = percent * total;
  return static_cast<int32_t>(r == rounding::up ? (product + 99) / 100 : product / 100);
}

/// An optional count that is left out when it is 0, as the API writes it.
inline std::optional<int32_t> unless_zero(int32_t n) {
  return n == 0 ? std::nullopt : std::optional{n};
}

} // namespace thespis::actors
