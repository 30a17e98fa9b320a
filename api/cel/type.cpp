#include "api/cel/type.hpp"

#include <algorithm>
#include <array>

namespace thespis::api::cel {

namespace {

constexpr std::array<const char*, 28> names = {
    "dyn",
    "!error!",
    "null",
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "timestamp",
    "duration",
    "list",
    "map",
    "type",
    "optional_type",
    "kubernetes.URL",
    "net.IP",
    "net.CIDR",
    "kubernetes.Quantity",
    "kubernetes.Semver",
    "kubernetes.NamedFormat",
    "kubernetes.authorization.Authorizer",
    "kubernetes.authorization.PathCheck",
    "kubernetes.authorization.GroupCheck",
    "kubernetes.authorization.ResourceCheck",
    "kubernetes.authorization.Decision",
    "object",
    "param",
};

// Limits of scalars count one, as cel-go's estimates have it.
std::array<type, names.size()> make_simple() {
  std::array<type, names.size()> out;
  for (size_t n = 0; n < names.size(); ++n) {
    out[n].form = static_cast<kind>(n);
    out[n].name = names[n];
  }
  return out;
}

} // namespace

const field_decl* type::find(std::string_view field) const {
  auto it = std::lower_bound(fields.begin(), fields.end(), field,
                             [](const field_decl& f, std::string_view n) { return f.name < n; });
  return it != fields.end() && it->name == field ? &*it : nullptr;
}

const type* type::param(size_t n) const {
  return n < params.size() ? params[n] : &simple(kind::dyn);
}

const type& simple(kind k) {
  static const auto all = make_simple();
  return all[static_cast<size_t>(k)];
}

std::string to_string(const type& t) {
  if (t.form == kind::param)
    return "dyn";
  auto out = t.name.empty() ? simple(t.form).name : t.name;
  if (t.params.empty())
    return out;
  out += '(';
  for (size_t n = 0; n < t.params.size(); ++n)
    out += (n == 0 ? "" : ", ") + to_string(*t.params[n]);
  return out + ")";
}

type& type_store::make(kind k, std::string name) {
  auto& t = types_.emplace_back();
  t.form = k;
  t.name = name.empty() ? simple(k).name : std::move(name);
  return t;
}

const type* type_store::list(const type* element) {
  auto& t = make(kind::list);
  t.params = {element};
  return &t;
}

const type* type_store::map(const type* key, const type* value) {
  auto& t = make(kind::map);
  t.params = {key, value};
  return &t;
}

const type* type_store::optional(const type* of) {
  auto& t = make(kind::optional);
  t.params = {of};
  return &t;
}

const type* type_store::type_of(const type* of) {
  auto& t = make(kind::type);
  t.params = {of};
  return &t;
}

const type* type_store::fresh_param() {
  return &make(kind::param, "_var" + std::to_string(next_param_++));
}

bool same(const type& a, const type& b) {
  if (&a == &b)
    return true;
  if (a.form != b.form || a.params.size() != b.params.size())
    return false;
  if ((a.form == kind::object || a.form == kind::param) && a.name != b.name)
    return false;
  for (size_t n = 0; n < a.params.size(); ++n)
    if (!same(*a.params[n], *b.params[n]))
      return false;
  return true;
}

} // namespace thespis::api::cel
