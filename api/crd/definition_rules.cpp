#include "api/crd/definition_rules.hpp"

#include "api/crd/schema_rules.hpp"
#include "api/text/names.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <algorithm>
#include <set>

namespace thespis::api::crd {

namespace {

using json::value;

constexpr size_t max_selectable_fields = 8;

std::string_view text_at(const value& v, std::string_view key) {
  return json::get_string(v, key);
}

std::string lower(std::string_view s) {
  std::string out{s};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

const value* items_of(const value& v, std::string_view key) {
  const auto* list = json::find(v, key);
  return list && list->IsArray() ? list : nullptr;
}

std::string at_index(const std::string& at, size_t i) {
  return at + "[" + std::to_string(i) + "]";
}

class checker {
public:
  explicit checker(findings& f) : f_(f) {}

  void run(const value& crd) {
    const auto& spec = member(crd, "spec");
    const auto& names = member(spec, "names");
    const auto wanted =
        std::string(text_at(names, "plural")) + "." + std::string(text_at(spec, "group"));
    const auto name = text_at(member(crd, "metadata"), "name");
    if (name != wanted)
      add(invalid_value("metadata.name", quote_go(name),
                        "must be spec.names.plural+\".\"+spec.group"));
    group(spec);
    approval(crd, spec);
    scope(spec);
    if (json::get_bool(spec, "preserveUnknownFields"))
      add(invalid_value("spec.preserveUnknownFields", "true", "must be false"));
    check_names(names, "spec.names", true);
    versions(spec);
    conversion(member(spec, "conversion"));
    stored_versions(crd, spec);
  }

private:
  void add(cause c) { f_.causes().push_back(std::move(c)); }

  void complain(const std::string& at, std::string_view text, const complaints& all,
                const std::string& before = {}) {
    for (const auto& c : all)
      add(invalid_value(at, quote_go(text), before + c));
  }

  void group(const value& spec) {
    const auto group = text_at(spec, "group");
    if (group.empty())
      return add(required("spec.group"));
    const auto all = check_dns1123_subdomain(group);
    complain("spec.group", group, all);
    if (all.empty() && group.find('.') == group.npos)
      add(invalid_value("spec.group", quote_go(group), "should be a domain with at least one dot"));
  }

  /// Groups of the Kubernetes community ask for the community's approval.
  void approval(const value& crd, const value& spec) {
    const auto group = text_at(spec, "group");
    const auto is_in = [&](std::string_view domain) {
      return group == domain || (group.size() > domain.size() && group.ends_with(domain) &&
                                 group[group.size() - domain.size() - 1] == '.');
    };
    if (!is_in("k8s.io") && !is_in("kubernetes.io"))
      return;
    constexpr std::string_view key = "api-approved.kubernetes.io";
    const std::string at = "metadata.annotations[" + std::string(key) + "]";
    const auto given = text_at(member(member(crd, "metadata"), "annotations"), key);
    if (given.empty())
      add(required(at, "protected groups must have approval annotation \"" + std::string(key) +
                           "\", see https://github.com/kubernetes/enhancements/pull/1111"));
    else if (!given.starts_with("unapproved") && given.find("://") == given.npos)
      add(invalid_value(at, quote_go(given),
                        "protected groups must have approval annotation \"" + std::string(key) +
                            "\" with either a URL or a reason starting with \"unapproved\", see "
                            "https://github.com/kubernetes/enhancements/pull/1111"));
  }

  void scope(const value& spec) {
    const auto scope = text_at(spec, "scope");
    if (scope.empty())
      add(required("spec.scope"));
    else if (scope != "Cluster" && scope != "Namespaced")
      add(not_supported("spec.scope", quote_go(scope), {"Cluster", "Namespaced"}));
  }

  void check_names(const value& names, const std::string& at, bool all_required) {
    for (auto key : {"plural", "singular", "kind", "listKind"})
      if (all_required && text_at(names, key).empty())
        add(required(at + "." + key));
    for (auto key : {"plural", "singular"})
      if (const auto text = text_at(names, key); !text.empty())
        complain(at + "." + key, text, check_dns1035_label(text));
    for (auto key : {"kind", "listKind"})
      if (const auto text = text_at(names, key); !text.empty())
        complain(at + "." + key, text, check_dns1035_label(lower(text)),
                 "may have mixed case, but should otherwise match: ");
    for (auto key : {"shortNames", "categories"})
      if (const auto* list = items_of(names, key))
        for (rapidjson::SizeType i = 0; i < list->Size(); ++i)
          complain(at_index(at + "." + key, i), json::as_string((*list)[i]),
                   check_dns1035_label(json::as_string((*list)[i])));
    const auto kind = text_at(names, "kind");
    if (!kind.empty() && kind == text_at(names, "listKind"))
      add(invalid_value(at + ".listKind", quote_go(kind), "kind and listKind may not be the same"));
  }

  void versions(const value& spec) {
    const auto* all = items_of(spec, "versions");
    const value none{rapidjson::kArrayType};
    size_t storage = 0;
    bool unique = true;
    std::set<std::string_view> seen;
    const auto& list = all ? *all : none;
    for (rapidjson::SizeType i = 0; i < list.Size(); ++i) {
      const auto at = at_index("spec.versions", i);
      storage += json::get_bool(list[i], "storage");
      unique = seen.insert(text_at(list[i], "name")).second && unique;
      complain(at + ".name", text_at(list[i], "name"),
               check_dns1035_label(text_at(list[i], "name")));
      version(list[i], at);
    }
    if (!unique)
      add(invalid_value("spec.versions", json::to_string(list),
                        "must contain unique version names"));
    if (storage != 1)
      add(invalid_value("spec.versions", json::to_string(list),
                        "must have exactly one version marked as storage version"));
  }

  void version(const value& v, const std::string& at) {
    if (!text_at(v, "deprecationWarning").empty() && !json::get_bool(v, "deprecated"))
      add(invalid_value(at + ".deprecationWarning", quote_go(text_at(v, "deprecationWarning")),
                        "can only be set for deprecated versions"));
    const auto* schema = json::at(v, {"schema", "openAPIV3Schema"});
    if (!schema || schema->IsNull())
      add(required(at + ".schema.openAPIV3Schema", "schemas are required"));
    else
      check_schema(*schema, at + ".schema.openAPIV3Schema", f_);
    if (const auto* scale = json::at(v, {"subresources", "scale"}); scale && scale->IsObject())
      check_scale(*scale, at + ".subresources.scale");
    if (const auto* list = items_of(v, "additionalPrinterColumns"))
      for (rapidjson::SizeType i = 0; i < list->Size(); ++i)
        column((*list)[i], at_index(at + ".additionalPrinterColumns", i));
    if (const auto* list = items_of(v, "selectableFields"))
      selectable(*list, schema, at + ".selectableFields");
  }

  bool simple_path(std::string_view path, const std::string& at) {
    if (path.empty()) {
      add(invalid_value(at, quote_go(path), "must not be empty"));
      return false;
    }
    if (path[0] != '.') {
      add(invalid_value(at, quote_go(path), "must be a simple json path starting with ."));
      return false;
    }
    int brackets = 0;
    for (const char c : path) {
      brackets += c == '[';
      brackets -= c == ']';
      if (brackets < 0)
        break;
    }
    if (brackets != 0) {
      add(invalid_value(at, quote_go(path), "is an invalid JSONPath: unterminated array"));
      return false;
    }
    return true;
  }

  void below(const value& scale, const std::string& at, const char* key, std::string_view root) {
    const auto path = text_at(scale, key);
    const auto where = at + "." + key;
    if (path.empty())
      return add(required(where));
    if (path.find('[') != path.npos)
      return add(
          invalid_value(where, quote_go(path), "is an invalid path: arrays are not allowed"));
    if (simple_path(path, where) && !path.starts_with(std::string(root) + "."))
      add(invalid_value(where, quote_go(path), "should be a json path under " + std::string(root)));
  }

  void check_scale(const value& scale, const std::string& at) {
    below(scale, at, "specReplicasPath", ".spec");
    below(scale, at, "statusReplicasPath", ".status");
    const auto labels = text_at(scale, "labelSelectorPath");
    if (!labels.empty() && simple_path(labels, at + ".labelSelectorPath") &&
        !labels.starts_with(".spec.") && !labels.starts_with(".status."))
      add(invalid_value(at + ".labelSelectorPath", quote_go(labels),
                        "should be a json path under either .spec or .status"));
  }

  void column(const value& c, const std::string& at) {
    static const std::vector<std::string> types{"integer", "number", "string", "boolean", "date"};
    static const std::vector<std::string> formats{"int32", "int64", "float",     "double",
                                                  "byte",  "date",  "date-time", "password"};
    if (text_at(c, "name").empty())
      add(required(at + ".name"));
    const auto type = text_at(c, "type");
    if (type.empty())
      add(required(at + ".type", "must be one of boolean,date,integer,number,string"));
    else if (std::find(types.begin(), types.end(), type) == types.end())
      add(invalid_value(at + ".type", quote_go(type),
                        "must be one of boolean,date,integer,number,string"));
    const auto format = text_at(c, "format");
    if (!format.empty() && std::find(formats.begin(), formats.end(), format) == formats.end())
      add(invalid_value(at + ".format", quote_go(format),
                        "must be one of byte,date,date-time,double,float,int32,int64,password"));
    if (text_at(c, "jsonPath").empty())
      add(required(at + ".jsonPath"));
    else
      simple_path(text_at(c, "jsonPath"), at + ".jsonPath");
  }

  void selectable(const value& list, const value* schema, const std::string& at) {
    if (list.Size() > max_selectable_fields)
      add(too_many(at, list.Size(), max_selectable_fields));
    std::set<std::string_view> seen;
    for (rapidjson::SizeType i = 0; i < list.Size(); ++i) {
      const auto where = at_index(at, i) + ".jsonPath";
      const auto path = text_at(list[i], "jsonPath");
      if (path.empty()) {
        add(required(where));
        continue;
      }
      if (!seen.insert(path).second)
        add(duplicate(where, quote_go(path)));
      if (path == ".metadata" || path.starts_with(".metadata.")) {
        add(invalid_value(where, quote_go(path), "must not point to fields in metadata"));
        continue;
      }
      if (!simple_path(path, where))
        continue;
      const auto* at_path = schema ? follow(*schema, path.substr(1)) : nullptr;
      const auto type = at_path ? text_at(*at_path, "type") : std::string_view{};
      if (!at_path)
        add(invalid_value(where, quote_go(path),
                          "is an invalid path: does not refer to a valid field"));
      else if (type != "string" && type != "integer" && type != "boolean")
        add(invalid_value(where, quote_go(path),
                          "must point to a field of type string, boolean or integer. Enum string "
                          "fields and strings with formats are allowed."));
    }
  }

  static const value* follow(const value& schema, std::string_view path) {
    const auto* s = &schema;
    while (s && !path.empty()) {
      const auto end = std::min(path.find('.'), path.size());
      const auto* properties = json::find(*s, "properties");
      s = properties ? json::find(*properties, path.substr(0, end)) : nullptr;
      path.remove_prefix(std::min(end + 1, path.size()));
    }
    return s;
  }

  void conversion(const value& c) {
    const std::string at = "spec.conversion";
    const auto strategy = text_at(c, "strategy");
    if (strategy.empty())
      return add(required(at + ".strategy"));
    if (strategy != "None" && strategy != "Webhook")
      return add(not_supported(at + ".strategy", quote_go(strategy), {"None", "Webhook"}));
    const auto* webhook = json::find(c, "webhook");
    if (strategy == "None") {
      if (webhook && webhook->IsObject() && json::find(*webhook, "clientConfig"))
        add(field_forbidden(at + ".webhookClientConfig",
                            "should not be set when strategy is not set to Webhook"));
      if (webhook && webhook->IsObject() && json::find(*webhook, "conversionReviewVersions"))
        add(field_forbidden(at + ".conversionReviewVersions",
                            "should not be set when strategy is not set to Webhook"));
      return;
    }
    const auto* client = webhook ? json::find(*webhook, "clientConfig") : nullptr;
    if (!client) {
      add(required(at + ".webhookClientConfig", "required when strategy is set to Webhook"));
    } else {
      const bool url = json::find(*client, "url") != nullptr;
      if (url == (json::find(*client, "service") != nullptr))
        add(required(at + ".webhookClientConfig", "exactly one of url or service is required"));
      else if (url && !text_at(*client, "url").starts_with("https://"))
        add(invalid_value(
            at + ".webhookClientConfig.url", quote_go(text_at(*client, "url")),
            "'https' is the only allowed URL scheme; desired format: https://host[/path]"));
    }
    review_versions(webhook, at + ".conversionReviewVersions");
  }

  void review_versions(const value* webhook, const std::string& at) {
    const auto* list = webhook ? items_of(*webhook, "conversionReviewVersions") : nullptr;
    if (!list || list->Empty())
      return add(required(at));
    if (std::none_of(list->Begin(), list->End(), [](const auto& v) {
          return json::as_string(v) == "v1" || json::as_string(v) == "v1beta1";
        }))
      add(invalid_value(at, json::to_string(*list), "must include at least one of v1, v1beta1"));
  }

  void stored_versions(const value& crd, const value& spec) {
    const auto* stored = items_of(member(crd, "status"), "storedVersions");
    const auto* versions = items_of(spec, "versions");
    if (!stored || !versions)
      return;
    for (rapidjson::SizeType i = 0; i < stored->Size(); ++i) {
      const auto name = std::string(json::as_string((*stored)[i]));
      if (std::none_of(versions->Begin(), versions->End(),
                       [&](const auto& v) { return text_at(v, "name") == name; }))
        add(invalid_value(at_index("status.storedVersions", i), quote_go(name),
                          "missing from spec.versions; " + name +
                              " was previously a storage version, and must remain in "
                              "spec.versions until a storage migration ensures no data remains "
                              "persisted in " +
                              name + " and removes " + name + " from status.storedVersions"));
    }
  }

  findings& f_;
};

bool is_established(const value& crd) {
  const auto* all = items_of(member(crd, "status"), "conditions");
  return all && std::any_of(all->Begin(), all->End(), [](const auto& c) {
           return text_at(c, "type") == "Established" && text_at(c, "status") == "True";
         });
}

void immutable(const value& now, const value& before, std::string_view key, const std::string& at,
               findings& f) {
  if (text_at(now, key) != text_at(before, key))
    f.causes().push_back(invalid_value(at + "." + std::string(key), quote_go(text_at(now, key)),
                                       "field is immutable"));
}

} // namespace

void check_definition(const json::value& crd, findings& f) {
  checker{f}.run(crd);
}

void check_definition_update(const json::value& crd, const json::value& old, findings& f) {
  const auto& spec = member(crd, "spec");
  const auto& before = member(old, "spec");
  immutable(spec, before, "group", "spec", f);
  immutable(member(spec, "names"), member(before, "names"), "plural", "spec.names", f);
  if (!is_established(old))
    return;
  immutable(spec, before, "scope", "spec", f);
  immutable(member(spec, "names"), member(before, "names"), "kind", "spec.names", f);
}

} // namespace thespis::api::crd
