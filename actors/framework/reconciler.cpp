#include "actors/framework/reconciler.hpp"

namespace thespis::actors {

key_mapper self_key() {
  return [](const api::object& o, const api::object_ptr&, const view&) {
    return std::vector<object_id>{{o.ns(), o.name()}};
  };
}

key_mapper owner_key(std::string kind) {
  return
      [kind = std::move(kind)](const api::object& o, const api::object_ptr& previous, const view&) {
        std::vector<object_id> res;
        const auto add = [&](const api::object& from) {
          for (const auto& owner : from.meta().owners)
            if (owner.controller && owner.kind == kind)
              res.push_back({from.ns(), owner.name});
        };
        add(o);
        // An object that changed hands is news to both hands.
        if (previous && previous->meta().owners.size() != o.meta().owners.size())
          add(*previous);
        return res;
      };
}

api::call patch_call(std::string resource, const object_id& id, std::string body,
                     std::string subresource) {
  api::call res;
  res.verb = api::verb::patch;
  res.resource = std::move(resource);
  res.ns = id.ns;
  res.name = id.name;
  res.subresource = std::move(subresource);
  res.patch = api::patch_kind::json_merge;
  res.body = std::move(body);
  return res;
}

api::call delete_call(const api::object& o, int64_t grace_seconds, api::propagation policy) {
  api::call res;
  res.verb = api::verb::remove;
  res.resource = o.resource();
  res.ns = o.ns();
  res.name = o.name();
  res.grace_seconds = grace_seconds;
  res.policy = policy;
  res.precondition_uid = o.uid();
  return res;
}

} // namespace thespis::actors
