#include "api/openapi/protobuf_writer.hpp"

namespace thespis::api::openapi {

namespace {

// Field numbers of OpenAPIv2.proto.
enum named_field : unsigned { named_name = 1, named_value = 2 };
enum schema_field : unsigned {
  schema_ref = 1,
  schema_format = 2,
  schema_description = 4,
  schema_default = 5,
  schema_required = 19,
  schema_additional = 21,
  schema_type = 22,
  schema_items = 23,
  schema_properties = 25,
  schema_extension = 31,
};
enum operation_field : unsigned {
  operation_tags = 1,
  operation_description = 3,
  operation_id = 5,
  operation_produces = 6,
  operation_consumes = 7,
  operation_parameters = 8,
  operation_responses = 9,
  operation_schemes = 10,
  operation_extension = 13,
};
enum path_field : unsigned {
  path_get = 2,
  path_put = 3,
  path_post = 4,
  path_delete = 5,
  path_patch = 8,
  path_parameters = 9,
};
enum body_field : unsigned {
  body_name = 2,
  body_in = 3,
  body_required = 4,
  body_schema = 5,
};
enum query_field : unsigned { query_in = 2, query_description = 3, query_name = 4, query_type = 6 };
enum path_parameter_field : unsigned {
  parameter_required = 1,
  parameter_in = 2,
  parameter_description = 3,
  parameter_name = 4,
  parameter_type = 5,
};
constexpr unsigned only = 1;     ///< the single field of a list-like message
constexpr unsigned any_yaml = 2; ///< Any.yaml
constexpr unsigned type_item_value = 1;

/// Any: JSON is YAML.
message any_of(std::string_view json) {
  message any;
  any.text(any_yaml, json);
  return any;
}

message named_any(std::string_view name, std::string_view json) {
  message m;
  m.text(named_name, name);
  m.child(named_value, any_of(json));
  return m;
}

message schema_of(const node& n);

message reference_to(std::string_view name) {
  message m;
  m.text(schema_ref, "#/definitions/" + std::string(name));
  return m;
}

void write_type(message& m, const node& n) {
  if (n.type.empty())
    return;
  message type;
  type.text(type_item_value, n.type);
  m.child(schema_type, type);
}

message schema_of(const node& n) {
  message m = n.ref.empty() ? message{} : reference_to(n.ref);
  if (!n.format.empty())
    m.text(schema_format, n.format);
  if (!n.about.empty())
    m.text(schema_description, n.about);
  if (!n.default_json.empty())
    m.child(schema_default, any_of(n.default_json));
  for (const auto& name : n.required)
    m.text(schema_required, name);
  if (n.additional) {
    message item;
    item.child(only, schema_of(*n.additional));
    m.child(schema_additional, item);
  }
  write_type(m, n);
  if (n.items) {
    message items;
    items.child(only, schema_of(*n.items));
    m.child(schema_items, items);
  }
  if (!n.properties.empty()) {
    message properties;
    for (const auto& [name, property] : n.properties)
      properties.child(only, named_schema(name, property));
    m.child(schema_properties, properties);
  }
  for (const auto& x : n.extensions)
    if (x.name.starts_with("x-")) // rules of run-time kinds are told in JSON alone
      m.child(schema_extension, named_any(x.name, x.json));
  return m;
}

message schema_or_string(std::string_view name) {
  if (!name.empty())
    return reference_to(name);
  node text;
  text.type = "string";
  return schema_of(text);
}

/// ParametersItem of a query or path parameter.
message parameter_item(const parameter& p) {
  message sub;
  if (p.in_path) {
    sub.flag(parameter_required, true);
    sub.text(parameter_in, "path");
    sub.text(parameter_description, p.about);
    sub.text(parameter_name, p.name);
    sub.text(parameter_type, p.type);
  } else {
    sub.text(query_in, "query");
    sub.text(query_description, p.about);
    sub.text(query_name, p.name);
    sub.text(query_type, p.type);
  }
  message non_body;
  non_body.child(p.in_path ? 4 : 3, sub);
  message parameter;
  parameter.child(2, non_body);
  message item;
  item.child(1, parameter);
  return item;
}

/// ParametersItem of a body.
message body_item(const operation& o) {
  message body;
  body.text(body_name, "body");
  body.text(body_in, "body");
  body.flag(body_required, o.method != "delete");
  body.child(body_schema, schema_or_string(o.body));
  message parameter;
  parameter.child(1, body);
  message item;
  item.child(1, parameter);
  return item;
}

/// NamedResponseValue.
message named_response(std::string_view code, std::string_view about, const operation* of) {
  message response;
  response.text(1, about);
  if (of) {
    message item;
    item.child(1, schema_or_string(of->response));
    response.child(2, item);
  }
  message value;
  value.child(1, response);
  message m;
  m.text(named_name, code);
  m.child(named_value, value);
  return m;
}

message operation_of(const operation& o) {
  message m;
  m.text(operation_tags, o.tag);
  m.text(operation_description, o.about);
  m.text(operation_id, o.id);
  for (const auto& type : o.produces)
    m.text(operation_produces, type);
  for (const auto& type : o.consumes)
    m.text(operation_consumes, type);
  if (!o.body.empty())
    m.child(operation_parameters, body_item(o));
  for (const auto& p : o.parameters)
    m.child(operation_parameters, parameter_item(p));
  message responses;
  responses.child(1, named_response("200", "OK", &o));
  if (o.created)
    responses.child(1, named_response("201", "Created", &o));
  responses.child(1, named_response("401", "Unauthorized", nullptr));
  m.child(operation_responses, responses);
  m.text(operation_schemes, "https");
  m.child(operation_extension, named_any("x-kubernetes-action", "\"" + o.action + "\""));
  m.child(operation_extension, named_any("x-kubernetes-group-version-kind", o.gvk_json));
  return m;
}

unsigned method_field(std::string_view method) {
  if (method == "get")
    return path_get;
  if (method == "put")
    return path_put;
  if (method == "post")
    return path_post;
  if (method == "delete")
    return path_delete;
  return path_patch;
}

} // namespace

void message::varint(uint64_t n) {
  for (; n >= 0x80; n >>= 7)
    bytes_ += static_cast<char>(n | 0x80);
  bytes_ += static_cast<char>(n);
}

void message::text(unsigned field, std::string_view s) {
  varint(field << 3 | 2);
  varint(s.size());
  bytes_ += s;
}

void message::flag(unsigned field, bool b) {
  // Absent is false.
  if (!b)
    return;
  varint(field << 3);
  varint(1);
}

message named_schema(std::string_view name, const node& n) {
  message m;
  m.text(named_name, name);
  m.child(named_value, schema_of(n));
  return m;
}

message named_path(const path& p) {
  message item;
  for (const auto& o : p.operations)
    item.child(method_field(o.method), operation_of(o));
  for (const auto& parameter : p.parameters)
    item.child(path_parameters, parameter_item(parameter));
  message m;
  m.text(named_name, p.name);
  m.child(named_value, item);
  return m;
}

} // namespace thespis::api::openapi
