#include "api/crd/structural.hpp"

#include <algorithm>
#include <utility>

namespace thespis::api::crd {

namespace {

/// Of the memory of one compiled pattern.
constexpr int64_t pattern_memory = 1 << 20;

value_kind kind_of(std::string_view name) {
  if (name == "object")
    return value_kind::object;
  if (name == "array")
    return value_kind::array;
  if (name == "string")
    return value_kind::string;
  if (name == "integer")
    return value_kind::integer;
  if (name == "number")
    return value_kind::number;
  if (name == "boolean")
    return value_kind::boolean;
  return value_kind::any;
}

std::optional<double> number_at(const json::value& v, std::string_view key) {
  const auto* n = json::find(v, key);
  return n && n->IsNumber() ? std::optional{n->GetDouble()} : std::nullopt;
}

std::vector<std::string> strings_at(const json::value& v, std::string_view key) {
  std::vector<std::string> out;
  const auto* list = json::find(v, key);
  if (list && list->IsArray())
    for (const auto& s : list->GetArray())
      out.emplace_back(json::as_string(s));
  return out;
}

class reader {
public:
  std::unique_ptr<structural> read(const json::value& v) {
    auto s = std::make_unique<structural>();
    if (!v.IsObject())
      return s;
    read_kind(v, *s);
    read_bounds(v, *s);
    read_inside(v, *s);
    read_logic(v, *s);
    s->defaults_inside = s->default_value || (s->items && s->items->defaults_inside) ||
                         (s->additional && s->additional->defaults_inside) ||
                         std::any_of(s->properties.begin(), s->properties.end(),
                                     [](const auto& p) { return p.second->defaults_inside; });
    return s;
  }

  std::string failure;

private:
  static void read_kind(const json::value& v, structural& s) {
    s.type_name = json::get_string(v, "type");
    s.type = kind_of(s.type_name);
    s.format = json::get_string(v, "format");
    s.nullable = json::get_bool(v, "nullable");
    s.int_or_string = json::get_bool(v, "x-kubernetes-int-or-string");
    s.preserve_unknown = json::get_bool(v, "x-kubernetes-preserve-unknown-fields");
    s.embedded = json::get_bool(v, "x-kubernetes-embedded-resource");
    s.list_type = json::get_string(v, "x-kubernetes-list-type");
    s.map_type = json::get_string(v, "x-kubernetes-map-type");
    s.list_keys = strings_at(v, "x-kubernetes-list-map-keys");
    if (const auto* d = json::find(v, "default"); d && !d->IsNull())
      s.default_value = d;
    if (const auto* r = json::find(v, "x-kubernetes-validations"); r && r->IsArray())
      s.rules = r;
  }

  void read_bounds(const json::value& v, structural& s) {
    s.minimum = number_at(v, "minimum");
    s.maximum = number_at(v, "maximum");
    s.multiple_of = number_at(v, "multipleOf");
    s.exclusive_minimum = json::get_bool(v, "exclusiveMinimum");
    s.exclusive_maximum = json::get_bool(v, "exclusiveMaximum");
    s.unique_items = json::get_bool(v, "uniqueItems");
    s.min_length = json::get_int(v, "minLength", -1);
    s.max_length = json::get_int(v, "maxLength", -1);
    s.min_items = json::get_int(v, "minItems", -1);
    s.max_items = json::get_int(v, "maxItems", -1);
    s.min_properties = json::get_int(v, "minProperties", -1);
    s.max_properties = json::get_int(v, "maxProperties", -1);
    s.required = strings_at(v, "required");
    if (const auto* list = json::find(v, "enum"); list && list->IsArray())
      for (const auto& e : list->GetArray())
        s.values.push_back(&e);
    if (const auto text = json::get_string(v, "pattern"); !text.empty()) {
      re2::RE2::Options o;
      o.set_max_mem(pattern_memory);
      o.set_log_errors(false);
      s.pattern = std::make_unique<re2::RE2>(re2::StringPiece(text.data(), text.size()), o);
      if (!s.pattern->ok() && failure.empty())
        failure = "must be a valid regular expression, but isn't: " + s.pattern->error();
    }
  }

  void read_inside(const json::value& v, structural& s) {
    if (const auto* p = json::find(v, "properties"); p && p->IsObject()) {
      for (const auto& m : p->GetObject())
        s.properties.emplace_back(json::as_string(m.name), read(m.value));
      std::sort(s.properties.begin(), s.properties.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    if (const auto* more = json::find(v, "additionalProperties")) {
      s.has_additional = more->IsObject() || more->IsTrue();
      if (more->IsObject())
        s.additional = read(*more);
    }
    if (const auto* items = json::find(v, "items"); items && items->IsObject())
      s.items = read(*items);
  }

  void read_logic(const json::value& v, structural& s) {
    const auto all = [&](std::string_view key, auto& into) {
      if (const auto* list = json::find(v, key); list && list->IsArray())
        for (const auto& e : list->GetArray())
          into.push_back(read(e));
    };
    all("allOf", s.all_of);
    all("anyOf", s.any_of);
    all("oneOf", s.one_of);
    if (const auto* n = json::find(v, "not"); n && n->IsObject())
      s.not_of = read(*n);
  }
};

std::string joined(const std::string& at, std::string_view name) {
  return at.empty() ? std::string(name) : at + "." + std::string(name);
}

class pruner {
public:
  pruner(std::vector<std::string>* dropped, const metadata_step& embedded)
      : dropped_(dropped), embedded_(embedded) {}

  void run(const structural& s, json::value& v, bool root, const std::string& at) {
    if (v.IsArray() && s.items) {
      for (rapidjson::SizeType i = 0; i < v.Size(); ++i)
        run(*s.items, v[i], s.items->embedded, dropped_ ? at + "[" + std::to_string(i) + "]" : at);
    } else if (v.IsObject()) {
      object(s, v, root, at);
    }
  }

private:
  void object(const structural& s, json::value& v, bool root, const std::string& at) {
    const bool inside = std::exchange(inside_, true);
    auto keep = v.MemberBegin(); // what stays moves up to here: dropping members is linear
    for (auto m = v.MemberBegin(); m != v.MemberEnd(); ++m) {
      const auto name = json::as_string(m->name);
      const auto inner = dropped_ ? joined(at, name) : at;
      const bool own = root && is_type_member(name);
      if (own && inside && embedded_ && name == "metadata" && m->value.IsObject())
        embedded_(m->value, inner);
      if (const auto* known = own ? nullptr : s.member(name))
        run(*known, m->value, known->embedded, inner);
      else if (!own && !s.has_additional && !s.preserve_unknown) {
        if (dropped_)
          dropped_->push_back(inner);
        continue;
      }
      if (keep != m) {
        keep->name.Swap(m->name);
        keep->value.Swap(m->value);
      }
      ++keep;
    }
    if (keep != v.MemberEnd())
      v.EraseMember(keep, v.MemberEnd());
  }

  std::vector<std::string>* dropped_;
  const metadata_step& embedded_;
  bool inside_ = false; ///< of the object that was begun with
};

void drop_nulls(const structural& s, json::value& v) {
  if (v.IsArray() && s.items) {
    for (auto& e : v.GetArray())
      drop_nulls(*s.items, e);
    return;
  }
  if (!v.IsObject())
    return;
  for (auto m = v.MemberBegin(); m != v.MemberEnd();) {
    const auto* known = s.property(json::as_string(m->name));
    if (known && m->value.IsNull() && !known->nullable) {
      m = v.EraseMember(m);
      continue;
    }
    if (const auto* inner = known ? known : s.additional.get())
      drop_nulls(*inner, m->value);
    ++m;
  }
}

/// Copies defaults to where nothing is, as long as the budget lasts.
class filler {
public:
  explicit filler(json::allocator& a) : alloc_(a) {}

  void inside(const structural& s, json::value& v) {
    if (!s.defaults_inside)
      return;
    if (v.IsArray() && s.items) {
      for (auto& e : v.GetArray())
        member(*s.items, e);
      return;
    }
    if (!v.IsObject())
      return;
    for (const auto& [name, p] : s.properties) {
      if (!p->defaults_inside)
        continue;
      if (auto* m = json::find(v, name))
        member(*p, *m);
      else if (p->default_value && take(*p->default_value)) {
        json::set(v, name, json::copy(*p->default_value, alloc_), alloc_);
        inside(*p, *json::find(v, name));
      }
    }
    if (s.additional)
      for (auto& m : v.GetObject())
        if (!s.property(json::as_string(m.name)))
          member(*s.additional, m.value);
  }

  bool all_done() const { return done_; }

private:
  /// A null where none is allowed counts as absent.
  void member(const structural& s, json::value& v) {
    if (v.IsNull() && !s.nullable && s.default_value && take(*s.default_value))
      v = json::copy(*s.default_value, alloc_);
    inside(s, v);
  }

  bool take(const json::value& v) {
    const size_t size = 1 + (v.IsArray() ? v.Size() : v.IsObject() ? v.MemberCount() : 0);
    done_ = done_ && size <= left_;
    left_ -= std::min(left_, size);
    return done_;
  }

  json::allocator& alloc_;
  size_t left_ = max_defaults;
  bool done_ = true;
};

} // namespace

const structural* structural::property(std::string_view name) const {
  const auto i = std::lower_bound(properties.begin(), properties.end(), name,
                                  [](const auto& p, std::string_view k) { return p.first < k; });
  return i != properties.end() && i->first == name ? i->second.get() : nullptr;
}

const structural* structural::member(std::string_view name) const {
  const auto* p = property(name);
  return p ? p : additional.get();
}

bool is_type_member(std::string_view name) {
  return name == "apiVersion" || name == "kind" || name == "metadata";
}

result<std::unique_ptr<structural>> read_structural(const json::value& schema) {
  reader r;
  auto s = r.read(schema);
  if (!r.failure.empty())
    return fail(bad_request(std::move(r.failure)));
  return s;
}

void prune(const structural& s, json::value& v, bool root, std::vector<std::string>* dropped,
           const metadata_step& embedded) {
  pruner{dropped, embedded}.run(s, v, root, {});
}

bool fill_in(const structural& s, json::value& v, json::allocator& a) {
  filler f{a};
  f.inside(s, v);
  drop_nulls(s, v);
  return f.all_done();
}

} // namespace thespis::api::crd
