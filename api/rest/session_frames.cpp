#include "api/rest/session_frames.hpp"

#include <algorithm>
#include <cctype>

namespace thespis::api::rest {

namespace {

constexpr size_t max_answer = 16 * 1024;
constexpr size_t spdy_head = 8;
/// Clients open the stream of errors first, and theirs are odd.
constexpr char spdy_error_stream = 1;
constexpr char spdy_last = 1;
constexpr char websocket_error_channel = 3;
constexpr unsigned char websocket_binary = 0x82;
constexpr std::string_view websocket_internal_error{"\x88\x02\x03\xf3", 4};

uint64_t number(std::string_view bytes) {
  uint64_t res = 0;
  for (const auto c : bytes)
    res = res << 8 | static_cast<unsigned char>(c);
  return res;
}

std::string bytes_of(uint64_t value, int count) {
  std::string res;
  for (int i = count - 1; i >= 0; --i)
    res += static_cast<char>(value >> (8 * i));
  return res;
}

} // namespace

void session_frames::sent(std::string_view bytes) {
  while (!bytes.empty()) {
    if (form_ == form::other)
      return;
    if (left_ > 0) {
      const auto n = std::min<uint64_t>(left_, bytes.size());
      left_ -= n;
      bytes.remove_prefix(n);
      continue;
    }
    if (form_ == form::head) {
      pending_ += bytes.front();
      bytes.remove_prefix(1);
      if (pending_.ends_with("\r\n\r\n"))
        read_answer();
      else if (pending_.size() > max_answer)
        form_ = form::other;
      continue;
    }
    pending_ += bytes.front();
    bytes.remove_prefix(1);
    if (read_frame() > 0)
      pending_.clear();
  }
}

void session_frames::read_answer() {
  std::string head = pending_;
  pending_.clear();
  std::transform(head.begin(), head.end(), head.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto has = [&](std::string_view text) { return head.find(text) != std::string::npos; };
  form_ = form::other;
  if (head.size() < 13 || head.substr(8, 4) != " 101")
    return;
  if (has("\r\nupgrade: spdy/3.1"))
    form_ = form::spdy;
  // Of WebSocket the forms that carry bytes as they are, and a Status at the end.
  else if (has("\r\nupgrade: websocket") &&
           (has("protocol: v4.channel.k8s.io") || has("protocol: v5.channel.k8s.io")))
    form_ = form::websocket;
  status_ = has("protocol-version: v4.channel.k8s.io") ||
            has("protocol-version: v5.channel.k8s.io") || form_ == form::websocket;
}

size_t session_frames::read_frame() {
  return form_ == form::spdy ? read_spdy() : read_websocket();
}

size_t session_frames::read_spdy() {
  if (pending_.size() < spdy_head)
    return 0;
  left_ = number(std::string_view{pending_}.substr(5, 3));
  if (number(std::string_view{pending_}.substr(0, 4)) == spdy_error_stream && left_ > 0)
    told_ = true;
  return spdy_head;
}

size_t session_frames::read_websocket() {
  if (pending_.size() < 2)
    return 0;
  const auto first = static_cast<unsigned char>(pending_[0]);
  const auto length = static_cast<unsigned char>(pending_[1]) & 0x7fU;
  const size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (pending_.size() < 2 + more)
    return 0;
  const auto size = more == 0 ? length : number(std::string_view{pending_}.substr(2, more));
  const bool data = (first & 0x0fU) <= 2;
  if ((first & 0x0fU) == 8)
    told_ = true;
  if (!data || size == 0) {
    left_ = size;
    return 2 + more;
  }
  if (pending_.size() < 3 + more)
    return 0;
  if (pending_[2 + more] == websocket_error_channel && size > 1)
    told_ = true;
  left_ = size - 1;
  return 3 + more;
}

std::string session_frames::last_words(const error& why) const {
  if (told_ || left_ > 0 || !pending_.empty())
    return {};
  const auto text = status_ ? to_status_json(why) : why.message;
  if (form_ == form::spdy)
    return bytes_of(spdy_error_stream, 4) + spdy_last + bytes_of(text.size(), 3) + text;
  if (form_ != form::websocket)
    return {};
  const auto size = text.size() + 1;
  std::string res(1, static_cast<char>(websocket_binary));
  if (size < 126)
    res += static_cast<char>(size);
  else
    res += static_cast<char>(126) + bytes_of(size, 2);
  return res + websocket_error_channel + text + std::string{websocket_internal_error};
}

} // namespace thespis::api::rest
