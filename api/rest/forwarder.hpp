// Requests that are passed on to another server, and its answers that are passed back as they
// come: the proxy subresources and extension servers.
#pragma once

#include "api/error.hpp"
#include "api/rest/transport/stream.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace thespis::api::rest {

/// One request to one address.
struct forward_request {
  std::string method = "GET";
  std::string target; ///< path and query, as they go on the wire
  std::string host;   ///< the Host header
  /// Literal: what was judged is what is dialled.
  std::string address;
  uint16_t port = 0;
  bool tls = false;
  std::string server_name; ///< whom the certificate must be for
  bool insecure = false;   ///< TLS with whoever answers
  std::string ca_bundle;   ///< the only authorities to trust, PEM; empty for the machine's
  std::string client_certificate, client_key; ///< PEM; empty for none
  transport::header_list headers;             ///< neither Host nor framing
  std::string body;
  bool upgrade = false; ///< the headers ask to leave HTTP
  std::chrono::milliseconds connect_timeout{30'000};
  std::chrono::milliseconds head_timeout{60'000}; ///< until the answer begins; 0: never
};

struct forward_head {
  int status = 0;
  transport::header_list headers;
};

/// Who takes an answer. Called by one thread at a time.
class forward_sink {
public:
  virtual ~forward_sink() = default;
  /// First, and once.
  virtual void head(forward_head h) = 0;
  /// Some of the body. The next comes after `more` was called, from any thread.
  virtual void bytes(std::string b, std::function<void()> more) = 0;
  /// Instead of the body: the server has left HTTP after its head, and this is what it and we say
  /// from now on. Nothing else is called after it.
  virtual void upgraded(std::shared_ptr<transport::raw_stream> server) = 0;
  /// Last, and once. Errors in the words of Go's client: timeout, else service_unavailable.
  virtual void done(std::optional<error> e) = 0;
};

/// A thread that forwards; none before the first request. Thread-safe.
class forwarder {
public:
  forwarder();
  /// Ends what is under way; its sinks are let go without a word.
  ~forwarder();
  forwarder(const forwarder&) = delete;
  forwarder& operator=(const forwarder&) = delete;

  /// Sends, and tells the sink what comes back. What is returned ends it, from any thread: then no
  /// more is told.
  std::function<void()> send(forward_request r, std::shared_ptr<forward_sink> sink);
  void stop();

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace thespis::api::rest
