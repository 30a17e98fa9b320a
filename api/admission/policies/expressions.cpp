#include "api/admission/policies/expressions.hpp"

#include "api/admission/webhook_client.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <algorithm>
#include <mutex>

namespace thespis::api::admission {

namespace {

using cel::kind;
using cel::simple;

// The order of variables in every environment.
constexpr size_t at_object = 0, at_old = 1, at_request = 2, at_namespace = 3, at_authorizer = 4,
                 at_variables = 5, at_params = 6;

const cel::type* object_of(cel::type_store& types, const char* name,
                           std::vector<std::pair<std::string, const cel::type*>> fields) {
  auto& t = types.make(kind::object, name);
  for (auto& [field, of] : fields)
    t.fields.push_back({field, field, of});
  std::sort(t.fields.begin(), t.fields.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return &t;
}

const cel::type* request_type(cel::type_store& types) {
  const auto* text = &simple(kind::string);
  const auto* what = object_of(types, "kubernetes.GroupVersionKind",
                               {{"group", text}, {"version", text}, {"kind", text}});
  const auto* where = object_of(types, "kubernetes.GroupVersionResource",
                                {{"group", text}, {"version", text}, {"resource", text}});
  const auto* user = object_of(types, "kubernetes.UserInfo",
                               {{"username", text},
                                {"uid", text},
                                {"groups", types.list(text)},
                                {"extra", types.map(text, types.list(text))}});
  return object_of(types, "kubernetes.AdmissionRequest",
                   {{"kind", what},
                    {"resource", where},
                    {"subResource", text},
                    {"requestKind", what},
                    {"requestResource", where},
                    {"requestSubResource", text},
                    {"name", text},
                    {"namespace", text},
                    {"operation", text},
                    {"userInfo", user},
                    {"dryRun", &simple(kind::boolean)},
                    {"options", &simple(kind::dyn)}});
}

const cel::type* namespace_type(cel::type_store& types) {
  const auto* text = &simple(kind::string);
  const auto* names = types.list(text);
  const auto* labels = types.map(text, text);
  const auto* meta = object_of(types, "kubernetes.NamespaceMetadata",
                               {{"name", text},
                                {"generateName", text},
                                {"namespace", text},
                                {"labels", labels},
                                {"annotations", labels},
                                {"UID", text},
                                {"creationTimestamp", &simple(kind::timestamp)},
                                {"deletionGracePeriodSeconds", &simple(kind::int_)},
                                {"deletionTimestamp", &simple(kind::timestamp)},
                                {"generation", &simple(kind::int_)},
                                {"resourceVersion", text},
                                {"finalizers", names}});
  const auto* spec = object_of(types, "kubernetes.NamespaceSpec", {{"finalizers", names}});
  const auto* status = object_of(types, "kubernetes.NamespaceStatus", {{"phase", text}});
  return object_of(types, "kubernetes.Namespace",
                   {{"metadata", meta}, {"spec", spec}, {"status", status}});
}

/// The types that all environments share.
struct shared_types {
  shared_types() : request(request_type(store)), ns(namespace_type(store)) {}
  cel::type_store store;
  const cel::type* request;
  const cel::type* ns;
};

const shared_types& common() {
  static const shared_types all;
  return all;
}

class request_authorizer final : public cel::authorizer {
public:
  request_authorizer(const ports& p, const user_info& user) : ports_(p), user_(user) {}
  cel::authorization_answer check(const cel::authorization_request& asked) const override {
    if (asked.service_account_name.empty())
      return ask_authorizer(ports_, user_, asked);
    std::string ns{asked.service_account_namespace};
    user_info account;
    account.name = "system:serviceaccount:" + ns + ":" + std::string{asked.service_account_name};
    account.groups = {"system:serviceaccounts", "system:serviceaccounts:" + ns,
                      "system:authenticated"};
    return ask_authorizer(ports_, account, asked);
  }

private:
  const ports& ports_;
  const user_info& user_;
};

} // namespace

cel::authorization_answer ask_authorizer(const ports& p, const user_info& user,
                                         const cel::authorization_request& asked) {
  if (p.authorize)
    return p.authorize(user, asked);
  if (!p.allowed)
    return {true, "", ""};
  auto resource = std::string{asked.resource};
  if (!asked.subresource.empty())
    resource += "/" + std::string{asked.subresource};
  return {asked.is_resource && p.allowed(user, asked.verb, asked.group, resource, asked.name), "",
          ""};
}

expression_compiler::expression_compiler(options o)
    : types_(std::make_shared<cel::type_store>()), mutations_(o.mutations) {
  variables_ = &types_->make(kind::object, "kubernetes.variables");
  const auto* any = &simple(kind::dyn);
  const auto* object = o.object == nullptr ? any : o.object;
  declared_ = {{"object", object},
               {"oldObject", object},
               {"request", common().request},
               {"namespaceObject", common().ns},
               {"authorizer", &simple(kind::authorizer)},
               {"variables", variables_}};
  if (o.params)
    declared_.push_back({"params", o.params_object == nullptr ? any : o.params_object});
}

expression expression_compiler::compile(std::string text, std::string name) const {
  expression e;
  e.text = std::move(text);
  e.name = std::move(name);
  cel::environment::options o;
  o.mutations = mutations_;
  o.types = types_;
  auto made = cel::environment{declared_, o}.compile(e.text);
  if (made)
    e.program = std::move(*made);
  else
    e.problem = "compilation failed: " + made.error().message;
  return e;
}

expression expression_compiler::add_variable(std::string name, std::string text) {
  auto e = compile(std::move(text), std::move(name));
  // The type of what it yields is that of the variable; programs keep their types alive.
  const auto* of = &simple(kind::dyn);
  if (e.program) {
    auto form = e.program->result_type().form;
    if (e.program->result_type().params.empty() && form != kind::object)
      of = &simple(form);
  }
  auto& fields = variables_->fields;
  auto at = std::lower_bound(fields.begin(), fields.end(), e.name,
                             [](const auto& f, const auto& n) { return f.name < n; });
  fields.insert(at, {e.name, e.name, of});
  return e;
}

struct expression_inputs::documents {
  documents(const ports& p, const request& r) : asked(r), authorizer(p, r.call.user) {
    auto& q = own_resource;
    q.is_resource = true;
    q.group = r.as_made().type.schema->group;
    q.resource = r.as_made().type.schema->plural;
    q.subresource = r.call.subresource;
    q.ns = r.ns;
    q.name = r.name;
  }

  const json::value& review() {
    if (!review_doc.IsObject()) {
      auto bare = asked;
      bare.object = nullptr;
      bare.old_object = nullptr;
      review_doc = json::parse_trusted(review_request(bare, ""));
    }
    return member(review_doc, "request");
  }

  const json::value& of_namespace() {
    if (!looked && !asked.ns.empty() && asked.type.namespaced)
      if (auto found = asked.state.get("namespaces", {}, asked.ns))
        namespace_doc = found->parse();
    looked = true;
    return namespace_doc;
  }

  const request& asked;
  request_authorizer authorizer;
  cel::authorization_request own_resource;
  json::document review_doc, namespace_doc;
  bool looked = false;
};

expression_inputs::expression_inputs(const ports& p, const request& r)
    : documents_(std::make_unique<documents>(p, r)) {}

expression_inputs::~expression_inputs() = default;

/// `variables`: each is computed when it is first used, and once.
class expression_inputs::run::variables_object final : public cel::lazy_object {
public:
  variables_object(const std::vector<expression>& all, const std::array<cel::value, 7>& given)
      : all_(all), given_(given) {}

  bool has(std::string_view name) const override { return find(name) != nullptr; }

  cel::value get(std::string_view name, cel::evaluation& run) override {
    auto known = known_.find(name);
    if (known != known_.end())
      return known->second;
    const auto* e = find(name);
    auto quoted = "composited variable " + quote_go(name);
    cel::value v;
    if (e == nullptr || !e->program) {
      v = run.error(quoted + " fails to compile: " + (e == nullptr ? "" : e->problem));
    } else {
      v = e->program->evaluate(given_, run);
      if (v.is_error() && !v.message->starts_with("operation cancelled"))
        v = run.error(quoted + " fails to evaluate: " + *v.message);
    }
    known_.emplace(std::string{name}, v);
    return v;
  }

private:
  const expression* find(std::string_view name) const {
    for (const auto& e : all_)
      if (e.name == name)
        return &e;
    return nullptr;
  }

  const std::vector<expression>& all_;
  const std::array<cel::value, 7>& given_;
  std::map<std::string, cel::value, std::less<>> known_;
};

expression_inputs::run::run(expression_inputs& in, const std::vector<expression>* variables,
                            const object* params, uint64_t total)
    : left_(total) {
  auto& d = *in.documents_;
  auto read = [&](const json::value* v) {
    return v == nullptr ? cel::value{} : run_.from_json(*v, nullptr);
  };
  given_[at_object] = read(d.asked.object);
  given_[at_old] = read(d.asked.old_object);
  given_[at_request] = run_.from_json(d.review(), common().request);
  given_[at_namespace] = run_.from_json(d.of_namespace(), common().ns);
  given_[at_authorizer] = cel::make_authorizer(d.authorizer, run_, &d.own_resource);
  given_[at_params] = cel::value{};
  if (params != nullptr) {
    params_ = params->parse();
    given_[at_params] = run_.from_json(params_, nullptr);
  }
  static const std::vector<expression> no_variables;
  variables_ =
      std::make_unique<variables_object>(variables == nullptr ? no_variables : *variables, given_);
  cel::value v;
  v.form = kind::map;
  v.held = cel::backing::lazy;
  v.lazy = variables_.get();
  given_[at_variables] = v;
}

expression_inputs::run::~run() = default;

expression_inputs::run::outcome expression_inputs::run::evaluate(const expression& e) {
  outcome out;
  if (!e.program) {
    out.failure = e.problem;
    return out;
  }
  run_.restart(cel::evaluation::per_call_limit);
  out.value = e.program->evaluate(given_, run_);
  if (run_.cost() > left_) {
    out.exhausted = true;
    out.failure =
        "validation failed due to running out of cost budget, no further validation rules will be "
        "run";
    return out;
  }
  left_ -= run_.cost();
  if (out.value.is_error())
    out.failure = *out.value.message;
  return out;
}

result<bool> conditions_hold(const std::vector<expression>& conditions,
                             expression_inputs::run& run) {
  std::string trouble;
  for (const auto& c : conditions) {
    auto held = run.evaluate(c);
    if (held.exhausted)
      return fail(bad_request(held.failure));
    if (held.failure.empty() && !held.value.is(kind::boolean))
      held.failure = "cel expression must evaluate to a bool";
    if (held.failure.empty() && !held.value.is_true())
      return false;
    if (!held.failure.empty() && trouble.empty())
      trouble = "expression '" + c.text + "' resulted in error: " + held.failure;
  }
  if (trouble.empty())
    return true;
  return fail(bad_request(trouble));
}

namespace {

/// Conditions of webhooks, compiled once. Thread-safe.
class condition_cache {
public:
  std::shared_ptr<const std::vector<expression>> get(const std::string& text) {
    const std::lock_guard lock{mutex_};
    auto known = known_.find(text);
    if (known != known_.end())
      return known->second;
    expression_compiler compiler{{}};
    auto made = std::make_shared<const std::vector<expression>>(1, compiler.compile(text));
    constexpr size_t most = 1000;
    if (known_.size() >= most)
      known_.clear();
    known_.emplace(text, made);
    return made;
  }

private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const std::vector<expression>>> known_;
};

} // namespace

std::function<result<bool>(const std::string&, request&)> condition_evaluator(ports p) {
  return [p = std::move(p), cache = std::make_shared<condition_cache>()](
             const std::string& text, request& r) -> result<bool> {
    auto compiled = cache->get(text);
    expression_inputs in{p, r};
    expression_inputs::run run{in, nullptr, nullptr, condition_budget};
    return conditions_hold(*compiled, run);
  };
}

} // namespace thespis::api::admission
