// What the tests of server-side apply share: objects of one version, several managers.
#pragma once

#include "api/apply/field_manager.hpp"

#include <string>

namespace thespis::api::testing {

inline json::document doc_of(std::string_view text) {
  auto d = json::parse(text);
  if (!d)
    throw std::runtime_error(d.error().message + ": " + std::string(text));
  return std::move(*d);
}

/// A set from FieldsV1.
inline apply::field_set set_of(std::string_view text) {
  auto s = apply::field_set::from_json(doc_of(text));
  if (!s)
    throw std::runtime_error(s.error().message);
  return std::move(*s);
}

inline std::string text_of(const apply::field_set& s) {
  json::document d;
  return json::to_string(s.to_json(d.GetAllocator()));
}

/// The type of a built-in kind.
inline apply::object_type builtin_type(std::string_view group, std::string_view version,
                                       std::string_view kind) {
  const auto* t = schema::registry::builtin().find_kind_type(group, version, kind);
  if (!t)
    throw std::runtime_error("no kind " + std::string(kind));
  return {t, false};
}

/// One object and its managers, as a server would keep them.
class owned_object {
public:
  explicit owned_object(apply::object_type t, std::string api_version)
      : type(t), version(std::move(api_version)) {
    live.SetObject();
  }

  apply::field_write write(std::string manager) const {
    apply::field_write w;
    w.manager = std::move(manager);
    w.api_version = version;
    w.now = now;
    w.type = type;
    return w;
  }

  /// Empty when it worked, else the error's message.
  std::string apply(const std::string& manager, std::string_view config, bool force = false) {
    auto done = apply::apply_config(write(manager), owners, live, doc_of(config), force);
    if (!done) {
      failure = done.error();
      return failure.message;
    }
    unchanged = done->unchanged;
    if (!done->unchanged)
      live = std::move(done->object);
    owners = std::move(done->owners);
    return {};
  }

  void update(const std::string& manager, std::string_view wanted) {
    const bool is_new = live.ObjectEmpty();
    auto after = doc_of(wanted);
    auto done = apply::update(write(manager), owners, live, after, is_new);
    if (!done)
      throw std::runtime_error(done.error().message);
    owners = std::move(*done);
    live = std::move(after);
  }

  std::string object() const { return json::to_string(live); }
  /// What a manager owns as FieldsV1; "" when nothing.
  std::string owned(std::string_view manager, std::string_view operation = "Apply") const {
    for (const auto& [id, o] : owners)
      if (id.manager == manager && id.operation == operation)
        return text_of(o.fields);
    return {};
  }
  bool is(std::string_view expected) const { return json::equal(live, doc_of(expected)); }

  apply::object_type type;
  std::string version;
  std::string now = "2030-01-02T00:00:00Z";
  json::document live;
  apply::managers owners;
  error failure;
  bool unchanged = false;
};

} // namespace thespis::api::testing
