// What the schema makes of a document before anybody looks at its meaning.
#include "api/pipeline/operation.hpp"

namespace thespis::api {

namespace {

/// JSON null means absent, as in Go's decoder.
void drop_nulls(json::value& v) {
  if (v.IsObject()) {
    for (auto m = v.MemberBegin(); m != v.MemberEnd();) {
      if (m->value.IsNull()) {
        m = v.EraseMember(m);
        continue;
      }
      drop_nulls(m->value);
      ++m;
    }
  } else if (v.IsArray()) {
    for (auto& e : v.GetArray())
      drop_nulls(e);
  }
}

} // namespace

result<void> shape(operation&, json::document& doc) {
  drop_nulls(doc);
  return {};
}

} // namespace thespis::api
