#include "api/rest/forwarding.hpp"

#include "api/rest/answers.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>

namespace thespis::api::rest {

namespace {

/// Above this many unsent bytes the next are read only when the client has taken some.
constexpr size_t high_water = 512 * 1024;
constexpr size_t low_water = 128 * 1024;
/// HTML is rewritten as a whole; more of it passes as it is.
constexpr size_t max_html = 8 * 1024 * 1024;
/// What is kept of an answer that refuses an upgrade.
constexpr size_t max_refusal = 256 * 1024;

bool same(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::string_view value_of(const transport::header_list& headers, std::string_view name) {
  for (const auto& [n, value] : headers)
    if (same(n, name))
      return value;
  return {};
}

/// What is between two neighbours only, and what the transport says itself.
bool is_hop(std::string_view name) {
  for (auto other : {"connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te",
                     "trailer", "transfer-encoding", "upgrade", "content-length", "date"})
    if (same(name, other))
      return true;
  return false;
}

error unreachable(error e) {
  e.message.insert(0, "error trying to reach service: ");
  e.why = reason::service_unavailable;
  return e;
}

/// What the client is told of an answer's head.
struct told_head {
  int status = 200;
  std::string type;
  transport::header_list headers;
  bool is_html = false;
};

told_head tell(const forward_head& h, const answer_rules& rules) {
  told_head out;
  out.status = h.status;
  const bool proxied = !rules.place.prefix.empty();
  for (const auto& [name, value] : h.headers) {
    if (same(name, "content-type"))
      out.type = value;
    else if (proxied && same(name, "location"))
      out.headers.emplace_back(name, rewrite_link(rules.place, value));
    else if (!is_hop(name) && !(proxied && name.size() > 15 &&
                                same(std::string_view(name).substr(0, 15), "access-control-")))
      out.headers.emplace_back(name, value);
  }
  const auto type = std::string_view(out.type).substr(0, out.type.find(';'));
  out.is_html = proxied && same(type.substr(0, type.find_last_not_of(' ') + 1), "text/html") &&
                value_of(h.headers, "content-encoding").empty() &&
                value_of(h.headers, "location").empty();
  return out;
}

bool is_refused_redirect(const forward_head& h, const answer_rules& rules) {
  return rules.refuse_redirects && h.status >= 300 && h.status <= 399 &&
         !value_of(h.headers, "location").empty();
}

error redirect_refused() {
  error e;
  e.code = 502;
  e.message = "the backend attempted to redirect this request, which is not permitted";
  return e;
}

/// An answer that passes through a stream of the transport.
class stream_sink final : public forward_sink {
public:
  stream_sink(exchange_ptr x, answer_rules rules, std::shared_ptr<transport::response_stream> out)
      : x_(std::move(x)), rules_(std::move(rules)), out_(std::move(out)) {}

  void head(forward_head h) override {
    if (is_refused_redirect(h, rules_))
      return refuse(redirect_refused());
    auto told = tell(h, rules_);
    status_ = told.status;
    collecting_ = told.is_html && x_->method != "HEAD";
    headed_ = true;
    out_->write_head(told.status, told.type, std::move(told.headers));
  }

  void bytes(std::string b, std::function<void()> more) override {
    if (over_ || out_->closed())
      return;
    if (collecting_) {
      html_ += b;
      if (html_.size() > max_html)
        flush(std::exchange(html_, {}), false);
      return more();
    }
    out_->write(std::make_shared<const std::string>(std::move(b)));
    if (out_->pending_bytes() < high_water)
      more();
    else
      out_->on_drained(low_water, std::move(more));
  }

  void upgraded(std::shared_ptr<transport::raw_stream>) override { out_->abort(); }

  void done(std::optional<error> e) override {
    if (over_)
      return;
    if (e && !headed_)
      return refuse(unreachable(std::move(*e)));
    if (e)
      out_->abort(); // an incomplete answer must look like one
    else if (collecting_)
      flush(rewrite_html(rules_.place, html_), true);
    out_->close();
    x_->observe(status_);
  }

private:
  void flush(std::string text, bool last) {
    collecting_ = last;
    if (!text.empty())
      out_->write(std::make_shared<const std::string>(std::move(text)));
  }

  void refuse(const error& e) {
    over_ = true;
    if (out_->write_head(http_code(e), "application/json"))
      out_->write(std::make_shared<const std::string>(to_status_json(e)));
    out_->close();
    x_->observe(http_code(e));
  }

  const exchange_ptr x_;
  const answer_rules rules_;
  const std::shared_ptr<transport::response_stream> out_;
  int status_ = 0;
  bool headed_ = false, over_ = false, collecting_ = false;
  std::string html_;
};

std::string head_text(const forward_head& h) {
  std::string out = "HTTP/1.1 " + std::to_string(h.status) + " Switching Protocols\r\n";
  for (const auto& [name, value] : h.headers)
    out.append(name).append(": ").append(value).append("\r\n");
  return out += "\r\n";
}

/// The answer to a wish to leave HTTP. Only a server that grants it gets to speak with the client
/// directly: on a connection that stayed HTTP a client could go on as whom we vouched for.
class upgrade_sink final : public forward_sink {
public:
  upgrade_sink(exchange_ptr x, answer_rules rules,
               std::shared_ptr<transport::upgrade_request> request)
      : x_(std::move(x)), rules_(std::move(rules)), request_(std::move(request)) {}

  void head(forward_head h) override { head_ = std::move(h); }

  void bytes(std::string b, std::function<void()> more) override {
    if (body_.size() + b.size() <= max_refusal)
      body_ += b;
    more();
  }

  void upgraded(std::shared_ptr<transport::raw_stream> server) override {
    x_->server->counters.count_stream(kind(), 1);
    request_->accept([x = x_, kind = kind(), text = head_text(head_),
                      server = std::move(server)](std::shared_ptr<transport::raw_stream> client) {
      auto* to = client.get();
      to->write(std::string(text),
                [x, kind, client = std::move(client), server](boost::system::error_code ec) {
                  if (ec)
                    return server->close();
                  transport::relay(client, server, {}, [x, kind](const transport::relay_result&) {
                    x->server->counters.count_stream(kind, -1);
                    x->observe(101);
                  });
                });
    });
  }

  void done(std::optional<error> e) override {
    transport::response r;
    if (e) {
      r = answer(unreachable(std::move(*e)));
    } else if (is_refused_redirect(head_, rules_)) {
      r = answer(redirect_refused());
    } else {
      auto told = tell(head_, rules_);
      r.status = told.status;
      r.content_type = std::move(told.type);
      r.headers = std::move(told.headers);
      r.body = std::move(body_);
    }
    r.close = true;
    x_->observe(r.status);
    request_->refuse(std::move(r));
  }

private:
  std::string kind() const { return x_->sub ? x_->sub->name : "extension"; }

  const exchange_ptr x_;
  const answer_rules rules_;
  const std::shared_ptr<transport::upgrade_request> request_;
  forward_head head_;
  std::string body_;
};

} // namespace

void take_request(forward_request& r, const transport::request_head& head) {
  r.method = head.method();
  r.upgrade = head.wants_upgrade();
  r.headers = head.forwardable(r.upgrade);
  // HTML must be read to be rewritten.
  std::erase_if(r.headers, [](const auto& h) { return same(h.first, "accept-encoding"); });
  const auto& from = head.peer().address;
  if (from.empty())
    return;
  for (auto& [name, value] : r.headers)
    if (same(name, "x-forwarded-for")) {
      value += ", " + from;
      return;
    }
  r.headers.emplace_back("X-Forwarded-For", from);
}

transport::outcome forward(exchange_ptr x, forward_request r, answer_rules rules) {
  if (r.upgrade) {
    transport::upgrade u;
    u.start = [x, r = std::move(r), rules = std::move(rules)](auto request) mutable {
      auto& out = x->server->forwarding;
      out.send(std::move(r), std::make_shared<upgrade_sink>(x, std::move(rules), request));
    };
    return u;
  }
  transport::stream s;
  s.read_body = true;
  s.start = [x, r = std::move(r), rules = std::move(rules)](auto out, std::string body) mutable {
    r.body = std::move(body);
    auto sink = std::make_shared<stream_sink>(x, std::move(rules), out);
    out->on_closed(x->server->forwarding.send(std::move(r), std::move(sink)));
  };
  return s;
}

} // namespace thespis::api::rest
