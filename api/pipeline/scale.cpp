#include "api/pipeline/scale.hpp"

#include "api/apply/scale_fields.hpp"
#include "api/pipeline/admit.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/ownership.hpp"
#include "api/pipeline/patching.hpp"
#include "api/text/labels.hpp"
#include "api/validation/access.hpp"

#include <algorithm>

namespace thespis::api {

namespace {

/// The value at a path such as ".spec.replicas"; nullptr when there is none.
const json::value* value_at(const json::value& doc, std::string_view path) {
  const auto* v = &doc;
  while (v && !path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('.'), path.size());
    v = json::find(*v, path.substr(0, end));
    path.remove_prefix(end);
  }
  return v;
}

void set_at(json::document& doc, std::string_view path, json::value x) {
  auto& a = doc.GetAllocator();
  json::value* v = &doc;
  path.remove_prefix(std::min<size_t>(1, path.size()));
  for (auto dot = path.find('.'); dot != path.npos; dot = path.find('.')) {
    v = &json::ensure_object(*v, path.substr(0, dot), a);
    path.remove_prefix(dot + 1);
  }
  json::set(*v, path, std::move(x), a);
}

/// The pod selector as a query string.
std::string selector_text(const schema::resource& r, const json::value& workload) {
  const auto* selector =
      r.scale->selector.empty() ? nullptr : value_at(workload, r.scale->selector);
  if (!selector || selector->IsString())
    return std::string(selector ? json::as_string(*selector) : std::string_view{});
  if (r.group_resource() == "replicationcontrollers")
    return label_selector::from_map(selector).to_string();
  auto read = read_label_selector(selector);
  return read ? read->to_string() : std::string{};
}

result<json::document> scale_document(const schema::resource& r, const object& workload) {
  auto doc = workload.parse();
  json::document out(rapidjson::kObjectType);
  auto& a = out.GetAllocator();
  json::set(out, "kind", "Scale", a);
  json::set(out, "apiVersion", "autoscaling/v1", a);
  json::value metadata(rapidjson::kObjectType);
  for (auto key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"})
    if (const auto* v = json::find(metadata_of(doc), key))
      json::set(metadata, key, json::copy(*v, a), a);
  json::set(out, "metadata", std::move(metadata), a);
  const auto* wanted = value_at(doc, r.scale->spec);
  if (!wanted && r.type->custom)
    return fail(internal_error("the spec replicas field \"" + r.scale->spec + "\" does not exist"));
  json::value spec(rapidjson::kObjectType);
  if (wanted && wanted->IsInt64() && wanted->GetInt64() != 0)
    json::set(spec, "replicas", json::value(wanted->GetInt64()), a);
  json::set(out, "spec", std::move(spec), a);
  json::value status(rapidjson::kObjectType);
  const auto* present = value_at(doc, r.scale->status);
  json::set(status, "replicas",
            json::value(present && present->IsInt64() ? present->GetInt64() : 0), a);
  if (auto selector = selector_text(r, doc); !selector.empty())
    json::set(status, "selector", selector, a);
  json::set(out, "status", std::move(status), a);
  return out;
}

constexpr std::string_view scale_version = "autoscaling/v1";

const schema::struct_type& scale_type() {
  return kind_type("autoscaling", "v1", "Scale");
}

/// The replicas in a version of the workload, where ownership finds them.
apply::replicas_path replicas_of(const operation& op) {
  return [&op](std::string_view api_version) {
    apply::path out;
    if (!served_versions{op.type}.find(api_version).known)
      return out;
    std::string_view rest = op.type.schema->scale->spec;
    while (!rest.empty()) {
      rest.remove_prefix(1); // the dot
      const auto end = std::min(rest.find('.'), rest.size());
      out.push_back(apply::path_element::field(rest.substr(0, end)));
      rest.remove_prefix(end);
    }
    return out;
  };
}

/// What a write of the Scale means to the Scale's own fields.
apply::field_write scale_write(const operation& op) {
  apply::field_write w;
  w.manager = manager_of(op.request);
  w.api_version = scale_version;
  w.subresource = op.request.subresource;
  w.now = op.now;
  w.type = {&scale_type(), false};
  return w;
}

/// The owners of the workload, as far as they can be read.
apply::managers owners_of(const object& current) {
  const auto doc = current.parse();
  auto all = apply::read_managers(managed_fields_of(doc));
  return all ? std::move(*all) : apply::managers{};
}

/// The Scale that an apply patch makes.
result<json::document> applied_scale(operation& op, const object& current) {
  auto config = applied_config(op, "Scale", std::string(scale_version));
  if (!config)
    return config;
  const auto owners = owners_of(current);
  auto live = scale_document(*op.type.schema, current);
  if (!live)
    return live;
  auto done = apply::apply_config(scale_write(op), apply::to_scale(owners, replicas_of(op)), *live,
                                  *config, op.request.force);
  if (!done)
    return fail(std::move(done.error()));
  set_owners(
      op, apply::from_scale(owners, std::move(done->owners), replicas_of(op), op.type.api_version));
  return done->unchanged ? std::move(*live) : std::move(done->object);
}

/// Works out who owns the workload's fields once its Scale has changed.
void track_scale(operation& op, const object& current, const json::value& before,
                 const json::value& after) {
  if (op.owners)
    return;
  const auto owners = owners_of(current);
  auto scale = apply::update(scale_write(op), apply::to_scale(owners, replicas_of(op)), before,
                             after, false);
  set_owners(op, apply::from_scale(owners, scale ? std::move(*scale) : apply::managers{},
                                   replicas_of(op), op.type.api_version));
}

/// The Scale that the call wants.
result<json::document> wanted_scale(operation& op, const object& current) {
  if (op.request.verb == verb::update)
    return decode_body(op, op.request.body, scale_type());
  if (op.request.patch == patch_kind::apply)
    return applied_scale(op, current);
  auto doc = scale_document(*op.type.schema, current);
  if (!doc)
    return doc;
  if (auto ok = apply_patch(op, *doc, nullptr); !ok)
    return fail(ok.error());
  return doc;
}

} // namespace

bool is_scalable(const schema::resource& r) {
  return r.scale.has_value();
}

result<std::string> scale_of(const schema::resource& r, const object& workload) {
  if (!is_scalable(r))
    return fail(not_found(workload.resource(), workload.name()));
  auto doc = scale_document(r, workload);
  if (!doc)
    return fail(std::move(doc.error()));
  return json::to_string(*doc);
}

result<prepared> prepare_scale(operation& op) {
  auto current = existing(op);
  if (!current)
    return fail(current.error());
  auto scale = wanted_scale(op, **current);
  if (!scale)
    return fail(scale.error());
  auto name = json::get_string(metadata_of(*scale), "name");
  if (!name.empty() && name != op.request.name)
    return fail(bad_request("the name of the object (" + std::string(name) +
                            ") does not match the name on the URL (" + op.request.name + ")"));
  auto before = scale_document(*op.type.schema, **current);
  if (!before)
    return fail(before.error());
  if (auto ok =
          admit(op, admission::action::update, scale_type(), &*scale, &*before, op.request.dry_run);
      !ok)
    return fail(ok.error());
  const auto* n = json::find(member(*scale, "spec"), "replicas");
  if (n && !n->IsNull() && !n->IsInt())
    return fail(bad_request("Scale in version \"v1\" cannot be handled as a Scale: json: cannot "
                            "unmarshal into Go struct field ScaleSpec.spec.replicas of type "
                            "int32"));
  int replicas = n && n->IsInt() ? n->GetInt() : 0;
  if (replicas < 0)
    return fail(invalid("Scale.autoscaling", op.request.name,
                        {invalid_value("spec.replicas", std::to_string(replicas),
                                       "must be greater than or equal to 0")}));
  track_scale(op, **current, *before, *scale);
  update_request r;
  r.current = *current;
  r.before = r.current->parse();
  r.after.CopyFrom(r.before, r.after.GetAllocator());
  auto& a = r.after.GetAllocator();
  set_at(r.after, op.type.schema->scale->spec, json::value(replicas));
  auto& metadata = json::ensure_object(r.after, "metadata", a);
  // A patch that names no revision means whichever the workload has by now.
  const auto named = named_revision(*scale);
  const bool any = op.request.verb == verb::patch && named == named_revision(*before);
  json::set(metadata, "resourceVersion", any ? std::string_view{} : named, a);
  if (auto uid = json::get_string(metadata_of(*scale), "uid"); !uid.empty())
    json::set(metadata, "uid", uid, a);
  r.uid_is_precondition = true;
  r.admitted = true;
  return update_object(op, std::move(r));
}

} // namespace thespis::api
