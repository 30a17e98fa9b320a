// OpenAPI trees as messages of gnostic's openapi.v2 (OpenAPIv2.proto), which kubectl up to 1.26
// asks for. The wire format is written by hand: a schema of 3,000 lines of generated code would
// serve this one answer only. Internal to api/openapi.
#pragma once

#include "api/openapi/model.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace thespis::api::openapi {

/// Appends fields of one protobuf message to a buffer.
class message {
public:
  void text(unsigned field, std::string_view s);
  void flag(unsigned field, bool b);
  void child(unsigned field, const message& m) { text(field, m.bytes_); }
  const std::string& bytes() const { return bytes_; }

private:
  void varint(uint64_t n);
  std::string bytes_;
};

/// openapi.v2.NamedSchema.
message named_schema(std::string_view name, const node& n);
/// openapi.v2.NamedPathItem.
message named_path(const path& p);

} // namespace thespis::api::openapi
