#include "api/rest/websocket.hpp"

#include "api/rest/transport/wire.hpp"
#include "api/text/base64.hpp"

#include <openssl/sha.h>

#include <atomic>
#include <mutex>

namespace thespis::api::rest {

namespace {

constexpr uint8_t text_message = 1, binary_message = 2, close_message = 8, ping = 9, pong = 10;
constexpr size_t max_client_frame = 64 * 1024;
/// A client that lags further is cut off, as one that reads chunks is.
constexpr size_t max_pending = 8 * 1024 * 1024;

enum class encoding_of_bytes : uint8_t { text, binary, base64 };

struct handshake {
  std::string accept;
  std::string protocol; ///< empty: none was agreed on
  encoding_of_bytes encoding = encoding_of_bytes::text;
};

/// Errors: bad_request when the client does not speak our version or none of our subprotocols.
result<handshake> shake_hands(const transport::request_head& head, websocket_messages messages) {
  const auto key = decode_base64(head.header("Sec-WebSocket-Key"));
  if (!key || key->size() != 16 || head.header("Sec-WebSocket-Version") != "13")
    return fail(bad_request("the request is no handshake of WebSocket version 13"));
  handshake h;
  h.accept = websocket_accept(head.header("Sec-WebSocket-Key"));
  h.encoding =
      messages == websocket_messages::lines ? encoding_of_bytes::text : encoding_of_bytes::binary;
  bool others = false;
  transport::for_each_token(head.header("Sec-WebSocket-Protocol"), [&](std::string_view p) {
    if (!h.protocol.empty() || p.starts_with("base64url.bearer.authorization.k8s.io."))
      return;
    if (p == "binary.k8s.io" || p == "base64.binary.k8s.io") {
      h.protocol = p;
      h.encoding = p == "binary.k8s.io" ? encoding_of_bytes::binary : encoding_of_bytes::base64;
    } else {
      others = true;
    }
  });
  if (others && h.protocol.empty())
    return fail(bad_request("requested protocol(s) are not supported: [" +
                            std::string(head.header("Sec-WebSocket-Protocol")) +
                            "]; supports [base64.binary.k8s.io binary.k8s.io]"));
  return h;
}

/// A response_stream whose bytes are messages. A head that is no success refuses the handshake,
/// with what is written until the close as the answer's body.
class websocket_stream final : public transport::response_stream,
                               public std::enable_shared_from_this<websocket_stream> {
public:
  websocket_stream(std::shared_ptr<transport::upgrade_request> request, handshake h,
                   websocket_messages messages)
      : request_(std::move(request)), shake_(std::move(h)), messages_(messages) {}
  ~websocket_stream() override {
    if (stream_)
      stream_->close();
  }

  bool write_head(int status, std::string_view content_type, transport::header_list) override {
    std::unique_lock lock(mutex_);
    if (headed_ || closing_)
      return false;
    headed_ = true;
    refusal_.status = status;
    refusal_.content_type = content_type;
    if (status != 200)
      return true;
    out_ = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: " +
           shake_.accept + "\r\n";
    if (!shake_.protocol.empty())
      out_ += "Sec-WebSocket-Protocol: " + shake_.protocol + "\r\n";
    out_ += "\r\n";
    auto request = std::exchange(request_, nullptr);
    lock.unlock();
    // A short answer may be over, and forgotten by its maker, before the connection is ours.
    request->accept([me = shared_from_this()](std::shared_ptr<transport::raw_stream> s) {
      me->opened(std::move(s));
    });
    return true;
  }

  bool write(transport::shared_bytes bytes) override {
    return write(std::vector<transport::shared_bytes>{std::move(bytes)});
  }

  bool write(std::vector<transport::shared_bytes> bytes) override {
    if (!headed_)
      write_head(200, "application/json", {});
    std::unique_lock lock(mutex_);
    if (closing_)
      return false;
    for (const auto& b : bytes)
      if (b)
        message_ += *b;
    if (refusal_.status != 200)
      return true;
    put_messages();
    const bool lags = out_.size() + writing_ > max_pending;
    lock.unlock();
    if (lags)
      abort();
    else
      flush();
    return !lags;
  }

  size_t pending_bytes() const override {
    std::lock_guard lock(mutex_);
    return out_.size() + writing_;
  }

  void on_drained(size_t low_water, std::function<void()> f) override {
    {
      std::lock_guard lock(mutex_);
      if (!ended_ && out_.size() + writing_ > low_water) {
        low_water_ = low_water;
        drained_ = std::move(f);
        return;
      }
    }
    f();
  }

  void close() override {
    std::unique_lock lock(mutex_);
    if (std::exchange(closing_, true))
      return;
    if (auto request = std::exchange(request_, nullptr)) {
      refusal_.body = transport::payload(std::move(message_));
      refusal_.close = true;
      auto answer = std::move(refusal_);
      lock.unlock();
      request->refuse(std::move(answer));
      end();
      return;
    }
    put_frame(out_, close_message, std::string_view("\x03\xe8", 2)); // 1000: as it should be
    lock.unlock();
    flush();
  }

  void abort() override {
    std::unique_lock lock(mutex_);
    closing_ = true;
    auto s = stream_;
    lock.unlock();
    if (s)
      s->close();
    end();
  }

  bool closed() const override {
    std::lock_guard lock(mutex_);
    return closing_;
  }

  void on_closed(std::function<void()> f) override {
    {
      std::lock_guard lock(mutex_);
      if (!ended_) {
        closed_.push_back(std::move(f));
        return;
      }
    }
    f();
  }

private:
  /// With the lock: whole messages leave `message_` as frames.
  void put_messages() {
    const auto put = [&](std::string_view m) {
      if (shake_.encoding == encoding_of_bytes::base64)
        put_frame(out_, text_message, encode_base64(m));
      else
        put_frame(out_, shake_.encoding == encoding_of_bytes::text ? text_message : binary_message,
                  m);
    };
    if (messages_ == websocket_messages::writes) {
      if (!message_.empty())
        put(message_);
      message_.clear();
      return;
    }
    size_t at = 0;
    for (auto end = message_.find('\n'); end != message_.npos; end = message_.find('\n', at)) {
      put(std::string_view(message_).substr(at, end + 1 - at));
      at = end + 1;
    }
    message_.erase(0, at);
  }

  void opened(std::shared_ptr<transport::raw_stream> s) {
    {
      std::lock_guard lock(mutex_);
      stream_ = s;
    }
    flush();
    read_from(s);
  }

  /// Writes what is queued, all of it at once, when nothing is being written.
  void flush() {
    std::unique_lock lock(mutex_);
    if (!stream_ || writing_ > 0 || out_.empty() || ended_)
      return;
    auto bytes = std::exchange(out_, {});
    writing_ = bytes.size();
    const bool last = closing_;
    auto s = stream_;
    lock.unlock();
    auto* to = s.get();
    to->write(std::move(bytes), [me = shared_from_this(), s, last](boost::system::error_code ec) {
      me->written(ec || last);
    });
  }

  void written(bool over) {
    std::function<void()> drained;
    {
      std::lock_guard lock(mutex_);
      writing_ = 0;
      if (drained_ && out_.size() <= low_water_)
        drained.swap(drained_);
    }
    if (drained)
      drained();
    if (!over)
      return flush();
    std::shared_ptr<transport::raw_stream> s;
    {
      std::lock_guard lock(mutex_);
      s = stream_;
    }
    if (s)
      s->shutdown_write();
    end();
  }

  void read_from(const std::shared_ptr<transport::raw_stream>& s) {
    s->read([weak = weak_from_this(), s](boost::system::error_code ec, std::string_view bytes) {
      auto me = weak.lock();
      if (!me)
        return;
      if (ec || !me->heard(bytes))
        return me->abort();
      me->read_from(s);
    });
  }

  /// False when the client talks nonsense.
  bool heard(std::string_view bytes) {
    in_ += bytes;
    while (true) {
      auto f = take_frame(in_);
      if (!f)
        return false;
      if (!*f)
        return true;
      if ((*f)->opcode == close_message) {
        close();
        in_.clear();
        return true;
      }
      in_.erase(0, (*f)->size);
      if ((*f)->opcode != ping)
        continue;
      {
        std::lock_guard lock(mutex_);
        put_frame(out_, pong, (*f)->bytes);
        if (out_.size() > max_pending)
          return false;
      }
      flush();
    }
  }

  void end() {
    std::vector<std::function<void()>> callbacks;
    std::shared_ptr<transport::raw_stream> released;
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(ended_, true))
        return;
      closing_ = true;
      callbacks.swap(closed_);
      if (drained_)
        callbacks.push_back(std::exchange(drained_, {}));
      out_.clear();
      released.swap(stream_);
    }
    for (auto& f : callbacks)
      f();
    if (released)
      released->close();
  }

  mutable std::mutex mutex_; ///< guards all but `in_`, which is the reader's
  std::shared_ptr<transport::upgrade_request> request_;
  const handshake shake_;
  const websocket_messages messages_;
  transport::response refusal_;
  std::shared_ptr<transport::raw_stream> stream_;
  std::string message_; ///< not yet whole
  std::string out_, in_;
  size_t writing_ = 0;
  std::atomic<bool> headed_{false};
  bool closing_ = false, ended_ = false;
  size_t low_water_ = 0;
  std::function<void()> drained_;
  std::vector<std::function<void()>> closed_;
};

} // namespace

std::string websocket_accept(std::string_view key) {
  auto text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return encode_base64({reinterpret_cast<const char*>(digest), sizeof digest});
}

void put_frame(std::string& out, uint8_t opcode, std::string_view bytes) {
  out += static_cast<char>(0x80 | opcode);
  const uint64_t n = bytes.size();
  int width = 0;
  if (n < 126) {
    out += static_cast<char>(n);
  } else if (n < 65536) {
    out += static_cast<char>(126);
    width = 2;
  } else {
    out += static_cast<char>(127);
    width = 8;
  }
  for (int i = width - 1; i >= 0; --i)
    out += static_cast<char>((n >> (8 * i)) & 0xff);
  out.append(bytes);
}

result<std::optional<websocket_frame>> take_frame(std::string_view in) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(in[i]); };
  if (in.size() < 2)
    return std::nullopt;
  const auto refuse = [](std::string_view why) { return fail(bad_request(std::string(why))); };
  if ((byte(0) & 0x70) != 0)
    return refuse("a WebSocket frame with reserved bits");
  if ((byte(1) & 0x80) == 0)
    return refuse("a WebSocket frame of a client without a mask");
  uint64_t n = byte(1) & 0x7f;
  const size_t width = n == 126 ? 2 : n == 127 ? 8 : 0;
  const size_t head = 2 + width + 4;
  if (in.size() < 2 + width)
    return std::nullopt;
  if (width > 0)
    n = 0;
  for (size_t i = 0; i < width; ++i)
    n = n << 8 | byte(2 + i);
  const uint8_t opcode = byte(0) & 0x0f;
  const bool control = opcode >= close_message;
  if (n > max_client_frame || (control && (n > 125 || (byte(0) & 0x80) == 0)))
    return refuse("a WebSocket frame is too long");
  if (opcode > pong || (opcode > binary_message && opcode < close_message))
    return refuse("a WebSocket frame of an unknown kind");
  if (in.size() < head + n)
    return std::nullopt;
  websocket_frame f;
  f.opcode = opcode;
  f.size = head + n;
  f.bytes = in.substr(head, n);
  for (size_t i = 0; i < n; ++i)
    f.bytes[i] = static_cast<char>(f.bytes[i] ^ in[head - 4 + i % 4]);
  return f;
}

transport::outcome or_websocket(transport::outcome o, const transport::request_head& head,
                                websocket_messages messages) {
  auto* s = std::get_if<transport::stream>(&o);
  if (!s || !head.wants_upgrade() || !head.has_token("upgrade", "websocket"))
    return o;
  auto h = shake_hands(head, messages);
  if (!h)
    return transport::refuse(h.error());
  transport::upgrade u;
  u.start = [start = std::move(s->start), h = std::move(*h), messages](auto request) {
    start(std::make_shared<websocket_stream>(std::move(request), h, messages), {});
  };
  return u;
}

} // namespace thespis::api::rest
