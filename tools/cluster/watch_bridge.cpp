#include "tools/cluster/watch_bridge.hpp"

#include "api/json.hpp"

namespace thespis::tools {

namespace {

class bridge_handle final : public api::rest::watch_handle {
public:
  explicit bridge_handle(watch_bridge_handle bridge) : bridge_(std::move(bridge)) {}
  ~bridge_handle() override { caf::anon_send_exit(bridge_, caf::exit_reason::user_shutdown); }
  void ack() override { caf::anon_send(bridge_, client_ready{}); }
  void progress() override { caf::anon_send(bridge_, client_wants_progress{}); }

private:
  watch_bridge_handle bridge_;
};

} // namespace

watch_bridge_actor::behavior_type watch_bridge_actor::make_behavior() {
  registry_ = deps_.roles->find<runtime::registry_handle>(runtime::registry_role(deps_.resource));
  this->set_down_handler([this](const caf::down_msg&) {
    api::error why;
    why.why = api::reason::expired;
    why.message = "the watch was interrupted; list again";
    close(std::move(why));
  });
  if (registry_) {
    this->monitor(registry_);
    this->send(registry_, runtime::subscribe{this, 1, deps_.what, deps_.from_revision});
  } else {
    close(api::internal_error("no registry for " + deps_.resource));
  }
  return {
      [this](runtime::watch_batch& b) { deps_.callbacks.events(std::move(b.what)); },
      [this](const runtime::watch_closed& c) { close(c.why); },
      [this](const client_ready&) {
        if (registry_)
          this->send(registry_, runtime::watch_ack{this, 1});
      },
      [this](const client_wants_progress&) {
        if (registry_)
          this->send(registry_, runtime::progress_request{this, 1});
      },
  };
}

std::string watch_bridge_actor::describe() const {
  const auto& w = deps_.what;
  const auto text = [](const char* key, const std::string& value) {
    return value.empty() ? std::string{}
                         : ",\"" + std::string{key} + "\":" + api::json::quote(value);
  };
  return "{\"resource\":" + api::json::quote(deps_.resource) +
         ",\"from\":" + std::to_string(deps_.from_revision) + text("namespace", w.ns) +
         text("name", w.name) + text("labelSelector", w.label_selector) +
         text("fieldSelector", w.field_selector) +
         ",\"open\":" + (deps_.callbacks.closed ? "true" : "false") + "}";
}

void watch_bridge_actor::close(api::error why) {
  if (auto closed = std::exchange(deps_.callbacks.closed, nullptr))
    closed(std::move(why));
}

std::unique_ptr<api::rest::watch_handle> start_watch(caf::actor_system& sys,
                                                     watch_bridge_deps deps) {
  return std::make_unique<bridge_handle>(sys.spawn<watch_bridge_actor>(std::move(deps)));
}

} // namespace thespis::tools
