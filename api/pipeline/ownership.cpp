#include "api/pipeline/ownership.hpp"

#include "api/pipeline/metadata.hpp"
#include "api/text/quote.hpp"

namespace thespis::api {

namespace {

constexpr std::string_view member_name = "managedFields";
constexpr size_t max_subresource_length = 256;

/// "apps/v1" as group and version.
std::pair<std::string_view, std::string_view> split_version(std::string_view api_version) {
  const auto slash = api_version.find('/');
  if (slash == api_version.npos)
    return {{}, api_version};
  return {api_version.substr(0, slash), api_version.substr(slash + 1)};
}

/// What each endpoint can change.
apply::scope scope_of(const operation& op) {
  apply::scope reach;
  const auto& sub = op.request.subresource;
  if (sub == "ephemeralcontainers") {
    reach.only = apply::fields({"spec", "ephemeralContainers"});
  } else if (sub == "resize") {
    reach.excluded.insert(apply::fields({"status"}));
  } else if (sub == "status") {
    for (const auto& f : op.type.type().fields)
      if (is_content(f.name))
        reach.excluded.insert(apply::fields({f.name}));
  } else if (op.type.has_status) {
    reach.excluded.insert(apply::fields({"status"}));
  }
  return reach;
}

/// Takes managedFields out of the document.
json::value take_sent(json::document& doc) {
  auto* metadata = json::find(doc, "metadata");
  auto* sent = metadata && metadata->IsObject() ? json::find(*metadata, member_name) : nullptr;
  json::value out;
  if (sent) {
    out = std::move(*sent);
    json::erase(*metadata, member_name);
  }
  return out;
}

/// What a client asks of the record itself.
bool asks_for_reset(const operation& op, const json::value& sent) {
  if (op.resets_owners)
    return true;
  return sent.IsArray() && sent.Size() == 1 && sent[0].IsObject() && sent[0].ObjectEmpty();
}

result<void> check_sent(const operation& op, const json::value& sent, std::string_view name) {
  std::vector<cause> causes;
  for (rapidjson::SizeType i = 0; i < sent.Size(); ++i) {
    const auto at = "metadata.managedFields[" + std::to_string(i) + "].";
    if (json::get_string(sent[i], "manager").size() > apply::max_manager_length)
      causes.push_back(too_long(at + "manager", apply::max_manager_length));
    if (json::get_string(sent[i], "subresource").size() > max_subresource_length)
      causes.push_back(too_long(at + "subresource", max_subresource_length));
  }
  if (causes.empty())
    return {};
  return fail(invalid(op.type.group_kind, name, std::move(causes)));
}

/// The managers that a write starts from: those the client sent, if it sent any that make sense
/// (a client that does not know the field must not erase it), else those of the live object.
struct starting_point {
  apply::managers all;
  bool from_client = false;
};

result<starting_point> start_from(const operation& op, const json::value& sent,
                                  const json::value* live, std::string_view name) {
  starting_point out;
  if (op.request.subresource.empty()) {
    if (asks_for_reset(op, sent)) {
      out.from_client = true;
      return out;
    }
    const bool news = sent.IsArray() && !(live && json::equal(sent, *live));
    if (auto read = news ? apply::read_managers(&sent) : apply::managers{};
        read && !read->empty()) {
      if (auto ok = check_sent(op, sent, name); !ok)
        return fail(std::move(ok.error()));
      out.all = std::move(*read);
      out.from_client = true;
      return out;
    }
  }
  if (auto read = apply::read_managers(live))
    out.all = std::move(*read);
  return out;
}

void keep(operation& op, const json::value* list) {
  op.owners.emplace();
  if (list)
    op.owners->CopyFrom(*list, op.owners->GetAllocator());
}

} // namespace

bool begins_record(const call& c) {
  return !c.field_manager.empty();
}

std::string manager_of(const call& c) {
  if (!c.field_manager.empty())
    return c.field_manager;
  // system:controller:deployment, system:kube-scheduler, system:node:worker-1
  std::string_view name = c.user.name;
  if (name.starts_with("system:node:"))
    return "kubelet";
  for (std::string_view prefix : {"system:", "controller:"})
    if (name.starts_with(prefix))
      name.remove_prefix(prefix.size());
  return name.empty() ? "unknown" : std::string(name);
}

apply::versions::version served_versions::find(std::string_view api_version) const {
  if (api_version == type_.api_version)
    return {true, {&type_.type(), type_.custom}};
  if (const auto& others = type_.schema->versions) {
    const auto i = others->types.find(api_version);
    return i == others->types.end() ? version{} : version{true, {i->second, type_.custom}};
  }
  // Built-in kinds name the same fields in all their versions.
  const auto [group, name] = split_version(api_version);
  const auto r = schema::registry::builtin().find_resource(group, name, type_.schema->plural);
  if (!r || group != type_.schema->group)
    return {};
  return {true, {r->type, false}};
}

result<json::document> served_versions::convert(const json::value& v,
                                                std::string_view api_version) const {
  json::document out;
  out.CopyFrom(v, out.GetAllocator());
  if (const auto& others = type_.schema->versions; others && others->convert) {
    if (auto ok = others->convert->convert({&out}, std::string(api_version)); !ok)
      return fail(std::move(ok.error()));
    return out;
  }
  json::set(out, "apiVersion", api_version, out.GetAllocator());
  return out;
}

apply::field_write field_write_of(const operation& op, const served_versions& kinds) {
  apply::field_write w;
  w.manager = manager_of(op.request);
  w.api_version = op.type.api_version;
  w.subresource = op.request.subresource;
  w.now = op.now;
  w.reach = scope_of(op);
  w.kinds = &kinds;
  w.type = kinds.find(op.type.api_version).type;
  return w;
}

const json::value* managed_fields_of(const json::value& doc) {
  const auto* list = json::find(metadata_of(doc), member_name);
  return list && list->IsArray() && !list->Empty() ? list : nullptr;
}

void set_owners(operation& op, const apply::managers& all) {
  op.owners.emplace();
  static_cast<json::value&>(*op.owners) = apply::write_managers(all, op.owners->GetAllocator());
}

result<void> track_create(operation& op, json::document& doc) {
  const auto sent = take_sent(doc);
  if (op.owners || !begins_record(op.request))
    return {};
  auto start = start_from(op, sent, nullptr, json::get_string(metadata_of(doc), "name"));
  if (!start)
    return fail(std::move(start.error()));
  const served_versions kinds{op.type};
  const json::value nothing(rapidjson::kObjectType);
  // Values that fit no type leave no record; validation tells the client about them.
  if (auto all =
          apply::update(field_write_of(op, kinds), std::move(start->all), nothing, doc, true))
    set_owners(op, *all);
  return {};
}

result<void> track_update(operation& op, json::document& after, const json::value& before) {
  const auto sent = take_sent(after);
  if (op.owners)
    return {};
  const auto* live = managed_fields_of(before);
  if (!live && sent.IsNull() && !op.resets_owners)
    return {}; // nobody is known, and an update begins nothing
  const auto name = json::get_string(metadata_of(before), "name");
  auto start = start_from(op, sent, live, name);
  if (!start)
    return fail(std::move(start.error()));
  if (start->all.empty())
    return {};
  const served_versions kinds{op.type};
  const auto w = field_write_of(op, kinds);
  if (!start->from_client && apply::compare(w.type, before, after).same()) {
    keep(op, live);
    return {};
  }
  if (auto all = apply::update(w, std::move(start->all), before, after, false))
    set_owners(op, *all);
  return {};
}

void write_owners(const operation& op, json::document& doc) {
  auto& a = doc.GetAllocator();
  auto& metadata = json::ensure_object(doc, "metadata", a);
  if (op.owners && op.owners->IsArray() && !op.owners->Empty())
    json::set(metadata, member_name, json::copy(*op.owners, a), a);
  else
    json::erase(metadata, member_name);
}

bool same_but_recorded_times(const operation& op, json::document& after,
                             const json::value& before) {
  const auto* mine = managed_fields_of(after);
  const auto* live = managed_fields_of(before);
  if (!mine || !live || !apply::same_but_times(mine, live))
    return same_object(op, after, before);
  auto& a = after.GetAllocator();
  auto& metadata = json::ensure_object(after, "metadata", a);
  auto kept = json::copy(*mine, a);
  json::set(metadata, member_name, json::copy(*live, a), a);
  if (same_object(op, after, before))
    return true;
  json::set(metadata, member_name, std::move(kept), a);
  return false;
}

} // namespace thespis::api
