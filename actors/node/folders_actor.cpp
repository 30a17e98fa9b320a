#include "actors/node/folders_actor.hpp"

#include "actors/pod/host_files.hpp"
#include "api/json.hpp"

namespace thespis::actors {

folders_actor::behavior_type folders_actor::make_behavior() {
  show_state("serving");
  const auto remove = [this](const remove_folder& r) -> caf::result<folder_removed> {
    ++asked_;
    const auto folder = deps_.folder + "/";
    const auto name = r.path.starts_with(folder) ? r.path.substr(folder.size()) : std::string{};
    if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos)
      return folder_removed{false, r.path + " is no folder of a volume of this node"};
    using promise = caf::typed_response_promise<folder_removed>;
    const auto answer = std::make_shared<promise>(this->make_response_promise<folder_removed>());
    auto done = on_actor<api::result<void>>(continuable{this}, [answer](auto gone) {
      answer->deliver(folder_removed{gone.has_value(), gone ? "" : gone.error().message});
    });
    deps_.run([path = r.path, done = std::move(done)] { done(remove_tree(path)); });
    return *answer;
  };
  return {remove, [](const continuation& c) { c.run(); }};
}

std::string folders_actor::describe() const {
  return "{\"folder\":" + api::json::quote(deps_.folder) + ",\"asked\":" + std::to_string(asked_) +
         "}";
}

} // namespace thespis::actors
