// string.format, strings.quote and jsonpatch.escapeKey.

#include "api/cel/functions.hpp"
#include "api/cel/objects.hpp"
#include "api/cel/times.hpp"
#include "api/text/quote.hpp"

#include <algorithm>
#include <cmath>

namespace thespis::api::cel {

namespace {

constexpr int max_precision = 1000;

/// Formats one list of arguments by a string with %-clauses.
class formatter {
public:
  formatter(evaluation& run, std::string_view format, const value& args)
      : run_(run), format_(format), args_(args) {}

  value format() {
    for (size_t pos = 0; pos < format_.size(); ++pos) {
      if (format_[pos] != '%') {
        out_ += format_[pos];
        continue;
      }
      if (++pos >= format_.size())
        return run_.error("unexpected end of string");
      if (format_[pos] == '%') {
        out_ += '%';
        continue;
      }
      if (!precision(pos) || !clause(pos))
        return run_.error(problem_);
      if (out_.size() > evaluation::memory_limit)
        throw evaluation::cancelled{"operation cancelled: memory limit exceeded"};
    }
    return run_.string(out_);
  }

private:
  bool refuse(std::string why) {
    problem_ = std::move(why);
    return false;
  }

  bool precision(size_t& pos) {
    precision_ = 6;
    if (format_[pos] != '.')
      return true;
    int n = 0;
    for (++pos; pos < format_.size() && format_[pos] >= '0' && format_[pos] <= '9'; ++pos)
      n = std::min(n * 10 + (format_[pos] - '0'), max_precision + 1);
    if (pos >= format_.size())
      return refuse("unexpected end of string");
    if (n > max_precision)
      return refuse("could not parse formatting clause: error while parsing precision: precision "
                    "too large");
    precision_ = n;
    return true;
  }

  bool clause(size_t pos) {
    auto verb = format_[pos];
    if (std::string_view{"sdfebxXo"}.find(verb) == std::string_view::npos)
      return refuse("could not parse formatting clause: unrecognized formatting clause \"" +
                    std::string{verb} + "\"");
    if (next_ >= run_.count(args_))
      return refuse("index " + std::to_string(next_) + " out of range");
    auto v = run_.item(args_, next_++);
    switch (verb) {
    case 's':
      return append_string(v, 0);
    case 'd':
      return decimal(v);
    case 'f':
    case 'e':
      return real(v, verb);
    case 'b':
      return binary(v);
    case 'o':
      return octal(v);
    default:
      return hexadecimal(v, verb == 'X');
    }
  }

  bool append_string(const value& v, unsigned depth) {
    switch (v.form) {
    case kind::string:
    case kind::bytes:
      out_ += v.str();
      return true;
    case kind::null_:
      out_ += "null";
      return true;
    case kind::boolean:
      out_ += v.boolean ? "true" : "false";
      return true;
    case kind::int_:
      out_ += std::to_string(v.integer);
      return true;
    case kind::uint_:
      out_ += std::to_string(v.natural);
      return true;
    case kind::double_:
      out_ += format_double(v.real);
      return true;
    case kind::timestamp:
      out_ += format_timestamp({v.integer, v.size});
      return true;
    case kind::duration:
      out_ += format_seconds(v.integer);
      return true;
    case kind::type:
      out_ += to_string(*v.named);
      return true;
    case kind::list:
      return append_list(v, depth);
    case kind::map:
      return append_map(v, depth);
    default:
      break;
    }
    return refuse(
        "error during formatting: string clause can only be used on strings, bools, "
        "bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given " +
        to_string(simple(v.form)));
  }

  bool append_list(const value& v, unsigned depth) {
    out_ += '[';
    for (size_t n = 0; n < run_.count(v); ++n) {
      out_ += n == 0 ? "" : ", ";
      if (depth > 128 || !append_string(run_.item(v, n), depth + 1))
        return false;
    }
    out_ += ']';
    return true;
  }

  bool append_map(const value& v, unsigned depth) {
    if (v.held == backing::lazy)
      return refuse("error during formatting: no such overload");
    std::vector<std::pair<std::string, std::string>> entries;
    auto before = std::move(out_);
    for (size_t n = 0; n < run_.count(v); ++n) {
      out_.clear();
      if (depth > 128 || !append_string(run_.key_at(v, n), depth + 1))
        return false;
      auto key = std::move(out_);
      out_.clear();
      if (!append_string(run_.value_at(v, n), depth + 1))
        return false;
      entries.emplace_back(std::move(key), std::move(out_));
    }
    std::sort(entries.begin(), entries.end());
    out_ = std::move(before) + "{";
    for (size_t n = 0; n < entries.size(); ++n)
      out_ += (n == 0 ? "" : ", ") + entries[n].first + ": " + entries[n].second;
    out_ += '}';
    return true;
  }

  bool decimal(const value& v) {
    if (v.is(kind::int_))
      out_ += std::to_string(v.integer);
    else if (v.is(kind::uint_))
      out_ += std::to_string(v.natural);
    else if (v.is(kind::double_) && !std::isfinite(v.real))
      out_ += std::isnan(v.real) ? "NaN" : v.real < 0 ? "-Infinity" : "Infinity";
    else
      return refuse("error during formatting: decimal clause can only be used on integers, was "
                    "given " +
                    to_string(simple(v.form)));
    return true;
  }

  bool real(const value& v, char verb) {
    double d = 0;
    if (v.is(kind::double_))
      d = v.real;
    else if (v.is(kind::int_))
      d = static_cast<double>(v.integer);
    else if (v.is(kind::uint_))
      d = static_cast<double>(v.natural);
    else
      return refuse(std::string{"error during formatting: "} +
                    (verb == 'f' ? "fixed-point" : "scientific") +
                    " clause can only be used on doubles, was given " + to_string(simple(v.form)));
    if (!std::isfinite(d)) {
      out_ += std::isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity";
      return true;
    }
    auto pattern = verb == 'f' ? "%.*f" : "%.*e";
    std::string text(static_cast<size_t>(std::snprintf(nullptr, 0, pattern, precision_, d)) + 1, 0);
    std::snprintf(text.data(), text.size(), pattern, precision_, d);
    text.pop_back();
    out_ += text;
    return true;
  }

  static std::string in_base(uint64_t n, unsigned base, bool upper) {
    std::string out;
    do {
      auto digit = n % base;
      out += static_cast<char>(digit < 10 ? '0' + digit : (upper ? 'A' : 'a') + digit - 10);
      n /= base;
    } while (n != 0);
    std::reverse(out.begin(), out.end());
    return out;
  }

  bool whole(const value& v, unsigned base, bool upper) {
    if (v.is(kind::int_)) {
      auto magnitude =
          v.integer < 0 ? 0 - static_cast<uint64_t>(v.integer) : static_cast<uint64_t>(v.integer);
      out_ += (v.integer < 0 ? "-" : "") + in_base(magnitude, base, upper);
      return true;
    }
    if (v.is(kind::uint_)) {
      out_ += in_base(v.natural, base, upper);
      return true;
    }
    return false;
  }

  bool binary(const value& v) {
    if (v.is(kind::boolean)) {
      out_ += v.boolean ? '1' : '0';
      return true;
    }
    return whole(v, 2, false) ||
           refuse("error during formatting: only integers and bools can be formatted as binary, "
                  "was given " +
                  to_string(simple(v.form)));
  }

  bool octal(const value& v) {
    return whole(v, 8, false) ||
           refuse("error during formatting: octal clause can only be used on integers, was given " +
                  to_string(simple(v.form)));
  }

  bool hexadecimal(const value& v, bool upper) {
    if (v.is(kind::string) || v.is(kind::bytes)) {
      for (auto c : v.str()) {
        auto byte = in_base(static_cast<unsigned char>(c), 16, upper);
        out_ += (byte.size() == 1 ? "0" : "") + byte;
      }
      return true;
    }
    return whole(v, 16, upper) ||
           refuse("error during formatting: only integers, byte buffers, and strings can be "
                  "formatted as hex, was given " +
                  to_string(simple(v.form)));
  }

  evaluation& run_;
  std::string_view format_;
  const value& args_;
  std::string out_, problem_;
  size_t next_ = 0;
  int precision_ = 6;
};

value format(evaluation& run, const value* a, size_t) {
  return formatter{run, a[0].str(), a[1]}.format();
}

value quote(evaluation& run, const value* a, size_t) {
  std::string out = "\"";
  for (auto c : a[0].str()) {
    constexpr std::string_view from = "\a\b\f\n\r\t\v\\\"";
    constexpr std::string_view to = "abfnrtv\\\"";
    if (auto n = from.find(c); n != std::string_view::npos)
      out.append({'\\', to[n]});
    else
      out += c;
  }
  return run.string(out + '"');
}

value escape_key(evaluation& run, const value* a, size_t) {
  std::string out;
  for (auto c : a[0].str()) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return run.string(out);
}

constexpr declaration table[] = {
    {"format", "string.(list(dyn)) -> string", format, price::traverse},
    {"strings.quote", "(string) -> string", quote, price::traverse},
    {"jsonpatch.escapeKey", "(string) -> string", escape_key, price::traverse},
};

} // namespace

library string_extras() {
  return table;
}

} // namespace thespis::api::cel
