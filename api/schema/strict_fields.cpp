#include "api/schema/strict_fields.hpp"

#include "api/text/quote.hpp"

#include <algorithm>
#include <unordered_set>

namespace thespis::api::schema {
namespace {

/// Kubernetes' strict decoder stops reporting here.
constexpr size_t max_reports = 100;

std::string_view view(const json::value& s) {
  return {s.GetString(), s.GetStringLength()};
}

std::string joined(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : path + "." + std::string(name);
}

/// Walks a document that still has its repeated names; the parser has bounded its depth.
class reporter {
public:
  void object(const struct_type* type, const json::value& v, const std::string& at) {
    std::unordered_set<std::string_view> seen;
    for (const auto& m : v.GetObject()) {
      const auto name = view(m.name);
      const auto* f = type ? type->find(name) : nullptr;
      const bool first = seen.insert(name).second;
      if (type && !f && !type->keep_unknown) {
        if (first)
          add("unknown field ", joined(at, name));
        continue;
      }
      if (!first)
        add("duplicate field ", joined(at, name));
      value(f ? &f->type : nullptr, m.value, joined(at, name));
    }
  }

  std::vector<std::string> take() { return std::move(found_); }

private:
  void value(const value_type* t, const json::value& v, const std::string& at) {
    if (v.IsArray()) {
      const auto* element = t && t->form == shape::list ? t->element.get() : nullptr;
      for (rapidjson::SizeType i = 0; i < v.Size(); ++i)
        if (v[i].IsObject() || v[i].IsArray())
          value(element, v[i], at + "[" + std::to_string(i) + "]");
    } else if (v.IsObject()) {
      if (t && t->form == shape::map)
        map(*t, v, at);
      else
        object(t && t->form == shape::object ? t->object : nullptr, v, at);
    }
  }

  void map(const value_type& t, const json::value& v, const std::string& at) {
    std::unordered_set<std::string_view> seen;
    for (const auto& m : v.GetObject()) {
      const auto path = joined(at, view(m.name));
      if (!seen.insert(view(m.name)).second)
        add("duplicate field ", path);
      value(t.element.get(), m.value, path);
    }
  }

  void add(std::string_view what, const std::string& path) {
    if (found_.size() >= max_reports)
      return;
    auto text = std::string(what) + quote_go(path);
    if (std::find(found_.begin(), found_.end(), text) == found_.end())
      found_.push_back(std::move(text));
  }

  std::vector<std::string> found_;
};

} // namespace

std::vector<std::string> field_reports(const struct_type* type, std::string_view text) {
  const auto doc = json::parse_trusted(text);
  reporter r;
  if (doc.IsObject())
    r.object(type, doc, {});
  return r.take();
}

std::vector<std::string> json_patch_reports(std::string_view text) {
  constexpr std::string_view known[] = {"op", "path", "from", "value"};
  const auto doc = json::parse_trusted(text);
  std::vector<std::string> out;
  if (!doc.IsArray())
    return out;
  for (rapidjson::SizeType i = 0; i < doc.Size(); ++i) {
    if (!doc[i].IsObject())
      continue;
    std::unordered_set<std::string_view> seen;
    for (const auto& m : doc[i].GetObject()) {
      const auto name = view(m.name);
      const bool first = seen.insert(name).second;
      const bool field = std::find(std::begin(known), std::end(known), name) != std::end(known);
      if (first == field || out.size() >= max_reports)
        continue;
      const auto path = quote_go("[" + std::to_string(i) + "]." + std::string(name));
      auto told = (field ? "json patch duplicate field " : "json patch unknown field ") + path;
      if (std::find(out.begin(), out.end(), told) == out.end())
        out.push_back(std::move(told));
    }
  }
  return out;
}

} // namespace thespis::api::schema
