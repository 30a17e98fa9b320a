// Reads what a person asks.
#include "tools/cluster/introspect/service.hpp"

#include <charconv>

namespace thespis::tools {

namespace {

constexpr uint64_t longest_window = 600'000; // ms
constexpr uint64_t default_trace_count = 1'000;
constexpr uint64_t default_trace_rate = 200;
constexpr uint64_t default_trace_ms = 60'000;

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
}

template <class Number>
bool parse_number(std::string_view text, Number& into) {
  const auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), into);
  return code == std::errc{} && at == text.data() + text.size();
}

/// The word behind an option; complains when there is none.
api::result<std::string> value_of(const std::vector<std::string>& words, size_t& i) {
  if (i + 1 == words.size())
    return wrong(words[i] + " needs a value");
  return words[++i];
}

api::result<uint64_t> number_of(const std::vector<std::string>& words, size_t& i) {
  const auto option = words[i];
  auto text = value_of(words, i);
  uint64_t n = 0;
  if (!text)
    return api::fail(std::move(text.error()));
  if (!parse_number(*text, n))
    return wrong(option + " " + *text + ": expected a number");
  return n;
}

} // namespace

api::result<uint64_t> parse_window(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto unit = text.substr(digits);
  uint64_t count = 0;
  const uint64_t scale = unit == "ms"                  ? 1
                         : unit.empty() || unit == "s" ? 1000
                         : unit == "m"                 ? 60'000
                                                       : 0;
  if (!parse_number(text.substr(0, digits), count) || scale == 0 || count == 0 ||
      count > longest_window / scale)
    return wrong("\"" + std::string{text} +
                 "\": expected a time of at most ten minutes, like 500ms, 5s or 2m");
  return count * scale;
}

api::result<list_question> parse_list(const std::vector<std::string>& words) {
  list_question res;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--sort") {
      const auto key = value_of(words, i);
      auto order = key ? runtime::parse_order(*key) : api::fail(key.error());
      if (!order)
        return api::fail(std::move(order.error()));
      res.order = *order;
    } else if (word == "--limit") {
      auto limit = number_of(words, i);
      if (!limit)
        return api::fail(std::move(limit.error()));
      res.limit = *limit;
    } else if (word.starts_with("-")) {
      return wrong("unknown option " + word + "; there are --sort KEY and --limit N");
    } else {
      res.filter += (res.filter.empty() ? "" : " ") + word;
    }
  }
  auto filter = runtime::actor_filter::parse(res.filter);
  if (!filter)
    return api::fail(std::move(filter.error()));
  return res;
}

api::result<runtime::trace_wish> parse_trace(const std::vector<std::string>& words) {
  runtime::trace_wish res;
  res.count = default_trace_count;
  res.rate = default_trace_rate;
  res.duration = default_trace_ms;
  for (size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    api::result<void> ok;
    const auto into = [&](auto value, auto& target) {
      if (value)
        target = *value;
      else
        ok = api::fail(std::move(value.error()));
    };
    if (word == "--type") {
      into(value_of(words, i), res.type);
    } else if (word == "--count") {
      into(number_of(words, i), res.count);
    } else if (word == "--rate") {
      into(number_of(words, i), res.rate);
    } else if (word == "--for") {
      auto text = value_of(words, i);
      into(text ? parse_window(*text) : api::fail(text.error()), res.duration);
    } else if (word.starts_with("-")) {
      ok = wrong("unknown option " + word +
                 "; there are --type TYPE, --count N, --rate N and --for TIME");
    } else {
      res.filter += (res.filter.empty() ? "" : " ") + word;
    }
    if (!ok)
      return api::fail(std::move(ok.error()));
  }
  res.duration *= 1'000'000;
  auto filter = runtime::actor_filter::parse(res.filter);
  if (!filter)
    return api::fail(std::move(filter.error()));
  return res;
}

} // namespace thespis::tools
