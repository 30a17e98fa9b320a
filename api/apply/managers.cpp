#include "api/apply/managers.hpp"

#include "api/text/quote.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::api::apply {

namespace {

result<void> read_entry(const json::value& e, size_t i, managers& into) {
  if (!e.IsObject())
    return fail(bad_request("a managed fields entry must be an object"));
  const auto operation = json::get_string(e, "operation");
  if (operation != "Apply" && operation != "Update")
    return fail(bad_request("operation must be `Apply` or `Update`"));
  const auto version = json::get_string(e, "apiVersion");
  if (version.empty())
    return fail(bad_request("apiVersion must not be empty"));
  const auto type = json::get_string(e, "fieldsType");
  if (type.empty())
    return fail(bad_request("missing fieldsType in managed fields entry " + std::to_string(i)));
  if (type != "FieldsV1")
    return fail(bad_request("invalid fieldsType " + quote_go(type) + " in managed fields entry " +
                            std::to_string(i)));
  ownership o;
  if (const auto* fields = json::find(e, "fieldsV1")) {
    auto set = field_set::from_json(*fields);
    if (!set)
      return fail(bad_request("error decoding set: " + set.error().message));
    o.fields = std::move(*set);
  }
  o.api_version = version;
  o.time = json::get_string(e, "time");
  manager_id id{std::string(json::get_string(e, "manager")), std::string(operation),
                operation == "Apply" ? std::string{} : std::string(version),
                std::string(json::get_string(e, "subresource"))};
  into[std::move(id)] = std::move(o);
  return {};
}

} // namespace

result<managers> read_managers(const json::value* list) {
  managers out;
  if (!list || !list->IsArray())
    return out;
  size_t i = 0;
  for (const auto& e : list->GetArray())
    if (auto ok = read_entry(e, i++, out); !ok)
      return fail(std::move(ok.error()));
  return out;
}

json::value write_managers(const managers& all, json::allocator& a) {
  if (all.empty())
    return {};
  std::vector<const managers::value_type*> order;
  order.reserve(all.size());
  for (const auto& entry : all)
    order.push_back(&entry);
  const auto rank = [](const managers::value_type* e) {
    return std::tie(e->first.operation, e->second.time, e->first.manager, e->second.api_version,
                    e->first.subresource);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&rank](const auto* x, const auto* y) { return rank(x) < rank(y); });
  json::value out(rapidjson::kArrayType);
  out.Reserve(static_cast<rapidjson::SizeType>(order.size()), a);
  for (const auto* e : order) {
    const auto& [id, owned] = *e;
    json::value entry(rapidjson::kObjectType);
    const auto put = [&](json::value::StringRefType name, const std::string& text) {
      if (!text.empty())
        entry.AddMember(name, json::make_string(text, a), a);
    };
    put("manager", id.manager);
    put("operation", id.operation);
    put("apiVersion", owned.api_version);
    put("time", owned.time);
    entry.AddMember("fieldsType", "FieldsV1", a);
    entry.AddMember("fieldsV1", owned.fields.to_json(a), a);
    put("subresource", id.subresource);
    out.PushBack(std::move(entry), a);
  }
  return out;
}

bool same_but_times(const json::value* x, const json::value* y) {
  const auto entries = [](const json::value* v) {
    return v && v->IsArray() ? v->Size() : rapidjson::SizeType{0};
  };
  if (entries(x) != entries(y))
    return false;
  for (rapidjson::SizeType i = 0; i < entries(x); ++i) {
    const auto& p = (*x)[i];
    const auto& q = (*y)[i];
    if (!p.IsObject() || !q.IsObject())
      return false;
    size_t members = 0;
    for (const auto& m : p.GetObject()) {
      if (json::as_string(m.name) == "time")
        continue;
      ++members;
      const auto* other = json::find(q, json::as_string(m.name));
      if (!other || !json::equal(m.value, *other))
        return false;
    }
    if (members + (json::find(q, "time") ? 1 : 0) != q.MemberCount())
      return false;
  }
  return true;
}

std::string print(const manager_id& id) {
  auto out = quote_go(id.manager);
  if (!id.subresource.empty())
    out += " with subresource " + quote_go(id.subresource);
  if (!id.applies())
    out += " using " + id.api_version;
  return out;
}

} // namespace thespis::api::apply
