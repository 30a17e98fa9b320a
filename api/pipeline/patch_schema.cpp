#include "api/pipeline/patching.hpp"

namespace thespis::api {

const patch::type_schema* patch_schema_of(const resource_type&) {
  return nullptr;
}

} // namespace thespis::api
