#include "api/schema/schema.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>

namespace thespis::api::schema {
namespace {

/// A text that sorts versions as Kubernetes prefers them: v2, v1, v2beta1, v1beta2, v1alpha1, and
/// names of any other form behind.
std::string version_order(std::string_view version) {
  const auto number = [&version](int& n) {
    const auto r = std::from_chars(version.data(), version.data() + version.size(), n);
    const bool ok = r.ec == std::errc{} && n > 0 && n < 1000;
    version.remove_prefix(ok ? static_cast<size_t>(r.ptr - version.data()) : 0);
    return ok;
  };
  const auto order = [](char stage, int major, int minor) {
    return stage + std::to_string(9999 - major) + std::to_string(9999 - minor);
  };
  const auto whole = version;
  int major = 0, minor = 0;
  if (version.substr(0, 1) == "v") {
    version.remove_prefix(1);
    if (number(major)) {
      if (version.empty())
        return order('0', major, 0);
      const char stage = version.substr(0, 4) == "beta" ? '1' : '2';
      version.remove_prefix(std::min(version.size(), stage == '1' ? size_t{4} : size_t{5}));
      if (whole.find(stage == '1' ? "beta" : "alpha") != whole.npos && number(minor) &&
          version.empty())
        return order(stage, major, minor);
    }
  }
  return "3" + std::string{whole};
}

/// Where a kind of that plural (or, for types, name) stands: by group, the core group first, then
/// by preference of versions.
std::string key_of(std::string_view group, std::string_view version, std::string_view name) {
  std::string key{group};
  return key.append("/").append(version_order(version)).append("/").append(name);
}

std::string plain_key(std::string_view group, std::string_view version, std::string_view name) {
  std::string key{group};
  return key.append("/").append(version).append("/").append(name);
}

/// Answers what a strategic merge patch asks of a type.
class patch_view : public patch::type_schema {
public:
  explicit patch_view(const struct_type& t) : type_(t) {}

  patch::field_schema field(std::string_view name) const override {
    patch::field_schema out;
    const auto* f = type_.find(name);
    if (!f)
      return out;
    const auto* t = &f->type;
    if (t->form == shape::list)
      t = t->element.get();
    if (t->form == shape::object)
      out.type = &t->object->patch_schema();
    out.merge_key = f->merge_key;
    out.merge = f->patch & patch_merge;
    out.replace = f->patch & patch_replace;
    out.retain_keys = f->patch & patch_retain_keys;
    return out;
  }

private:
  const struct_type& type_;
};

} // namespace

struct_type::struct_type() : patch_schema_(std::make_unique<patch_view>(*this)) {}

struct_type::~struct_type() = default;

const field* struct_type::find(std::string_view key) const {
  const auto it =
      std::lower_bound(index_.begin(), index_.end(), key,
                       [this](uint16_t i, std::string_view k) { return fields[i].name < k; });
  return it != index_.end() && fields[*it].name == key ? &fields[*it] : nullptr;
}

void struct_type::seal() {
  index_.resize(fields.size());
  for (uint16_t i = 0; i < index_.size(); ++i)
    index_[i] = i;
  std::sort(index_.begin(), index_.end(),
            [this](uint16_t a, uint16_t b) { return fields[a].name < fields[b].name; });
}

bool resource::has_verb(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

const subresource* resource::find_subresource(std::string_view name) const {
  for (auto& s : subresources)
    if (s.name == name)
      return &s;
  return nullptr;
}

registry::registry(from_tables) {
  load();
}

registry::registry()
    : type_list_(builtin().type_list_), by_name_(builtin().by_name_), by_kind_(builtin().by_kind_),
      by_plural_(builtin().by_plural_) {}

const registry& registry::builtin() {
  static const registry r{from_tables{}};
  return r;
}

resource_ptr registry::find_resource(std::string_view group, std::string_view version,
                                     std::string_view plural) const {
  std::shared_lock lock(mutex_);
  const auto it = by_plural_.find(key_of(group, version, plural));
  return it == by_plural_.end() ? nullptr : it->second;
}

resource_ptr registry::find_group_resource(std::string_view group_resource) const {
  const auto dot = group_resource.find('.');
  const auto plural = group_resource.substr(0, dot);
  const auto group =
      dot == std::string_view::npos ? std::string_view{} : group_resource.substr(dot + 1);
  std::shared_lock lock(mutex_);
  const auto prefix = std::string{group} + "/";
  for (auto it = by_plural_.lower_bound(prefix);
       it != by_plural_.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it)
    if (it->second->plural == plural)
      return it->second;
  return nullptr;
}

resource_ptr registry::find_kind(std::string_view group, std::string_view version,
                                 std::string_view kind) const {
  std::shared_lock lock(mutex_);
  const auto prefix = key_of(group, version, "");
  for (auto it = by_plural_.lower_bound(prefix);
       it != by_plural_.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it)
    if (it->second->kind == kind)
      return it->second;
  return nullptr;
}

const struct_type* registry::find_kind_type(std::string_view group, std::string_view version,
                                            std::string_view kind) const {
  if (const auto it = by_kind_.find(plain_key(group, version, kind)); it != by_kind_.end())
    return it->second;
  if (const auto r = find_kind(group, version, kind))
    return r->type;
  // Options are known in every group.
  const auto it =
      kind == "DeleteOptions" ? by_kind_.find(plain_key("", "v1", kind)) : by_kind_.end();
  return it == by_kind_.end() ? nullptr : it->second;
}

const struct_type* registry::find_type(std::string_view full_name) const {
  const auto it = by_name_.find(full_name);
  return it == by_name_.end() ? nullptr : it->second;
}

std::vector<resource_ptr> registry::resources() const {
  std::shared_lock lock(mutex_);
  std::vector<resource_ptr> out;
  for (auto& [key, r] : by_plural_)
    out.push_back(r);
  return out;
}

void registry::add(resource r) {
  auto ptr = std::make_shared<const resource>(std::move(r));
  auto key = key_of(ptr->group, ptr->version, ptr->plural);
  std::unique_lock lock(mutex_);
  by_plural_[std::move(key)] = std::move(ptr);
  ++generation_;
}

bool registry::remove(std::string_view group, std::string_view version, std::string_view plural) {
  std::unique_lock lock(mutex_);
  const auto it = by_plural_.find(key_of(group, version, plural));
  if (it == by_plural_.end() || !it->second->owner)
    return false;
  by_plural_.erase(it);
  ++generation_;
  return true;
}

uint64_t registry::generation() const {
  std::shared_lock lock(mutex_);
  return generation_;
}

} // namespace thespis::api::schema
