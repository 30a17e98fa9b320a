#include "api/cel/functions.hpp"

#include "api/cel/objects.hpp"

#include <cmath>
#include <map>

namespace thespis::api::cel {

namespace {

struct named_kind {
  std::string_view name;
  kind form;
};

constexpr named_kind kinds[] = {
    {"dyn", kind::dyn},
    {"null", kind::null_},
    {"bool", kind::boolean},
    {"int", kind::int_},
    {"uint", kind::uint_},
    {"double", kind::double_},
    {"string", kind::string},
    {"bytes", kind::bytes},
    {"timestamp", kind::timestamp},
    {"duration", kind::duration},
    {"list", kind::list},
    {"map", kind::map},
    {"type", kind::type},
    {"optional", kind::optional},
    {"URL", kind::url},
    {"IP", kind::ip},
    {"CIDR", kind::cidr},
    {"Quantity", kind::quantity},
    {"Semver", kind::semver},
    {"Format", kind::format},
    {"Authorizer", kind::authorizer},
    {"PathCheck", kind::path_check},
    {"GroupCheck", kind::group_check},
    {"ResourceCheck", kind::resource_check},
    {"Decision", kind::decision},
};

/// Reads the signatures of declarations.
class signature_reader {
public:
  signature_reader(std::string_view text, type_store& store) : text_(text), store_(store) {}

  void read(overload& out) {
    if (peek() != '(') {
      out.member = true;
      out.params.push_back(read_type());
      take('.');
    }
    take('(');
    while (peek() != ')') {
      out.params.push_back(read_type());
      if (peek() == ',')
        take(',');
    }
    take(')');
    take('-');
    take('>');
    out.result = read_type();
  }

private:
  char peek() {
    while (pos_ < text_.size() && text_[pos_] == ' ')
      ++pos_;
    return pos_ < text_.size() ? text_[pos_] : '\0';
  }

  void take(char c) { pos_ += peek() == c; }

  const type* read_type() {
    peek();
    auto end = text_.find_first_of("(), .-", pos_);
    end = end == std::string_view::npos ? text_.size() : end;
    auto name = text_.substr(pos_, end - pos_);
    pos_ = end;
    if (name.size() == 1) {
      auto& param = params_[name[0]];
      if (param == nullptr)
        param = &store_.make(kind::param, std::string{name});
      return param;
    }
    auto form = kind::dyn;
    for (const auto& k : kinds)
      if (k.name == name)
        form = k.form;
    if (peek() != '(')
      return &simple(form);
    auto& t = store_.make(form);
    take('(');
    while (peek() != ')') {
      t.params.push_back(read_type());
      if (peek() == ',')
        take(',');
    }
    take(')');
    return &t;
  }

  std::string_view text_;
  type_store& store_;
  size_t pos_ = 0;
  std::map<char, const type*> params_;
};

uint32_t mask_of(const type& t) {
  if (t.form == kind::dyn || t.form == kind::param)
    return ~(1U << static_cast<unsigned>(kind::error));
  return 1U << static_cast<unsigned>(t.form);
}

class function_table {
public:
  function_table() {
    for (auto source : {operators(), conversions(), times(), strings(), string_extras(), lists(),
                        patterns(), urls(), networks(), quantities(), formats(), versions(), sets(),
                        mathematics(), optionals(), authorization()})
      for (const auto& d : source)
        add(d);
  }

  std::span<const overload> find(std::string_view name) const {
    auto it = by_name_.find(name);
    return it == by_name_.end() ? std::span<const overload>{} : std::span{it->second};
  }

private:
  void add(const declaration& d) {
    overload o;
    o.function = d.function;
    o.call = d.call;
    o.cost = d.cost;
    signature_reader{d.signature, types_}.read(o);
    for (const auto* p : o.params)
      o.masks.push_back(mask_of(*p));
    // A list tells itself what it cannot be indexed by.
    if (o.function == "_[_]" || o.function == "_[?_]")
      o.masks[1] = mask_of(simple(kind::dyn));
    by_name_[d.function].push_back(std::move(o));
  }

  type_store types_;
  std::map<std::string_view, std::vector<overload>, std::less<>> by_name_;
};

uint64_t quarter(uint64_t size) {
  return (size + 3) / 4;
}

uint64_t multiply(uint64_t a, uint64_t b) {
  return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

/// The cost of looking at all that is inside a value.
uint64_t walk_cost(const value& v, evaluation& run) {
  switch (v.form) {
  case kind::string:
  case kind::bytes:
    return v.size / 10;
  case kind::list: {
    uint64_t sum = 0;
    run.work(run.count(v));
    for (size_t n = 0; n < run.count(v); ++n)
      sum += walk_cost(run.item(v, n), run);
    return sum;
  }
  case kind::map: {
    uint64_t sum = 0;
    run.work(run.count(v));
    for (size_t n = 0; n < run.count(v); ++n)
      sum += walk_cost(run.key_at(v, n), run) + walk_cost(run.value_at(v, n), run);
    return sum;
  }
  default:
    return 1;
  }
}

} // namespace

bool overload::accepts(const value* args, size_t count) const {
  if (count != masks.size())
    return false;
  for (size_t n = 0; n < count; ++n)
    if ((masks[n] >> static_cast<unsigned>(args[n].form) & 1) == 0)
      return false;
  return true;
}

std::span<const overload> find_function(std::string_view name) {
  static const function_table table;
  return table.find(name);
}

uint64_t tenth(uint64_t size) {
  return size / 10 + (size % 10 != 0);
}

void charge(price p, const value* args, size_t count, const value& result, evaluation& run) {
  auto size = [&](size_t n) { return n < count ? cost_size(args[n], run) : 0; };
  switch (p) {
  case price::none:
  case price::conditional:
    return;
  case price::one:
  case price::append_lists:
  case price::index:
  case price::keep_size:
    return run.charge(1);
  case price::authorization:
    return run.charge(350'000);
  case price::traverse:
    return run.charge(tenth(size(0)));
  case price::traverse_twice:
    return run.charge(tenth(2 * size(0)));
  case price::traverse_second:
    return run.charge(tenth(size(1)));
  case price::result_twice:
    return run.charge(tenth(2 * cost_size(result, run)));
  case price::concatenate:
    return run.charge(tenth(size(0) + size(1)));
  case price::smaller:
    return run.charge(tenth(std::min(size(0), size(1))));
  case price::contains:
    return run.charge(multiply(tenth(size(0)), tenth(size(1))));
  case price::matches:
    return run.charge(multiply(tenth(size(0) + 1), quarter(size(1))));
  case price::search_list:
    return run.charge(size(1));
  case price::walk:
    return run.charge(walk_cost(args[0], run));
  case price::product:
    return run.charge(multiply(size(0), size(1)) + 1);
  case price::contains_ip:
    return run.charge(tenth(2 * size(0)));
  case price::contains_ip_text:
    return run.charge(tenth(2 * size(0)) + tenth(size(1)));
  case price::contains_cidr:
    return run.charge(tenth(2 * size(0)) + tenth(size(0)) + 1);
  case price::contains_cidr_text:
    return run.charge(tenth(2 * size(0)) + tenth(size(0)) + 1 + tenth(size(1)));
  case price::validate_format:
    return run.charge(multiply(tenth(size(1) + 1), quarter(args[0].format->regex_size)));
  }
}

} // namespace thespis::api::cel
