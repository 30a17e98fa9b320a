#include "api/patch/json_merge.hpp"

#include "api/patch/object_editor.hpp"

namespace thespis::api::patch {

// Recursion is bounded: the patch's depth is (see json::parse), and the target is entered only
// along it.
void apply_json_merge(json::value& target, const json::value& patch, json::allocator& a) {
  if (!patch.IsObject()) {
    target = json::copy(patch, a);
    return;
  }
  object_editor editor(target, a);
  for (const auto& m : patch.GetObject()) {
    auto key = json::as_string(m.name);
    if (m.value.IsNull()) {
      editor.erase(key);
    } else if (auto* old = editor.find(key)) {
      apply_json_merge(*old, m.value, a);
    } else {
      // Into nothing rather than a copy: nulls inside a new object mean "absent" as well.
      json::value fresh;
      apply_json_merge(fresh, m.value, a);
      editor.put(key, std::move(fresh));
    }
  }
  editor.finish();
}

} // namespace thespis::api::patch
