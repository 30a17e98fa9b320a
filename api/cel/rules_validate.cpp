#include "api/cel/rule_node.hpp"
#include "api/cel/rules.hpp"
#include "api/text/quote.hpp"

namespace thespis::api::cel {

namespace {

/// Kubernetes' budget of all rules over one object.
constexpr uint64_t object_budget = 10'000'000;
constexpr size_t longest_message = 5 * 1024;

/// What is judged, and what it replaces.
struct subject {
  const json::value& now;
  const json::value* old = nullptr; ///< null: nothing that correlates
  const json::value* parent = nullptr;
  const json::value* old_parent = nullptr; ///< the nearest pair around that correlates
  std::string path;
};

class judge {
public:
  judge(std::vector<cause>& causes, std::vector<std::string>* warnings)
      : causes_(causes), warnings_(warnings) {}

  void visit(const rule_node& node, const subject& s);

private:
  void apply(const rule_node& node, const subject& s);
  bool apply(const rule_node& node, const rule& r, const subject& s, evaluation& run,
             const value& self);
  std::optional<std::string> described(const rule& r, std::span<const value> given, bool& stop,
                                       std::string& problem);
  void visit_members(const rule_node& node, const subject& s);
  void visit_items(const rule_node& node, const subject& s);
  void fail(const rule_node& node, const rule& r, const subject& s, std::string detail);
  bool unchanged(const subject& s);

  void refuse(const rule_node& node, const std::string& path, const std::string& why) {
    causes_.push_back(invalid_value(path, quote_go(node.type_name), why));
  }

  void exhaust(const rule_node& node, const std::string& path, const std::string& why) {
    refuse(node, path, why);
    spent_ = true;
  }

  /// Takes what a run cost from the budget; false when there is not that much.
  bool pay(const evaluation& run) {
    if (run.cost() > budget_)
      return false;
    budget_ -= run.cost();
    return true;
  }

  static subject member(const subject& s, const json::value& now, const json::value* old,
                        std::string path) {
    auto correlated = s.old != nullptr;
    return {now, old, correlated ? &s.now : s.parent, correlated ? s.old : s.old_parent,
            std::move(path)};
  }

  std::vector<cause>& causes_;
  std::vector<std::string>* warnings_;
  std::unordered_map<const json::value*, bool> equal_parents_;
  uint64_t budget_ = object_budget;
  bool spent_ = false;
};

std::string below(const std::string& path, std::string_view name) {
  return path.empty() ? std::string{name} : path + "." + std::string{name};
}

/// Whether nothing changed, or nothing around what has no counterpart.
bool judge::unchanged(const subject& s) {
  if (s.old != nullptr)
    return json::equal(s.now, *s.old);
  if (s.old_parent == nullptr)
    return false;
  // Many items share a parent, which is compared once.
  auto [known, fresh] = equal_parents_.try_emplace(s.parent);
  if (fresh)
    known->second = json::equal(*s.parent, *s.old_parent);
  return known->second;
}

/// ".spec.a['b c']" as a path of fields: "spec.a[b c]".
std::string field_path(std::string_view written) {
  std::string out;
  for (size_t n = 0; n < written.size(); ++n) {
    if (written.substr(n, 2) == "['") {
      auto end = written.find("']", n);
      out += "[" + std::string{written.substr(n + 2, end - n - 2)} + "]";
      n = end == std::string_view::npos ? written.size() : end + 1;
    } else if (!(n == 0 && written[n] == '.')) {
      out += written[n];
    }
  }
  return out;
}

void judge::fail(const rule_node& node, const rule& r, const subject& s, std::string detail) {
  auto path = s.path;
  if (!r.field_path.empty()) {
    auto inner = field_path(r.field_path);
    path = inner.starts_with("[") ? path + inner : below(path, inner);
  }
  auto shown = quote_go(node.type_name);
  auto c = r.reason == "FieldValueForbidden"   ? field_forbidden(path, detail)
           : r.reason == "FieldValueRequired"  ? required(path, detail)
           : r.reason == "FieldValueDuplicate" ? duplicate(path, shown)
                                               : invalid_value(path, shown, detail);
  if (!r.uses_old && unchanged(s)) {
    if (warnings_ != nullptr)
      warnings_->push_back(c.field + ": " + c.message);
    return;
  }
  causes_.push_back(std::move(c));
}

std::optional<std::string> judge::described(const rule& r, std::span<const value> given, bool& stop,
                                            std::string& problem) {
  evaluation run;
  auto out = r.describe->evaluate(given, run);
  if (!pay(run)) {
    stop = true;
    problem = "messageExpression evaluation failed due to running out of cost budget, no further "
              "validation rules will be run";
    return std::nullopt;
  }
  if (out.is_error() && out.message->starts_with("operation cancelled")) {
    stop = true;
    problem = "no further validation rules will be run due to call cost exceeds limit for "
              "messageExpression: " +
              quote_go(r.message_text);
    return std::nullopt;
  }
  if (!out.is(kind::string))
    return std::nullopt;
  auto text = trimmed(out.str());
  if (text.empty() || text.size() > longest_message || text.find('\n') != std::string_view::npos)
    return std::nullopt;
  return std::string{text};
}

/// False: no further rule may run.
bool judge::apply(const rule_node& node, const rule& r, const subject& s, evaluation& run,
                  const value& self) {
  if (!r.check || (r.uses_old && s.old == nullptr && !r.optional_old))
    return true;
  auto old = unset();
  if (r.uses_old) {
    if (s.old != nullptr)
      old = run.from_json(*s.old, node.of);
    if (r.optional_old)
      old = s.old != nullptr ? run.some(old) : run.none();
  }
  value given[] = {self, old};
  run.restart(evaluation::per_call_limit);
  auto out = r.check->evaluate(given, run);
  if (!pay(run)) {
    exhaust(node, s.path,
            "validation failed due to running out of cost budget, no further validation rules will "
            "be run");
    return false;
  }
  if (out.is_error()) {
    std::string rule_text{r.shown()};
    if (out.message->starts_with("operation cancelled")) {
      exhaust(node, s.path,
              "'" + *out.message +
                  "': no further validation rules will be run due to call cost exceeds limit for "
                  "rule: " +
                  rule_text);
      return false;
    }
    refuse(node, s.path,
           out.message->starts_with("no such overload")
               ? "'" + *out.message +
                     "': call arguments did not match a supported operator, function or macro "
                     "signature for rule: " +
                     rule_text
               : *out.message + " evaluating rule: " + rule_text);
    return true;
  }
  if (out.is_true())
    return true;
  auto detail =
      r.message.empty() ? "failed rule: " + std::string{r.shown()} : std::string{r.shown()};
  if (r.describe) {
    bool stop = false;
    std::string problem;
    if (auto text = described(r, given, stop, problem))
      detail = std::move(*text);
    if (stop) {
      exhaust(node, s.path, problem);
      return false;
    }
  }
  fail(node, r, s, std::move(detail));
  return true;
}

void judge::apply(const rule_node& node, const subject& s) {
  if (node.rules.empty())
    return;
  if (budget_ == 0) {
    exhaust(node, s.path,
            "validation failed due to running out of cost budget, no further validation rules will "
            "be run");
    return;
  }
  evaluation run;
  auto self = run.from_json(s.now, node.of);
  for (const auto& r : node.rules)
    if (!apply(node, r, s, run, self))
      return;
}

void judge::visit_members(const rule_node& node, const subject& s) {
  for (const auto& m : s.now.GetObject()) {
    std::string_view name{m.name.GetString(), m.name.GetStringLength()};
    const json::value* old = nullptr;
    if (s.old != nullptr && s.old->IsObject() && !node.atomic_map)
      old = json::find(*s.old, name);
    auto known = node.properties.find(name);
    if (known != node.properties.end())
      visit(*known->second, member(s, m.value, old, below(s.path, name)));
    else if (node.additional)
      visit(*node.additional, member(s, m.value, old, s.path + "[" + std::string{name} + "]"));
    if (spent_)
      return;
  }
}

/// What tells an item of a list from others: its keys' values.
std::string identity(const json::value& item, const std::vector<std::string>& keys) {
  std::string out;
  for (const auto& k : keys) {
    const auto* v = json::find(item, k);
    out += (v == nullptr ? std::string{"-"} : json::to_string(*v)) + ",";
  }
  return out;
}

void judge::visit_items(const rule_node& node, const subject& s) {
  size_t n = 0;
  std::unordered_map<std::string, const json::value*> known;
  if (!node.list_keys.empty() && s.old != nullptr && s.old->IsArray())
    for (const auto& item : s.old->GetArray())
      known.try_emplace(identity(item, node.list_keys), &item);
  for (const auto& item : s.now.GetArray()) {
    auto found = known.empty() ? known.end() : known.find(identity(item, node.list_keys));
    const auto* old = found == known.end() ? nullptr : found->second;
    visit(*node.items, member(s, item, old, s.path + "[" + std::to_string(n++) + "]"));
    if (spent_)
      return;
  }
}

void judge::visit(const rule_node& node, const subject& s) {
  if (s.now.IsNull())
    return;
  apply(node, s);
  for (const auto& beside : node.all_of)
    if (!spent_)
      visit(*beside, s);
  if (spent_)
    return;
  if (s.now.IsObject() && (!node.properties.empty() || node.additional))
    visit_members(node, s);
  else if (s.now.IsArray() && node.items)
    visit_items(node, s);
}

} // namespace

void rule_set::validate(const json::value& doc, const json::value* old, std::vector<cause>& causes,
                        std::vector<std::string>* warnings) const {
  judge{causes, warnings}.visit(*root_, {doc, old, nullptr, nullptr, ""});
}

} // namespace thespis::api::cel
