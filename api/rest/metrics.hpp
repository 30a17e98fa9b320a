// What the server counts, in Prometheus' text format. Names and labels are Kubernetes'.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace prometheus {
class Registry;
}

namespace thespis::api::rest {

/// What a request is counted under. Only names the schema knows, never a client's text.
struct request_labels {
  std::string_view verb; ///< "GET", "LIST", "WATCH", "POST", ...
  std::string_view group, version, resource, subresource;
};

/// Thread-safe.
class metrics {
public:
  /// Further collectors of the process may register with the same registry; null makes one.
  explicit metrics(std::shared_ptr<prometheus::Registry> registry);
  ~metrics();

  void observe(const request_labels& labels, int code, std::chrono::nanoseconds duration);
  /// A watch began (+1) or ended (-1).
  void count_watch(std::string_view group, std::string_view resource, int change);
  /// Exec, attach, port-forward and log streams, by name.
  void count_stream(std::string_view subresource, int change);
  /// All families, in the text exposition format 0.0.4.
  std::string text() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace thespis::api::rest
