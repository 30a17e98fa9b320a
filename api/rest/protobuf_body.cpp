#include "api/rest/protobuf_body.hpp"

#include "api/json.hpp"
#include "api/rest/protobuf_fields.hpp"
#include "api/rest/protobuf_wire.hpp"
#include "api/text/base64.hpp"
#include "api/text/quote.hpp"
#include "api/text/stamp.hpp"

#include <cstring>

namespace thespis::api::rest {

namespace {

constexpr int max_depth = 128;

class decoder {
public:
  explicit decoder(json::allocator& a) : alloc_(a) {}

  /// Reads `bytes` as a message of type `t` into `out`. False: malformed.
  bool message(const schema::struct_type& t, std::string_view bytes, json::value& out, int depth) {
    if (depth > max_depth)
      return false;
    wire_reader in(bytes);
    wire_field f;
    while (in.next(f))
      if (!member(t, f, out, depth))
        return false;
    return in.ok();
  }

private:
  /// The field that a value is read for, and the type it is a field of.
  struct place {
    const schema::struct_type& type;
    const schema::field& field;
  };

  bool member(const schema::struct_type& t, const wire_field& w, json::value& out, int depth) {
    for (const auto& f : t.fields)
      if (f.pb == w.number && f.pb != 0)
        return add(t, f, w, out, depth);
    return wraps(t, 0, w, out, depth); // or nothing: of a newer client
  }

  /// Reads `w` where it is one of the messages nested in the message `inside` that hold fields
  /// which JSON keeps beside the others.
  bool wraps(const schema::struct_type& t, uint16_t inside, const wire_field& w, json::value& out,
             int depth) {
    for (const auto& group : t.wraps)
      if (group.inside == inside && group.pb == w.number)
        return w.type == wire::bytes && wrapped(t, group, w.bytes, out, depth + 1);
    return true;
  }

  bool wrapped(const schema::struct_type& t, const schema::wrap& group, std::string_view bytes,
               json::value& out, int depth) {
    wire_reader in(bytes);
    wire_field w;
    while (in.next(w)) {
      for (const auto& [name, number] : group.members)
        if (const auto* f = t.find(name); f && number == w.number && !add(t, *f, w, out, depth))
          return false;
      if (group.inside == 0 && !wraps(t, group.pb, w, out, depth))
        return false;
    }
    return in.ok();
  }

  bool add(const schema::struct_type& t, const schema::field& f, const wire_field& w,
           json::value& out, int depth) {
    if (f.type.form == schema::shape::list)
      return add_item({t, f}, f.type, w, container(out, f.name, rapidjson::kArrayType), depth);
    if (f.type.form == schema::shape::map)
      return w.type == wire::bytes && add_entry({t, f}, w.bytes, out, depth);
    json::value v;
    if (!value({t, f}, f.type, w, v, depth))
      return false;
    if (v.IsNull() || (!f.required && is_unset(t, f, v)))
      return true;
    json::set(out, f.name, std::move(v), alloc_);
    return true;
  }

  static bool is_unset(const schema::struct_type& t, const schema::field& f, const json::value& v) {
    if (v.IsString())
      return v.GetStringLength() == 0 && !keeps_empty_string(f);
    bool zero = (v.IsBool() && !v.GetBool()) || (v.IsInt64() && v.GetInt64() == 0);
    return zero && is_plain(t, f);
  }

  json::value& container(json::value& out, const std::string& name, rapidjson::Type type) {
    auto* v = json::find(out, name);
    if (!v) {
      json::set(out, name, json::value(type), alloc_);
      v = json::find(out, name);
    }
    return *v;
  }

  bool add_item(const place& at, const schema::value_type& t, const wire_field& w,
                json::value& list, int depth) {
    const auto& element = *t.element;
    bool number = element.form == schema::shape::int32 || element.form == schema::shape::int64;
    if (number && w.type == wire::bytes) { // packed
      wire_reader in(w.bytes);
      auto rest = w.bytes;
      for (uint64_t n = 0; !rest.empty() && in.varint(rest, n);)
        list.PushBack(json::value(static_cast<int64_t>(n)), alloc_);
      return in.ok();
    }
    json::value v;
    if (!value(at, element, w, v, depth))
      return false;
    list.PushBack(std::move(v), alloc_);
    return true;
  }

  bool add_entry(const place& at, std::string_view bytes, json::value& out, int depth) {
    const auto& f = at.field;
    auto& map = container(out, f.name, rapidjson::kObjectType);
    std::string key;
    json::value v;
    wire_reader in(bytes);
    wire_field w;
    while (in.next(w)) {
      if (w.number == 1)
        key = w.bytes;
      else if (w.number == 2 && !value(at, *f.type.element, w, v, depth))
        return false;
    }
    if (v.IsNull())
      v = empty_of(*f.type.element);
    // A key that comes twice is found when the text is parsed: looking for it here would make large
    // maps quadratic.
    map.AddMember(json::make_string(key, alloc_), v, alloc_);
    return in.ok() && is_utf8(key);
  }

  /// What an absent map value stands for.
  json::value empty_of(const schema::value_type& t) {
    if (t.form == schema::shape::list)
      return json::value(rapidjson::kArrayType);
    return json::make_string(t.form == schema::shape::quantity ? "0" : "", alloc_);
  }

  bool value(const place& at, const schema::value_type& t, const wire_field& w, json::value& out,
             int depth) {
    switch (t.form) {
    case schema::shape::boolean:
      out.SetBool(w.scalar != 0);
      return w.type == wire::varint;
    case schema::shape::int32:
    case schema::shape::int64:
      out.SetInt64(static_cast<int64_t>(w.scalar));
      return w.type == wire::varint;
    case schema::shape::number: {
      double d = 0;
      static_assert(sizeof d == sizeof w.scalar);
      std::memcpy(&d, &w.scalar, sizeof d);
      out.SetDouble(d);
      return w.type == wire::fixed64;
    }
    default:
      return w.type == wire::bytes && bytes_value(at, t, w.bytes, out, depth);
    }
  }

  bool bytes_value(const place& at, const schema::value_type& t, std::string_view bytes,
                   json::value& out, int depth) {
    switch (t.form) {
    case schema::shape::string:
      out = json::make_string(bytes, alloc_);
      return is_utf8(bytes);
    case schema::shape::bytes:
      out = json::make_string(encode_base64(bytes), alloc_);
      return true;
    case schema::shape::quantity:
      return quantity(bytes, out);
    case schema::shape::time:
    case schema::shape::micro_time:
      return time(bytes, t.form == schema::shape::micro_time, out);
    case schema::shape::int_or_string:
      return int_or_string(bytes, out);
    case schema::shape::any:
      return any(at, bytes, out, depth);
    case schema::shape::object:
      out.SetObject();
      return message(*t.object, bytes, out, depth + 1);
    case schema::shape::list: {
      // A list within a map stands in a message of its own: ExtraValue{items = 1}.
      out.SetArray();
      wire_reader in(bytes);
      wire_field w;
      while (in.next(w))
        if (w.number == 1 && !add_item(at, t, w, out, depth + 1))
          return false;
      return in.ok();
    }
    default:
      return false;
    }
  }

  /// Quantity{string = 1}.
  bool quantity(std::string_view bytes, json::value& out) {
    wire_reader in(bytes);
    wire_field w;
    std::string_view text = "0";
    while (in.next(w))
      if (w.number == 1 && w.type == wire::bytes)
        text = w.bytes;
    out = json::make_string(text, alloc_);
    return in.ok() && is_utf8(text);
  }

  /// Time{seconds = 1, nanos = 2}; an empty message is no time.
  bool time(std::string_view bytes, bool micro, json::value& out) {
    if (bytes.empty())
      return true;
    wire_reader in(bytes);
    wire_field w;
    int64_t seconds = 0;
    int64_t nanos = 0;
    while (in.next(w))
      (w.number == 1 ? seconds : nanos) = static_cast<int64_t>(w.scalar);
    const std::chrono::sys_seconds whole{std::chrono::seconds{seconds}};
    if (!in.ok() || !in_range(whole) || nanos < 0 || nanos > 999'999'999)
      return false;
    const stamp t = whole + std::chrono::microseconds{nanos / 1000};
    out = json::make_string(micro ? format_micro_time(t) : format_time(t), alloc_);
    return true;
  }

  /// IntOrString{type = 1 (0: int), intVal = 2, strVal = 3}.
  bool int_or_string(std::string_view bytes, json::value& out) {
    wire_reader in(bytes);
    wire_field w;
    bool is_text = false;
    int64_t number = 0;
    std::string_view text;
    while (in.next(w)) {
      if (w.number == 1)
        is_text = w.scalar != 0;
      else if (w.number == 2)
        number = static_cast<int64_t>(w.scalar);
      else if (w.number == 3)
        text = w.bytes;
    }
    out = is_text ? json::make_string(text, alloc_) : json::value(number);
    return in.ok() && is_utf8(text);
  }

  bool any(const place& at, std::string_view bytes, json::value& out, int depth) {
    auto form = free_form_of(at.field);
    return form == free_form::raw ? raw(bytes, out) : schema_or(form, at.type, bytes, out, depth);
  }

  /// RawExtension or FieldsV1{raw = 1}: JSON.
  bool raw(std::string_view bytes, json::value& out) {
    wire_reader in(bytes);
    wire_field w;
    while (in.next(w)) {
      if (w.number != 1 || w.type != wire::bytes || w.bytes.empty())
        continue;
      auto doc = json::parse(w.bytes);
      if (!doc)
        return false;
      out = json::copy(*doc, alloc_);
    }
    return in.ok();
  }

  /// A schema (of the type `t` that holds it), or what may stand in its place.
  bool schema_or(free_form form, const schema::struct_type& t, std::string_view bytes,
                 json::value& out, int depth) {
    const uint32_t schema_number = form == free_form::schema_or_bool ? 2 : 1;
    wire_reader in(bytes);
    wire_field w;
    json::value list(rapidjson::kArrayType);
    json::value found;
    while (in.next(w)) {
      json::value v;
      if (w.number == schema_number) {
        found.SetObject();
        if (w.type != wire::bytes || !message(t, w.bytes, found, depth + 1))
          return false;
      } else if (form == free_form::schema_or_bool) {
        if (w.number == 1 && found.IsNull())
          found.SetBool(w.scalar != 0);
      } else if (w.number == 2) {
        v.SetObject();
        if (w.type != wire::bytes || (form == free_form::schema_or_strings && !is_utf8(w.bytes)))
          return false;
        if (form == free_form::schema_or_strings)
          v = json::make_string(w.bytes, alloc_);
        else if (!message(t, w.bytes, v, depth + 1))
          return false;
        list.PushBack(v, alloc_);
      }
    }
    out = found.IsNull() && form != free_form::schema_or_bool ? std::move(list) : std::move(found);
    return in.ok();
  }

  json::allocator& alloc_;
};

error malformed() {
  return bad_request("the body of the request is no well-formed Kubernetes protobuf message");
}

/// runtime.Unknown: {typeMeta = 1 {apiVersion = 1, kind = 2}, raw = 2}.
struct envelope {
  std::string api_version, kind;
  std::string_view raw;
};

bool read_envelope(std::string_view body, envelope& e) {
  wire_reader in(body);
  wire_field w;
  while (in.next(w)) {
    if (w.number == 2)
      e.raw = w.bytes;
    if (w.number != 1)
      continue;
    wire_reader meta(w.bytes);
    wire_field m;
    while (meta.next(m))
      (m.number == 1 ? e.api_version : e.kind) = m.bytes;
    if (!meta.ok())
      return false;
  }
  return in.ok();
}

} // namespace

result<std::string> protobuf_to_json(const schema::registry& schemas, std::string_view body) {
  if (body.substr(0, protobuf_magic.size()) != protobuf_magic)
    return fail(malformed());
  body.remove_prefix(protobuf_magic.size());
  envelope e;
  if (!read_envelope(body, e))
    return fail(malformed());
  auto slash = e.api_version.find('/');
  auto group = slash == std::string::npos ? std::string{} : e.api_version.substr(0, slash);
  auto version = slash == std::string::npos ? e.api_version : e.api_version.substr(slash + 1);
  const auto* type = schemas.find_kind_type(group, version, e.kind);
  // DeleteOptions and the like come in the version of the resource's own group.
  if (!type)
    type = schemas.find_kind_type("", "v1", e.kind);
  if (!type)
    return fail(bad_request("no kind " + quote_go(e.kind) + " is registered for version " +
                            quote_go(e.api_version)));
  json::document doc(rapidjson::kObjectType);
  auto& a = doc.GetAllocator();
  json::set(doc, "kind", e.kind, a);
  json::set(doc, "apiVersion", e.api_version, a);
  if (!decoder(a).message(*type, e.raw, doc, 0))
    return fail(malformed());
  return json::to_string(doc);
}

} // namespace thespis::api::rest
