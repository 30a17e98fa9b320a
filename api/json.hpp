// JSON as the whole project reads and writes it: RapidJSON behind a parser that hostile input
// cannot hurt (pitfalls: unbounded recursion, duplicate keys, number parsing, invalid UTF-8).
#pragma once

#include "api/result.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace thespis::api::json {

using value = rapidjson::Value;
using document = rapidjson::Document;
using allocator = document::AllocatorType;

struct limits {
  size_t max_bytes = 3 * 1024 * 1024; ///< Kubernetes' request limit
  unsigned max_depth = 128;
  /// false: the last duplicate key wins, as in Go; its path is appended to `duplicates`.
  bool refuse_duplicate_keys = true;
};

/// Parses one JSON value. Integers stay exact (int64, uint64), other numbers are doubles.
/// Errors: bad_request; request_entity_too_large beyond max_bytes.
result<document> parse(std::string_view text, const limits& l = {},
                       std::vector<std::string>* duplicates = nullptr);

/// RapidJSON's compact writer with numbers as Go's encoder writes them. For callers that lay out
/// JSON themselves; values are handed to it by `v.Accept(w)`.
class writer : public rapidjson::Writer<rapidjson::StringBuffer> {
public:
  using Writer::Writer;
  bool Double(double d);
};

/// Parses bytes that `to_string` made (the store's): skips the checks that only foreign text needs.
/// Null when they are no JSON after all, or when deeper than limits{}.max_depth.
document parse_trusted(std::string_view text);

/// Compact JSON, members in their order, numbers as Go's encoder writes them.
std::string to_string(const value& v);
/// Indented by two spaces, as `?pretty=true` answers.
std::string to_pretty_string(const value& v);
/// A string as a quoted JSON string.
std::string quote(std::string_view s);

// Readers that never assert: a missing member or another type gives the fallback.
const value* find(const value& obj, std::string_view key);
value* find(value& obj, std::string_view key);
/// Walks object members: at(doc, {"metadata", "name"}).
const value* at(const value& root, std::initializer_list<std::string_view> path);
std::string_view get_string(const value& obj, std::string_view key, std::string_view fallback = {});
int64_t get_int(const value& obj, std::string_view key, int64_t fallback = 0);
bool get_bool(const value& obj, std::string_view key, bool fallback = false);
/// The string of `v`, or empty when it is no string.
std::string_view as_string(const value& v);

// Writers. `set` replaces or appends; copies the strings into the allocator.
value make_string(std::string_view s, allocator& a);
void set(value& obj, std::string_view key, value v, allocator& a);
void set(value& obj, std::string_view key, std::string_view s, allocator& a);
void erase(value& obj, std::string_view key);
/// The member of that key, made an empty object when it is missing or null.
value& ensure_object(value& obj, std::string_view key, allocator& a);
/// A deep copy; the depth is bounded because `parse` bounds it.
value copy(const value& v, allocator& a);

/// Deep equality; objects compare without regard to member order.
bool equal(const value& a, const value& b);

} // namespace thespis::api::json
