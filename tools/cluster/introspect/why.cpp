#include "tools/cluster/introspect/why.hpp"

#include "api/text/time.hpp"
#include "runtime/environment.hpp"
#include "tools/cluster/introspect/service.hpp"
#include "tools/cluster/introspect/to_json.hpp"

#include <algorithm>
#include <tuple>

namespace thespis::tools {

using namespace std::chrono_literals;
namespace json = api::json;

namespace {

constexpr auto machine_deadline = 3s;
constexpr size_t longest_chain = 10;

std::string lower(std::string_view s) {
  std::string res{s};
  std::transform(res.begin(), res.end(), res.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return res;
}

bool same(const runtime::journal_key& a, const runtime::journal_key& b) {
  return std::tie(a.resource, a.ns, a.name) == std::tie(b.resource, b.ns, b.name);
}

/// Who controls an object: "apps/v1" "ReplicaSet" "web-5d".
struct owner_name {
  std::string type; ///< "apps/v1/ReplicaSet"
  std::string name;
};

owner_name owner_of(const api::object& o) {
  for (const auto& owner : o.meta().owners)
    if (owner.controller)
      return {owner.api_version + "/" + owner.kind, owner.name};
  return {};
}

api::schema::resource_ptr resource_of(const api::schema::registry& schemas,
                                      const std::string& type) {
  const auto kind = type.rfind('/');
  const auto api_version = type.substr(0, kind);
  const auto slash = api_version.find('/');
  const auto group = slash == std::string::npos ? std::string{} : api_version.substr(0, slash);
  const auto version = slash == std::string::npos ? api_version : api_version.substr(slash + 1);
  return schemas.find_kind(group, version, type.substr(kind + 1));
}

json::value entry_json(const runtime::journal_entry& e, json::allocator& a) {
  json::value res{rapidjson::kObjectType};
  json::set(res, "time", api::format_micro_time(runtime::wall_time{std::chrono::nanoseconds{e.at}}),
            a);
  json::set(res, "who", e.who, a);
  json::set(res, "what", e.what, a);
  if (!e.detail.empty())
    json::set(res, "detail", e.detail, a);
  if (e.revision > 0)
    json::set(res, "revision", json::value{e.revision}, a);
  return res;
}

} // namespace

api::schema::resource_ptr find_resource(const api::schema::registry& schemas,
                                        std::string_view typed) {
  const auto word = lower(typed);
  for (const auto& r : schemas.resources()) {
    const auto& s = r->short_names;
    if (word == r->plural || word == r->singular || word == lower(r->kind) ||
        word == r->group_resource() || std::find(s.begin(), s.end(), word) != s.end())
      return r;
  }
  return nullptr;
}

std::vector<chain_link>
chain_of(const api::reader& state, const api::schema::registry& schemas,
         const api::schema::resource& r, const runtime::journal_key& object,
         const std::function<std::vector<runtime::journal_entry>(const runtime::journal_key&)>&
             remembered) {
  std::vector<chain_link> res;
  auto key = object;
  auto kind = r.kind;
  while (res.size() < longest_chain) {
    const auto o = state.get(key.resource, key.ns, key.name);
    owner_name owner;
    bool unknown = false;
    if (o) {
      owner = owner_of(*o);
    } else {
      const auto entries = remembered(key);
      const auto created =
          std::find_if(entries.begin(), entries.end(),
                       [](const runtime::journal_entry& e) { return e.what == "create"; });
      unknown = created == entries.end();
      if (!unknown)
        owner = {created->owner_type, created->owner_name};
    }
    res.push_back({key, kind, o != nullptr, unknown});
    const auto next = owner.name.empty() ? nullptr : resource_of(schemas, owner.type);
    if (!next)
      break;
    key = {next->stored_resource(), next->namespaced ? key.ns : std::string{}, owner.name};
    kind = next->kind;
  }
  std::reverse(res.begin(), res.end());
  return res;
}

std::vector<std::vector<runtime::journal_entry>>
causes_of(const std::vector<chain_link>& chain, std::vector<runtime::journal_entry> entries) {
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::tie(a.at, a.revision) < std::tie(b.at, b.revision);
  });
  std::vector<std::vector<runtime::journal_entry>> res(chain.size());
  uint64_t before = UINT64_MAX; // the revision that the present object was created with
  for (size_t i = chain.size(); i-- > 0;) {
    const bool asked_for = i + 1 == chain.size();
    auto& mine = res[i];
    std::vector<runtime::journal_entry> all;
    for (auto& e : entries)
      if (same(e.object, chain[i].key))
        all.push_back(std::move(e));
    if (asked_for) {
      mine = all;
    } else {
      const runtime::journal_entry* last = nullptr;
      for (const auto& e : all)
        if (e.what == "create")
          mine.push_back(e);
        else if (e.specifies && e.revision > 0 && e.revision < before)
          last = &e;
      if (last)
        mine.push_back(*last);
    }
    for (const auto& e : all)
      if (e.what == "create" && e.revision > 0)
        before = e.revision;
  }
  return res;
}

void introspection_service::why(const words& w, answer done) {
  const auto wrong = [&](std::string message) {
    done(api::fail(api::bad_request(std::move(message))));
  };
  if (w.empty() || w.size() > 3)
    return wrong("why takes KIND/NAME, or KIND NAME, and a namespace: why pod/web-1 default");
  auto kind = w[0];
  std::string name = w.size() > 1 ? w[1] : "";
  std::string ns = w.size() > 2 ? w[2] : "default";
  if (const auto slash = kind.find('/'); slash != std::string::npos) {
    ns = w.size() > 1 ? w[1] : ns;
    name = kind.substr(slash + 1);
    kind.resize(slash);
  }
  if (const auto slash = name.find('/'); slash != std::string::npos) {
    ns = name.substr(0, slash);
    name = name.substr(slash + 1);
  }
  const auto& schemas = deps_.env.schemas ? *deps_.env.schemas : api::schema::registry::builtin();
  const auto resource = find_resource(schemas, kind);
  if (!resource)
    return wrong("the server doesn't have a resource type \"" + kind + "\"");
  if (name.empty())
    return wrong("why takes a name: why " + kind + "/NAME");
  const runtime::journal_key key{resource->stored_resource(),
                                 resource->namespaced ? ns : std::string{}, name};
  auto journal = deps_.env.journal;
  const auto chain =
      chain_of(*deps_.state, schemas, *resource, key, [journal](const runtime::journal_key& k) {
        return journal ? journal->find(k) : std::vector<runtime::journal_entry>{};
      });
  runtime::journal_query q;
  for (const auto& link : chain)
    q.objects.push_back(link.key);
  ask_all<runtime::journal_answer>(
      q, machine_deadline, [chain, done](gathered<runtime::journal_answer> all) {
        std::vector<runtime::journal_entry> entries;
        for (auto& [machine, told] : all.answers)
          std::move(told.entries.begin(), told.entries.end(), std::back_inserter(entries));
        if (!chain.back().exists && entries.empty()) {
          done(api::fail(api::not_found(chain.back().key.resource, chain.back().key.name)));
          return;
        }
        const auto causes = causes_of(chain, std::move(entries));
        json::document doc{rapidjson::kObjectType};
        auto& a = doc.GetAllocator();
        json::value list{rapidjson::kArrayType};
        for (size_t i = 0; i < chain.size(); ++i) {
          json::value entry{rapidjson::kObjectType};
          json::set(entry, "kind", chain[i].kind, a);
          json::set(entry, "namespace", chain[i].key.ns, a);
          json::set(entry, "name", chain[i].key.name, a);
          json::set(entry, "exists", json::value{chain[i].exists}, a);
          json::set(entry, "ownerForgotten", json::value{chain[i].owner_unknown}, a);
          const auto& mine = causes[i];
          json::set(entry, "creationForgotten",
                    json::value{std::none_of(mine.begin(), mine.end(),
                                             [](const auto& e) { return e.what == "create"; })},
                    a);
          json::value happened{rapidjson::kArrayType};
          for (const auto& e : mine)
            happened.PushBack(entry_json(e, a), a);
          json::set(entry, "happened", std::move(happened), a);
          list.PushBack(entry, a);
        }
        json::set(doc, "objects", std::move(list), a);
        add_silent(doc, all.silent);
        done(json::to_string(doc));
      });
}

} // namespace thespis::tools
