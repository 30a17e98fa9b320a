#include "api/openapi/json_writer.hpp"

namespace thespis::api::openapi {

void json_writer::strings(std::string_view k, const std::vector<std::string>& values) {
  key(k);
  json_.StartArray();
  for (const auto& v : values)
    string(v);
  json_.EndArray();
}

std::string json_writer::ref_text(std::string_view name) const {
  return (dialect_ == dialect::v2 ? "#/definitions/" : "#/components/schemas/") + std::string(name);
}

void json_writer::definition(std::string_view name, const node& n) {
  key(name);
  schema(n);
}

/// OpenAPI 3.0 ignores what stands beside a $ref, so there it is wrapped.
void json_writer::reference(const node& n) {
  bool wrap = dialect_ == dialect::v3 && (!n.about.empty() || !n.default_json.empty());
  if (!n.about.empty())
    member("description", n.about);
  if (!n.default_json.empty())
    raw("default", n.default_json);
  if (wrap) {
    key("allOf");
    json_.StartArray();
    open();
  }
  member("$ref", ref_text(n.ref));
  if (wrap) {
    close();
    json_.EndArray();
  }
}

void json_writer::schema(const node& n) {
  open();
  if (!n.ref.empty()) {
    reference(n);
  } else {
    if (!n.about.empty())
      member("description", n.about);
    if (dialect_ == dialect::v3 && !n.one_of.empty()) {
      key("oneOf");
      json_.StartArray();
      for (const auto& type : n.one_of) {
        open();
        member("type", type);
        close();
      }
      json_.EndArray();
    } else if (!n.type.empty()) {
      member("type", n.type);
    }
    if (!n.format.empty())
      member("format", n.format);
    if (!n.default_json.empty())
      raw("default", n.default_json);
    if (dialect_ == dialect::v3 && !n.values.empty())
      strings("enum", n.values);
    if (!n.required.empty())
      strings("required", n.required);
    if (!n.properties.empty()) {
      open("properties");
      for (const auto& [name, property] : n.properties)
        definition(name, property);
      close();
    }
    if (n.items)
      definition("items", *n.items);
    if (n.additional)
      definition("additionalProperties", *n.additional);
  }
  for (const auto& x : n.extensions)
    raw(x.name, x.json);
  close();
}

void json_writer::schema_ref(std::string_view name) {
  open("schema");
  if (name.empty())
    member("type", "string");
  else
    member("$ref", ref_text(name));
  close();
}

void json_writer::write_parameter(const parameter& p) {
  open();
  member("name", p.name);
  member("in", p.in_path ? "path" : "query");
  if (p.in_path)
    boolean("required", true);
  member("description", p.about);
  if (dialect_ == dialect::v3)
    open("schema");
  member("type", p.type);
  boolean("uniqueItems", true);
  if (dialect_ == dialect::v3)
    close();
  close();
}

void json_writer::parameters(const std::vector<parameter>& all, const operation* body_of) {
  bool body = dialect_ == dialect::v2 && body_of && !body_of->body.empty();
  if (all.empty() && !body)
    return;
  key("parameters");
  json_.StartArray();
  if (body) {
    open();
    member("name", "body");
    member("in", "body");
    boolean("required", body_of->method != "delete");
    schema_ref(body_of->body);
    close();
  }
  for (const auto& p : all)
    write_parameter(p);
  json_.EndArray();
}

void json_writer::request_body(const operation& o) {
  if (dialect_ == dialect::v2 || o.body.empty())
    return;
  open("requestBody");
  open("content");
  for (const auto& type : o.consumes) {
    open(type);
    schema_ref(o.body);
    close();
  }
  close();
  close();
}

void json_writer::response(std::string_view code, std::string_view about, const operation* of) {
  open(code);
  member("description", about);
  if (of && dialect_ == dialect::v2)
    schema_ref(of->response);
  if (of && dialect_ == dialect::v3) {
    open("content");
    for (const auto& type : of->produces) {
      open(type);
      schema_ref(of->response);
      close();
    }
    close();
  }
  close();
}

void json_writer::responses(const operation& o) {
  open("responses");
  response("200", "OK", &o);
  if (o.created)
    response("201", "Created", &o);
  response("401", "Unauthorized", nullptr);
  close();
}

void json_writer::write_operation(const operation& o) {
  open(o.method);
  member("description", o.about);
  member("operationId", o.id);
  strings("tags", {o.tag});
  if (dialect_ == dialect::v2) {
    strings("consumes", o.consumes);
    strings("produces", o.produces);
    strings("schemes", {"https"});
  }
  parameters(o.parameters, &o);
  request_body(o);
  responses(o);
  member("x-kubernetes-action", o.action);
  raw("x-kubernetes-group-version-kind", o.gvk_json);
  close();
}

void json_writer::path_item(const path& p) {
  open(p.name);
  for (const auto& o : p.operations)
    write_operation(o);
  parameters(p.parameters, nullptr);
  close();
}

} // namespace thespis::api::openapi
