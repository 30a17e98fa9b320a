#include "api/patch/strategic_merge.hpp"

#include "api/patch/list_order.hpp"
#include "api/patch/object_editor.hpp"
#include "api/patch/patch_errors.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace thespis::api::patch {

namespace {

using json::value;

constexpr std::string_view directive = "$patch";
constexpr std::string_view retain_keys = "$retainKeys";
constexpr std::string_view order_prefix = "$setElementOrder/";
constexpr std::string_view delete_prefix = "$deleteFromPrimitiveList/";

bool is_directive(std::string_view key) {
  return key == directive || key == retain_keys || key.starts_with(order_prefix) ||
         key.starts_with(delete_prefix);
}

/// Identifies a list element: the scalar itself, or the merge key's value of an object.
std::optional<std::string> key_of(const value& element, std::string_view merge_key) {
  if (merge_key.empty())
    return json::to_string(element);
  const value* v = json::find(element, merge_key);
  if (!v)
    return std::nullopt;
  return json::to_string(*v);
}

error bad_order() {
  return bad_request("invalid patch format of setElementOrder list");
}

/// What `$patch` says in a list element; an element without one is a plain value.
enum class element_kind { plain, deletion, replacement };

result<element_kind> kind_of(const value& element) {
  const value* v = json::find(element, directive);
  if (!v)
    return element_kind::plain;
  auto s = json::as_string(*v);
  if (s == "delete")
    return element_kind::deletion;
  if (s == "replace")
    return element_kind::replacement;
  if (s == "merge")
    return fail(bad_request("merging lists cannot yet be specified in the patch"));
  return fail(bad_request("unknown patch type: " + print_go(*v) + " in map: " + print_go(element)));
}

/// Applies one patch. The patch is a copy in the target's allocator, so its parts can be moved in.
class merger {
public:
  explicit merger(json::allocator& a) : a_(a) {}

  result<void> merge_object(value& original, value& patch, const type_schema* schema);

private:
  result<void> retain(object_editor& editor, const value& original, const value& patch);
  result<void> apply_order(object_editor& editor, value* list, std::string_view name,
                           const value& order, const type_schema* schema);
  result<void> merge_field(object_editor& editor, std::string_view name, value& patch,
                           const type_schema* schema);
  result<void> delete_scalars(object_editor& editor, std::string_view name, const value& patch);
  result<void> merge_list(value& original, value& patch, const field_schema& f);
  result<void> merge_scalars(value& original, value& patch);
  result<void> merge_elements(value& original, value& patch, const field_schema& f);
  result<void> check_elements(const value& original, const value& patch, bool& objects);
  value scrub(value& v);
  void reorder(value& list, std::string_view merge_key, const key_order& patch_order,
               const key_order& server_order);
  static std::vector<std::string> keys_of(const value& list, std::string_view merge_key);

  json::allocator& a_;
};

/// A value that enters the target as a whole: without the directives and nulls, which only mean
/// something against an original.
value merger::scrub(value& v) {
  if (v.IsObject()) {
    value clean(rapidjson::kObjectType);
    for (auto& m : v.GetObject())
      if (!m.value.IsNull() && !is_directive(json::as_string(m.name)))
        clean.AddMember(m.name, scrub(m.value), a_);
    return clean;
  }
  if (v.IsArray()) {
    value clean(rapidjson::kArrayType);
    clean.Reserve(v.Size(), a_);
    for (auto& e : v.GetArray())
      if (!json::find(e, directive))
        clean.PushBack(scrub(e), a_);
    return clean;
  }
  return std::move(v);
}

std::vector<std::string> merger::keys_of(const value& list, std::string_view merge_key) {
  std::vector<std::string> keys;
  keys.reserve(list.Size());
  for (const auto& e : list.GetArray())
    // An element without its key equals nothing; no JSON text is empty.
    keys.push_back(key_of(e, merge_key).value_or(std::string{}));
  return keys;
}

void merger::reorder(value& list, std::string_view merge_key, const key_order& patch_order,
                     const key_order& server_order) {
  value out(rapidjson::kArrayType);
  out.Reserve(list.Size(), a_);
  for (size_t i : arrange(keys_of(list, merge_key), patch_order, server_order))
    out.PushBack(list[static_cast<rapidjson::SizeType>(i)], a_);
  list = std::move(out);
}

result<void> merger::merge_object(value& original, value& patch, const type_schema* schema) {
  if (const value* d = json::find(patch, directive)) {
    auto s = json::as_string(*d);
    if (s == "replace") {
      original = scrub(patch);
      return {};
    }
    if (s == "delete") {
      original.SetObject();
      return {};
    }
    if (s != "merge")
      return fail(
          bad_request("unknown patch type: " + print_go(*d) + " in map: " + print_go(patch)));
  }
  object_editor editor(original, a_);
  if (auto r = retain(editor, original, patch); !r)
    return r;
  object_editor fields(patch, a_);
  // Lists with an order directive first: it takes the list of that name along.
  std::set<std::string, std::less<>> done;
  for (auto& m : patch.GetObject()) {
    auto key = json::as_string(m.name);
    if (!key.starts_with(order_prefix))
      continue;
    auto name = key.substr(order_prefix.size());
    if (auto r = apply_order(editor, fields.find(name), name, m.value, schema); !r)
      return r;
    done.emplace(name);
  }
  for (auto& m : patch.GetObject()) {
    auto key = json::as_string(m.name);
    if (key.starts_with(delete_prefix)) {
      if (auto r = delete_scalars(editor, key.substr(delete_prefix.size()), m.value); !r)
        return r;
    } else if (!is_directive(key) && !done.contains(key)) {
      if (auto r = merge_field(editor, key, m.value, schema); !r)
        return r;
    }
  }
  editor.finish();
  return {};
}

result<void> merger::retain(object_editor& editor, const value& original, const value& patch) {
  const value* list = json::find(patch, retain_keys);
  if (!list)
    return {};
  auto malformed = [] { return fail(bad_request("invalid patch format of retainKeys")); };
  if (!list->IsArray())
    return malformed();
  std::set<std::string_view> keep;
  for (const auto& e : list->GetArray())
    if (e.IsString())
      keep.insert(json::as_string(e));
  for (const auto& m : patch.GetObject()) {
    auto key = json::as_string(m.name);
    if (!m.value.IsNull() && !is_directive(key) && !keep.contains(key))
      return malformed();
  }
  for (const auto& m : original.GetObject())
    if (!keep.contains(json::as_string(m.name)))
      editor.erase(json::as_string(m.name));
  return {};
}

/// Checks that the patch's list names only elements of the order list, in its order.
result<void> check_order(const value& patch, const std::vector<std::string>& order,
                         const value& order_list, std::string_view merge_key) {
  size_t at = 0;
  for (const auto& e : patch.GetArray()) {
    if (json::find(e, directive))
      continue;
    auto key = key_of(e, merge_key);
    if (!key)
      return fail(no_merge_key(e, merge_key));
    while (at < order.size() && order[at] != *key)
      ++at;
    if (at++ >= order.size())
      return fail(bad_request("The order in patch list:\n" + print_go(patch) +
                              "\n doesn't match $setElementOrder list:\n" + print_go(order_list) +
                              "\n"));
  }
  return {};
}

/// `list` is the patch's list of that name, or nullptr.
result<void> merger::apply_order(object_editor& editor, value* list, std::string_view name,
                                 const value& order, const type_schema* schema) {
  auto f = schema ? schema->field(name) : field_schema{};
  value* original = editor.find(name);
  if (list && list->IsNull()) { // an explicit deletion of the whole list wins
    editor.erase(name);
    return {};
  }
  if (!order.IsArray() || (original && !original->IsArray()) || (list && !list->IsArray()))
    return fail(bad_order());
  std::vector<std::string> wanted;
  for (const auto& e : order.GetArray()) {
    auto key = key_of(e, f.merge_key);
    if (!key)
      return fail(no_merge_key(e, f.merge_key));
    wanted.push_back(std::move(*key));
  }
  if (list && !list->Empty() && !wanted.empty())
    if (auto r = check_order(*list, wanted, order, f.merge_key); !r)
      return r;
  key_order server_order;
  if (original)
    server_order = order_of(keys_of(*original, f.merge_key));
  if (!original && !list)
    return {};
  if (!original) {
    editor.put(name, scrub(*list));
    original = editor.find(name);
  } else if (list) {
    if (!f.merge)
      *original = scrub(*list);
    else if (auto r = merge_list(*original, *list, f); !r)
      return r;
  }
  reorder(*original, f.merge_key, order_of(wanted), server_order);
  return {};
}

result<void> merger::merge_field(object_editor& editor, std::string_view name, value& patch,
                                 const type_schema* schema) {
  if (patch.IsNull()) {
    editor.erase(name);
    return {};
  }
  value* original = editor.find(name);
  if (!original) {
    if (const value* d = json::find(patch, directive); !d || json::as_string(*d) != "delete")
      editor.put(name, scrub(patch));
    return {};
  }
  auto f = schema ? schema->field(name) : field_schema{};
  if (original->IsObject() && patch.IsObject() && !f.replace)
    return merge_object(*original, patch, f.type);
  if (original->IsArray() && patch.IsArray() && f.merge)
    return merge_list(*original, patch, f);
  *original = scrub(patch);
  return {};
}

result<void> merger::delete_scalars(object_editor& editor, std::string_view name,
                                    const value& patch) {
  if (!patch.IsArray())
    return fail(bad_request("invalid patch format of primitive list"));
  value* original = editor.find(name);
  if (!original || !original->IsArray())
    return {};
  std::set<std::string> gone;
  for (const auto& e : patch.GetArray())
    gone.insert(json::to_string(e));
  value kept(rapidjson::kArrayType);
  for (auto& e : original->GetArray())
    if (!gone.contains(json::to_string(e)))
      kept.PushBack(e, a_);
  *original = std::move(kept);
  return {};
}

/// Says whether the lists hold objects; fails for lists of lists and for mixtures.
result<void> merger::check_elements(const value& original, const value& patch, bool& objects) {
  size_t maps = 0, others = 0;
  for (const value* list : {&original, &patch})
    for (const auto& e : list->GetArray()) {
      if (e.IsArray())
        return fail(rejected("lists of lists are not supported"));
      ++(e.IsObject() ? maps : others);
    }
  if (maps && others)
    return fail(bad_request("list element types are not identical: " + print_go(patch)));
  objects = maps > 0;
  return {};
}

result<void> merger::merge_list(value& original, value& patch, const field_schema& f) {
  if (original.Empty() && patch.Empty())
    return {};
  bool objects = false;
  if (auto r = check_elements(original, patch, objects); !r)
    return r;
  if (!objects)
    return merge_scalars(original, patch);
  if (f.merge_key.empty())
    return fail(bad_request("cannot merge lists without merge key for type struct"));
  return merge_elements(original, patch, f);
}

result<void> merger::merge_scalars(value& original, value& patch) {
  auto server_order = order_of(keys_of(original, {}));
  auto patch_order = order_of(keys_of(patch, {}));
  value merged(rapidjson::kArrayType);
  std::set<std::string> seen;
  for (value* list : {&original, &patch})
    for (auto& e : list->GetArray())
      if (seen.insert(json::to_string(e)).second)
        merged.PushBack(e, a_);
  original = std::move(merged);
  reorder(original, {}, patch_order, server_order);
  return {};
}

result<void> merger::merge_elements(value& original, value& patch, const field_schema& f) {
  std::set<std::string> gone;
  std::vector<value*> plain;
  bool replace = false;
  for (auto& e : patch.GetArray()) {
    auto kind = kind_of(e);
    if (!kind)
      return fail(std::move(kind.error()));
    if (*kind == element_kind::replacement) {
      replace = true;
      continue;
    }
    auto key = key_of(e, f.merge_key);
    if (!key)
      return fail(no_merge_key(e, f.merge_key));
    if (*kind == element_kind::deletion)
      gone.insert(std::move(*key));
    else
      plain.push_back(&e);
  }

  value merged(rapidjson::kArrayType);
  if (!replace)
    for (auto& e : original.GetArray())
      if (auto key = key_of(e, f.merge_key); !key || !gone.contains(*key))
        merged.PushBack(e, a_);
  auto server_order = order_of(keys_of(merged, f.merge_key));
  auto places = server_order;
  std::vector<std::string> patch_keys;
  for (value* e : plain) {
    auto key = *key_of(*e, f.merge_key);
    auto [it, fresh] = places.emplace(key, merged.Size());
    // A list that replaces another is taken as it is, also where two of its elements share a key,
    // as a node's addresses do.
    if (fresh || replace) {
      merged.PushBack(scrub(*e), a_);
    } else {
      auto& old = merged[static_cast<rapidjson::SizeType>(it->second)];
      if (auto r = merge_object(old, *e, f.type); !r)
        return r;
    }
    patch_keys.push_back(std::move(key));
  }
  original = std::move(merged);
  if (!replace)
    reorder(original, f.merge_key, order_of(patch_keys), server_order);
  return {};
}

} // namespace

result<void> apply_strategic_merge(json::value& target, const json::value& patch,
                                   const type_schema* schema, json::allocator& a) {
  if (!patch.IsObject() || !target.IsObject())
    return fail(bad_request("invalid JSON document"));
  auto own = json::copy(patch, a);
  return merger(a).merge_object(target, own, schema);
}

} // namespace thespis::api::patch
