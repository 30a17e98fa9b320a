// Roles that can be placed: the scheduler, and those controllers that need nothing but the API.
#pragma once

#include "actors/controllers/controllers.hpp"
#include "actors/placement/role_host_actor.hpp"
#include "api/auth/policy.hpp"
#include "config/settings.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools {

inline constexpr const char* scheduler_role = "scheduler";
inline constexpr std::string_view controller_prefix = "controller/";

/// Whether that controller works wherever it is; others use what only the server's process has: its
/// keys, its kinds, its folders.
bool can_be_placed(std::string_view controller);

/// Errors: bad_request, when a machine offers what is no role that can be placed. `*` and
/// `controller/*` are all of them.
api::result<void> check_offers(const std::vector<std::string>& offers);
/// What a server offers by its settings: all when nothing is said, nothing by `none`. Errors: as of
/// check_offers.
api::result<std::vector<std::string>> offers_of_server(const std::vector<std::string>& said);

/// What a placed controller is set up with, from the server's settings and back.
actors::role_settings role_settings_of(const config::settings& s, const std::string& root_ca);
actors::controller_tunables tunables_of(const actors::role_settings& s);

using role_maker = std::function<api::result<actors::role_parts>(const actors::take_role&,
                                                                 const std::string& requests)>;

/// Roles in the server's own process. `makers` are those of the controllers, by role.
role_maker
roles_at_home(runtime::environment env,
              std::map<std::string, std::function<std::unique_ptr<actors::reconciler>()>> makers);

/// Roles on a machine that joined: each with copies of its own of what it watches.
role_maker roles_over_link(runtime::environment env);

/// Whether RBAC lets the machine play the role: verb "host" on roles.thespis.dev of that name.
bool may_host(const api::auth::policy& access, const std::string& machine, const std::string& role);

} // namespace thespis::tools
