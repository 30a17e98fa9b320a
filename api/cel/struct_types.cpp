#include "api/cel/struct_types.hpp"

#include "api/cel/schema_types.hpp"

#include <algorithm>
#include <map>

namespace thespis::api::cel {

namespace {

class struct_reader {
public:
  explicit struct_reader(type_store& types) : types_(types) {}

  const type* object(const schema::struct_type& t) {
    // Run-time kinds may have a schema of their own, and no fields here.
    if (t.fields.empty() && !t.kind)
      return &simple(kind::dyn);
    auto known = made_.find(&t);
    if (known != made_.end())
      return known->second;
    auto& out = types_.make(kind::object, t.full_name.empty() ? t.name : t.full_name);
    made_[&t] = &out;
    out.open = t.keep_unknown || t.fields.empty();
    for (const auto& f : t.fields)
      if (auto name = escape_name(f.name))
        out.fields.push_back({*name, f.name, value(f.type)});
    if (t.kind)
      for (const char* name : {"apiVersion", "kind"})
        if (t.find(name) == nullptr)
          out.fields.push_back({name, name, &simple(kind::string)});
    std::sort(out.fields.begin(), out.fields.end(),
              [](const field_decl& a, const field_decl& b) { return a.name < b.name; });
    return &out;
  }

private:
  const type* value(const schema::value_type& t) {
    switch (t.form) {
    case schema::shape::string:
      return &simple(kind::string);
    case schema::shape::boolean:
      return &simple(kind::boolean);
    case schema::shape::int32:
    case schema::shape::int64:
      return &simple(kind::int_);
    case schema::shape::number:
      return &simple(kind::double_);
    case schema::shape::bytes:
      return &simple(kind::bytes);
    case schema::shape::time:
    case schema::shape::micro_time:
      return &simple(kind::timestamp);
    case schema::shape::quantity:
    case schema::shape::int_or_string:
    case schema::shape::any:
      return &simple(kind::dyn);
    case schema::shape::object:
      return object(*t.object);
    case schema::shape::list:
      return types_.list(value(*t.element));
    case schema::shape::map:
      return types_.map(&simple(kind::string), value(*t.element));
    }
    return &simple(kind::dyn);
  }

  type_store& types_;
  std::map<const schema::struct_type*, const type*> made_;
};

} // namespace

const type* struct_type(const schema::struct_type& t, type_store& types) {
  return struct_reader{types}.object(t);
}

} // namespace thespis::api::cel
