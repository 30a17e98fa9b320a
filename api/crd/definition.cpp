#include "api/crd/definition.hpp"

#include "api/cel/rules.hpp"
#include "api/crd/judge.hpp"
#include "api/schema/decode.hpp"
#include "api/text/quote.hpp"

#include <algorithm>

namespace thespis::api::crd {

namespace {

using schema::resource;
using schema::struct_type;
using schema::value_type;

const struct_type& object_meta() {
  static const auto* t =
      schema::registry::builtin().find_type("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  return *t;
}

/// Makes the metadata at a path such as "spec.template.metadata" canonical; what it has that is
/// none is appended to `unknown` unless that is null. Errors: bad_request.
result<void> conform_metadata(json::value& meta, const std::string& at, json::allocator& a,
                              std::vector<std::string>* unknown) {
  std::vector<std::string> found;
  auto ok = schema::conform(object_meta(), meta, a, unknown ? &found : nullptr);
  constexpr std::string_view head = "unknown field \"";
  for (const auto& text : found)
    unknown->push_back(std::string(head) + at + "." + text.substr(head.size()));
  return ok;
}

/// One version's schema at work.
class version_schema final : public schema::custom_type {
public:
  version_schema(std::shared_ptr<const json::document> source, std::unique_ptr<structural> tree)
      : source_(std::move(source)), tree_(std::move(tree)) {
    // What is wrong with a rule was told when the definition was made.
    std::vector<cause> ignored;
    rules_ = cel::rule_set::compile(*source_, {}, ignored);
  }

  result<void> conform(json::value& doc, json::allocator& a,
                       std::vector<std::string>* unknown) const override {
    if (auto* meta = json::find(doc, "metadata"); meta && meta->IsObject())
      if (auto ok = conform_metadata(*meta, "metadata", a, unknown); !ok)
        return ok;
    // Told after what the schema does not know, as Kubernetes does.
    std::vector<std::string> dropped, in_embedded;
    result<void> ok;
    prune(*tree_, doc, true, unknown ? &dropped : nullptr,
          [&](json::value& meta, const std::string& at) {
            if (ok)
              ok = conform_metadata(meta, at, a, unknown ? &in_embedded : nullptr);
          });
    if (!ok || !unknown)
      return ok;
    std::sort(dropped.begin(), dropped.end());
    std::sort(in_embedded.begin(), in_embedded.end());
    for (const auto& path : dropped)
      unknown->push_back("unknown field " + quote_go(path));
    unknown->insert(unknown->end(), in_embedded.begin(), in_embedded.end());
    return {};
  }

  void apply_defaults(json::value& doc, json::allocator& a) const override {
    fill_in(*tree_, doc, a);
  }

  void validate(const json::value& doc, const json::value* old,
                std::vector<cause>& causes) const override {
    const auto before = causes.size();
    judge(*tree_, doc, old, true, causes);
    // Rules are for values of the right shape.
    if (rules_ && causes.size() == before)
      rules_->validate(doc, old, causes);
  }

  std::string open_api(bool v2) const override {
    return open_api_of(*source_, *kind, selectable, v2);
  }

  const struct_type* kind = nullptr;   ///< the type that it stands behind
  std::vector<std::string> selectable; ///< fields that selectors may name

private:
  std::shared_ptr<const json::document> source_;
  std::unique_ptr<structural> tree_;
  std::shared_ptr<const cel::rule_set> rules_;
};

class relabeller final : public schema::converter {
public:
  result<void> convert(const std::vector<json::document*>& docs,
                       const std::string& api_version) const override {
    for (auto* doc : docs)
      json::set(*doc, "apiVersion", api_version, doc->GetAllocator());
    return {};
  }
};

class no_converter final : public schema::converter {
public:
  result<void> convert(const std::vector<json::document*>&, const std::string&) const override {
    return fail(internal_error("conversion webhooks are not available"));
  }
};

std::vector<std::string> strings(const json::value& v, std::string_view key) {
  std::vector<std::string> out;
  if (const auto* list = json::find(v, key); list && list->IsArray())
    for (const auto& s : list->GetArray())
      out.emplace_back(json::as_string(s));
  return out;
}

schema::field plain(std::string name, schema::shape form, std::string about) {
  schema::field f;
  f.name = std::move(name);
  f.type.form = form;
  f.about = std::move(about);
  return f;
}

std::string reversed(std::string_view group) {
  std::string out;
  while (!group.empty()) {
    const auto dot = group.rfind('.');
    const auto part = dot == group.npos ? group : group.substr(dot + 1);
    out.append(out.empty() ? "" : ".").append(part);
    group = group.substr(0, dot == group.npos ? 0 : dot);
  }
  return out;
}

/// Everything a definition says, on its way to resources.
class compiler {
public:
  compiler(const json::value& crd, const webhook_factory& webhooks)
      : crd_(crd), spec_(*json::find(crd, "spec")), names_(*json::find(spec_, "names")),
        group_(json::get_string(spec_, "group")), set_(std::make_shared<schema::type_set>()),
        versions_(std::make_shared<schema::version_set>()) {
    const auto* conversion = json::find(spec_, "conversion");
    if (!conversion || json::get_string(*conversion, "strategy") != "Webhook")
      versions_->convert = relabelling_converter();
    else if (webhooks)
      versions_->convert = webhooks(
          *conversion, std::string(json::get_string(*json::find(crd, "metadata"), "name")));
    else
      versions_->convert = std::make_shared<no_converter>();
  }

  result<std::vector<resource>> run() {
    std::vector<resource> out;
    for (const auto& v : json::find(spec_, "versions")->GetArray()) {
      auto made = make(v);
      if (!made)
        return fail(std::move(made.error()));
      versions_->types[made->api_version()] = made->type;
      if (json::get_bool(v, "storage"))
        versions_->stored = made->api_version();
      if (json::get_bool(v, "served"))
        out.push_back(std::move(*made));
    }
    for (auto& r : out) {
      r.versions = versions_;
      r.owner = set_;
    }
    return out;
  }

private:
  result<resource> make(const json::value& v) {
    resource r;
    r.group = group_;
    r.version = json::get_string(v, "name");
    r.kind = json::get_string(names_, "kind");
    r.plural = json::get_string(names_, "plural");
    r.singular = json::get_string(names_, "singular");
    r.short_names = strings(names_, "shortNames");
    r.categories = strings(names_, "categories");
    r.verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
    r.namespaced = json::get_string(spec_, "scope") == "Namespaced";
    r.epoch = schema::next_epoch();
    r.ending = !json::get_string(*json::find(crd_, "metadata"), "deletionTimestamp").empty();
    if (json::get_bool(v, "deprecated")) {
      r.deprecation = json::get_string(v, "deprecationWarning");
      if (r.deprecation.empty())
        r.deprecation = r.api_version() + " " + r.kind + " is deprecated";
    }
    add_subresources(v, r);
    add_columns(v, r);
    if (const auto* list = json::find(v, "selectableFields"); list && list->IsArray())
      for (const auto& f : list->GetArray())
        r.field_selectors.emplace_back(json::get_string(f, "jsonPath").substr(1));
    if (auto ok = add_types(v, r); !ok)
      return fail(std::move(ok.error()));
    return r;
  }

  static void add_subresources(const json::value& v, resource& r) {
    const auto* all = json::find(v, "subresources");
    if (!all || !all->IsObject())
      return;
    if (json::find(*all, "status"))
      r.subresources.push_back({"status", r.kind, r.group, r.version, {"get", "patch", "update"}});
    const auto* scale = json::find(*all, "scale");
    if (!scale || !scale->IsObject())
      return;
    r.subresources.push_back({"scale", "Scale", "autoscaling", "v1", {"get", "patch", "update"}});
    r.scale = schema::scale_paths{std::string(json::get_string(*scale, "specReplicasPath")),
                                  std::string(json::get_string(*scale, "statusReplicasPath")),
                                  std::string(json::get_string(*scale, "labelSelectorPath"))};
  }

  static void add_columns(const json::value& v, resource& r) {
    const auto* all = json::find(v, "additionalPrinterColumns");
    if (!all || !all->IsArray())
      return;
    for (const auto& c : all->GetArray())
      r.columns.push_back({std::string(json::get_string(c, "name")),
                           std::string(json::get_string(c, "type")),
                           std::string(json::get_string(c, "format")),
                           static_cast<int>(json::get_int(c, "priority")),
                           std::string(json::get_string(c, "jsonPath")),
                           std::string(json::get_string(c, "description"))});
  }

  result<void> add_types(const json::value& v, resource& r) {
    auto source = std::make_shared<json::document>();
    const auto* schema = json::at(v, {"schema", "openAPIV3Schema"});
    if (schema)
      static_cast<json::value&>(*source) = json::copy(*schema, source->GetAllocator());
    else
      source->SetObject();
    auto tree = read_structural(*source);
    if (!tree)
      return fail(std::move(tree.error()));
    const auto name = reversed(r.group) + "." + r.version + "." + r.kind;
    auto& t = *make_types(**tree, *source, name, *set_);
    finish(t, r);
    auto judge = std::make_shared<version_schema>(std::move(source), std::move(*tree));
    judge->kind = &t;
    judge->selectable = r.field_selectors;
    t.custom = std::move(judge);
    r.type = &t;
    r.list_type = make_list(t, r);
    return {};
  }

  /// The members that every object has.
  static void finish(struct_type& t, const resource& r) {
    t.name = r.kind;
    t.group = r.group;
    t.version = r.version;
    t.kind = true;
    std::erase_if(t.fields, [](const auto& f) { return is_type_member(f.name); });
    t.fields.push_back(plain("apiVersion", schema::shape::string, "The version of this kind."));
    t.fields.push_back(plain("kind", schema::shape::string, "The kind's name."));
    auto meta = plain("metadata", schema::shape::object, "What identifies the object.");
    meta.type.object = &object_meta();
    t.fields.push_back(std::move(meta));
    t.seal();
  }

  const struct_type* make_list(const struct_type& item, const resource& r) {
    auto& t = *set_->types.emplace_back(std::make_unique<struct_type>());
    t.name = json::get_string(names_, "listKind");
    if (t.name.empty())
      t.name = r.kind + "List";
    t.full_name = reversed(r.group) + "." + r.version + "." + t.name;
    t.group = r.group;
    t.version = r.version;
    t.kind = true;
    t.about = "A list of " + r.plural + ".";
    t.fields.push_back(plain("apiVersion", schema::shape::string, "The version of this kind."));
    t.fields.push_back(plain("kind", schema::shape::string, "The kind's name."));
    auto meta = plain("metadata", schema::shape::object, "Where the list stands and goes on.");
    meta.type.object =
        schema::registry::builtin().find_type("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta");
    t.fields.push_back(std::move(meta));
    auto items = plain("items", schema::shape::list, "The objects.");
    value_type element;
    element.form = schema::shape::object;
    element.object = &item;
    items.type.element = std::make_shared<value_type>(std::move(element));
    items.required = true;
    t.fields.push_back(std::move(items));
    t.seal();
    return &t;
  }

  const json::value& crd_;
  const json::value& spec_;
  const json::value& names_;
  const std::string group_;
  std::shared_ptr<schema::type_set> set_;
  std::shared_ptr<schema::version_set> versions_;
};

} // namespace

std::shared_ptr<const schema::converter> relabelling_converter() {
  static const auto one = std::make_shared<const relabeller>();
  return one;
}

result<std::vector<schema::resource>> resources_of(const json::value& crd,
                                                   const webhook_factory& webhooks) {
  return compiler{crd, webhooks}.run();
}

} // namespace thespis::api::crd
