// Asynchronous gRPC over a unix socket, without generated stubs: one generic call path, one
// completion queue, one thread.
#pragma once

#include "api/result.hpp"

#include <google/protobuf/message_lite.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace thespis::runtime {

/// A connection to one gRPC server. Reconnects by itself; a call made while the server is away
/// fails at once with service_unavailable. Thread-safe. The destructor cancels what is under way,
/// waits for its completions, and must not run on the client's own thread.
class cri_client {
public:
  using milliseconds = std::chrono::milliseconds;
  /// The status of a finished call, and the response's bytes when it is none.
  using completion = std::function<void(api::result<std::string>)>;

  /// `socket` is the path of the unix socket.
  explicit cri_client(const std::string& socket);
  ~cri_client();
  cri_client(const cri_client&) = delete;
  cri_client& operator=(const cri_client&) = delete;

  /// A unary call; `method` is "/package.Service/Method".
  void call(const char* method, const google::protobuf::MessageLite& request, milliseconds deadline,
            completion done);

  /// A unary call whose response is parsed as `Response`.
  template <class Response>
  void call(const char* method, const google::protobuf::MessageLite& request, milliseconds deadline,
            std::function<void(api::result<Response>)> done) {
    call(method, request, deadline, completion{[done = std::move(done)](auto bytes) {
           if (!bytes)
             return done(api::fail(std::move(bytes.error())));
           Response response;
           if (!response.ParseFromString(*bytes))
             return done(api::fail(api::internal_error("malformed answer of the runtime")));
           done(std::move(response));
         }});
  }

  /// Reads a server stream for the client's life, opening it anew when it breaks: each message's
  /// bytes go to `message`.
  void subscribe(const char* method, const google::protobuf::MessageLite& request,
                 std::function<void(const std::string& bytes)> message);

  /// Runs `fn` on the client's thread after `delay`; dropped when the client ends first.
  void after(milliseconds delay, std::function<void()> fn);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace thespis::runtime
