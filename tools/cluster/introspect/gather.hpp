// Asks the introspectors of all machines and puts their answers together.
#pragma once

#include "runtime/environment.hpp"
#include "runtime/introspection/introspector_interface.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace thespis::tools {

/// A machine's introspector.
struct introspector_at {
  std::string machine;
  runtime::introspector_handle actor;
};

/// All that the directory knows, by machine.
inline std::vector<introspector_at> introspectors_of(const runtime::directory& roles) {
  std::vector<introspector_at> res;
  for (const auto& [role, player] : roles.players(runtime::introspector_prefix))
    res.push_back({role.substr(runtime::introspector_prefix.size()),
                   caf::actor_cast<runtime::introspector_handle>(player)});
  return res;
}

/// What machines answered, in their order, and who did not in time.
template <class Reply>
struct gathered {
  std::vector<std::pair<std::string, Reply>> answers;
  std::vector<std::string> silent;
};

/// Asks each of `whom` once; `done` is called exactly once, on an actor's thread.
template <class Reply, class Request>
void ask_machines(caf::actor_system& sys, const std::vector<introspector_at>& whom,
                  const Request& what, std::chrono::milliseconds deadline,
                  std::function<void(gathered<Reply>)> done) {
  struct gathering {
    std::vector<std::pair<std::string, std::unique_ptr<Reply>>> slots;
    size_t open = 0;
    std::function<void(gathered<Reply>)> done;

    void finish() {
      gathered<Reply> res;
      for (auto& [machine, reply] : slots)
        if (reply)
          res.answers.emplace_back(machine, std::move(*reply));
        else
          res.silent.push_back(machine);
      done(std::move(res));
    }
  };
  auto all = std::make_shared<gathering>();
  all->done = std::move(done);
  all->open = whom.size();
  for (const auto& w : whom)
    all->slots.emplace_back(w.machine, nullptr);
  if (whom.empty()) {
    all->finish();
    return;
  }
  // The number: without an argument CAF binds a reference to a tuple that is not there.
  sys.spawn(
      [all, whom, what, deadline](caf::event_based_actor* self, int) {
        const auto close = [all] {
          if (--all->open == 0)
            all->finish();
        };
        for (size_t i = 0; i < whom.size(); ++i)
          self->request(whom[i].actor, deadline, what)
              .then(
                  [all, i, close](Reply& r) {
                    all->slots[i].second = std::make_unique<Reply>(std::move(r));
                    close();
                  },
                  [close](const caf::error&) { close(); });
      },
      0);
}

} // namespace thespis::tools
