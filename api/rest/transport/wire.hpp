// What goes over the wire as HTTP/1.1: which request heads are let in, and how answers look.
#pragma once

#include "api/rest/transport/server.hpp"

#include <boost/beast/http/message.hpp>

#include <optional>

namespace thespis::api::transport {

using request_fields = boost::beast::http::request_header<>;

/// How the body of a request is framed, once its head has been let in.
struct framing {
  bool chunked = false;
  uint64_t content_length = 0;
  bool expects_continue = false;
  bool keep_alive = true;
  bool has_body() const { return chunked || content_length > 0; }
};

/// Why a head is refused.
struct head_error {
  int status = 400;
  std::string message;
};

/// Lets in only what every HTTP implementation reads in one way, so that no proxy before us and
/// nothing behind us can see another request than we do (RFC 9112, sections 6 and 11.2).
std::optional<head_error> check_head(const request_fields& head, framing& out);

/// A metav1.Status failure with a code, as the transport itself answers.
response status_response(int code, std::string message);

/// What a stream writes at one go.
struct stream_batch {
  bool has_head = false;
  int status = 200;
  std::string content_type;
  header_list headers;
  std::vector<shared_bytes> bytes;
  size_t size = 0;
  bool last = false;
  bool abort = false;
  bool empty() const { return !has_head && bytes.empty() && !last && !abort; }
};

/// What the answer depends on besides itself.
struct answer_context {
  unsigned version = 11;
  bool keep_alive = true;
  bool head_request = false;
  bool accepts_gzip = false;
  size_t gzip_bytes = 0;
  std::string_view date;
};

/// Whether an answer of that status never has a body.
bool is_bodiless(int status);
/// Appends status line and headers of an answer with a known body to `out`; compresses the body
/// in place where the client accepts and it is worth it. Returns whether the body is to be sent.
bool put_head(std::string& out, response& answer, const answer_context& context);
/// Appends the head of a stream: chunked for HTTP/1.1, ended by the connection's end for 1.0.
void put_stream_head(std::string& out, int status, std::string_view content_type,
                     const header_list& headers, const answer_context& context);
/// Appends the size line of a chunk.
void put_chunk_size(std::string& out, size_t size);

/// Whether Accept-Encoding names gzip (or `*`) with a weight above zero.
bool accepts_gzip(std::string_view accept_encoding);
/// gzip at level 1; empty on failure.
std::string gzip(const payload& body);

bool equals_ignoring_case(std::string_view a, std::string_view b);
/// Calls `f` for each trimmed element of a comma-separated list.
void for_each_token(std::string_view list, const std::function<void(std::string_view)>& f);
std::string_view trim(std::string_view s);

} // namespace thespis::api::transport
