#include "api/rest/request_target.hpp"

#include "api/text/quote.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::api::rest {

namespace {

constexpr size_t max_parameters = 1'000;

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

std::string lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

/// The segments of a path, decoded one by one, so that an escaped slash joins no segments.
result<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty() && path.front() == '/')
    path.remove_prefix(1);
  while (!path.empty() && path.back() == '/')
    path.remove_suffix(1);
  while (!path.empty()) {
    size_t slash = std::min(path.find('/'), path.size());
    auto part = percent_decode(path.substr(0, slash), false);
    if (!part || part->find('\0') != std::string::npos)
      return fail(bad_request("the request's path is not correctly percent-encoded UTF-8"));
    parts.push_back(std::move(*part));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

std::string verb_of(std::string_view method) {
  if (method == "POST")
    return "create";
  if (method == "GET" || method == "HEAD")
    return "get";
  if (method == "PUT")
    return "update";
  if (method == "PATCH")
    return "patch";
  if (method == "DELETE")
    return "delete";
  return lower(method);
}

/// Namespace, resource, name and subresource of what follows the version.
void read_resource(request_target& t, const std::vector<std::string>& parts, size_t at) {
  auto rest = [&](size_t n) { return n < parts.size() ? parts[n] : std::string{}; };
  if (rest(at) == "namespaces") {
    t.ns = rest(at + 1);
    // Below a namespace everything is a resource in it, except these two parts of itself.
    bool below = parts.size() > at + 2 && rest(at + 2) != "status" && rest(at + 2) != "finalize";
    if (below)
      at += 2;
  }
  t.resource = rest(at);
  t.name = rest(at + 1);
  t.subresource = rest(at + 2);
  for (size_t i = at + 3; i < parts.size(); ++i)
    t.rest += (t.rest.empty() ? "" : "/") + parts[i];
}

/// The name that a field selector `metadata.name=x` names, as authorization sees it.
std::string selected_name(std::string_view selector) {
  while (!selector.empty()) {
    size_t comma = std::min(selector.find(','), selector.size());
    auto term = selector.substr(0, comma);
    for (std::string_view prefix : {"metadata.name==", "metadata.name="})
      if (term.substr(0, prefix.size()) == prefix)
        return std::string(term.substr(prefix.size()));
    selector.remove_prefix(std::min(comma + 1, selector.size()));
  }
  return {};
}

void refine_verb(request_target& t, bool legacy_watch) {
  if (legacy_watch) {
    t.verb = "watch";
    return;
  }
  if (!t.name.empty())
    return;
  if (t.verb == "get") {
    t.verb = t.query.flag("watch") ? "watch" : "list";
    if (auto name = selected_name(t.query.get("fieldSelector")); !name.empty())
      t.name = std::move(name);
  } else if (t.verb == "delete") {
    t.verb = "deletecollection";
  }
}

} // namespace

std::optional<std::string> percent_decode(std::string_view s, bool plus_is_space) {
  std::string out;
  out.reserve(s.size());
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (s[i] == '%') {
      if (i + 2 >= s.size())
        return std::nullopt;
      int hi = hex_digit(s[i + 1]);
      int lo = hex_digit(s[i + 2]);
      if (hi < 0 || lo < 0)
        return std::nullopt;
      out += static_cast<char>(hi * 16 + lo);
      i += 2;
    } else {
      out += s[i];
    }
  }
  if (!is_utf8(out))
    return std::nullopt;
  return out;
}

result<query> query::parse(std::string_view text) {
  query q;
  while (!text.empty()) {
    size_t end = std::min(text.find('&'), text.size());
    auto term = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (term.empty())
      continue;
    size_t eq = std::min(term.find('='), term.size());
    auto key = percent_decode(term.substr(0, eq), true);
    auto value = percent_decode(term.substr(std::min(eq + 1, term.size())), true);
    if (!key || !value)
      return fail(bad_request("the request's query is not correctly percent-encoded UTF-8"));
    if (q.params_.size() == max_parameters)
      return fail(bad_request("the request's query has too many parameters"));
    q.params_.emplace_back(std::move(*key), std::move(*value));
  }
  return q;
}

std::string_view query::get(std::string_view name) const {
  for (const auto& [key, value] : params_)
    if (key == name)
      return value;
  return {};
}

bool query::has(std::string_view name) const {
  return std::any_of(params_.begin(), params_.end(),
                     [&](const auto& p) { return p.first == name; });
}

std::vector<std::string> query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : params_)
    if (key == name)
      values.push_back(value);
  return values;
}

bool query::flag(std::string_view name) const {
  if (!has(name))
    return false;
  auto value = lower(get(name));
  return value != "false" && value != "0";
}

result<std::optional<int64_t>> query::integer(std::string_view name) const {
  auto text = get(name);
  if (text.empty())
    return std::nullopt;
  int64_t n = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool whole = end == text.data() + text.size();
  if (ec != std::errc{} || !whole)
    return fail(bad_request("strconv.ParseInt: parsing " + quote_go(text) +
                            (ec == std::errc::result_out_of_range && whole ? ": value out of range"
                                                                           : ": invalid syntax")));
  return n;
}

result<request_target> read_target(std::string_view method, std::string_view target) {
  request_target t;
  if (size_t fragment = target.find('#'); fragment != target.npos)
    target = target.substr(0, fragment);
  size_t mark = std::min(target.find('?'), target.size());
  auto path = target.substr(0, mark);
  if (path.empty() || path.front() != '/')
    return fail(bad_request("the request's target is no absolute path"));
  auto q = query::parse(target.substr(std::min(mark + 1, target.size())));
  if (!q)
    return fail(std::move(q.error()));
  t.query = std::move(*q);
  auto parts = split_path(path);
  if (!parts)
    return fail(std::move(parts.error()));
  for (const auto& part : *parts)
    t.path += "/" + part;
  if (t.path.empty())
    t.path = "/";

  t.verb = lower(method);
  size_t at = 0;
  if (parts->size() >= 3 && parts->front() == "api") {
    t.version = (*parts)[1];
    at = 2;
  } else if (parts->size() >= 4 && parts->front() == "apis") {
    t.group = (*parts)[1];
    t.version = (*parts)[2];
    at = 3;
  } else {
    return t;
  }
  t.is_resource = true;
  t.verb = verb_of(method);
  bool legacy_watch = (*parts)[at] == "watch" && parts->size() > at + 1 && t.verb == "get";
  if (legacy_watch)
    ++at;
  read_resource(t, *parts, at);
  refine_verb(t, legacy_watch);
  return t;
}

} // namespace thespis::api::rest
