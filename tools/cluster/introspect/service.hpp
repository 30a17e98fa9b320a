// The shell's questions, answered on the server: it asks the introspectors of all machines and
// tells JSON. See `all_questions` for what it understands.
#pragma once

#include "api/pipeline/call.hpp"
#include "api/pipeline/reader.hpp"
#include "api/rest/backend.hpp"
#include "api/result.hpp"
#include "runtime/environment.hpp"
#include "runtime/introspection/filter.hpp"
#include "runtime/introspection/sendable.hpp"
#include "tools/cluster/introspect/gather.hpp"

#include <caf/actor_system.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::tools {

/// What `ps` and its kin are asked for.
struct list_question {
  std::string filter;
  runtime::actor_order order = runtime::actor_order::name;
  size_t limit = 100; ///< 0: no limit
};

/// Reads "[FILTER…] [--sort KEY] [--limit N]". Errors: bad_request, saying what was expected.
api::result<list_question> parse_list(const std::vector<std::string>& words);

/// What a trace is asked for: "[FILTER…] [--type T] [--count N] [--rate N] [--for TIME]".
api::result<runtime::trace_wish> parse_trace(const std::vector<std::string>& words);

/// Milliseconds of "5s", "500ms", "2m" or "3" (seconds); at most ten minutes. Errors: bad_request.
api::result<uint64_t> parse_window(std::string_view text);

struct introspection_deps {
  caf::actor_system& sys;
  runtime::environment env;
  std::shared_ptr<const api::reader> state;
  std::shared_ptr<const runtime::sendable_messages> sendables;
  /// Writes an object of ours, for the record of changes; may be null.
  std::function<void(api::call)> write;
};

/// Thread-safe; `done` is called exactly once, on any thread. Outlived by the actor system.
class introspection_service {
public:
  using answer = std::function<void(api::result<std::string>)>;

  explicit introspection_service(introspection_deps deps) : deps_(std::move(deps)) {}

  /// Where the links to other machines are known: {"members":[…]}, as membership::to_json says it.
  /// Called before the first question.
  void tell_links(std::function<std::string()> members) { members_ = std::move(members); }

  /// Reading questions; `changes` are refused where they are not announced as such:
  ///   nodes                             {"nodes":[…]}
  ///   ps [FILTER…] [--sort K] [--limit N]   {"actors":[…],"matched":N,"total":N}
  ///   top [TIME] [FILTER…] [--limit N]  the same of a window, with "seconds"
  ///   tree                              {"actors":[…]}: all
  ///   kinds                             {"kinds":[{"kind":"pod","count":N}]}
  ///   info ACTOR                        {"actor":{…}}
  ///   links                             {"members":[…]}: linked machines
  ///   routes                            {"routes":[{"role":…,"actor":…,"name":…}]}
  ///   roles                             {"roles":[{"role":…,"machine":…,"state":…,"moves":N}]}
  ///   diagnose [TIME]                   {"findings":[…],"rings":[…]}
  ///   why KIND NAME [NAMESPACE]         {"objects":[…]}
  ///   messages [KIND]                   {"messages":[…]} that can be sent by name
  ///   loglevel                          {"levels":[…]}
  ///   trace-start …, trace-next TOKEN, trace-stop TOKEN
  /// Changes: kill ACTOR, restart ACTOR, send ACTOR TYPE [JSON], ask ACTOR TYPE [JSON],
  ///   loglevel LEVEL, move ROLE MACHINE.
  /// ACTOR is MACHINE/ID, an id of the only machine, a kind with one actor, or KIND/NAME.
  /// Every answer has "silent" machines where there are some. Errors: bad_request for what cannot
  /// be understood; not_found when there is no such actor; conflict when several are meant.
  void run(const api::rest::introspection& what, answer done);

private:
  /// An actor found by what a person typed.
  struct found_actor {
    introspector_at where;
    uint64_t id = 0;
  };
  using words = std::vector<std::string>;
  using with_actor = std::function<void(const found_actor&)>;

  template <class Reply, class Request>
  void ask_all(const Request& what, std::chrono::milliseconds deadline,
               std::function<void(gathered<Reply>)> done) {
    ask_machines<Reply>(deps_.sys, introspectors_of(*deps_.env.roles), what, deadline,
                        std::move(done));
  }
  /// Finds the actor and goes on with it, or answers why not.
  void resolve(const std::string& typed, answer done, with_actor go_on);
  void resolve_name(const std::string& typed, answer done, with_actor go_on);

  void nodes(answer done);
  void list(const words& w, answer done);
  void top(const words& w, answer done);
  void tree(answer done);
  void kinds(answer done);
  void info(const std::string& typed, answer done);
  void routes(answer done);
  void links(answer done);
  void roles(answer done);
  void diagnose(const words& w, answer done);
  void why(const words& w, answer done);
  void messages(const words& w, answer done);
  void trace_start(const words& w, answer done);
  void trace_next(const std::string& token, answer done);
  void trace_stop(const std::string& token, answer done);
  void log_level(const std::string& level, const api::user_info* user, answer done);
  void change(const std::string& command, const words& w, const api::user_info& user, answer done);
  void move(const std::string& command, const std::string& role, const std::string& to,
            const api::user_info& user, answer done);
  bool read(const words& w, answer& done);
  void record_change(const api::user_info& user, const std::string& command,
                     const std::string& object, const std::string& actor, bool ok,
                     const std::string& outcome);

  introspection_deps deps_;
  std::function<std::string()> members_;
};

} // namespace thespis::tools
