// OpenAPI trees as JSON text. Internal to api/openapi.
#pragma once

#include "api/openapi/model.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string>
#include <string_view>

namespace thespis::api::openapi {

enum class dialect : uint8_t { v2, v3 };

/// Writes one document.
class json_writer {
public:
  explicit json_writer(dialect d) : dialect_(d), json_(buffer_) {}

  void open() { json_.StartObject(); }
  void close() { json_.EndObject(); }
  void open(std::string_view k) {
    key(k);
    json_.StartObject();
  }
  void member(std::string_view k, std::string_view s) {
    key(k);
    string(s);
  }

  /// A member of JSON text.
  void raw(std::string_view k, std::string_view text) {
    key(k);
    json_.RawValue(text.data(), text.size(), rapidjson::kObjectType);
  }

  /// A member "name": schema.
  void definition(std::string_view name, const node& n);
  /// A member "/api/...": path item.
  void path_item(const path& p);

  std::string take() { return {buffer_.GetString(), buffer_.GetSize()}; }

private:
  void key(std::string_view k) { json_.Key(k.data(), static_cast<rapidjson::SizeType>(k.size())); }
  void string(std::string_view s) {
    json_.String(s.empty() ? "" : s.data(), static_cast<rapidjson::SizeType>(s.size()));
  }
  void boolean(std::string_view k, bool b) {
    key(k);
    json_.Bool(b);
  }
  void strings(std::string_view k, const std::vector<std::string>& values);
  std::string ref_text(std::string_view name) const;
  void schema(const node& n);
  void reference(const node& n);
  void schema_ref(std::string_view name);
  void parameters(const std::vector<parameter>& all, const operation* body_of);
  void write_parameter(const parameter& p);
  void write_operation(const operation& o);
  void request_body(const operation& o);
  void responses(const operation& o);
  void response(std::string_view code, std::string_view about, const operation* of);

  dialect dialect_;
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> json_;
};

} // namespace thespis::api::openapi
