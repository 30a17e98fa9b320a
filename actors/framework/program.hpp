// A controller in a program of its own: it joins a cluster as an actor node, with a service
// account's token or a kubeconfig, and may there what RBAC lets that account do. A whole program:
//
//   int main(int argc, char** argv) {
//     auto options = thespis::actors::program_options_of(argc, argv);
//     if (!options)
//       return thespis::actors::tell(options.error());
//     thespis::actors::controller_program program{std::move(*options)};
//     program.add([] { return make_my_controller(); });
//     return program.run();
//   }
#pragma once

#include "actors/framework/reconciler.hpp"
#include "actors/framework/work_queue.hpp"
#include "api/result.hpp"
#include "runtime/link/access.hpp"

#include <functional>
#include <memory>
#include <string>

namespace thespis::actors {

struct program_options {
  runtime::link::cluster_access access;
  /// Sets the program apart from others with the same account: a DNS label, or empty. Of two that
  /// use the same name, the later one ends the earlier one's link.
  std::string name = {};
  /// Where it works; empty: in all namespaces. For the program's own use.
  std::string ns = {};
  std::string log_level = "info";
};

/// Reads --kubeconfig FILE (without it KUBECONFIG, then what a pod is told), --name NAME,
/// --namespace NS and --log-level LEVEL. Errors: bad_request; not_found when nothing says where the
/// cluster is.
api::result<program_options> program_options_of(int argc, const char* const* argv);

/// Prints the error for a person; the status to end with.
int tell(const api::error& why);

/// One a process. The link comes back by itself whenever it is lost; meanwhile the controllers wait
/// and go on from what they knew. Takes SIGINT and SIGTERM from the moment that it is made.
class controller_program {
public:
  explicit controller_program(program_options options);
  ~controller_program();
  controller_program(const controller_program&) = delete;
  controller_program& operator=(const controller_program&) = delete;

  /// Runs a controller; its `watches` are asked for once. Each of them needs the verbs list and
  /// watch; one that is refused is asked for again and again, and the controller waits for it.
  void add(std::function<std::unique_ptr<reconciler>()> make, back_off_limits back_off = {});

  /// Blocks until a signal says to stop. The status to end with.
  int run();

private:
  struct process;
  std::unique_ptr<process> process_;
};

} // namespace thespis::actors
