// Where the roles are that can be moved, and moving them.
#include "tools/cluster/introspect/service.hpp"
#include "tools/cluster/introspect/to_json.hpp"

#include "actors/placement/placement_interface.hpp"

namespace thespis::tools {

using namespace std::chrono_literals;
namespace json = api::json;

namespace {

constexpr auto roles_deadline = 3s;
/// A move takes as long as what the role has under way; the shell waits this long for its end.
constexpr auto move_deadline = 13s;

actors::placement_handle placement_of(const runtime::environment& env) {
  return env.roles->find<actors::placement_handle>(actors::placement_role);
}

} // namespace

void introspection_service::roles(answer done) {
  const auto placement = placement_of(deps_.env);
  if (!placement) {
    done(api::fail(api::internal_error("nobody places roles at the moment")));
    return;
  }
  // The number as in ask_machines.
  deps_.sys.spawn(
      [placement, done](caf::event_based_actor* self, int) {
        self->request(placement, roles_deadline, actors::roles_query{})
            .then(
                [done](const actors::placed_roles& all) {
                  json::document doc{rapidjson::kObjectType};
                  auto& a = doc.GetAllocator();
                  json::value list{rapidjson::kArrayType};
                  for (const auto& r : all.roles) {
                    json::value entry{rapidjson::kObjectType};
                    json::set(entry, "role", r.role, a);
                    json::set(entry, "machine", r.machine, a);
                    json::set(entry, "state", r.state, a);
                    json::set(entry, "moves", json::value{r.moves}, a);
                    list.PushBack(entry, a);
                  }
                  json::set(doc, "roles", std::move(list), a);
                  done(json::to_string(doc));
                },
                [done, self](const caf::error& e) {
                  done(api::fail(api::internal_error(self->system().render(e))));
                });
      },
      0);
}

void introspection_service::move(const std::string& command, const std::string& role,
                                 const std::string& to, const api::user_info& user, answer done) {
  const auto placement = placement_of(deps_.env);
  if (!placement) {
    done(api::fail(api::internal_error("nobody places roles at the moment")));
    return;
  }
  const auto finish = [=, this](api::result<std::string> moved) {
    record_change(user, command, to, role, bool{moved}, moved ? *moved : moved.error().message);
    if (!moved) {
      done(api::fail(std::move(moved.error())));
      return;
    }
    json::document doc{rapidjson::kObjectType};
    auto& a = doc.GetAllocator();
    json::set(doc, "actor", role, a);
    json::set(doc, "id", to, a);
    json::set(doc, "outcome", *moved, a);
    done(json::to_string(doc));
  };
  deps_.sys.spawn(
      [=](caf::event_based_actor* self, int) {
        self->request(placement, move_deadline, actors::move_role{role, to})
            .then(
                [=](actors::role_moved& m) {
                  if (!m.ok)
                    finish(api::fail(std::move(m.failure)));
                  else if (m.from == to)
                    finish("it runs there already");
                  else
                    finish("moved" + (m.from.empty() ? "" : " from " + m.from) + " to " + to);
                },
                [=](const caf::error&) {
                  finish("the move goes on: what " + role + " has under way ends first");
                });
      },
      0);
}

} // namespace thespis::tools
