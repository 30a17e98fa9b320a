// An optional value that lives on the heap: what the generated structs hold where Kubernetes has
// a pointer, so that rarely set parts of a pod cost eight bytes.
#pragma once

#include <memory>
#include <utility>

namespace thespis::api {

/// A nullable `T` with the semantics of a value: copies are deep, comparison looks inside.
/// Dereferencing an empty box is undefined, as with std::optional.
template <class T>
class box {
public:
  box() = default;
  box(std::nullptr_t) {}
  box(T value) : ptr_(std::make_unique<T>(std::move(value))) {}
  box(const box& other) : ptr_(other.ptr_ ? std::make_unique<T>(*other.ptr_) : nullptr) {}
  box(box&&) noexcept = default;
  ~box() = default;

  box& operator=(const box& other) {
    if (this != &other)
      ptr_ = other.ptr_ ? std::make_unique<T>(*other.ptr_) : nullptr;
    return *this;
  }
  box& operator=(box&&) noexcept = default;

  /// Puts a value in, in place of the old one.
  template <class... Args>
  T& emplace(Args&&... args) {
    ptr_ = std::make_unique<T>(T{std::forward<Args>(args)...});
    return *ptr_;
  }
  /// The value, made an empty one when there is none.
  T& ensure() { return ptr_ ? *ptr_ : emplace(); }
  void reset() { ptr_.reset(); }

  bool has_value() const { return static_cast<bool>(ptr_); }
  explicit operator bool() const { return static_cast<bool>(ptr_); }
  T* operator->() { return ptr_.get(); }
  const T* operator->() const { return ptr_.get(); }
  T& operator*() { return *ptr_; }
  const T& operator*() const { return *ptr_; }
  T* get() { return ptr_.get(); }
  const T* get() const { return ptr_.get(); }

  friend bool operator==(const box& a, const box& b) {
    return a.ptr_ && b.ptr_ ? *a.ptr_ == *b.ptr_ : a.ptr_ == b.ptr_;
  }

private:
  std::unique_ptr<T> ptr_;
};

} // namespace thespis::api
