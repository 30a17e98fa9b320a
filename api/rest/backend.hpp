// What the REST server needs from the running cluster, as a port: actors stand behind it, tests
// put something simpler there.
#pragma once

#include "api/pipeline/call.hpp"
#include "api/pipeline/reader.hpp"
#include "api/pipeline/watch.hpp"
#include "api/rest/transport/stream.hpp"
#include "api/result.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace thespis::api::rest {

/// A running watch. Destroying the handle ends it.
class watch_handle {
public:
  virtual ~watch_handle() = default;
  /// The client took the last batch; the next may come. Thread-safe.
  virtual void ack() = 0;
  /// Asks for an empty batch with the present revision (a bookmark). Thread-safe.
  virtual void progress() = 0;
};

/// Called on any thread, never twice without an `ack` between. `closed` comes last, at most once.
struct watch_callbacks {
  std::function<void(watch_events)> events;
  std::function<void(error)> closed;
};

/// `kubectl logs`: query parameters of the log subresource (PodLogOptions).
struct log_options {
  std::string ns, pod, container;
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  std::optional<int64_t> tail_lines;
  std::optional<int64_t> since_seconds;
  std::string since_time; ///< RFC 3339, empty for none
  std::optional<int64_t> limit_bytes;
};

/// Log bytes as they come. `more` returns false when the client is gone; without bytes it only
/// asks that.
struct log_callbacks {
  std::function<bool(std::string)> more;
  /// Room for more in the client's connection? The source waits while it answers false.
  std::function<bool()> ready;
  /// The end, or the failure before the first byte.
  std::function<void(std::optional<error>)> done;
};

/// exec, attach and port-forward.
struct stream_options {
  std::string ns, pod, container;
  std::string kind; ///< "exec", "attach", "portforward"
  std::vector<std::string> command;
  bool in = false, out = false, err = false, tty = false;
  std::vector<int32_t> ports;
  user_info user; ///< who asks: admission may have something to say
};

/// Where containerd's streaming server awaits the client's upgrade.
struct stream_target {
  std::string url; ///< like http://127.0.0.1:41235/exec/TOKEN
  /// Carries the client's connection there, beginning with the request's `head`. Null: the URL is
  /// on this machine, to be connected to.
  std::function<void(std::shared_ptr<transport::raw_stream> client, std::string head,
                     std::function<void(const transport::relay_result&)> done)>
      carry = nullptr;
};

/// A question of the shell, or, where `changes`, something it wants done to an actor.
struct introspection {
  std::string command;
  bool changes = false;
  user_info user;
};

/// A page that a node shows.
struct node_page {
  int status = 200;
  std::string type; ///< of the content
  std::string body;
};

/// Thread-safe; callbacks come on any thread, also before the call returns.
class backend {
public:
  virtual ~backend() = default;
  virtual const reader& state() const = 0;
  /// Brings up to date what `state` tells of a resource that is computed. May block.
  virtual void refresh(std::string_view resource) { (void)resource; }
  /// Runs a write through the pipeline and the store; `done` is called exactly once.
  virtual void submit(call c, std::function<void(reply)> done) = 0;
  /// Starts a watch after `from_revision`; 0 sends the present state first.
  virtual std::unique_ptr<watch_handle> watch(const std::string& resource, selection what,
                                              uint64_t from_revision, watch_callbacks cb) = 0;
  virtual void logs(log_options options, log_callbacks cb) = 0;
  virtual void open_stream(stream_options options,
                           std::function<void(result<stream_target>)> done) = 0;
  /// Asks a node for one of kubelet's pages: "/stats/summary".
  virtual void show_page(const std::string& node, const std::string& path,
                         std::function<void(result<node_page>)> done) = 0;
  /// Readiness by check name, for /readyz?verbose; an empty string is ok, else why not.
  virtual std::vector<std::pair<std::string, std::string>> health() const = 0;
  /// What the shell asks ("ps", "tree", "info pod/default/web-1"): JSON.
  virtual void introspect(introspection what, std::function<void(result<std::string>)> done) = 0;
};

} // namespace thespis::api::rest
