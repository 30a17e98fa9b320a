// Protobuf's wire format, as far as Kubernetes' messages need it: a reader that hostile bytes
// cannot hurt, and a writer that goes from the end to the beginning, so that every length is
// known before it is written. Source: protobuf's "Encoding" specification.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace thespis::api::rest {

enum class wire : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// One field as it stands on the wire.
struct wire_field {
  uint32_t number = 0;
  wire type = wire::varint;
  uint64_t scalar = 0;
  std::string_view bytes;
};

/// Reads one message's fields. Stops, failed, at malformed bytes.
class wire_reader {
public:
  explicit wire_reader(std::string_view bytes) : rest_(bytes) {}

  bool next(wire_field& f);
  bool ok() const { return ok_; }

  /// Takes a varint of at most 64 bits off the front of `s`.
  bool varint(std::string_view& s, uint64_t& n);

private:
  bool value(wire_field& f);
  bool take(uint64_t size, wire_field& f);

  std::string_view rest_;
  bool ok_ = true;
};

/// Bytes a varint takes.
size_t varint_size(uint64_t n);
/// Appends a varint.
void append_varint(std::string& out, uint64_t n);
/// Appends the head of a field of bytes: its tag and the length.
void append_head(std::string& out, uint32_t number, size_t length);

/// Writes messages backwards: what comes last in the message is written first. A nested message is
/// `auto mark = w.size(); ...members...; w.close(number, mark);`.
class wire_writer {
public:
  /// The bytes written so far.
  std::string_view bytes() const { return {buffer_.data() + at_, buffer_.size() - at_}; }
  size_t size() const { return buffer_.size() - at_; }
  void clear() { at_ = buffer_.size(); }

  void varint(uint32_t number, uint64_t n);
  void fixed64(uint32_t number, uint64_t n);
  void text(uint32_t number, std::string_view s);
  /// Makes what was written since `mark` the field's message.
  void close(uint32_t number, size_t mark);

private:
  char* take(size_t n);
  void put_varint(uint64_t n);

  std::string buffer_;
  size_t at_ = 0;
};

} // namespace thespis::api::rest
