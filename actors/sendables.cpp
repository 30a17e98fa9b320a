#include "actors/sendables.hpp"

#include "actors/framework/controller_interface.hpp"
#include "actors/node/node_interface.hpp"
#include "actors/pod/pod_interface.hpp"
#include "actors/scheduler/scheduler_interface.hpp"

namespace thespis::actors {

namespace {

using runtime::field_reader;

/// Timers that set themselves again are not among them: each one sent would tick for ever.
void add_sendables(runtime::sendable_messages& to) {
  to.add({"wake_key",
          {"controller"},
          R"({"namespace": TEXT, "name": TEXT})",
          [](const api::json::value& v) {
            field_reader f{v};
            wake_key m;
            m.key.ns = f.text("namespace", false);
            m.key.name = f.text("name");
            return f.finish(std::move(m));
          }});
  to.add(runtime::bare_message<refresh_watches>("refresh_watches", {"controller"}));
  to.add(runtime::bare_message<run_queue>("run_queue", {"controller"}));
  to.add(runtime::bare_message<schedule_now>("schedule_now", {"scheduler"}));
  to.add(runtime::bare_message<flush_statuses>("flush_statuses", {"node"}));
  to.add({"container_hint", {"node", "pod"}, R"({"id": TEXT})", [](const api::json::value& v) {
            field_reader f{v};
            container_hint m;
            m.id = f.text("id");
            return f.finish(std::move(m));
          }});
  to.add({"container_query",
          {"pod"},
          R"({"container": TEXT, "previous": BOOL})",
          [](const api::json::value& v) {
            field_reader f{v};
            container_query m;
            m.container = f.text("container", false);
            m.previous = f.flag("previous");
            return f.finish(std::move(m));
          },
          runtime::ask_for<container_location>()});
  to.add({"find_container",
          {"node"},
          R"({"namespace": TEXT, "pod": TEXT, "container": TEXT, "previous": BOOL})",
          [](const api::json::value& v) {
            field_reader f{v};
            find_container m;
            m.ns = f.text("namespace");
            m.pod = f.text("pod");
            m.what.container = f.text("container", false);
            m.what.previous = f.flag("previous");
            return f.finish(std::move(m));
          },
          runtime::ask_for<container_location>()});
}

} // namespace

std::shared_ptr<const runtime::sendable_messages> all_sendables() {
  auto res = std::make_shared<runtime::sendable_messages>();
  runtime::add_runtime_sendables(*res);
  add_sendables(*res);
  return res;
}

} // namespace thespis::actors
