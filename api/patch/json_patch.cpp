#include "api/patch/json_patch.hpp"

#include "api/patch/json_pointer.hpp"
#include "api/patch/patch_errors.hpp"
#include "api/text/quote.hpp"

#include <algorithm>

namespace thespis::api::patch {

namespace {

using json::value;
using tokens = std::vector<std::string>;

error too_large(std::string message) {
  return make_error(reason::request_entity_too_large,
                    "Request entity too large: " + std::move(message));
}

/// Nodes of a tree and its depth; a scalar has depth 0.
struct extent {
  size_t nodes = 1;
  unsigned depth = 0;
};

extent measure(const value& v) {
  extent e;
  auto add = [&e](const value& child) {
    auto c = measure(child);
    e.nodes += c.nodes;
    e.depth = std::max(e.depth, c.depth + 1);
  };
  if (v.IsObject()) {
    e.depth = 1;
    for (const auto& m : v.GetObject())
      add(m.value);
  } else if (v.IsArray()) {
    e.depth = 1;
    for (const auto& child : v.GetArray())
      add(child);
  }
  return e;
}

class patcher {
public:
  patcher(value& target, json::allocator& a, const json_patch_limits& l)
      : root_(target), a_(a), limits_(l) {}

  result<void> apply(const value& op);

private:
  result<value*> step(value& parent, const std::string& token);
  result<value*> walk(const tokens& path, size_t count);
  result<void> insert(const tokens& path, value v);
  result<value> take(const tokens& path);
  result<void> assign(const tokens& path, value v);
  result<void> test(const tokens& path, const value& expected, std::string_view text);
  result<value> duplicate(const tokens& from);
  result<void> spend(size_t steps);
  result<void> check_depth(const tokens& path, const value& v);

  value& root_;
  json::allocator& a_;
  const json_patch_limits& limits_;
  size_t spent_ = 0;
  size_t copied_ = 0;
};

result<void> patcher::spend(size_t steps) {
  spent_ += steps;
  if (spent_ > limits_.max_steps)
    return fail(too_large("the JSON patch takes too many steps"));
  return {};
}

/// The child of that name or index.
result<value*> patcher::step(value& parent, const std::string& token) {
  if (parent.IsObject()) {
    if (auto s = spend(parent.MemberCount()); !s)
      return fail(std::move(s.error()));
    if (value* child = json::find(parent, token))
      return child;
    return fail(rejected("missing key " + quote_go(token)));
  }
  if (parent.IsArray()) {
    auto i = parse_index(token);
    if (!i)
      return fail(rejected("invalid array index " + quote_go(token)));
    if (*i >= parent.Size())
      return fail(rejected("array index " + token + " out of bounds"));
    return &parent[static_cast<rapidjson::SizeType>(*i)];
  }
  return fail(rejected("neither object nor array above " + quote_go(token)));
}

/// Follows the first `count` tokens.
result<value*> patcher::walk(const tokens& path, size_t count) {
  value* v = &root_;
  for (size_t i = 0; i < count; ++i) {
    auto next = step(*v, path[i]);
    if (!next)
      return next;
    v = *next;
  }
  return v;
}

result<void> patcher::check_depth(const tokens& path, const value& v) {
  auto e = measure(v);
  if (path.size() + e.depth > limits_.max_depth)
    return fail(
        rejected("the result exceeds the max depth of " + std::to_string(limits_.max_depth)));
  return spend(e.nodes);
}

result<void> patcher::insert(const tokens& path, value v) {
  if (auto ok = check_depth(path, v); !ok)
    return ok;
  if (path.empty()) {
    root_ = std::move(v);
    return {};
  }
  auto parent = walk(path, path.size() - 1);
  if (!parent)
    return fail(std::move(parent.error()));
  value& p = **parent;
  const auto& token = path.back();
  if (p.IsObject()) {
    if (auto s = spend(p.MemberCount()); !s)
      return s;
    json::set(p, token, std::move(v), a_);
    return {};
  }
  if (!p.IsArray())
    return fail(rejected("neither object nor array above " + quote_go(token)));
  auto i = token == "-" ? std::optional<size_t>(p.Size()) : parse_index(token);
  if (!i)
    return fail(rejected("invalid array index " + quote_go(token)));
  if (*i > p.Size())
    return fail(rejected("array index " + token + " out of bounds"));
  if (auto s = spend(p.Size() - *i); !s)
    return s;
  p.PushBack(std::move(v), a_);
  std::rotate(p.Begin() + *i, p.End() - 1, p.End());
  return {};
}

result<value> patcher::take(const tokens& path) {
  if (path.empty())
    return fail(rejected("the whole document cannot be removed"));
  auto parent = walk(path, path.size() - 1);
  if (!parent)
    return fail(std::move(parent.error()));
  value& p = **parent;
  auto child = step(p, path.back());
  if (!child)
    return fail(std::move(child.error()));
  value out = std::move(**child);
  if (p.IsObject()) {
    if (auto s = spend(p.MemberCount()); !s)
      return fail(std::move(s.error()));
    json::erase(p, path.back());
  } else {
    if (auto s = spend(p.Size()); !s)
      return fail(std::move(s.error()));
    p.Erase(*child);
  }
  return out;
}

result<void> patcher::assign(const tokens& path, value v) {
  if (auto ok = check_depth(path, v); !ok)
    return ok;
  auto old = walk(path, path.size());
  if (!old)
    return fail(std::move(old.error()));
  **old = std::move(v);
  return {};
}

result<void> patcher::test(const tokens& path, const value& expected, std::string_view text) {
  auto actual = walk(path, path.size());
  if (!actual)
    return fail(std::move(actual.error()));
  if (auto s = spend(measure(expected).nodes); !s)
    return s;
  if (!json::equal(**actual, expected))
    return fail(rejected("testing value " + std::string(text) + " failed: test failed"));
  return {};
}

result<value> patcher::duplicate(const tokens& from) {
  auto source = walk(from, from.size());
  if (!source)
    return fail(std::move(source.error()));
  if (auto s = spend(measure(**source).nodes); !s)
    return fail(std::move(s.error()));
  copied_ += json::to_string(**source).size();
  if (copied_ > limits_.max_copied_bytes)
    return fail(too_large("unable to complete the copy, the accumulated size increase of copy is " +
                          std::to_string(copied_) + ", exceeding the limit " +
                          std::to_string(limits_.max_copied_bytes)));
  return json::copy(**source, a_);
}

/// A member that must be a string holding a pointer.
result<tokens> pointer_member(const value& op, std::string_view key) {
  const value* v = json::find(op, key);
  if (!v || !v->IsString())
    return fail(rejected("operation " + print_go(op) + " needs a string " + quote_go(key)));
  auto t = parse_pointer(json::as_string(*v));
  if (!t)
    return fail(rejected(t.error().message));
  return t;
}

result<void> patcher::apply(const value& op) {
  auto kind = json::get_string(op, "op");
  auto path = pointer_member(op, "path");
  if (!path)
    return fail(std::move(path.error()));
  if (kind == "remove") {
    auto gone = take(*path);
    return gone ? result<void>{} : fail(std::move(gone.error()));
  }
  if (kind == "add" || kind == "replace" || kind == "test") {
    const value* v = json::find(op, "value");
    if (!v)
      return fail(rejected("operation " + print_go(op) + " needs a value"));
    if (kind == "test")
      return test(*path, *v, json::get_string(op, "path"));
    auto own = json::copy(*v, a_);
    return kind == "add" ? insert(*path, std::move(own)) : assign(*path, std::move(own));
  }
  if (kind != "move" && kind != "copy")
    return fail(rejected("Unexpected kind: " + std::string(kind.empty() ? "unknown" : kind)));
  auto from = pointer_member(op, "from");
  if (!from)
    return fail(std::move(from.error()));
  if (kind == "copy") {
    auto v = duplicate(*from);
    return v ? insert(*path, std::move(*v)) : fail(std::move(v.error()));
  }
  if (*from == *path) { // nothing moves, but the value must be there
    auto v = walk(*from, from->size());
    return v ? result<void>{} : fail(std::move(v.error()));
  }
  if (from->size() < path->size() && std::equal(from->begin(), from->end(), path->begin()))
    return fail(rejected("a value cannot be moved into itself"));
  auto v = take(*from);
  return v ? insert(*path, std::move(*v)) : fail(std::move(v.error()));
}

/// The words of the apiserver's JSON patch library for an operation that failed.
error in_context(error e, const value& op) {
  if (e.why == reason::invalid && !e.causes.empty()) {
    auto kind = json::get_string(op, "op");
    auto path = json::get_string(op, "path");
    e.causes.front().message = std::string(kind.empty() ? "unknown" : kind) +
                               " operation does not apply: " + std::string(path) + ": " +
                               e.causes.front().message;
  }
  return e;
}

} // namespace

result<void> apply_json_patch(json::value& target, const json::value& patch, json::allocator& a,
                              const json_patch_limits& limits) {
  if (!patch.IsArray())
    return fail(bad_request("a JSON patch must be a list of operations"));
  if (patch.Size() > limits.max_operations)
    return fail(too_large("The allowed maximum operations in a JSON patch is " +
                          std::to_string(limits.max_operations) + ", got " +
                          std::to_string(patch.Size())));
  for (const auto& op : patch.GetArray())
    if (!op.IsObject())
      return fail(bad_request("a JSON patch operation must be an object"));
  patcher p(target, a, limits);
  for (const auto& op : patch.GetArray())
    if (auto r = p.apply(op); !r)
      return fail(in_context(std::move(r.error()), op));
  return {};
}

} // namespace thespis::api::patch
