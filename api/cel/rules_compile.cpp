#include "api/cel/rule_node.hpp"
#include "api/cel/rules.hpp"
#include "api/cel/schema_types.hpp"
#include "api/text/quote.hpp"

#include <array>

namespace thespis::api::cel {

namespace {

// Kubernetes' limits of estimated costs: of one rule, and of all in one schema.
constexpr uint64_t rule_cost_limit = 10'000'000, schema_cost_limit = 100'000'000;
constexpr std::array<const char*, 4> reasons = {"FieldValueRequired", "FieldValueForbidden",
                                                "FieldValueInvalid", "FieldValueDuplicate"};

uint64_t times(uint64_t a, uint64_t b) {
  return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

std::string cost_message(const char* what, uint64_t cost, uint64_t limit) {
  auto factor = static_cast<double>(cost) / static_cast<double>(limit);
  std::array<char, 64> shown{};
  if (factor > 100)
    std::snprintf(shown.data(), shown.size(), "more than 100x");
  else
    std::snprintf(shown.data(), shown.size(), factor < 1.5 ? "%fx" : "%.1fx", factor);
  return std::string{what} + " exceeds budget by factor of " + shown.data() +
         " (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where "
         "arrays, maps, and strings are declared)";
}

/// Where a schema lies in its resource: what costs and transition rules depend on.
struct place {
  std::string path;
  /// How often it occurs at most; nothing below what is not bounded.
  std::optional<uint64_t> occurs = 1;
  std::string uncorrelated; ///< the path of what keeps old values from being found; empty: nothing
};

class compiler {
public:
  compiler(type_store& types, std::vector<cause>& causes) : types_(types), causes_(causes) {}

  std::unique_ptr<rule_node> compile(const json::value& schema, const place& at, const type* of);
  void check_total(const std::string& path);

private:
  void compile_rules(const json::value& list, const place& at, rule_node& node);
  rule compile_rule(const json::value& v, const place& at, const std::string& path,
                    const rule_node& node);
  void check_words(const json::value& v, const rule& r, const std::string& path);
  void check_cost(const program& p, const char* what, const place& at, const std::string& path,
                  const rule_node& node);
  std::unique_ptr<rule_node> compile_items(const json::value& schema, const place& at,
                                           const type* of, rule_node& node);
  std::unique_ptr<rule_node> compile_additional(const json::value& schema, const place& at,
                                                const type* of);
  void compile_properties(const json::value& schema, const place& at, const type* of,
                          rule_node& node);

  void invalid(const std::string& path, const std::string& shown, std::string_view why) {
    causes_.push_back(invalid_value(path, shown, why));
  }

  type_store& types_;
  std::vector<cause>& causes_;
  uint64_t total_ = 0;
  std::vector<std::pair<uint64_t, std::string>> dear_;
  unsigned depth_ = 0;
};

bool has_line_break(std::string_view s) {
  return s.find_first_of("\n\r") != std::string_view::npos;
}

/// A rule as Go prints it in the messages of definitions.
std::string shown_rule(const rule& r) {
  auto reason = r.reason.empty() ? std::string{"(*apiextensions.FieldValueErrorReason)(nil)"}
                                 : quote_go(r.reason);
  return "apiextensions.ValidationRule{Rule:" + quote_go(r.text) +
         ", Message:" + quote_go(r.message) + ", MessageExpression:" + quote_go(r.message_text) +
         ", Reason:" + reason + ", FieldPath:" + quote_go(r.field_path) +
         ", OptionalOldSelf:" + (r.optional_old ? "true" : "(*bool)(nil)") + "}";
}

void compiler::check_words(const json::value& v, const rule& r, const std::string& path) {
  const auto* message = json::find(v, "message");
  if (message != nullptr && !r.message.empty() && trimmed(r.message).empty())
    invalid(path + ".message", quote_go(r.message), "message must be non-empty if specified");
  else if (has_line_break(trimmed(r.message)))
    invalid(path + ".message", quote_go(r.message), "message must not contain line breaks");
  else if (r.message.empty() && has_line_break(trimmed(r.text)))
    causes_.push_back(
        required(path + ".message", "message must be specified if rule contains line breaks"));
  if (!r.message_text.empty() && trimmed(r.message_text).empty())
    causes_.push_back(
        required(path + ".messageExpression", "messageExpression must be non-empty if specified"));
  if (!r.reason.empty() && std::find(reasons.begin(), reasons.end(), r.reason) == reasons.end())
    causes_.push_back(
        not_supported(path + ".reason", quote_go(r.reason), {reasons.begin(), reasons.end()}));
}

void compiler::check_cost(const program& p, const char* what, const place& at,
                          const std::string& path, const rule_node& node) {
  auto occurs = at.occurs.value_or(most_in_request(node.of->min_json));
  auto cost = times(p.max_cost(), occurs);
  total_ = total_ > UINT64_MAX - cost ? UINT64_MAX : total_ + cost;
  if (cost > rule_cost_limit)
    causes_.push_back(field_forbidden(path, cost_message(what, cost, rule_cost_limit)));
  if (cost > 0)
    dear_.emplace_back(cost, path);
}

void compiler::check_total(const std::string& path) {
  if (total_ <= schema_cost_limit)
    return;
  std::stable_sort(dear_.begin(), dear_.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  constexpr size_t told = 5;
  for (size_t n = 0; n < dear_.size() && n < told; ++n)
    if (dear_[n].first > schema_cost_limit / 10)
      causes_.push_back(field_forbidden(
          dear_[n].second,
          "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 "
          "schema"));
  causes_.push_back(field_forbidden(
      path, cost_message("x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 "
                         "schema",
                         total_, schema_cost_limit)));
}

rule compiler::compile_rule(const json::value& v, const place& at, const std::string& path,
                            const rule_node& node) {
  rule r;
  r.text = json::get_string(v, "rule");
  r.message = json::get_string(v, "message");
  r.message_text = json::get_string(v, "messageExpression");
  r.reason = json::get_string(v, "reason");
  r.field_path = json::get_string(v, "fieldPath");
  r.optional_old = json::get_bool(v, "optionalOldSelf");
  if (trimmed(r.text).empty()) {
    causes_.push_back(required(path + ".rule", "rule is not specified"));
    return r;
  }
  check_words(v, r, path);
  const auto* old = r.optional_old ? types_.optional(node.of) : node.of;
  environment env{{{"self", node.of}, {"oldSelf", old}}};
  auto check = env.compile(r.text);
  if (!check) {
    invalid(path + ".rule", shown_rule(r), "compilation failed: " + check.error().message);
    return r;
  }
  if (auto form = check->result_type().form; form != kind::boolean && form != kind::dyn) {
    invalid(path + ".rule", shown_rule(r), "cel expression must evaluate to a bool");
    return r;
  }
  r.uses_old = check->uses("oldSelf");
  if (r.uses_old && !at.uncorrelated.empty())
    invalid(path + ".rule", quote_go(r.text),
            "oldSelf cannot be used on the uncorrelatable portion of the schema within " +
                at.uncorrelated);
  if (json::find(v, "optionalOldSelf") != nullptr && !r.uses_old)
    invalid(path + ".optionalOldSelf", r.optional_old ? "true" : "false",
            "may not be set if oldSelf is not used in rule");
  check_cost(*check, "estimated rule cost", at, path + ".rule", node);
  r.check = std::move(*check);
  if (trimmed(r.message_text).empty())
    return r;
  auto describe = env.compile(r.message_text);
  if (!describe) {
    invalid(path + ".messageExpression", shown_rule(r),
            "messageExpression compilation failed: " + describe.error().message);
    return r;
  }
  if (auto form = describe->result_type().form; form != kind::string && form != kind::dyn) {
    invalid(path + ".messageExpression", shown_rule(r),
            "messageExpression must evaluate to a string");
    return r;
  }
  check_cost(*describe, "estimated messageExpression cost", at, path + ".messageExpression", node);
  r.describe = std::move(*describe);
  return r;
}

void compiler::compile_rules(const json::value& list, const place& at, rule_node& node) {
  auto path = at.path + ".x-kubernetes-validations";
  if (node.of == nullptr) {
    invalid(path, "\"\"",
            "rule declared on schema that does not support validation rules type: '" +
                node.type_name + "' x-kubernetes-preserve-unknown-fields: 'true'");
    return;
  }
  size_t n = 0;
  for (const auto& v : list.GetArray())
    node.rules.push_back(compile_rule(v, at, path + "[" + std::to_string(n++) + "]", node));
}

std::unique_ptr<rule_node> compiler::compile_items(const json::value& schema, const place& at,
                                                   const type* of, rule_node& node) {
  const auto* items = json::find(schema, "items");
  if (items == nullptr || of == nullptr || of->form != kind::list)
    return nullptr;
  auto below = at;
  below.path += ".items";
  auto bounded = json::find(schema, "maxItems") != nullptr;
  below.occurs =
      bounded && at.occurs ? std::optional{times(*at.occurs, of->max_size)} : std::nullopt;
  if (json::get_string(schema, "x-kubernetes-list-type") == "map") {
    if (const auto* keys = json::find(schema, "x-kubernetes-list-map-keys");
        keys != nullptr && keys->IsArray())
      for (const auto& k : keys->GetArray())
        node.list_keys.emplace_back(json::as_string(k));
  } else if (below.uncorrelated.empty()) {
    below.uncorrelated = at.path;
  }
  return compile(*items, below, of->param(0));
}

std::unique_ptr<rule_node> compiler::compile_additional(const json::value& schema, const place& at,
                                                        const type* of) {
  const auto* more = json::find(schema, "additionalProperties");
  if (more == nullptr || !more->IsObject() || of == nullptr || of->form != kind::map)
    return nullptr;
  auto below = at;
  below.path += ".additionalProperties";
  auto bounded = json::find(schema, "maxProperties") != nullptr;
  below.occurs =
      bounded && at.occurs ? std::optional{times(*at.occurs, of->max_size)} : std::nullopt;
  if (json::get_string(schema, "x-kubernetes-map-type") == "atomic" && below.uncorrelated.empty())
    below.uncorrelated = at.path;
  return compile(*more, below, of->param(1));
}

void compiler::compile_properties(const json::value& schema, const place& at, const type* of,
                                  rule_node& node) {
  const auto* properties = json::find(schema, "properties");
  if (properties == nullptr || !properties->IsObject())
    return;
  for (const auto& p : properties->GetObject()) {
    std::string name{p.name.GetString(), p.name.GetStringLength()};
    auto below = at;
    below.path += ".properties[" + name + "]";
    if (json::get_string(schema, "x-kubernetes-map-type") == "atomic" && below.uncorrelated.empty())
      below.uncorrelated = at.path;
    auto escaped = escape_name(name);
    const auto* field = escaped && of != nullptr ? of->find(*escaped) : nullptr;
    const auto* inner = field != nullptr ? field->of : schema_type(p.value, false, types_);
    if (auto made = compile(p.value, below, inner))
      node.properties.emplace(std::move(name), std::move(made));
  }
}

std::unique_ptr<rule_node> compiler::compile(const json::value& schema, const place& at,
                                             const type* of) {
  constexpr unsigned deepest = 200;
  if (!schema.IsObject() || depth_ >= deepest)
    return nullptr;
  ++depth_;
  auto node = std::make_unique<rule_node>();
  node->type_name = json::get_string(schema, "type");
  node->of = of;
  node->atomic_map = json::get_string(schema, "x-kubernetes-map-type") == "atomic";
  if (const auto* list = json::find(schema, "x-kubernetes-validations");
      list != nullptr && list->IsArray() && !list->Empty())
    compile_rules(*list, at, *node);
  node->items = compile_items(schema, at, of, *node);
  node->additional = compile_additional(schema, at, of);
  compile_properties(schema, at, of, *node);
  if (const auto* all = json::find(schema, "allOf"); all != nullptr && all->IsArray())
    for (rapidjson::SizeType n = 0; n < all->Size(); ++n) {
      auto beside = at;
      beside.path += ".allOf[" + std::to_string(n) + "]";
      if (auto made = compile((*all)[n], beside, of)) {
        made->type_name = node->type_name;
        node->all_of.push_back(std::move(made));
      }
    }
  --depth_;
  auto empty = node->rules.empty() && !node->items && !node->additional &&
               node->properties.empty() && node->all_of.empty();
  return empty ? nullptr : std::move(node);
}

} // namespace

std::string_view rule::shown() const {
  return trimmed(message.empty() ? text : message);
}

std::string_view trimmed(std::string_view s) {
  constexpr std::string_view space = " \t\r\n\v\f";
  auto from = s.find_first_not_of(space);
  return from == std::string_view::npos ? std::string_view{}
                                        : s.substr(from, s.find_last_not_of(space) - from + 1);
}

std::shared_ptr<const rule_set>
rule_set::compile(const json::value& schema, const std::string& path, std::vector<cause>& causes) {
  auto types = std::make_shared<type_store>();
  compiler c{*types, causes};
  place root;
  root.path = path;
  auto node = c.compile(schema, root, schema_type(schema, true, *types));
  if (!node)
    return nullptr;
  c.check_total(path);
  node->types = types;
  return std::make_shared<const rule_set>(std::shared_ptr<const rule_node>{std::move(node)});
}

} // namespace thespis::api::cel
