#include "runtime/introspection/filter.hpp"

#include "api/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <tuple>

namespace thespis::runtime {

namespace {

constexpr std::string_view operator_letters = "=!~<>";

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
}

/// A number, with "k" or "M" behind it if need be.
bool parse_amount(std::string_view text, double& into) {
  double unit = 1;
  if (!text.empty() && (text.back() == 'k' || text.back() == 'M')) {
    unit = text.back() == 'k' ? 1e3 : 1e6;
    text.remove_suffix(1);
  }
  const auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), into);
  into *= unit;
  return code == std::errc{} && at == text.data() + text.size();
}

} // namespace

const std::vector<actor_filter::field_name>& actor_filter::fields() {
  static const std::vector<field_name> all{
      {"kind", field::kind, false},      {"name", field::name, false},
      {"node", field::machine, false},   {"state", field::state, false},
      {"last", field::last, false},      {"id", field::id, true},
      {"parent", field::parent, true},   {"mailbox", field::mailbox, true},
      {"handled", field::handled, true}, {"rate", field::rate, true},
      {"busy", field::busy, true},       {"waits", field::waits, true},
  };
  return all;
}

api::result<actor_filter::term> actor_filter::parse_term(std::string_view word) {
  const auto at = word.find_first_of(operator_letters);
  if (at == std::string_view::npos)
    return term{field::kind, comparison::equal, std::string{word}, 0};
  const auto end = std::min(word.find_first_not_of(operator_letters, at), word.size());
  const auto name = word.substr(0, at);
  const auto op = word.substr(at, end - at);
  const auto known = std::find_if(fields().begin(), fields().end(),
                                  [&](const field_name& f) { return f.name == name; });
  if (known == fields().end()) {
    std::string all;
    for (const auto& f : fields())
      all += (all.empty() ? "" : ", ") + std::string{f.name};
    return wrong("\"" + std::string{word} + "\": the fields are " + all);
  }
  term res;
  res.what = known->what;
  res.text = word.substr(end);
  constexpr std::array<std::pair<std::string_view, comparison>, 9> operators{
      {{"=", comparison::equal},
       {"==", comparison::equal},
       {"!=", comparison::unequal},
       {"~", comparison::contains},
       {"!~", comparison::lacks},
       {"<", comparison::less},
       {"<=", comparison::at_most},
       {">", comparison::more},
       {">=", comparison::at_least}}};
  const auto how = std::find_if(operators.begin(), operators.end(),
                                [&](const auto& o) { return o.first == op; });
  const bool of_texts = how != operators.end() &&
                        (how->second == comparison::contains || how->second == comparison::lacks);
  const bool of_numbers = how != operators.end() && how->second >= comparison::less;
  if (how == operators.end() || (known->is_number ? of_texts : of_numbers))
    return wrong("\"" + std::string{word} + "\": " + std::string{name} + " compares with " +
                 (known->is_number ? "=, !=, <, <=, > and >=" : "=, !=, ~ and !~"));
  res.how = how->second;
  if (known->is_number && !parse_amount(res.text, res.number))
    return wrong("\"" + std::string{word} + "\": \"" + res.text + "\" is no number");
  return res;
}

api::result<actor_filter> actor_filter::parse(std::string_view text) {
  actor_filter res;
  std::istringstream in{std::string{text}};
  for (std::string word; in >> word;) {
    auto t = parse_term(word);
    if (!t)
      return api::fail(std::move(t.error()));
    res.terms_.push_back(std::move(*t));
  }
  return res;
}

std::string actor_filter::kind() const {
  for (const auto& t : terms_)
    if (t.what == field::kind && t.how == comparison::equal)
      return t.text;
  return {};
}

bool actor_filter::matches(const actor_info& i) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const term& t) { return holds(t, i); });
}

bool actor_filter::holds(const term& t, const actor_info& i) {
  const auto texts = [&](std::string_view v) {
    const bool inside = v.find(t.text) != std::string_view::npos;
    return t.how == comparison::equal      ? v == t.text
           : t.how == comparison::unequal  ? v != t.text
           : t.how == comparison::contains ? inside
                                           : !inside;
  };
  const auto numbers = [&](double v) {
    switch (t.how) {
    case comparison::equal:
      return v == t.number;
    case comparison::unequal:
      return v != t.number;
    case comparison::less:
      return v < t.number;
    case comparison::at_most:
      return v <= t.number;
    case comparison::more:
      return v > t.number;
    case comparison::at_least:
      return v >= t.number;
    case comparison::contains:
    case comparison::lacks:
      return false; // the parser lets no number have them
    }
    return false;
  };
  switch (t.what) {
  case field::kind:
    return texts(i.kind);
  case field::name:
    return texts(i.name);
  case field::machine:
    return texts(i.machine);
  case field::state:
    return texts(i.state);
  case field::last:
    return texts(i.last_message);
  case field::id:
    return numbers(static_cast<double>(i.id));
  case field::parent:
    return numbers(static_cast<double>(i.parent));
  case field::mailbox:
    return numbers(static_cast<double>(i.mailbox));
  case field::handled:
    return numbers(static_cast<double>(i.handled));
  case field::rate:
    return numbers(i.rate);
  case field::busy:
    return numbers(static_cast<double>(i.busy_ns) / 1e9);
  case field::waits:
    return numbers(static_cast<double>(i.waits));
  }
  return false;
}

api::result<actor_order> parse_order(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, actor_order>, 5> orders{
      {{"name", actor_order::name},
       {"mailbox", actor_order::mailbox},
       {"handled", actor_order::handled},
       {"rate", actor_order::rate},
       {"busy", actor_order::busy}}};
  for (const auto& [name, order] : orders)
    if (name == text)
      return order;
  return wrong("--sort " + std::string{text} + ": expected name, mailbox, handled, rate or busy");
}

bool stands_before(const actor_info& a, const actor_info& b, actor_order by) {
  const auto weight = [&](const actor_info& i) -> double {
    switch (by) {
    case actor_order::name:
      return 0;
    case actor_order::mailbox:
      return static_cast<double>(i.mailbox);
    case actor_order::handled:
      return static_cast<double>(i.handled);
    case actor_order::rate:
      return i.rate;
    case actor_order::busy:
      return static_cast<double>(i.busy_ns);
    }
    return 0;
  };
  const auto x = weight(a);
  const auto y = weight(b);
  return x != y ? x > y
                : std::tie(a.kind, a.name, a.machine, a.id) <
                      std::tie(b.kind, b.name, b.machine, b.id);
}

void sort_and_cut(std::vector<actor_info>& all, actor_order by, size_t limit) {
  const auto kept = limit == 0 ? all.size() : std::min(limit, all.size());
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(all.begin(), end, all.end(),
                    [by](const auto& a, const auto& b) { return stands_before(a, b, by); });
  all.erase(end, all.end());
}

} // namespace thespis::runtime
