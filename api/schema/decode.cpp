#include "api/schema/decode.hpp"

#include "api/schema/decode_scalar.hpp"
#include "api/text/quote.hpp"

namespace thespis::api::schema {
namespace {

/// Kubernetes' strict decoder stops reporting here.
constexpr size_t max_reports = 100;

/// Where the decoder stands, spelled out only for a report.
struct frame {
  const frame* parent = nullptr;
  std::string_view name; ///< of a field or map key; unset in lists
  rapidjson::SizeType index = 0;
  bool is_index = false;
  bool is_key = false;

  /// "spec.containers[0].name"
  std::string path() const {
    std::string out = parent ? parent->path() : std::string{};
    if (is_index)
      return out + "[" + std::to_string(index) + "]";
    if (!name.empty())
      out.append(out.empty() ? "" : ".").append(name);
    return out;
  }
  /// The fields alone, as Go's type errors show them: "spec.containers.name".
  std::string fields() const {
    std::string out = parent ? parent->fields() : std::string{};
    if (!is_index && !is_key && !name.empty())
      out.append(out.empty() ? "" : ".").append(name);
    return out;
  }
};

class decoder {
public:
  decoder(json::allocator& a, std::vector<std::string>* unknown) : alloc_(a), unknown_(unknown) {}

  result<void> run(const struct_type& type, json::value& doc) {
    value_type root;
    root.form = shape::object;
    root.object = &type;
    value(root, doc, type, {});
    if (!failure_.empty())
      return fail(bad_request(std::move(failure_)));
    return {};
  }

private:
  /// `owner` is the struct whose field is being read.
  void value(const value_type& t, json::value& v, const struct_type& owner, const frame& at) {
    switch (t.form) {
    case shape::object:
      if (v.IsObject())
        return object(*t.object, v, at);
      return mismatch(t, v, owner, at);
    case shape::list:
      if (v.IsArray())
        return list(t, v, owner, at);
      return mismatch(t, v, owner, at);
    case shape::map:
      if (v.IsObject())
        return map(t, v, owner, at);
      return mismatch(t, v, owner, at);
    default:
      scalar(t, v, owner, at);
    }
  }

  void object(const struct_type& type, json::value& v, const frame& at) {
    const auto begin = v.MemberBegin();
    auto keep = begin; // what stays moves up to here, so that dropping members is linear
    for (auto m = begin; m != v.MemberEnd(); ++m) {
      const std::string_view name{m->name.GetString(), m->name.GetStringLength()};
      const auto* f = type.find(name);
      const frame inner{&at, name};
      if (!f && !type.keep_unknown) {
        report_unknown(inner);
        continue;
      }
      if (m->value.IsNull())
        continue;
      if (f) {
        value(f->type, m->value, type, inner);
        if (is_nothing(*f, m->value))
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

  /// Lists and maps of nothing are left out, as Go's encoder does, so that writing them does not
  /// look like a change.
  static bool is_nothing(const field& f, const json::value& v) {
    if (f.required)
      return false;
    return (f.type.form == shape::list && v.IsArray() && v.Empty()) ||
           (f.type.form == shape::map && v.IsObject() && v.ObjectEmpty());
  }

  void list(const value_type& t, json::value& v, const struct_type& owner, const frame& at) {
    for (rapidjson::SizeType i = 0; i < v.Size(); ++i) {
      if (v[i].IsNull())
        v[i] = zero_of(*t.element);
      value(*t.element, v[i], owner, frame{&at, {}, i, true});
    }
  }

  void map(const value_type& t, json::value& v, const struct_type& owner, const frame& at) {
    for (auto& m : v.GetObject()) {
      if (m.value.IsNull())
        m.value = zero_of(*t.element);
      frame inner{&at, {m.name.GetString(), m.name.GetStringLength()}};
      inner.is_key = true;
      value(*t.element, m.value, owner, inner);
    }
  }

  void scalar(const value_type& t, json::value& v, const struct_type& owner, const frame& at) {
    auto r = decode_scalar(t.form, v, alloc_);
    if (r.fits)
      return;
    if (r.message.empty())
      return mismatch(t, v, owner, at);
    set_failure(std::move(r.message));
  }

  /// What Go gives a null inside a list or map.
  static json::value zero_of(const value_type& t) {
    switch (t.form) {
    case shape::object:
    case shape::map:
      return json::value{rapidjson::kObjectType};
    case shape::list:
      return json::value{rapidjson::kArrayType};
    case shape::boolean:
      return json::value{false};
    case shape::int32:
    case shape::int64:
    case shape::number:
    case shape::int_or_string:
      return json::value{0};
    case shape::quantity:
      return json::value{rapidjson::StringRef("0")};
    case shape::string:
    case shape::bytes:
      return json::value{rapidjson::StringRef("")};
    case shape::time:
    case shape::micro_time:
    case shape::any:
      return {};
    }
    return {};
  }

  void report_unknown(const frame& at) {
    if (unknown_ && unknown_->size() < max_reports)
      unknown_->push_back("unknown field " + quote_go(at.path()));
  }

  void mismatch(const value_type& t, const json::value& v, const struct_type& owner,
                const frame& at) {
    if (!failure_.empty())
      return;
    const auto fields = at.fields();
    auto what = "json: cannot unmarshal " + describe_json(t.form, v);
    if (fields.empty())
      return set_failure(what + " into Go value of type " + go_type_of(t));
    set_failure(what + " into Go struct field " + owner.name + "." + fields + " of type " +
                go_type_of(t));
  }

  void set_failure(std::string message) {
    if (failure_.empty())
      failure_ = std::move(message);
  }

  json::allocator& alloc_;
  std::vector<std::string>* unknown_;
  std::string failure_; ///< the first one
};

} // namespace

result<void> conform(const struct_type& type, json::value& doc, json::allocator& a,
                     std::vector<std::string>* unknown) {
  if (type.custom)
    return type.custom->conform(doc, a, unknown);
  return decoder{a, unknown}.run(type, doc);
}

error handled_as(std::string_view kind, std::string_view version, std::string_view detail) {
  std::string message{kind};
  message.append(" in version ").append(quote_go(version));
  message.append(" cannot be handled as a ").append(kind).append(": ").append(detail);
  return bad_request(std::move(message));
}

std::string strict_error(const std::vector<std::string>& reports) {
  std::string out;
  for (const auto& text : reports)
    out.append(out.empty() ? "strict decoding error: " : ", ").append(text);
  return out;
}

} // namespace thespis::api::schema
