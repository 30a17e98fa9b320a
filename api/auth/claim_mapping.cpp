#include "api/auth/claim_mapping.hpp"

#include <algorithm>

namespace thespis::api::auth {

namespace {

using cel::kind;
using cel::simple;

constexpr size_t max_groups = 1000;
constexpr std::string_view system_prefix = "system:";

/// The types of `claims` and `user`.
struct shared_types {
  shared_types() {
    const auto* text = &simple(kind::string);
    claims = store.map(text, &simple(kind::dyn));
    auto& t = store.make(kind::object, "kubernetes.UserInfo");
    t.fields = {{"extra", "extra", store.map(text, store.list(text))},
                {"groups", "groups", store.list(text)},
                {"uid", "uid", text},
                {"username", "username", text}};
    user = &t;
  }
  cel::type_store store;
  const cel::type* claims;
  const cel::type* user;
};

const shared_types& types() {
  static const shared_types all;
  return all;
}

tl::unexpected<error> refused(const std::string& why) {
  return fail(reason::unauthorized, why);
}

result<cel::program> compile(const cel::environment& env, const std::string& text,
                             const std::string& at, std::initializer_list<kind> wanted) {
  auto made = env.compile(text);
  if (!made)
    return fail(bad_request(at + ": Invalid value: " + json::quote(text) +
                            ": compilation failed: " + made.error().message));
  const auto form = made->result_type().form;
  if (form != kind::dyn && std::find(wanted.begin(), wanted.end(), form) == wanted.end())
    return fail(bad_request(at + ": Invalid value: " + json::quote(text) +
                            ": compilation failed: must evaluate to " +
                            (*wanted.begin() == kind::boolean ? "bool" : "string or list")));
  return std::move(*made);
}

/// One text or a list of them; null and "" are none, as in Kubernetes.
result<std::vector<std::string>> texts_of(const cel::value& v, cel::evaluation& run) {
  std::vector<std::string> out;
  if (v.is_error())
    return refused("an expression failed");
  if (v.is(kind::null_))
    return out;
  if (v.is(kind::string)) {
    if (!v.str().empty())
      out.emplace_back(v.str());
    return out;
  }
  if (!v.is(kind::list))
    return refused("an expression yields neither text nor a list of it");
  const auto n = run.count(v);
  if (n > max_groups)
    return refused("an expression yields too many values");
  for (size_t i = 0; i < n; ++i) {
    const auto item = run.item(v, i);
    if (!item.is(kind::string))
      return refused("an expression yields neither text nor a list of it");
    if (!item.str().empty())
      out.emplace_back(item.str());
  }
  return out;
}

/// The same of a claim that is no expression's.
result<std::vector<std::string>> claim_texts(const json::value& claims, const claim_source& s) {
  std::vector<std::string> out;
  const auto* v = json::find(claims, s.claim);
  if (v == nullptr || v->IsNull())
    return out;
  if (v->IsString()) {
    out.push_back(s.prefix + std::string{json::as_string(*v)});
    return out;
  }
  if (!v->IsArray())
    return refused("claim " + s.claim + " is neither text nor a list of it");
  for (const auto& item : v->GetArray()) {
    if (!item.IsString())
      return refused("claim " + s.claim + " is neither text nor a list of it");
    if (out.size() < max_groups)
      out.push_back(s.prefix + std::string{json::as_string(item)});
  }
  return out;
}

/// The user as expressions see it: every member is there.
json::document seen_user(const user_info& u) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  const auto list_of = [&](const std::vector<std::string>& from) {
    json::value list{rapidjson::kArrayType};
    for (const auto& x : from)
      list.PushBack(json::make_string(x, a), a);
    return list;
  };
  json::value extra{rapidjson::kObjectType};
  for (const auto& [key, values] : u.extra)
    json::set(extra, key, list_of(values), a);
  json::set(doc, "username", u.name, a);
  json::set(doc, "uid", u.uid, a);
  json::set(doc, "groups", list_of(u.groups), a);
  json::set(doc, "extra", std::move(extra), a);
  return doc;
}

} // namespace

result<claim_mapping::rule> claim_mapping::compile_rule(const cel::environment& env,
                                                        const validation_rule& r,
                                                        const std::string& at) {
  rule out{r, {}};
  if (r.expression.empty())
    return out;
  auto made = compile(env, r.expression, at + ".expression", {kind::boolean});
  if (!made)
    return fail(std::move(made.error()));
  out.program = std::move(*made);
  return out;
}

result<claim_mapping::source> claim_mapping::compile_source(const cel::environment& env,
                                                            const claim_source& s,
                                                            const std::string& at) {
  source out{s, {}};
  if (s.expression.empty())
    return out;
  auto made = compile(env, s.expression, "claimMappings." + at + ".expression",
                      {kind::string, kind::list, kind::null_});
  if (!made)
    return fail(std::move(made.error()));
  out.program = std::move(*made);
  return out;
}

result<claim_mapping> claim_mapping::make(const jwt_issuer& from) {
  const cel::environment of_claims{{{"claims", types().claims}}};
  const cel::environment of_user{{{"user", types().user}}};
  claim_mapping out;
  const auto add_rules = [](const cel::environment& env, const auto& from_rules, auto& to,
                            const std::string& name) -> result<void> {
    for (size_t i = 0; i < from_rules.size(); ++i) {
      auto made = compile_rule(env, from_rules[i], name + "[" + std::to_string(i) + "]");
      if (!made)
        return fail(std::move(made.error()));
      to.push_back(std::move(*made));
    }
    return {};
  };
  if (auto ok = add_rules(of_claims, from.claim_rules, out.claim_rules_, "claimValidationRules");
      !ok)
    return fail(std::move(ok.error()));
  if (auto ok = add_rules(of_user, from.user_rules, out.user_rules_, "userValidationRules"); !ok)
    return fail(std::move(ok.error()));
  for (const auto& [s, to, name] : {std::tuple{&from.username, &out.username_, "username"},
                                    std::tuple{&from.groups, &out.groups_, "groups"},
                                    std::tuple{&from.uid, &out.uid_, "uid"}}) {
    auto made = compile_source(of_claims, *s, name);
    if (!made)
      return fail(std::move(made.error()));
    *to = std::move(*made);
  }
  for (size_t i = 0; i < from.extra.size(); ++i) {
    auto made = compile(of_claims, from.extra[i].expression,
                        "claimMappings.extra[" + std::to_string(i) + "].valueExpression",
                        {kind::string, kind::list, kind::null_});
    if (!made)
      return fail(std::move(made.error()));
    out.extra_.emplace_back(from.extra[i].key, std::move(*made));
  }
  return out;
}

result<claim_mapping::texts> claim_mapping::read(const source& s, const json::value& claims,
                                                 const cel::value& seen,
                                                 cel::evaluation& run) const {
  if (!s.program)
    return s.what.claim.empty() ? texts{} : claim_texts(claims, s.what);
  run.restart(cel::evaluation::per_call_limit);
  return texts_of(s.program->evaluate({&seen, 1}, run), run);
}

result<void> claim_mapping::check_rules(const std::vector<rule>& rules, const json::value& claims,
                                        const cel::value& seen, cel::evaluation& run) const {
  for (const auto& r : rules) {
    bool holds = false;
    if (r.program) {
      run.restart(cel::evaluation::per_call_limit);
      holds = r.program->evaluate({&seen, 1}, run).is_true();
    } else {
      const auto* v = json::find(claims, r.what.claim);
      holds = v != nullptr && v->IsString() && json::as_string(*v) == r.what.required_value;
    }
    if (!holds)
      return refused(!r.what.message.empty() ? r.what.message
                     : r.program ? "validation expression '" + r.what.expression + "' failed"
                                 : "claim " + r.what.claim + " is not what is required");
  }
  return {};
}

/// An address that the issuer has not seen proved is nobody's name.
result<void> claim_mapping::check_email(const json::value& claims) const {
  const auto* verified = json::find(claims, "email_verified");
  if (username_.what.claim != "email" || verified == nullptr ||
      (verified->IsBool() && verified->GetBool()))
    return {};
  return refused("the e-mail address is not verified");
}

result<user_info> claim_mapping::user_of(const json::value& claims) const {
  cel::evaluation run;
  const auto seen = run.from_json(claims, types().claims);
  if (auto ok = check_rules(claim_rules_, claims, seen, run); !ok)
    return fail(std::move(ok.error()));
  if (auto ok = check_email(claims); !ok)
    return fail(std::move(ok.error()));
  const auto* name = json::find(claims, username_.what.claim);
  if (!username_.program && (name == nullptr || !name->IsString()))
    return refused("the claims name no user");
  auto names = read(username_, claims, seen, run);
  auto groups = read(groups_, claims, seen, run);
  auto uids = read(uid_, claims, seen, run);
  if (!names || !groups || !uids)
    return refused("the claims are not of the kind that the mapping needs");
  if (names->size() != 1 || names->front() == username_.what.prefix)
    return refused("the claims name no user");
  user_info user;
  user.name = std::move(names->front());
  // The system's own names are not an outside issuer's to give.
  if (user.name.starts_with(system_prefix))
    return refused("names that begin with system: are the system's own");
  for (auto& g : *groups)
    if (!g.starts_with(system_prefix))
      user.groups.push_back(std::move(g));
  if (!uids->empty())
    user.uid = std::move(uids->front());
  for (const auto& [key, program] : extra_) {
    run.restart(cel::evaluation::per_call_limit);
    auto values = texts_of(program.evaluate({&seen, 1}, run), run);
    if (!values)
      return fail(std::move(values.error()));
    if (!values->empty())
      user.extra[key] = std::move(*values);
  }
  if (user_rules_.empty())
    return user;
  const auto doc = seen_user(user);
  if (auto ok = check_rules(user_rules_, doc, run.from_json(doc, types().user), run); !ok)
    return fail(std::move(ok.error()));
  return user;
}

} // namespace thespis::api::auth
