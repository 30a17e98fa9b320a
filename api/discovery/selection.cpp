#include "api/discovery/selection.hpp"

#include <algorithm>
#include <memory>

namespace thespis::api {

namespace {

constexpr size_t max_selector_bytes = 64 * 1024;

bool in_identity(std::string_view field) {
  return field == "metadata.name" || field == "metadata.namespace" || field == "spec.nodeName";
}

const json::value* walk(const json::value& root, std::string_view path) {
  const auto* v = &root;
  while (v && !path.empty()) {
    size_t dot = std::min(path.find('.'), path.size());
    v = json::find(*v, path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return v;
}

const json::value* find_field(const object& o, const json::value& body, std::string_view field) {
  // Some fields are named otherwise than they are stored.
  if (o.resource() == "events") {
    if (field == "reportingController")
      return walk(body, "reportingComponent");
    if (constexpr std::string_view about = "regarding."; field.starts_with(about))
      return walk(body, "involvedObject." + std::string(field.substr(about.size())));
  }
  if (field == "source" && o.resource() == "events") {
    const auto* component = walk(body, "source.component");
    bool named = component && !json::as_string(*component).empty();
    return named ? component : walk(body, "reportingComponent");
  }
  return walk(body, field == "status.successful" ? "status.succeeded" : field);
}

/// What stands for an absent value: numbers and booleans have one.
std::string absent(std::string_view field) {
  if (field == "status.replicas" || field == "status.successful")
    return "0";
  if (field == "spec.unschedulable" || field == "spec.hostNetwork")
    return "false";
  return {};
}

} // namespace

std::string selectable_field(const object& o, const json::value* body, std::string_view field) {
  if (field == "metadata.name")
    return o.name();
  if (field == "metadata.namespace")
    return o.ns();
  if (field == "spec.nodeName" && o.resource() == "pods")
    return o.meta().node_name;
  const auto* v = body ? find_field(o, *body, field) : nullptr;
  if (!v || v->IsNull())
    return absent(field);
  if (v->IsString())
    return std::string(json::as_string(*v));
  return json::to_string(*v);
}

result<object_selector> object_selector::parse(const schema::resource& resource,
                                               std::string_view label_text,
                                               std::string_view field_text) {
  if (label_text.size() > max_selector_bytes || field_text.size() > max_selector_bytes)
    return fail(bad_request("the selector is longer than 65536 bytes"));
  object_selector s;
  if (!label_text.empty()) {
    auto labels = parse_label_selector(label_text);
    if (!labels)
      return fail(std::move(labels.error()));
    s.labels_ = std::move(*labels);
  }
  if (!field_text.empty()) {
    auto fields = parse_field_selector(field_text);
    if (!fields)
      return fail(std::move(fields.error()));
    if (auto ok = check_fields(*fields, resource.field_selectors); !ok)
      return fail(std::move(ok.error()));
    s.fields_ = std::move(*fields);
    const auto& all = s.fields_.requirements();
    s.needs_body_ =
        !std::all_of(all.begin(), all.end(), [](const auto& r) { return in_identity(r.field); });
  }
  return s;
}

bool object_selector::matches(const object& o) const {
  if (!labels_.matches(o.labels()))
    return false;
  if (fields_.matches_everything())
    return true;
  if (!needs_body_)
    return fields_.matches([&](std::string_view f) { return selectable_field(o, nullptr, f); });
  auto body = o.parse();
  return fields_.matches([&](std::string_view f) { return selectable_field(o, &body, f); });
}

std::function<result<object_matcher>(const std::string& resource, const selection&)>
matchers_of(const schema::registry& schemas) {
  return [&schemas](const std::string& resource, const selection& what) -> result<object_matcher> {
    auto r = schemas.find_group_resource(resource);
    if (!r)
      return fail(not_found(resource, ""));
    // A watch names fields as its resource does, which may be kept as another: as events are.
    auto selectable = *r;
    for (const auto& other : schemas.resources())
      if (other != r && other->stored_resource() == resource)
        selectable.field_selectors.insert(selectable.field_selectors.end(),
                                          other->field_selectors.begin(),
                                          other->field_selectors.end());
    auto parsed = object_selector::parse(selectable, what.label_selector, what.field_selector);
    if (!parsed)
      return fail(std::move(parsed.error()));
    auto selector = std::make_shared<const object_selector>(std::move(*parsed));
    return object_matcher{[selector](const object& o) { return selector->matches(o); }};
  };
}

} // namespace thespis::api
