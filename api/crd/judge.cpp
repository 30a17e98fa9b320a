#include "api/crd/judge.hpp"

#include "api/crd/formats.hpp"
#include "api/crd/judge_lists.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <cmath>

namespace thespis::api::crd {

namespace {

using json::value;

constexpr size_t max_causes = 100;

/// A number as Go's %v writes a float64.
std::string shown(double d) {
  if (d == std::floor(d) && std::abs(d) < 1e6)
    return std::to_string(static_cast<int64_t>(d));
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", d);
  for (int digits = 1; digits < 17; ++digits) {
    char shorter[40];
    std::snprintf(shorter, sizeof shorter, "%.*g", digits, d);
    if (std::strtod(shorter, nullptr) == d)
      return shorter;
  }
  return text;
}

bool is_integral(const value& v) {
  return v.IsInt64() || v.IsUint64() ||
         (v.IsDouble() && std::isfinite(v.GetDouble()) &&
          v.GetDouble() == std::floor(v.GetDouble()));
}

std::string_view name_of(const value& v) {
  if (v.IsNull())
    return "null";
  if (v.IsBool())
    return "boolean";
  if (v.IsString())
    return "string";
  if (v.IsObject())
    return "object";
  if (v.IsArray())
    return "array";
  return v.IsDouble() ? "number" : "integer";
}

bool has_kind(value_kind k, const value& v) {
  switch (k) {
  case value_kind::any:
    return true;
  case value_kind::object:
    return v.IsObject();
  case value_kind::array:
    return v.IsArray();
  case value_kind::string:
    return v.IsString();
  case value_kind::integer:
    return is_integral(v);
  case value_kind::number:
    return v.IsNumber();
  case value_kind::boolean:
    return v.IsBool();
  }
  return true;
}

/// Characters, not bytes.
int64_t length_of(std::string_view s) {
  return std::count_if(s.begin(), s.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

std::string text_of(const value& v) {
  return v.IsString() ? quote_go(json::as_string(v)) : json::to_string(v);
}

class judge_of_values {
public:
  explicit judge_of_values(std::vector<cause>& causes) : causes_(causes) {}

  void run(const structural& s, const value& v, const value* old, bool root,
           const std::string& at) {
    if (causes_.size() >= max_causes || (old && json::equal(v, *old)))
      return;
    if (v.IsNull() && s.nullable)
      return;
    if (!check_kind(s, v, at))
      return;
    if (v.IsObject())
      object(s, v, old, root, at);
    else if (v.IsArray())
      list(s, v, old, at);
    else if (v.IsString())
      text(s, v, at);
    else if (v.IsNumber())
      number(s, v, at);
    values(s, v, at);
    logic(s, v, old, root, at);
  }

private:
  static std::string in_body(const std::string& at, const std::string& what) {
    return at + " in body " + what;
  }

  void invalid(const std::string& at, const value& v, const std::string& what) {
    causes_.push_back(invalid_value(at, text_of(v), in_body(at, what)));
  }

  bool check_kind(const structural& s, const value& v, const std::string& at) {
    if (s.int_or_string) {
      if (v.IsString() || is_integral(v))
        return true;
      wrong_kind(at, v, "integer,string");
      return false;
    }
    if (has_kind(s.type, v) && (!v.IsNull() || s.type == value_kind::any))
      return true;
    wrong_kind(at, v, s.type_name);
    return false;
  }

  void wrong_kind(const std::string& at, const value& v, const std::string& wanted) {
    const auto found = quote_go(name_of(v));
    causes_.push_back(
        type_invalid(at, found, in_body(at, "must be of type " + wanted + ": " + found)));
  }

  static std::string child(const std::string& at, std::string_view name) {
    return at.empty() ? std::string(name) : at + "." + std::string(name);
  }

  void object(const structural& s, const value& v, const value* old, bool root,
              const std::string& at) {
    const auto count = static_cast<int64_t>(v.MemberCount());
    if (s.min_properties >= 0 && count < s.min_properties)
      invalid(at, v, "should have at least " + std::to_string(s.min_properties) + " properties");
    if (s.max_properties >= 0 && count > s.max_properties)
      causes_.push_back(
          too_many(at, static_cast<size_t>(count), static_cast<size_t>(s.max_properties)));
    for (const auto& name : s.required)
      if (!json::find(v, name))
        causes_.push_back(required(child(at, name)));
    if (s.embedded)
      embedded(v, at);
    for (const auto& m : v.GetObject()) {
      const auto name = json::as_string(m.name);
      if ((root || s.embedded) && is_type_member(name))
        continue;
      if (const auto* inner = s.member(name))
        run(*inner, m.value, old && old->IsObject() ? json::find(*old, name) : nullptr, false,
            child(at, name));
    }
  }

  void embedded(const value& v, const std::string& at) {
    for (std::string_view name : {"apiVersion", "kind"}) {
      const auto* m = json::find(v, name);
      if (!m)
        causes_.push_back(required(child(at, name), "must not be empty"));
      else if (!m->IsString())
        wrong_kind(child(at, name), *m, "string");
      else if (m->GetStringLength() == 0)
        causes_.push_back(required(child(at, name), "must not be empty"));
    }
    if (const auto* m = json::find(v, "metadata"); m && !m->IsObject())
      wrong_kind(child(at, "metadata"), *m, "object");
  }

  void list(const structural& s, const value& v, const value* old, const std::string& at) {
    const int64_t size = v.Size();
    if (s.min_items >= 0 && size < s.min_items)
      invalid(at, v, "should have at least " + std::to_string(s.min_items) + " items");
    if (s.max_items >= 0 && size > s.max_items)
      causes_.push_back(too_many(at, static_cast<size_t>(size), static_cast<size_t>(s.max_items)));
    if (s.unique_items && has_duplicates(v))
      invalid(at, v, "shouldn't contain duplicates");
    judge_list_type(s, v, at, causes_);
    if (!s.items)
      return;
    const item_finder before{s, old};
    for (rapidjson::SizeType i = 0; i < v.Size(); ++i)
      run(*s.items, v[i], before.find(v[i]), false, at + "[" + std::to_string(i) + "]");
  }

  void text(const structural& s, const value& v, const std::string& at) {
    const auto text = json::as_string(v);
    if (s.min_length > 0 && length_of(text) < s.min_length)
      invalid(at, v, "should be at least " + std::to_string(s.min_length) + " chars long");
    if (s.max_length >= 0 && length_of(text) > s.max_length)
      causes_.push_back(too_long(at, static_cast<size_t>(s.max_length)));
    if (s.pattern &&
        !re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *s.pattern))
      invalid(at, v, "should match '" + s.pattern->pattern() + "'");
    if (!s.format.empty() && !fits_format(s.format, text))
      causes_.push_back(type_invalid(
          at, text_of(v), in_body(at, "must be of type " + s.format + ": " + quote_go(text))));
  }

  void number(const structural& s, const value& v, const std::string& at) {
    const double d = v.GetDouble();
    if (s.maximum && (s.exclusive_maximum ? d >= *s.maximum : d > *s.maximum))
      invalid(at, v,
              (s.exclusive_maximum ? "should be less than " : "should be less than or equal to ") +
                  shown(*s.maximum));
    if (s.minimum && (s.exclusive_minimum ? d <= *s.minimum : d < *s.minimum))
      invalid(at, v,
              (s.exclusive_minimum ? "should be greater than "
                                   : "should be greater than or equal to ") +
                  shown(*s.minimum));
    if (s.multiple_of && *s.multiple_of != 0) {
      const double times = d / *s.multiple_of;
      if (std::abs(times - std::round(times)) > 1e-9 * std::max(1.0, std::abs(times)))
        invalid(at, v, "should be a multiple of " + shown(*s.multiple_of));
    }
  }

  void values(const structural& s, const value& v, const std::string& at) {
    if (s.values.empty() || std::any_of(s.values.begin(), s.values.end(),
                                        [&](const auto* e) { return json::equal(*e, v); }))
      return;
    std::vector<std::string> all;
    for (const auto* e : s.values)
      all.push_back(e->IsString() ? std::string(json::as_string(*e)) : json::to_string(*e));
    causes_.push_back(not_supported(at, text_of(v), all));
  }

  /// How many of the schemas hold; what the best of the others finds wrong.
  size_t count(const std::vector<std::unique_ptr<structural>>& all, const value& v,
               const value* old, bool root, const std::string& at, std::vector<cause>& best) {
    size_t good = 0;
    bool first = true;
    for (const auto& s : all) {
      std::vector<cause> found;
      judge_of_values{found}.run(*s, v, old, root, at);
      good += found.empty();
      if (!found.empty() && (first || found.size() < best.size()))
        best = std::move(found);
      first = first && best.empty();
    }
    return good;
  }

  void composite(const std::string& at, const std::string& what) {
    causes_.push_back(invalid_value("<nil>", "\"\"", quote_go(at) + what));
  }

  void append(std::vector<cause>& found) {
    std::move(found.begin(), found.end(), std::back_inserter(causes_));
  }

  void logic(const structural& s, const value& v, const value* old, bool root,
             const std::string& at) {
    std::vector<cause> found;
    if (!s.any_of.empty() && count(s.any_of, v, old, root, at, found) == 0) {
      composite(at, " must validate at least one schema (anyOf)");
      append(found);
    }
    found.clear();
    if (!s.one_of.empty()) {
      const auto good = count(s.one_of, v, old, root, at, found);
      if (good == 0) {
        composite(at, " must validate one and only one schema (oneOf). Found none valid");
        append(found);
      } else if (good > 1) {
        composite(at, " must validate one and only one schema (oneOf). Found " +
                          std::to_string(good) + " valid alternatives");
      }
    }
    if (!s.all_of.empty()) {
      size_t good = 0;
      for (const auto& each : s.all_of) {
        const auto before = causes_.size();
        run(*each, v, old, root, at);
        good += causes_.size() == before;
      }
      if (good < s.all_of.size())
        composite(at, std::string(" must validate all the schemas (allOf)") +
                          (good == 0 ? ". None validated" : ""));
    }
    if (s.not_of) {
      std::vector<cause> against;
      judge_of_values{against}.run(*s.not_of, v, nullptr, root, at);
      if (against.empty())
        composite(at, " must not validate the schema (not)");
    }
  }

  std::vector<cause>& causes_;
};

} // namespace

void judge(const structural& s, const json::value& v, const json::value* old, bool root,
           std::vector<cause>& causes) {
  judge_of_values{causes}.run(s, v, old, root, {});
}

void judge_at(const structural& s, const json::value& v, const std::string& at,
              std::vector<cause>& causes) {
  judge_of_values{causes}.run(s, v, nullptr, false, at);
}

} // namespace thespis::api::crd
