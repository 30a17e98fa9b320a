// Values at run time, and the evaluation that owns what they point at.
#pragma once

#include "api/cel/type.hpp"
#include "api/json.hpp"
#include "api/text/cidr.hpp"
#include "api/text/quantity.hpp"

#include <memory_resource>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace thespis::api::cel {

class evaluation;
struct list_rep;
struct map_rep;
struct optional_rep;
struct url_rep;
struct semver_rep;
struct format_rep;
struct authorization_rep;
struct cidr_rep;
class lazy_object;

/// How a list or a map is held.
enum class backing : uint8_t {
  native, ///< built by an expression
  json,   ///< a JSON value, read in place
  lazy,   ///< a map whose entries are computed when they are asked for
};

/// A value, cheap to copy. What it points at lives as long as the evaluation, the program, or the
/// JSON document it came from.
struct value {
  kind form = kind::null_;
  backing held = backing::native;
  uint32_t size = 0; ///< bytes of a string, nanoseconds of a timestamp
  union {
    bool boolean;
    int64_t integer; ///< int; seconds of a timestamp since 1970; nanoseconds of a duration
    uint64_t natural;
    double real;
    const char* text;
    const json::value* json;
    const list_rep* list;
    const map_rep* map;
    lazy_object* lazy;
    const optional_rep* maybe;
    const cel::type* named;
    const url_rep* url;
    const ip_address* ip;
    const cidr_rep* range;
    const api::quantity* amount;
    const semver_rep* version;
    const format_rep* format;
    const authorization_rep* authorization;
    const std::string* message; ///< of an error
  };
  /// Of JSON: the declared type, by which what is inside is read; nullptr: by what JSON says.
  const cel::type* declared = nullptr;

  value() : integer(0) {}
  static value of(bool b);
  static value of(int64_t i);
  static value of_uint(uint64_t u);
  static value of(double d);
  static value of(std::string_view s); ///< refers to `s`
  static value of_bytes(std::string_view s);
  static value of(const cel::type& t);
  static value of_timestamp(int64_t seconds, uint32_t nanoseconds);
  static value of_duration(int64_t nanoseconds);

  bool is(kind k) const { return form == k; }
  bool is_error() const { return form == kind::error; }
  bool is_true() const { return form == kind::boolean && boolean; }
  std::string_view str() const { return {text, size}; }
};

struct list_rep {
  const value* items = nullptr;
  size_t count = 0;
};

struct map_rep {
  const value* keys = nullptr;
  const value* values = nullptr;
  size_t count = 0;
  const cel::type* named = nullptr; ///< of Object{...} and the like
};

struct optional_rep {
  bool present = false;
  value held;
};

/// A map whose entries are computed when they are asked for.
class lazy_object {
public:
  virtual ~lazy_object() = default;
  /// An error value when there is no such entry.
  virtual value get(std::string_view name, evaluation& run) = 0;
  virtual bool has(std::string_view name) const = 0;
};

/// One evaluation's budget and memory. Not thread-safe; values of it live as long as it does.
class evaluation {
public:
  static constexpr uint64_t per_call_limit = 1'000'000;
  static constexpr size_t memory_limit = size_t{64} << 20;
  static constexpr uint64_t work_limit = 100'000'000;

  /// Thrown when cost or memory run out; caught where programs are entered, so that no operator
  /// can absorb it as it absorbs errors.
  struct cancelled {
    const char* why;
  };

  explicit evaluation(uint64_t limit = per_call_limit) : limit_(limit) {}
  evaluation(const evaluation&) = delete;
  evaluation& operator=(const evaluation&) = delete;

  void charge(uint64_t cost) {
    cost_ = cost > limit_ ? limit_ + 1 : cost_ + cost;
    if (cost_ > limit_)
      throw cancelled{"operation cancelled: actual cost limit exceeded"};
  }
  uint64_t cost() const { return cost_; }
  /// Counts what costs do not see, such as comparing what is inside of lists.
  void work(uint64_t steps) {
    if ((work_ += steps) > work_limit)
      throw cancelled{"operation cancelled: actual cost limit exceeded"};
  }
  /// Starts a further call of the same evaluation with a limit of its own.
  void restart(uint64_t limit) { limit_ = limit, cost_ = 0; }

  value* values(size_t count);
  std::string_view text(std::string_view s); ///< a copy that lives as long as the evaluation
  value string(std::string_view s) { return value::of(text(s)); }
  value error(std::string message);
  value no_overload() { return error("no such overload"); }
  value list(const value* items, size_t count);
  value list(const std::vector<value>& items);
  value map(const value* keys, const value* values, size_t count, const cel::type* named = nullptr);
  value some(const value& v);
  value none();
  template <class T>
  const T* keep(T x) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T(std::move(x));
  }
  value url(const url_rep& u);
  value ip(const ip_address& a);
  value range(const cidr_rep& c);
  value version(const semver_rep& v);
  value authorization(kind k, const authorization_rep& a);
  value amount(const quantity& q);

  /// JSON as a value. With a declared type scalars become what it says: timestamps, bytes, doubles.
  value from_json(const json::value& v, const cel::type* declared);

  // Lists and maps of any backing.
  size_t count(const value& v);
  value item(const value& list, size_t n);
  /// Nothing when the map has no such key.
  std::optional<value> entry(const value& map, const value& key);
  std::optional<value> field(const value& map, std::string_view name);
  value key_at(const value& map, size_t n);
  value value_at(const value& map, size_t n);

private:
  void* allocate(size_t bytes, size_t alignment);
  const json::value* member(const json::value& object, std::string_view name);
  std::optional<value> native_entry(const map_rep& m, const value& key);

  // Maps of many entries get an index when they are first searched.
  using text_index = std::unordered_map<std::string_view, size_t>;

  alignas(16) std::byte first_[1024];
  std::pmr::monotonic_buffer_resource memory_{first_, sizeof(first_)};
  size_t used_ = 0;
  uint64_t cost_ = 0, work_ = 0;
  uint64_t limit_;
  std::deque<std::string> messages_;
  std::unordered_map<const void*, text_index> indexes_;
};

/// Equality of CEL: numbers compare across types, values of different types are unequal.
bool equal(const value& a, const value& b, evaluation& run);

/// -1, 0, 1; nothing for values that have no order, or with NaN.
std::optional<int> compare(const value& a, const value& b);

/// The size that costs go by: of strings, bytes, lists and maps; 1 for others.
uint64_t cost_size(const value& v, evaluation& run);

/// The code points of well-formed UTF-8.
size_t code_points(std::string_view s);

/// The value as JSON. Errors: bad_request for what JSON cannot hold.
result<json::value> to_json(const value& v, evaluation& run, json::allocator& a);

} // namespace thespis::api::cel
