#include "api/schema/validate.hpp"

#include "api/schema/formats.hpp"
#include "api/text/names.hpp"
#include "api/text/quantity.hpp"
#include "api/text/quote.hpp"
#include "api/validation/path.hpp"

#include <algorithm>

namespace thespis::api::schema {
namespace {

using json::value;

path child(const path* parent, std::string_view name) {
  return parent ? path{*parent, name} : path{name};
}

/// The value as a field error shows it.
std::string shown(const value& v) {
  return v.IsString() ? quote_go(json::as_string(v)) : json::to_string(v);
}

bool is_empty(const value* v) {
  if (!v || v->IsNull())
    return true;
  if (v->IsString())
    return v->GetStringLength() == 0;
  if (v->IsArray())
    return v->Empty();
  return v->IsInt64() && v->GetInt64() == 0;
}

std::string bounds_message(const rules& r) {
  if (!r.message.empty())
    return r.message;
  if (r.min && r.max)
    return range_message(*r.min, *r.max);
  if (r.max)
    return "must be less than or equal to " + std::to_string(*r.max);
  if (r.min == 1)
    return "must be greater than zero";
  return "must be greater than or equal to " + std::to_string(r.min.value_or(0));
}

class validator {
public:
  explicit validator(std::vector<cause>& causes) : causes_(causes) {}

  void object(const struct_type& t, const value& v, const value* old, const path* at,
              const std::vector<std::string_view>* skip = nullptr) {
    if (!t.rules_inside || !v.IsObject())
      return;
    for (auto& f : t.fields) {
      if (skip && std::find(skip->begin(), skip->end(), f.name) != skip->end())
        continue;
      const auto* member = json::find(v, f.name);
      const auto* before = old && old->IsObject() ? json::find(*old, f.name) : nullptr;
      field_value(f, member, before, old != nullptr, child(at, f.name));
    }
    for (auto& g : t.groups)
      group(g, v, at);
  }

private:
  void field_value(const field& f, const value* v, const value* old, bool is_update,
                   const path& at) {
    const auto* r = f.type.checks.get();
    if (r && r->immutable && is_update && changed(v, old)) {
      causes_.push_back(
          invalid_value(at.str(), v ? shown(*v) : std::string{"null"}, "field is immutable"));
      return;
    }
    if (r && r->nonempty && is_empty(v)) {
      causes_.push_back(required(at.str(), r->nonempty_detail));
      return;
    }
    if (f.required && r && is_empty(v) && !(v && v->IsArray()))
      zero(*r, f.type.form, at);
    else if (v && !v->IsNull())
      check_value(f.type, *v, old, at);
  }

  /// What a client left out of a plain Go field is its zero value, which rules may not allow.
  void zero(const rules& r, shape form, const path& at) {
    switch (form) {
    case shape::int32:
    case shape::int64:
    case shape::int_or_string:
      return bounds(r, value{0}, 0, at);
    case shape::string:
      if (!r.enum_values.empty() && !r.open_enum)
        return causes_.push_back(not_supported(at.str(), "\"\"", r.enum_values));
      for (auto& c : check_format(r.format, ""))
        causes_.push_back(invalid_value(at.str(), "\"\"", c));
      return;
    default:
      return;
    }
  }

  static bool changed(const value* v, const value* old) {
    const bool gone = !v || v->IsNull(), was_gone = !old || old->IsNull();
    return gone || was_gone ? gone != was_gone : !json::equal(*v, *old);
  }

  /// The value's own rules, then what is inside.
  void check_value(const value_type& t, const value& v, const value* old, const path& at) {
    if (t.checks)
      apply(*t.checks, t.form, v, at);
    switch (t.form) {
    case shape::object:
      return object(*t.object, v, old, &at);
    case shape::list:
      return list(t, v, old, at);
    case shape::map:
      return map(t, v, at);
    default:
      return;
    }
  }

  void list(const value_type& t, const value& v, const value* old, const path& at) {
    if (!v.IsArray())
      return;
    for (rapidjson::SizeType i = 0; i < v.Size(); ++i)
      check_value(*t.element, v[i], old ? counterpart(t, v[i], *old) : nullptr, path{at, i});
  }

  /// The item of `old` with the same keys; nullptr when it is new, or the list has no keys.
  static const value* counterpart(const value_type& t, const value& item, const value& old) {
    if (t.list_keys.empty() || !old.IsArray() || !item.IsObject())
      return nullptr;
    const auto same = [&](const value& other) {
      return other.IsObject() && std::all_of(t.list_keys.begin(), t.list_keys.end(), [&](auto& k) {
               return !changed(json::find(item, k), json::find(other, k));
             });
    };
    for (auto& other : old.GetArray())
      if (same(other))
        return &other;
    return nullptr;
  }

  void map(const value_type& t, const value& v, const path& at) {
    if (!v.IsObject())
      return;
    // Labels are reported as a whole, other maps by key.
    const bool whole = t.keys && (t.keys->format == "label-key");
    for (auto& m : v.GetObject()) {
      const std::string_view key{m.name.GetString(), m.name.GetStringLength()};
      const auto inner = path::key(at, key);
      if (t.keys)
        for (auto& c : check_format(t.keys->format, key))
          causes_.push_back(invalid_value((whole ? at : inner).str(), quote_go(key), c));
      check_value(*t.element, m.value, nullptr, whole ? at : inner);
    }
  }

  void apply(const rules& r, shape form, const value& v, const path& at) {
    if (v.IsString())
      text(r, form, v, at);
    else if (v.IsInt64())
      bounds(r, v, v.GetInt64(), at);
    else if (v.IsArray() && r.max_items >= 0 && v.Size() > static_cast<unsigned>(r.max_items))
      causes_.push_back(r.message.empty()
                            ? too_many(at.str(), v.Size(), static_cast<size_t>(r.max_items))
                            : invalid_value(at.str(), shown(v), r.message));
  }

  void text(const rules& r, shape form, const value& v, const path& at) {
    const auto s = json::as_string(v);
    if (form == shape::quantity) {
      if (const auto q = parse_quantity(s); q && r.min && q->sign() < 0)
        causes_.push_back(invalid_value(at.str(), quote_go(s), bounds_message(r)));
      return;
    }
    if (!r.enum_values.empty() && !r.open_enum && !s.empty() &&
        std::find(r.enum_values.begin(), r.enum_values.end(), s) == r.enum_values.end()) {
      causes_.push_back(not_supported(at.str(), quote_go(s), r.enum_values));
      return;
    }
    if (r.max_length >= 0 && s.size() > static_cast<size_t>(r.max_length))
      causes_.push_back(too_long(at.str(), static_cast<size_t>(r.max_length)));
    if (!r.format.empty() && (!s.empty() || form == shape::int_or_string))
      for (auto& c : check_format(r.format, s))
        causes_.push_back(invalid_value(at.str(), quote_go(s), c));
  }

  void bounds(const rules& r, const value& v, int64_t n, const path& at) {
    if ((r.min && n < *r.min) || (r.max && n > *r.max))
      causes_.push_back(invalid_value(at.str(), shown(v), bounds_message(r)));
  }

  void group(const group_rule& g, const value& v, const path* at) {
    bool found = false;
    for (auto& name : g.members) {
      const auto* m = json::find(v, name);
      if (!m || m->IsNull())
        continue;
      if (found)
        causes_.push_back(
            field_forbidden(child(at, name).str(), "may not specify more than 1 " + g.what));
      found = true;
    }
    if (!found && g.exactly)
      causes_.push_back(required(at ? at->str() : std::string{}, "must specify a " + g.what));
  }

  std::vector<cause>& causes_;
};

} // namespace

void validate(const struct_type& type, const json::value& obj, const json::value* old,
              std::vector<cause>& causes, const std::vector<std::string_view>& skip) {
  if (type.custom)
    return type.custom->validate(obj, old, causes);
  validator{causes}.object(type, obj, old, nullptr, &skip);
}

} // namespace thespis::api::schema
