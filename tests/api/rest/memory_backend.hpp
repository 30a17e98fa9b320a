// A backend in memory: the real write pipeline over a map, with watches and a history. What the
// REST server is tested against.
#pragma once

#include "api/pipeline/pipeline.hpp"
#include "api/rest/backend.hpp"
#include "api/schema/schema.hpp"

#include <map>
#include <mutex>

namespace thespis::test {

class memory_backend : public api::rest::backend {
public:
  memory_backend();
  ~memory_backend() override;

  const api::reader& state() const override;
  void submit(api::call c, std::function<void(api::reply)> done) override;
  std::unique_ptr<api::rest::watch_handle> watch(const std::string& resource, api::selection what,
                                                 uint64_t from_revision,
                                                 api::rest::watch_callbacks cb) override;
  void logs(api::rest::log_options options, api::rest::log_callbacks cb) override;
  void open_stream(api::rest::stream_options options,
                   std::function<void(api::result<api::rest::stream_target>)> done) override;
  void show_page(const std::string& node, const std::string& path,
                 std::function<void(api::result<api::rest::node_page>)> done) override;
  std::vector<std::pair<std::string, std::string>> health() const override;
  void introspect(api::rest::introspection what,
                  std::function<void(api::result<std::string>)> done) override;

  /// Writes an object past the pipeline.
  api::object_ptr put(std::string_view resource, std::string_view json);
  /// Forgets events up to the present: older watches expire.
  void compact();
  /// Calls that were submitted, for tests that look at them.
  std::vector<api::call> calls() const;
  size_t watchers() const;

  /// Where the kinds that are watched are looked up.
  const api::schema::registry* schemas = &api::schema::registry::builtin();
  std::vector<std::pair<std::string, std::string>> checks = {{"ping", ""}, {"etcd", ""}};
  api::result<std::string> upstream = api::fail(api::internal_error("no streaming server"));
  std::string log_text = "first line\nsecond line\n";
  std::optional<api::error> log_failure;
  /// Keeps a log open, quiet but for its head, and its callbacks here.
  bool hold_log = false;
  std::optional<api::rest::log_callbacks> held_log;
  api::rest::log_options last_log;
  api::rest::stream_options last_stream;
  /// What nodes show: "n1 /healthz".
  std::map<std::string, api::rest::node_page> pages;
  /// Writes stay here while `hold_writes` is set, unanswered.
  bool hold_writes = false;
  std::vector<std::function<void(api::reply)>> held_writes;
  /// Answers no write at all while set.
  bool silent = false;

  struct state_impl;

private:
  std::shared_ptr<state_impl> state_;
  std::unique_ptr<api::pipeline> pipeline_;
};

} // namespace thespis::test
