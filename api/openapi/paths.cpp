// Paths and operations, from the resources of the schema registry.
#include "api/json.hpp"
#include "api/openapi/model.hpp"

namespace thespis::api::openapi {

namespace {

const char* patch_type = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";

parameter query(std::string name, std::string type, std::string about) {
  return {std::move(name), std::move(about), std::move(type), false};
}

parameter in_path(std::string name, std::string about) {
  return {std::move(name), std::move(about), "string", true};
}

std::vector<parameter> list_parameters() {
  return {query("allowWatchBookmarks", "boolean", "Send BOOKMARK events during a watch."),
          query("continue", "string", "Where a list that was cut short goes on."),
          query("fieldSelector", "string", "Selects objects by their fields."),
          query("labelSelector", "string", "Selects objects by their labels."),
          query("limit", "integer", "The most objects of one answer."),
          query("resourceVersion", "string", "The state to read, or to watch from."),
          query("resourceVersionMatch", "string", "How resourceVersion is meant."),
          query("sendInitialEvents", "boolean", "Send the present state at the start of a watch."),
          query("timeoutSeconds", "integer", "How long a watch lasts."),
          query("watch", "boolean", "Watch instead of listing.")};
}

std::vector<parameter> write_parameters() {
  return {query("dryRun", "string", "All: do everything but the change itself."),
          query("fieldManager", "string", "Who owns the fields that are written."),
          query("fieldValidation", "string", "What unknown fields lead to: Ignore, Warn, Strict.")};
}

std::vector<parameter> delete_parameters() {
  return {query("dryRun", "string", "All: do everything but the change itself."),
          query("gracePeriodSeconds", "integer", "How long the object may take to end."),
          query("orphanDependents", "boolean", "Keep what the object owns."),
          query("propagationPolicy", "string", "Orphan, Background or Foreground.")};
}

std::vector<std::string> object_types() {
  return {"application/json", "application/yaml"};
}

std::vector<std::string> list_types() {
  return {"application/json", "application/yaml", "application/json;stream=watch"};
}

std::vector<std::string> patch_types() {
  return {"application/json-patch+json", "application/merge-patch+json",
          "application/strategic-merge-patch+json", "application/apply-patch+yaml"};
}

std::string camel(std::string_view s) {
  std::string out;
  bool up = true;
  for (char c : s) {
    if (c == '.' || c == '-' || c == '/') {
      up = true;
      continue;
    }
    out += up && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    up = false;
  }
  return out;
}

/// "Core", or "Apps" of "apps" and "Discovery" of "discovery.k8s.io".
std::string group_word(std::string_view group) {
  return group.empty() ? "Core" : camel(group.substr(0, group.find('.')));
}

std::string tag_of(const schema::resource& r) {
  auto group = r.group.empty() ? "core" : r.group.substr(0, r.group.find('.'));
  return group + "_" + r.version;
}

std::string gvk(std::string_view group, std::string_view version, std::string_view kind) {
  return "{\"group\":" + json::quote(group) + ",\"kind\":" + json::quote(kind) +
         ",\"version\":" + json::quote(version) + "}";
}

/// One resource's paths.
class path_maker {
public:
  path_maker(const schema::registry& schemas, const schema::resource& r,
             const std::function<void(const path&)>& f)
      : schemas_(schemas), r_(r), f_(f) {
    prefix_ = (r.group.empty() ? "/api/" : "/apis/" + r.group + "/") + r.version;
    base_ = prefix_ + (r.namespaced ? "/namespaces/{namespace}/" : "/") + r.plural;
  }

  void run() {
    collection();
    object();
    for (const auto& sub : r_.subresources)
      subresource(sub);
    if (r_.namespaced && r_.has_verb("list"))
      everywhere();
  }

private:
  operation make(std::string method, std::string action, std::string word, std::string tail = {}) {
    operation o;
    o.id = word + group_word(r_.group) + camel(r_.version) + (r_.namespaced ? "Namespaced" : "") +
           r_.kind + tail;
    o.method = std::move(method);
    o.about = action + " " + r_.plural;
    o.action = std::move(action);
    o.tag = tag_of(r_);
    o.gvk_json = gvk(r_.group, r_.version, r_.kind);
    o.consumes = {"*/*"};
    o.produces = object_types();
    o.response = r_.type ? r_.type->full_name : "";
    return o;
  }

  operation make_list(std::string tail = {}) {
    auto o = make("get", "list", "list", std::move(tail));
    o.parameters = list_parameters();
    o.produces = list_types();
    if (r_.list_type)
      o.response = r_.list_type->full_name;
    return o;
  }

  operation make_write(std::string method, std::string action, std::string word) {
    auto o = make(std::move(method), std::move(action), std::move(word));
    o.parameters = write_parameters();
    o.body = o.response;
    o.created = true;
    return o;
  }

  path make_path(std::string name, bool named) {
    path p;
    p.name = std::move(name);
    if (named)
      p.parameters.push_back(in_path("name", "The name of the " + r_.kind + "."));
    if (r_.namespaced)
      p.parameters.push_back(in_path("namespace", "The namespace of the object."));
    p.parameters.push_back(query("pretty", "string", "Indent the answer when true."));
    return p;
  }

  void emit(path p) {
    if (!p.operations.empty())
      f_(p);
  }

  std::string status() const {
    const auto* t = schemas_.find_kind_type("", "v1", "Status");
    return t ? t->full_name : "";
  }

  operation make_delete(std::string action, std::string word) {
    auto o = make("delete", std::move(action), std::move(word));
    o.parameters = delete_parameters();
    const auto* t = schemas_.find_kind_type("", "v1", "DeleteOptions");
    o.body = t ? t->full_name : "";
    o.response = status();
    return o;
  }

  void collection() {
    auto p = make_path(base_, false);
    if (r_.has_verb("list"))
      p.operations.push_back(make_list());
    if (r_.has_verb("create"))
      p.operations.push_back(make_write("post", "post", "create"));
    if (r_.has_verb("deletecollection"))
      p.operations.push_back(make_delete("deletecollection", "deleteCollection"));
    emit(std::move(p));
  }

  void object() {
    auto p = make_path(base_ + "/{name}", true);
    if (r_.has_verb("get"))
      p.operations.push_back(make("get", "get", "read"));
    if (r_.has_verb("update"))
      p.operations.push_back(make_write("put", "put", "replace"));
    if (r_.has_verb("delete"))
      p.operations.push_back(make_delete("delete", "delete"));
    if (r_.has_verb("patch"))
      p.operations.push_back(make_patch());
    emit(std::move(p));
  }

  operation make_patch() {
    auto o = make_write("patch", "patch", "patch");
    o.body = patch_type;
    o.consumes = patch_types();
    if (r_.owner) // run-time kinds have no merge keys
      std::erase(o.consumes, "application/strategic-merge-patch+json");
    o.parameters.push_back(query("force", "boolean", "Take fields from other managers (apply)."));
    return o;
  }

  void subresource(const schema::subresource& s) {
    auto p = make_path(base_ + "/{name}/" + s.name, true);
    const auto* type = schemas_.find_kind_type(s.group, s.version, s.kind);
    for (const auto& verb : s.verbs) {
      operation o;
      if (verb == "get")
        o = make("get", "get", "read");
      else if (verb == "update")
        o = make_write("put", "put", "replace");
      else if (verb == "patch")
        o = make_patch();
      else if (verb == "create")
        o = make_write("post", "post", "create");
      else
        continue;
      o.id += camel(s.name);
      o.about = o.action + " " + s.name + " of " + r_.plural;
      o.gvk_json = gvk(s.group, s.version, s.kind);
      o.response = type ? type->full_name : "";
      if (!o.body.empty() && verb != "patch")
        o.body = o.response;
      p.operations.push_back(std::move(o));
    }
    emit(std::move(p));
  }

  void everywhere() {
    path p;
    p.name = prefix_ + "/" + r_.plural;
    auto o = make_list("ForAllNamespaces");
    if (size_t at = o.id.find("Namespaced"); at != std::string::npos)
      o.id.erase(at, 10);
    p.operations.push_back(std::move(o));
    f_(p);
  }

  const schema::registry& schemas_;
  const schema::resource& r_;
  const std::function<void(const path&)>& f_;
  std::string prefix_;
  std::string base_;
};

} // namespace

void for_paths(const schema::registry& r, const resource_list& resources,
               const std::function<void(const path&)>& f) {
  for (const auto& resource : resources)
    path_maker(r, *resource, f).run();
}

} // namespace thespis::api::openapi
