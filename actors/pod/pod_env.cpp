#include "actors/pod/pod_env.hpp"

#include "api/generated/core_v1_config.hpp"
#include "api/object/typed.hpp"
#include "api/text/base64.hpp"
#include "api/text/names.hpp"
#include "api/text/quote.hpp"

#include <functional>
#include <unordered_map>

namespace thespis::actors {

namespace {

using runtime::env_var;

/// A variable's value, or nothing when there is no such variable.
using variables = std::function<const std::string*(const std::string& name)>;

// One pass over the text; what a variable's value holds is not expanded again.
std::string expand(const std::string& text, const variables& find, std::string* missing) {
  std::string res;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      res += text[i];
      continue;
    }
    const char next = text[++i];
    if (next != '(') {
      // $$ is one $; any other $x stays as it is.
      res += '$';
      if (next != '$')
        res += next;
      continue;
    }
    const auto end = text.find(')', i);
    if (end == std::string::npos) {
      res += "$(";
      continue;
    }
    const auto name = text.substr(i + 1, end - i - 1);
    if (const auto* value = find(name)) {
      res += *value;
    } else {
      if (missing && missing->empty())
        *missing = name;
      res += "$(" + name + ")";
    }
    i = end;
  }
  return res;
}

variables variables_of(const std::vector<env_var>& env) {
  return [&env](const std::string& name) -> const std::string* {
    // The last one wins, as it does in the process.
    for (auto i = env.rbegin(); i != env.rend(); ++i)
      if (i->name == name)
        return &i->value;
    return nullptr;
  };
}

/// Variables in the order they came; a later one of the same name replaces the value.
class environment {
public:
  void set(const std::string& name, std::string value) {
    const auto [i, added] = index_.try_emplace(name, list_.size());
    if (added)
      list_.push_back({name, std::move(value)});
    else
      list_[i->second].value = std::move(value);
  }
  const std::string* find(const std::string& name) const {
    const auto i = index_.find(name);
    return i == index_.end() ? nullptr : &list_[i->second].value;
  }
  std::vector<env_var> take() { return std::move(list_); }

private:
  std::vector<env_var> list_;
  std::unordered_map<std::string, size_t> index_;
};

tl::unexpected<api::error> not_found(const char* kind, const std::string& name) {
  return api::fail(api::bad_request(std::string{kind} + " \"" + name + "\" not found"));
}

template <class T>
std::shared_ptr<const T> look_up(const api::reader& state, const std::string& ns,
                                 const std::string& name) {
  const auto o = state.get(T::resource_name, ns, name);
  return o ? api::typed<T>(*o) : nullptr;
}

// Builds the environment of one container.
class builder {
public:
  builder(const api::v1::pod& pod, const api::v1::container& c, const container_surroundings& s)
      : pod_(pod), container_(c), s_(s) {}

  api::result<std::vector<env_var>> build() {
    for (auto& v : service_variables(pod_, s_.state))
      env_.set(v.name, std::move(v.value));
    for (const auto& from : container_.env_from)
      if (auto ok = add_all(from); !ok)
        return api::fail(std::move(ok.error()));
    for (const auto& v : container_.env)
      if (auto ok = add(v); !ok)
        return api::fail(std::move(ok.error()));
    return env_.take();
  }

private:
  const std::string& ns() const { return pod_.metadata.namespace_; }

  api::result<void> add_all(const api::v1::env_from_source& from) {
    if (const auto* ref = from.config_map_ref.get()) {
      const auto map = look_up<api::v1::config_map>(s_.state, ns(), ref->name);
      if (!map && !ref->optional.value_or(false))
        return not_found("configmap", ref->name);
      if (map)
        for (const auto& [key, value] : map->data)
          set_prefixed(from.prefix, key, value);
    }
    if (const auto* ref = from.secret_ref.get()) {
      const auto secret = look_up<api::v1::secret>(s_.state, ns(), ref->name);
      if (!secret && !ref->optional.value_or(false))
        return not_found("secret", ref->name);
      if (secret)
        for (const auto& [key, value] : secret->data)
          set_prefixed(from.prefix, key, api::decode_base64(value).value_or(""));
    }
    return {};
  }

  void set_prefixed(const std::string& prefix, const std::string& key, std::string value) {
    // A prefix can make a name that no environment takes; such entries are left out.
    const auto name = prefix + key;
    if (api::check_env_var_name(name).empty())
      env_.set(name, std::move(value));
  }

  api::result<void> add(const api::v1::env_var& v) {
    const auto* from = v.value_from.get();
    if (!from) {
      env_.set(v.name, expand(
                           v.value, [this](const auto& n) { return env_.find(n); }, nullptr));
      return {};
    }
    auto value = value_of(*from);
    if (!value)
      return api::fail(std::move(value.error()));
    // Optional and missing: the variable is not set at all.
    if (*value)
      env_.set(v.name, std::move(**value));
    return {};
  }

  api::result<std::optional<std::string>> value_of(const api::v1::env_var_source& from) {
    const auto given = [](auto r) -> api::result<std::optional<std::string>> {
      if (!r)
        return api::fail(std::move(r.error()));
      return std::optional<std::string>{std::move(*r)};
    };
    if (from.field_ref)
      return given(pod_field(pod_, from.field_ref->field_path, s_));
    if (from.resource_field_ref)
      return given(resource_field(pod_, *from.resource_field_ref, container_.name, s_.node));
    if (const auto* ref = from.config_map_key_ref.get())
      return entry<api::v1::config_map>(*ref, "configmap", "ConfigMap",
                                        [](const std::string& text) { return text; });
    if (const auto* ref = from.secret_key_ref.get())
      return entry<api::v1::secret>(*ref, "secret", "Secret", [](const std::string& text) {
        return api::decode_base64(text).value_or("");
      });
    return api::fail(api::bad_request("this source of an environment variable is not supported"));
  }

  template <class T, class Selector, class Read>
  api::result<std::optional<std::string>> entry(const Selector& ref, const char* resource,
                                                const char* kind, Read read) {
    const bool optional = ref.optional.value_or(false);
    const auto object = look_up<T>(s_.state, ns(), ref.name);
    if (!object) {
      if (optional)
        return std::optional<std::string>{};
      return not_found(resource, ref.name);
    }
    const auto i = object->data.find(ref.key);
    if (i != object->data.end())
      return std::optional<std::string>{read(i->second)};
    if (optional)
      return std::optional<std::string>{};
    return api::fail(api::bad_request("couldn't find key " + ref.key + " in " + kind + " " + ns() +
                                      "/" + ref.name));
  }

  const api::v1::pod& pod_;
  const api::v1::container& container_;
  const container_surroundings& s_;
  environment env_;
};

} // namespace

api::result<std::vector<env_var>> make_env(const api::v1::pod& pod, const api::v1::container& c,
                                           const container_surroundings& s) {
  return builder{pod, c, s}.build();
}

std::string expand_variables(const std::string& text, const std::vector<env_var>& env) {
  return text.find('$') == std::string::npos ? text : expand(text, variables_of(env), nullptr);
}

api::result<std::string> expand_all_variables(const std::string& text,
                                              const std::vector<env_var>& env) {
  std::string missing;
  auto res = expand(text, variables_of(env), &missing);
  if (!missing.empty())
    return api::fail(api::bad_request("missing value for " + api::quote_go(missing)));
  return res;
}

} // namespace thespis::actors
