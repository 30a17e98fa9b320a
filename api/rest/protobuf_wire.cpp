#include "api/rest/protobuf_wire.hpp"

#include <algorithm>
#include <cstring>

namespace thespis::api::rest {

namespace {

constexpr size_t first_buffer = 4096;

uint64_t tag_of(uint32_t number, wire type) {
  return static_cast<uint64_t>(number) << 3 | static_cast<uint64_t>(type);
}

} // namespace

bool wire_reader::next(wire_field& f) {
  uint64_t tag = 0;
  if (rest_.empty() || !varint(rest_, tag))
    return false;
  f.number = static_cast<uint32_t>(tag >> 3);
  f.type = static_cast<wire>(tag & 7);
  ok_ = f.number != 0 && tag >> 3 <= 0x1FFFFFFF && value(f);
  return ok_;
}

bool wire_reader::varint(std::string_view& s, uint64_t& n) {
  n = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (s.empty())
      break;
    auto c = static_cast<unsigned char>(s.front());
    if (shift == 63 && c > 1) // more than 64 bits
      break;
    s.remove_prefix(1);
    n |= static_cast<uint64_t>(c & 0x7F) << shift;
    if (!(c & 0x80))
      return true;
  }
  ok_ = false;
  return false;
}

bool wire_reader::value(wire_field& f) {
  switch (f.type) {
  case wire::varint:
    return varint(rest_, f.scalar);
  case wire::fixed64:
    return take(8, f);
  case wire::fixed32:
    return take(4, f);
  case wire::bytes: {
    uint64_t size = 0;
    return varint(rest_, size) && take(size, f);
  }
  }
  return false;
}

bool wire_reader::take(uint64_t size, wire_field& f) {
  if (size > rest_.size())
    return false;
  f.bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  f.scalar = 0;
  if (f.type != wire::bytes)
    for (size_t i = size; i-- > 0;)
      f.scalar = f.scalar << 8 | static_cast<unsigned char>(f.bytes[i]);
  return true;
}

size_t varint_size(uint64_t n) {
  size_t size = 1;
  for (; n >= 0x80; n >>= 7)
    ++size;
  return size;
}

void append_varint(std::string& out, uint64_t n) {
  for (; n >= 0x80; n >>= 7)
    out += static_cast<char>(n | 0x80);
  out += static_cast<char>(n);
}

void append_head(std::string& out, uint32_t number, size_t length) {
  append_varint(out, tag_of(number, wire::bytes));
  append_varint(out, length);
}

char* wire_writer::take(size_t n) {
  if (at_ < n) {
    size_t used = size();
    std::string larger(std::max({first_buffer, 2 * buffer_.size(), used + n}), '\0');
    std::memcpy(larger.data() + larger.size() - used, buffer_.data() + at_, used);
    buffer_ = std::move(larger);
    at_ = buffer_.size() - used;
  }
  at_ -= n;
  return buffer_.data() + at_;
}

void wire_writer::put_varint(uint64_t n) {
  char* p = take(varint_size(n));
  for (; n >= 0x80; n >>= 7)
    *p++ = static_cast<char>(n | 0x80);
  *p = static_cast<char>(n);
}

void wire_writer::varint(uint32_t number, uint64_t n) {
  put_varint(n);
  put_varint(tag_of(number, wire::varint));
}

void wire_writer::fixed64(uint32_t number, uint64_t n) {
  char* p = take(8);
  for (int i = 0; i < 8; ++i, n >>= 8)
    p[i] = static_cast<char>(n);
  put_varint(tag_of(number, wire::fixed64));
}

void wire_writer::text(uint32_t number, std::string_view s) {
  if (!s.empty())
    std::memcpy(take(s.size()), s.data(), s.size());
  put_varint(s.size());
  put_varint(tag_of(number, wire::bytes));
}

void wire_writer::close(uint32_t number, size_t mark) {
  put_varint(size() - mark);
  put_varint(tag_of(number, wire::bytes));
}

} // namespace thespis::api::rest
