// The introspector: see introspector_interface.hpp.
#pragma once

#include "runtime/actor_base.hpp"
#include "runtime/environment.hpp"
#include "runtime/introspection/introspector_interface.hpp"
#include "runtime/introspection/introspector_state.hpp"
#include "runtime/introspection/sendable.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace thespis::runtime {

/// What the process itself tells; a port.
struct process_facts {
  uint64_t pid = 0;
  uint64_t threads = 0;
  uint64_t memory = 0; ///< bytes resident
  uint64_t cpu_ns = 0;
};

struct introspector_deps {
  std::string machine;
  environment env;
  std::shared_ptr<const sendable_messages> sendables;
  std::function<process_facts()> process;
};

/// The facts of this process, from /proc.
process_facts facts_of_this_process();

/// One a process, under the supervisor. Holds nothing but questions under way.
class introspector_actor : public actor_base<introspector_handle> {
public:
  introspector_actor(caf::actor_config& cfg, introspector_deps deps);
  behavior_type make_behavior() override;

protected:
  std::string describe() const override;

private:
  static constexpr uint64_t max_window = 600'000; // ms
  static constexpr size_t max_windows = 16;
  /// Rows of one answer: more would make messages between machines too large.
  static constexpr size_t max_rows = 60'000;

  using window_end = std::function<void(const counter_sample&)>;

  actor_rows list(const actor_query& q) const;
  caf::result<actor_rows> watch_window(const window_query& q);
  /// Takes a sample and calls `end` with it when the time is over. Errors: bad_request, too many.
  api::result<void> open_window(uint64_t milliseconds, window_end end);
  kind_counts count_kinds() const;
  machine_info tell_machine() const;
  caf::result<actor_detail> tell_actor(const detail_query& q);
  trace_started begin_trace(const trace_start& s);
  void answer_trace(uint64_t id, caf::typed_response_promise<trace_batch> promise, int tries);
  caf::result<diagnosis> diagnose(const diagnose_query& q);
  void collect_waits(diagnosis found, const std::vector<record_ptr>& who,
                     caf::typed_response_promise<diagnosis> promise);
  caf::result<actor_changed> change(const change_actor& c);
  caf::result<actor_changed> deliver(const change_actor& c, const record_ptr& record,
                                     const caf::actor& target);
  introspection_table& table() const { return introspection_of(this->system()); }

  introspector_deps deps_;
  const uint64_t begun_;
  uint64_t next_window_ = 1;
  struct window {
    counter_sample before;
    window_end end;
  };
  std::map<uint64_t, window> windows_;
  std::map<uint64_t, std::function<void()>> pending_;
  bool trace_watch_armed_ = false;
};

} // namespace thespis::runtime
