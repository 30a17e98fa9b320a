#include "tools/cluster/volume_folders.hpp"

#include "actors/node/folders_interface.hpp"

#include <spdlog/spdlog.h>

namespace thespis::tools {

using namespace std::chrono_literals;
using step = actors::folder_removal::step;

namespace {

constexpr auto removal_deadline = 5min;

} // namespace

actors::folder_removal volume_folders::remove(const std::string& node, const std::string& path) {
  {
    const std::lock_guard lock{mutex_};
    if (const auto known = asked_.find(path); known != asked_.end()) {
      auto res = known->second;
      if (res.now != step::under_way)
        asked_.erase(known);
      return res;
    }
  }
  const auto actor = roles_->find<actors::folders_handle>(actors::folders_role(node));
  if (!actor)
    return {step::under_way};
  answer(path, {step::under_way});
  // The number: without an argument CAF binds a reference to a tuple that is not there.
  sys_.spawn(
      [self = shared_from_this(), actor, path](caf::event_based_actor* me, int) {
        const auto again = [self, path] {
          const std::lock_guard lock{self->mutex_};
          self->asked_.erase(path);
        };
        // Over a link that is lost no answer comes.
        me->set_down_handler([me, again](const caf::down_msg&) {
          again();
          me->quit();
        });
        me->monitor(actor);
        me->request(actor, removal_deadline, actors::remove_folder{path})
            .then(
                [self, path, me](const actors::folder_removed& r) {
                  if (!r.ok)
                    spdlog::warn("cannot remove the folder of a volume: {}", r.why);
                  self->answer(path, {r.ok ? step::gone : step::refused, r.why});
                  me->quit();
                },
                [me, again](const caf::error&) {
                  again();
                  me->quit();
                });
      },
      0);
  return {step::under_way};
}

void volume_folders::answer(const std::string& path, actors::folder_removal how) {
  const std::lock_guard lock{mutex_};
  asked_.insert_or_assign(path, std::move(how));
}

} // namespace thespis::tools
