// Paths to fields ("spec.containers[0].name"), as cheap as a pointer until somebody reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace thespis::api {

/// One step to a field, linked to the step before it. A path refers to its parent, so a parent
/// must be a named variable that outlives its children.
class path {
public:
  /// The root: a top-level member of an object.
  explicit path(std::string_view member) : text_(member) {}
  /// parent.member
  path(const path& parent, std::string_view member) : parent_(&parent), text_(member) {}
  /// parent[index]
  path(const path& parent, size_t index) : parent_(&parent), index_(index), step_(step::index) {}
  /// parent[key]
  static path key(const path& parent, std::string_view key) {
    path p(parent, key);
    p.step_ = step::key;
    return p;
  }

  std::string str() const {
    std::string out;
    append_to(out);
    return out;
  }

private:
  enum class step : uint8_t { member, index, key };

  void append_to(std::string& out) const {
    if (parent_)
      parent_->append_to(out);
    switch (step_) {
    case step::member:
      if (parent_ && !out.empty())
        out += '.';
      out += text_;
      break;
    case step::index:
      out += '[' + std::to_string(index_) + ']';
      break;
    case step::key:
      out.append(1, '[').append(text_).append(1, ']');
      break;
    }
  }

  const path* parent_ = nullptr;
  std::string_view text_;
  size_t index_ = 0;
  step step_ = step::member;
};

} // namespace thespis::api
