#include "api/apply/typed_walk.hpp"

#include "api/text/quote.hpp"

#include <unordered_set>

namespace thespis::api::apply {

namespace {

using schema::shape;
using schema::value_type;

/// Reports beyond this many say nothing new to the client.
constexpr size_t max_reports = 100;
constexpr size_t max_shown = 512;

/// A value as Go prints the interface that holds it.
std::string go_text(const json::value& v) {
  if (v.IsString())
    return std::string(json::as_string(v));
  if (v.IsNull())
    return "<nil>";
  if (v.IsArray()) {
    std::string out = "[";
    for (const auto& e : v.GetArray()) {
      if (out.size() > max_shown)
        break;
      out += (out.size() > 1 ? " " : "") + go_text(e);
    }
    return out + "]";
  }
  if (v.IsObject()) {
    std::string out = "map[";
    for (const auto& m : v.GetObject()) {
      if (out.size() > max_shown)
        break;
      out += (out.size() > 4 ? " " : "") + std::string(json::as_string(m.name)) + ":" +
             go_text(m.value);
    }
    return out + "]";
  }
  return json::to_string(v);
}

std::string_view go_type(const json::value& v) {
  if (v.IsString())
    return "string";
  if (v.IsBool())
    return "bool";
  if (v.IsNull())
    return "<nil>";
  if (v.IsArray())
    return "[]interface {}";
  if (v.IsObject())
    return "map[string]interface {}";
  return v.IsDouble() ? "float64" : "int64";
}

std::string go_value(const json::value& v) {
  std::string inner = v.IsString() ? quote_go(json::as_string(v)) : go_text(v);
  return "&value.valueUnstructured{Value:" + inner + "}";
}

class checker {
public:
  explicit checker(bool custom) : custom_(custom) {}

  void value(const value_type* t, const json::value& v) {
    if (!t || v.IsNull() || errors_.size() >= max_reports)
      return;
    switch (t->form) {
    case shape::object:
      return v.IsObject() ? object(*t, v) : report("expected map, got &{" + go_text(v) + "}");
    case shape::map:
      return v.IsObject() ? map(*t, v) : report("expected map, got &{" + go_text(v) + "}");
    case shape::list:
      return v.IsArray() ? list(*t, v) : report("expected list, got &{" + go_text(v) + "}");
    default:
      return scalar(t->form, v);
    }
  }

  std::string text() const {
    if (errors_.size() == 1)
      return errors_[0];
    std::string out;
    for (const auto& e : errors_)
      out += (out.empty() ? "errors:\n  " : "\n  ") + e;
    return out;
  }

private:
  void object(const value_type& t, const json::value& v) {
    for (const auto& m : v.GetObject()) {
      const auto name = json::as_string(m.name);
      const auto* f = t.object->find(name);
      at_.push_back(path_element::field(name));
      if (f)
        value(&f->type, m.value);
      else if (!t.object->keep_unknown)
        report("field not declared in schema");
      at_.pop_back();
    }
  }

  void map(const value_type& t, const json::value& v) {
    for (const auto& m : v.GetObject()) {
      at_.push_back(path_element::field(json::as_string(m.name)));
      value(t.element.get(), m.value);
      at_.pop_back();
    }
  }

  void list(const value_type& t, const json::value& v) {
    const auto f = form_of(&t, &v, custom_);
    std::unordered_set<std::string> seen;
    for (rapidjson::SizeType i = 0; i < v.Size(); ++i) {
      auto pe = path_element::index(i);
      if (f == form::set || f == form::keyed) {
        auto name = name_item(t, f, v[i]);
        if (!name.element)
          return report("element " + std::to_string(i) + ": " + name.why);
        pe = std::move(*name.element);
        if (!seen.insert(pe.bytes()).second)
          report("duplicate entries for key " + pe.print());
      }
      at_.push_back(std::move(pe));
      value(t.element.get(), v[i]);
      at_.pop_back();
    }
  }

  void scalar(shape s, const json::value& v) {
    switch (s) {
    case shape::int32:
    case shape::int64:
    case shape::number:
      if (!v.IsNumber())
        report("expected numeric (int or float), got " + std::string(go_type(v)));
      return;
    case shape::boolean:
      if (!v.IsBool())
        report("expected boolean, got &{" + go_text(v) + "}");
      return;
    case shape::string:
    case shape::bytes:
    case shape::time:
    case shape::micro_time:
      if (!v.IsString())
        report("expected string, got " + go_value(v));
      return;
    case shape::quantity:
    case shape::int_or_string:
      if (v.IsObject() || v.IsArray())
        report("expected any scalar, got &{" + go_text(v) + "}");
      return;
    default:
      return;
    }
  }

  void report(const std::string& what) {
    if (errors_.size() < max_reports)
      errors_.push_back((at_.empty() ? "" : print(at_) + ": ") + what);
  }

  bool custom_;
  path at_;
  std::vector<std::string> errors_;
};

} // namespace

std::string check_applied(const object_type& t, const json::value& config) {
  const auto root = root_of(t);
  checker c{t.custom};
  c.value(t.type ? &root : nullptr, config);
  return c.text();
}

} // namespace thespis::api::apply
