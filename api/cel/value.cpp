#include "api/cel/value.hpp"

#include "api/cel/objects.hpp"
#include "api/cel/times.hpp"
#include "api/text/base64.hpp"

#include <cmath>

namespace thespis::api::cel {

namespace {

constexpr size_t indexed_from = 24;

value make(kind k) {
  value v;
  v.form = k;
  return v;
}

} // namespace

value value::of(bool b) {
  auto v = make(kind::boolean);
  v.boolean = b;
  return v;
}

value value::of(int64_t i) {
  auto v = make(kind::int_);
  v.integer = i;
  return v;
}

value value::of_uint(uint64_t u) {
  auto v = make(kind::uint_);
  v.natural = u;
  return v;
}

value value::of(double d) {
  auto v = make(kind::double_);
  v.real = d;
  return v;
}

value value::of(std::string_view s) {
  auto v = make(kind::string);
  v.text = s.data();
  v.size = static_cast<uint32_t>(s.size());
  return v;
}

value value::of_bytes(std::string_view s) {
  auto v = of(s);
  v.form = kind::bytes;
  return v;
}

value value::of(const cel::type& t) {
  auto v = make(kind::type);
  v.named = &t;
  return v;
}

value value::of_timestamp(int64_t seconds, uint32_t nanoseconds) {
  auto v = make(kind::timestamp);
  v.integer = seconds;
  v.size = nanoseconds;
  return v;
}

value value::of_duration(int64_t nanoseconds) {
  auto v = make(kind::duration);
  v.integer = nanoseconds;
  return v;
}

void* evaluation::allocate(size_t bytes, size_t alignment) {
  used_ += bytes;
  if (used_ > memory_limit)
    throw cancelled{"operation cancelled: memory limit exceeded"};
  return memory_.allocate(bytes, alignment);
}

value* evaluation::values(size_t count) {
  if (count > memory_limit / sizeof(value))
    throw cancelled{"operation cancelled: memory limit exceeded"};
  auto* out =
      static_cast<value*>(allocate(std::max<size_t>(count, 1) * sizeof(value), alignof(value)));
  std::uninitialized_default_construct_n(out, count);
  return out;
}

std::string_view evaluation::text(std::string_view s) {
  if (s.empty())
    return {"", 0};
  auto* out = static_cast<char*>(allocate(s.size(), 1));
  std::memcpy(out, s.data(), s.size());
  return {out, s.size()};
}

value evaluation::error(std::string message) {
  // Counted, not refused: running out of memory is itself told by an error.
  used_ += message.size() + sizeof(std::string);
  auto v = make(kind::error);
  v.message = &messages_.emplace_back(std::move(message));
  return v;
}

value evaluation::list(const value* items, size_t count) {
  auto v = make(kind::list);
  v.list = keep(list_rep{items, count});
  return v;
}

value evaluation::list(const std::vector<value>& items) {
  auto* copy = values(items.size());
  std::copy(items.begin(), items.end(), copy);
  return list(copy, items.size());
}

value evaluation::map(const value* keys, const value* values, size_t count,
                      const cel::type* named) {
  auto v = make(kind::map);
  v.map = keep(map_rep{keys, values, count, named});
  return v;
}

value evaluation::some(const value& held) {
  auto v = make(kind::optional);
  v.maybe = keep(optional_rep{true, held});
  return v;
}

value evaluation::none() {
  static const optional_rep absent;
  auto v = make(kind::optional);
  v.maybe = &absent;
  return v;
}

value evaluation::url(const url_rep& u) {
  auto v = make(kind::url);
  v.url = keep(u);
  return v;
}

value evaluation::ip(const ip_address& a) {
  auto v = make(kind::ip);
  v.ip = keep(a);
  return v;
}

value evaluation::version(const semver_rep& x) {
  auto v = make(kind::semver);
  v.version = keep(x);
  return v;
}

value evaluation::authorization(kind k, const authorization_rep& a) {
  auto v = make(k);
  v.authorization = keep(a);
  return v;
}

value evaluation::range(const cidr_rep& c) {
  auto v = make(kind::cidr);
  v.range = keep(c);
  return v;
}

value evaluation::amount(const quantity& q) {
  auto v = make(kind::quantity);
  v.amount = keep(q);
  return v;
}

namespace {

value read_text(std::string_view s, kind declared, evaluation& run) {
  switch (declared) {
  case kind::timestamp:
    if (auto t = parse_timestamp(s))
      return value::of_timestamp(t->seconds, t->nanoseconds);
    return run.error("could not parse timestamp: " + std::string{s});
  case kind::duration:
    if (auto d = parse_cel_duration(s))
      return value::of_duration(*d);
    return run.error("could not parse duration: " + std::string{s});
  case kind::bytes:
    if (auto b = decode_base64(s))
      return value::of_bytes(run.text(*b));
    return run.error("could not decode base64: " + std::string{s});
  default:
    return value::of(s);
  }
}

} // namespace

value evaluation::from_json(const json::value& v, const cel::type* declared) {
  auto wanted = declared == nullptr ? kind::dyn : declared->form;
  switch (v.GetType()) {
  case rapidjson::kNullType:
    return {};
  case rapidjson::kTrueType:
    return value::of(true);
  case rapidjson::kFalseType:
    return value::of(false);
  case rapidjson::kStringType:
    return read_text({v.GetString(), v.GetStringLength()}, wanted, *this);
  case rapidjson::kNumberType:
    if (wanted == kind::double_)
      return value::of(v.GetDouble());
    if (v.IsInt64())
      return value::of(v.GetInt64());
    return value::of(v.GetDouble());
  case rapidjson::kArrayType:
  case rapidjson::kObjectType:
    break;
  }
  auto out = make(v.IsArray() ? kind::list : kind::map);
  out.held = backing::json;
  out.json = &v;
  out.declared = wanted == kind::dyn ? nullptr : declared;
  return out;
}

size_t evaluation::count(const value& v) {
  if (v.form == kind::list)
    return v.held == backing::json ? v.json->Size() : v.list->count;
  if (v.form == kind::map && v.held != backing::lazy)
    return v.held == backing::json ? v.json->MemberCount() : v.map->count;
  return 0;
}

value evaluation::item(const value& list, size_t n) {
  if (list.held == backing::native)
    return list.list->items[n];
  return from_json((*list.json)[static_cast<rapidjson::SizeType>(n)],
                   list.declared != nullptr && list.declared->form == kind::list
                       ? list.declared->param(0)
                       : nullptr);
}

const json::value* evaluation::member(const json::value& object, std::string_view name) {
  if (object.MemberCount() < indexed_from)
    return json::find(object, name);
  auto [it, fresh] = indexes_.try_emplace(&object);
  if (fresh) {
    it->second.reserve(object.MemberCount());
    size_t n = 0;
    for (auto m = object.MemberBegin(); m != object.MemberEnd(); ++m, ++n)
      it->second.try_emplace({m->name.GetString(), m->name.GetStringLength()}, n);
  }
  auto found = it->second.find(name);
  return found == it->second.end()
             ? nullptr
             : &(object.MemberBegin() + static_cast<std::ptrdiff_t>(found->second))->value;
}

std::optional<value> evaluation::native_entry(const map_rep& m, const value& key) {
  if (key.form != kind::string || m.count < indexed_from) {
    for (size_t n = 0; n < m.count; ++n)
      if (equal(m.keys[n], key, *this))
        return m.values[n];
    return std::nullopt;
  }
  auto [it, fresh] = indexes_.try_emplace(&m);
  if (fresh)
    for (size_t n = 0; n < m.count; ++n)
      if (m.keys[n].form == kind::string)
        it->second.try_emplace(m.keys[n].str(), n);
  auto found = it->second.find(key.str());
  return found == it->second.end() ? std::nullopt : std::optional{m.values[found->second]};
}

std::optional<value> evaluation::field(const value& map, std::string_view name) {
  switch (map.held) {
  case backing::native:
    return native_entry(*map.map, value::of(name));
  case backing::lazy:
    return map.lazy->has(name) ? std::optional{map.lazy->get(name, *this)} : std::nullopt;
  case backing::json:
    break;
  }
  const cel::type* inner = nullptr;
  const auto* t = map.declared;
  if (t != nullptr && t->form == kind::object) {
    const auto* f = t->find(name);
    inner = f == nullptr ? nullptr : f->of;
    if (f != nullptr)
      name = f->json_name;
  } else if (t != nullptr && t->form == kind::map) {
    inner = t->param(1);
  }
  const auto* found = member(*map.json, name);
  // A null field of a declared object is an absent one.
  if (found == nullptr || (found->IsNull() && t != nullptr && t->form == kind::object))
    return std::nullopt;
  return from_json(*found, inner);
}

std::optional<value> evaluation::entry(const value& map, const value& key) {
  if (key.form == kind::string)
    return field(map, key.str());
  return map.held == backing::native ? native_entry(*map.map, key) : std::nullopt;
}

value evaluation::key_at(const value& map, size_t n) {
  if (map.held == backing::native)
    return map.map->keys[n];
  const auto& name = (map.json->MemberBegin() + static_cast<std::ptrdiff_t>(n))->name;
  return value::of(std::string_view{name.GetString(), name.GetStringLength()});
}

value evaluation::value_at(const value& map, size_t n) {
  if (map.held == backing::native)
    return map.map->values[n];
  const auto* t = map.declared;
  return from_json((map.json->MemberBegin() + static_cast<std::ptrdiff_t>(n))->value,
                   t != nullptr && t->form == kind::map ? t->param(1) : nullptr);
}

size_t code_points(std::string_view s) {
  size_t n = 0;
  for (auto c : s)
    n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

uint64_t cost_size(const value& v, evaluation& run) {
  switch (v.form) {
  case kind::string:
    return code_points(v.str());
  case kind::bytes:
    return v.size;
  case kind::list:
  case kind::map:
    return run.count(v);
  case kind::ip:
    return v.ip->bits() / 8;
  case kind::cidr:
    return v.range->address.bits() / 8;
  default:
    return 1;
  }
}

} // namespace thespis::api::cel
