#include "api/rest/protobuf_encoder.hpp"

#include "api/rest/protobuf_fields.hpp"
#include "api/text/base64.hpp"
#include "api/text/stamp.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace thespis::api::rest {

namespace {

uint16_t position(const schema::struct_type& t, const schema::field& f) {
  return static_cast<uint16_t>(&f - t.fields.data());
}

void sort_descending(std::vector<wire_plan::entry>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const auto& a, const auto& b) { return a.number > b.number; });
}

wire_plan::entry make_wrap(const schema::struct_type& t, const schema::wrap& wrap) {
  wire_plan::entry e;
  e.number = wrap.pb;
  for (const auto& [name, number] : wrap.members)
    if (const auto* f = t.find(name))
      e.members.push_back({number, position(t, *f), {}});
  if (wrap.inside == 0) // what is nested has nothing nested again
    for (const auto& inner : t.wraps)
      if (inner.inside == wrap.pb)
        e.members.push_back(make_wrap(t, inner));
  sort_descending(e.members);
  return e;
}

wire_plan make_plan(const schema::struct_type& t) {
  wire_plan plan;
  for (const auto& f : t.fields)
    if (f.pb != 0)
      plan.entries.push_back({f.pb, position(t, f), {}});
  for (const auto& wrap : t.wraps)
    if (wrap.inside == 0)
      plan.entries.push_back(make_wrap(t, wrap));
  sort_descending(plan.entries);
  return plan;
}

/// The plans of the built-in types, which never change.
const wire_plan* plan_of(const schema::struct_type& t) {
  static const auto plans = [] {
    std::unordered_map<const schema::struct_type*, wire_plan> all;
    for (const auto* type : schema::registry::builtin().types())
      all.emplace(type, make_plan(*type));
    for (const auto& r : schema::registry::builtin().resources())
      if (r->list_type)
        all.emplace(r->list_type, make_plan(*r->list_type));
    return all;
  }();
  auto it = plans.find(&t);
  return it == plans.end() ? nullptr : &it->second;
}

std::string_view view(const json::value& s) {
  return {s.GetString(), s.GetStringLength()};
}

} // namespace

void protobuf_encoder::message(const schema::struct_type& t, const json::value& object) {
  const auto* plan = plan_of(t);
  if (!plan || !object.IsObject())
    return;
  const size_t frame = found_.size();
  found_.resize(frame + t.fields.size());
  // Members mostly come in the schema's order: try the next field before looking for one.
  size_t next = 0;
  for (const auto& m : object.GetObject()) {
    while (next < t.fields.size() && t.fields[next].pb == 0 && t.wraps.empty())
      ++next;
    size_t at = next;
    if (at >= t.fields.size() || t.fields[at].name != view(m.name)) {
      const auto* f = t.find(view(m.name));
      if (!f)
        continue;
      at = static_cast<size_t>(f - t.fields.data());
    }
    if (!m.value.IsNull())
      found_[frame + at] = &m.value;
    next = at + 1;
  }
  write(t, plan->entries, frame);
  found_.resize(frame);
}

void protobuf_encoder::write(const schema::struct_type& t,
                             const std::vector<wire_plan::entry>& entries, size_t frame) {
  for (const auto& e : entries) {
    if (e.members.empty()) {
      // By position: found_ may grow, and move, while members are written.
      if (const auto* v = found_[frame + e.field])
        field({t, t.fields[e.field]}, e.number, *v);
      continue;
    }
    const size_t mark = out.size();
    write(t, e.members, frame);
    if (out.size() != mark)
      out.close(e.number, mark);
  }
}

void protobuf_encoder::field(const place& at, uint32_t number, const json::value& v) {
  switch (at.field.type.form) {
  case schema::shape::list:
    return items(at, at.field.type, number, v);
  case schema::shape::map:
    return entries(at, number, v);
  default:
    return value(at, at.field.type, number, v);
  }
}

void protobuf_encoder::items(const place& at, const schema::value_type& t, uint32_t number,
                             const json::value& v) {
  if (!v.IsArray())
    return;
  for (auto i = v.Size(); i-- > 0;)
    value(at, *t.element, number, v[i]);
}

void protobuf_encoder::entries(const place& at, uint32_t number, const json::value& v) {
  if (!v.IsObject())
    return;
  // By key, as Go's encoder does, so that equal objects are equal bytes.
  std::vector<const json::value::Member*> members;
  members.reserve(v.MemberCount());
  for (const auto& m : v.GetObject())
    members.push_back(&m);
  auto before = [](const auto* a, const auto* b) { return view(a->name) < view(b->name); };
  if (!std::is_sorted(members.begin(), members.end(), before))
    std::sort(members.begin(), members.end(), before);
  for (size_t i = members.size(); i-- > 0;) {
    const size_t mark = out.size();
    value(at, *at.field.type.element, 2, members[i]->value);
    out.text(1, view(members[i]->name));
    out.close(number, mark);
  }
}

void protobuf_encoder::value(const place& at, const schema::value_type& t, uint32_t number,
                             const json::value& v) {
  switch (t.form) {
  case schema::shape::string:
    if (v.IsString())
      out.text(number, view(v));
    return;
  case schema::shape::boolean:
    if (v.IsBool())
      out.varint(number, v.GetBool());
    return;
  case schema::shape::int32:
  case schema::shape::int64:
    if (v.IsInt64())
      out.varint(number, static_cast<uint64_t>(v.GetInt64()));
    return;
  case schema::shape::number:
    if (v.IsNumber()) {
      const double d = v.GetDouble();
      uint64_t bits = 0;
      std::memcpy(&bits, &d, sizeof bits);
      out.fixed64(number, bits);
    }
    return;
  case schema::shape::bytes:
    if (auto plain = v.IsString() ? decode_base64(view(v)) : std::nullopt)
      out.text(number, *plain);
    return;
  case schema::shape::quantity:
    return quantity(number, v);
  case schema::shape::time:
  case schema::shape::micro_time:
    return time(number, v, t.form == schema::shape::micro_time);
  case schema::shape::int_or_string:
    return int_or_string(number, v);
  case schema::shape::any:
    return any(at, number, v);
  case schema::shape::object: {
    const size_t mark = out.size();
    message(*t.object, v);
    return out.close(number, mark);
  }
  case schema::shape::list: {
    const size_t mark = out.size();
    items(at, t, 1, v);
    return out.close(number, mark);
  }
  case schema::shape::map:
    return; // no type has a map in a map or a list
  }
}

/// Time{seconds = 1, nanos = 2}; both are always there.
void protobuf_encoder::time(uint32_t number, const json::value& v, bool micro) {
  auto t = v.IsString() ? parse_stamp(view(v)) : std::nullopt;
  if (!t)
    return;
  auto seconds = std::chrono::floor<std::chrono::seconds>(*t);
  const size_t mark = out.size();
  out.varint(2, micro ? static_cast<uint64_t>(std::chrono::nanoseconds{*t - seconds}.count()) : 0);
  out.varint(1, static_cast<uint64_t>(seconds.time_since_epoch().count()));
  out.close(number, mark);
}

/// Quantity{string = 1}.
void protobuf_encoder::quantity(uint32_t number, const json::value& v) {
  const size_t mark = out.size();
  if (v.IsString())
    out.text(1, view(v));
  else
    out.text(1, json::to_string(v));
  out.close(number, mark);
}

/// IntOrString{type = 1, intVal = 2, strVal = 3}; all are always there.
void protobuf_encoder::int_or_string(uint32_t number, const json::value& v) {
  const size_t mark = out.size();
  out.text(3, v.IsString() ? view(v) : std::string_view{});
  out.varint(2, v.IsInt64() ? static_cast<uint64_t>(v.GetInt64()) : 0);
  out.varint(1, v.IsString());
  out.close(number, mark);
}

void protobuf_encoder::any(const place& at, uint32_t number, const json::value& v) {
  const size_t mark = out.size();
  switch (free_form_of(at.field)) {
  case free_form::raw:
    out.text(1, json::to_string(v));
    break;
  case free_form::schema_or_bool:
    if (v.IsObject()) {
      message(at.type, v);
      out.close(2, mark);
    }
    out.varint(1, v.IsObject() || (v.IsBool() && v.GetBool()));
    break;
  case free_form::schema_or_array:
  case free_form::schema_or_strings:
    if (v.IsObject()) {
      message(at.type, v);
      out.close(1, mark);
    }
    for (auto i = v.IsArray() ? v.Size() : 0; i-- > 0;) {
      const size_t item = out.size();
      if (v[i].IsString()) {
        out.text(2, view(v[i]));
      } else {
        message(at.type, v[i]);
        out.close(2, item);
      }
    }
    break;
  }
  out.close(number, mark);
}

} // namespace thespis::api::rest
