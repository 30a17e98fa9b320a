// A REST server over a backend in memory, on a free loopback port, and a client that speaks HTTP.
#pragma once

#include "api/rest/server.hpp"
#include "api/rest/transport/support.hpp"
#include "memory_backend.hpp"

#include <boost/test/unit_test.hpp>

namespace thespis::test {

struct rest_fixture {
  explicit rest_fixture(std::chrono::milliseconds bookmarks = std::chrono::minutes{1});
  /// With options of one's own; tokens, access and clock are the fixture's.
  explicit rest_fixture(api::rest::server_options o);

  /// Sends a request with the administrator's token and reads the answer.
  answer request(std::string_view method, std::string_view target, std::string_view body = {},
                 std::string_view headers = {}, std::string_view token = "admin-token");
  answer get(std::string_view target, std::string_view headers = {}) {
    return request("GET", target, {}, headers);
  }
  api::json::document get_json(std::string_view target, std::string_view headers = {});

  api::object_ptr add_pod(std::string_view ns, std::string_view name,
                          std::string_view labels = "{}", std::string_view node = "");

  api::schema::registry schemas; ///< what the server serves: kinds may be added
  memory_backend cluster;
  std::shared_ptr<api::fairness::gate> gate; ///< that of the options
  std::unique_ptr<api::rest::server> server;
};

/// A watch under way: events as they come.
class watch_client {
public:
  watch_client(rest_fixture& f, std::string_view target, std::string_view headers = {});
  /// The next event.
  api::json::document next();
  /// The next `n` bytes, of an encoding without lines.
  std::string bytes(size_t n);
  /// Whether the answer ended, with all chunks.
  bool ended();
  int status = 0;

private:
  bool read_chunk();
  client connection_;
  std::string buffer_;
};

/// Requires a metav1.Status of this code and reason that is a Failure.
void check_status(const answer& a, int code, std::string_view reason,
                  std::string_view message = {});

api::json::document parse(const std::string& text);
std::string text_at(const api::json::value& v, std::initializer_list<std::string_view> path);

} // namespace thespis::test
