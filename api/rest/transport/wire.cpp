#include "api/rest/transport/wire.hpp"

#include "api/json.hpp"

#include <boost/beast/http/status.hpp>
#include <zlib.h>

#include <array>
#include <charconv>

namespace thespis::api::transport {

namespace http = boost::beast::http;

namespace {

std::string_view sv(boost::beast::string_view s) {
  return {s.data(), s.size()};
}

bool is_known_method(http::verb v) {
  switch (v) {
  case http::verb::get:
  case http::verb::head:
  case http::verb::post:
  case http::verb::put:
  case http::verb::patch:
  case http::verb::delete_:
  case http::verb::options:
    return true;
  default:
    return false;
  }
}

bool parse_length(std::string_view text, uint64_t& n) {
  if (text.empty() || text.size() > 18)
    return false;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  return ec == std::errc{} && end == text.data() + text.size();
}

// Headers that decide over framing or identity and so may come only once.
constexpr std::array single_headers = {
    http::field::host,          http::field::content_length, http::field::transfer_encoding,
    http::field::authorization, http::field::content_type,   http::field::expect};

std::optional<head_error> check_framing(const request_fields& head, framing& out) {
  if (auto at = head.find(http::field::transfer_encoding); at != head.end()) {
    if (head.count(http::field::content_length) > 0)
      return head_error{400, "both Transfer-Encoding and Content-Length were sent"};
    if (head.version() != 11 || !equals_ignoring_case(sv(at->value()), "chunked"))
      return head_error{501, "only the transfer encoding chunked is supported"};
    out.chunked = true;
  }
  if (auto at = head.find(http::field::content_length); at != head.end())
    if (!parse_length(sv(at->value()), out.content_length))
      return head_error{400, "Content-Length is not a number"};
  if (auto at = head.find(http::field::expect); at != head.end()) {
    if (!equals_ignoring_case(sv(at->value()), "100-continue"))
      return head_error{417, "the expectation cannot be met"};
    out.expects_continue = head.version() == 11 && out.has_body();
  }
  return {};
}

// Response splitting: a value must not be able to end its line.
void put_value(std::string& out, std::string_view value) {
  for (char c : value)
    out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

bool is_token(std::string_view name) {
  static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  for (char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
          others.find(c) != others.npos))
      return false;
  return !name.empty();
}

// The transport alone frames a message.
bool is_ours(std::string_view name) {
  for (auto ours : {"content-length", "transfer-encoding", "connection", "date", "keep-alive"})
    if (equals_ignoring_case(name, ours))
      return true;
  return false;
}

void put_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  put_value(out, value);
  out += "\r\n";
}

void put_number(std::string& out, uint64_t n, int base = 10) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, n, base).ptr;
  out.append(digits, end);
}

void put_start(std::string& out, int status, std::string_view content_type,
               const header_list& headers, const answer_context& context) {
  out += context.version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ";
  put_number(out, static_cast<uint64_t>(status < 100 || status > 999 ? 500 : status));
  out += ' ';
  out += sv(http::obsolete_reason(static_cast<http::status>(status)));
  out += "\r\n";
  if (!content_type.empty())
    put_field(out, "Content-Type", content_type);
  if (!context.date.empty())
    put_field(out, "Date", context.date);
  for (auto& [name, value] : headers)
    if (is_token(name) && !is_ours(name))
      put_field(out, name, value);
  if (!context.keep_alive)
    out += "Connection: close\r\n";
  else if (context.version == 10)
    out += "Connection: keep-alive\r\n";
}

bool has_header(const header_list& headers, std::string_view name) {
  for (auto& [n, value] : headers)
    if (equals_ignoring_case(n, name))
      return true;
  return false;
}

api::reason reason_of(int code) {
  switch (code) {
  case 400:
  case 414:
  case 417:
  case 431:
    return reason::bad_request;
  case 404:
    return reason::not_found;
  case 405:
    return reason::method_not_allowed;
  case 408:
    return reason::timeout;
  case 413:
    return reason::request_entity_too_large;
  case 429:
    return reason::too_many_requests;
  case 500:
    return reason::internal_error;
  case 503:
    return reason::service_unavailable;
  default:
    return reason::unknown;
  }
}

} // namespace

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
    s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
    s.remove_suffix(1);
  return s;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

void for_each_token(std::string_view list, const std::function<void(std::string_view)>& f) {
  while (!list.empty()) {
    auto comma = list.find(',');
    auto element = trim(list.substr(0, comma));
    if (!element.empty())
      f(element);
    if (comma == list.npos)
      return;
    list.remove_prefix(comma + 1);
  }
}

std::optional<head_error> check_head(const request_fields& head, framing& out) {
  if (head.version() != 10 && head.version() != 11)
    return head_error{505, "only HTTP/1.0 and HTTP/1.1 are spoken here"};
  for (auto field : single_headers)
    if (head.count(field) > 1)
      return head_error{400, std::string{sv(http::to_string(field))} + " was sent more than once"};
  if (head.version() == 11 && head.count(http::field::host) == 0)
    return head_error{400, "the Host header is missing"};
  if (auto refused = check_framing(head, out))
    return refused;
  if (!is_known_method(head.method()))
    return head_error{405, "the method is not allowed"};
  if (head.target().empty() || head.target().front() != '/')
    return head_error{400, "the request target must be a path"};
  return {};
}

response status_response(int code, std::string message) {
  // Codes without a metav1.StatusReason of their own are written out here, since api::error maps
  // reasons to codes and not the other way.
  error e;
  e.why = reason_of(code);
  e.message = std::move(message);
  response r;
  r.status = code;
  if (http_code(e.why) == code && e.why != reason::unknown) {
    r.body = to_status_json(e);
  } else {
    std::string json = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",)";
    json += "\"message\":" + json::quote(e.message);
    if (auto name = to_string(e.why); !name.empty())
      json += ",\"reason\":" + json::quote(name);
    r.body = std::move(json) + ",\"code\":" + std::to_string(code) + "}";
  }
  if (code == 429)
    r.headers.emplace_back("Retry-After", "1");
  if (code == 405)
    r.headers.emplace_back("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  return r;
}

bool is_bodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

bool put_head(std::string& out, response& answer, const answer_context& context) {
  bool bodiless = is_bodiless(answer.status);
  bool compressible = context.gzip_bytes > 0 && answer.body.size() > context.gzip_bytes &&
                      !bodiless && !has_header(answer.headers, "content-encoding");
  if (compressible) {
    answer.headers.emplace_back("Vary", "Accept-Encoding");
    if (context.accepts_gzip && !context.head_request)
      if (auto packed = gzip(answer.body); !packed.empty()) {
        answer.body = payload{std::move(packed)};
        answer.headers.emplace_back("Content-Encoding", "gzip");
      }
  }
  put_start(out, answer.status, bodiless ? std::string_view{} : answer.content_type, answer.headers,
            context);
  if (!bodiless) {
    out += "Content-Length: ";
    put_number(out, answer.body.size());
    out += "\r\n";
  }
  out += "\r\n";
  return !bodiless && !context.head_request;
}

void put_stream_head(std::string& out, int status, std::string_view content_type,
                     const header_list& headers, const answer_context& context) {
  put_start(out, status, content_type, headers, context);
  if (context.version == 11 && !is_bodiless(status))
    out += "Transfer-Encoding: chunked\r\n";
  out += "\r\n";
}

void put_chunk_size(std::string& out, size_t size) {
  put_number(out, size, 16);
  out += "\r\n";
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool accepts = false;
  for_each_token(accept_encoding, [&](std::string_view element) {
    auto semicolon = element.find(';');
    auto coding = trim(element.substr(0, semicolon));
    if (!equals_ignoring_case(coding, "gzip") && coding != "*")
      return;
    bool zero = false;
    if (semicolon != element.npos) {
      auto weight = trim(element.substr(semicolon + 1));
      zero = weight.size() >= 3 && (weight[0] == 'q' || weight[0] == 'Q') && weight[1] == '=' &&
             weight.find_first_not_of("0.", 2) == weight.npos;
    }
    accepts = !zero;
  });
  return accepts;
}

std::string gzip(const payload& body) {
  z_stream z{};
  constexpr int gzip_window = 15 + 16;
  if (deflateInit2(&z, 1, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return {};
  std::string out(deflateBound(&z, body.size()), '\0');
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  int r = Z_OK;
  for (auto& piece : body) {
    z.next_in = static_cast<Bytef*>(const_cast<void*>(piece.data()));
    z.avail_in = static_cast<uInt>(piece.size());
    r = deflate(&z, Z_NO_FLUSH);
    if (r != Z_OK || z.avail_in > 0)
      break;
  }
  if (r == Z_OK && z.avail_in == 0)
    r = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return r == Z_STREAM_END ? out : std::string{};
}

payload::payload(std::string bytes)
    : payload{std::make_shared<const std::string>(std::move(bytes))} {}

payload::payload(shared_bytes bytes) {
  if (!bytes)
    return;
  one_ = boost::asio::buffer(*bytes);
  size_ = bytes->size();
  owner_ = std::move(bytes);
}

payload::payload(std::vector<boost::asio::const_buffer> pieces, std::shared_ptr<const void> owner)
    : pieces_{std::move(pieces)}, owner_{std::move(owner)} {
  std::erase_if(pieces_, [](auto& piece) { return piece.size() == 0; });
  for (auto& piece : pieces_)
    size_ += piece.size();
}

respond refuse(const api::error& e) {
  respond r;
  r.answer.status = http_code(e);
  r.answer.body = to_status_json(e);
  if (e.retry_after_seconds > 0)
    r.answer.headers.emplace_back("Retry-After", std::to_string(e.retry_after_seconds));
  return r;
}

respond refuse(int status, std::string json, header_list headers) {
  return respond{
      response{status, "application/json", payload{std::move(json)}, std::move(headers), false}};
}

} // namespace thespis::api::transport
