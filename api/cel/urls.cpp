// Kubernetes' URL functions, with Go's idea of a URL.

#include "api/cel/functions.hpp"
#include "api/cel/objects.hpp"
#include "api/cel/url.hpp"
#include "api/text/quote.hpp"

#include <map>

namespace thespis::api::cel {

namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

int hex(char c) {
  return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool unreserved(char c) {
  return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

/// A complaint about %-escapes; empty: they are right.
std::string check_escapes(std::string_view s) {
  for (size_t n = 0; n < s.size(); ++n)
    if (s[n] == '%' && (n + 2 >= s.size() || !is_hex(s[n + 1]) || !is_hex(s[n + 2])))
      return "invalid URL escape " + quote_go(s.substr(n, 3));
  return {};
}

std::string unescape(std::string_view s, bool plus) {
  std::string out;
  for (size_t n = 0; n < s.size(); ++n) {
    if (s[n] == '%' && n + 2 < s.size()) {
      out += static_cast<char>(hex(s[n + 1]) * 16 + hex(s[n + 2]));
      n += 2;
    } else {
      out += plus && s[n] == '+' ? ' ' : s[n];
    }
  }
  return out;
}

std::string check_host(std::string_view host) {
  auto port = host.rfind(':');
  if (!host.empty() && host[0] == '[') {
    auto close = host.rfind(']');
    if (close == std::string_view::npos)
      return "missing ']' in host";
    port = close + 1 < host.size() ? close + 1 : std::string_view::npos;
  }
  if (port != std::string_view::npos) {
    auto tail = host.substr(port);
    if (tail[0] != ':' || tail.find_first_not_of("0123456789", 1) != std::string_view::npos)
      return "invalid port " + quote_go(tail) + " after host";
    host = host.substr(0, port);
  }
  for (auto c : host)
    if (!unreserved(c) && static_cast<unsigned char>(c) < 0x80 &&
        std::string_view{"!$&'()*+,;=:[]<>\"%"}.find(c) == std::string_view::npos)
      return "invalid character " + quote_go({&c, 1}) + " in host name";
  return check_escapes(host);
}

/// The length of "scheme:"'s scheme; 0: there is none. Nothing: a colon leads.
std::optional<size_t> scheme_length(std::string_view s) {
  for (size_t n = 0; n < s.size(); ++n) {
    if (is_alpha(s[n]))
      continue;
    if (is_digit(s[n]) || s[n] == '+' || s[n] == '-' || s[n] == '.') {
      if (n == 0)
        return 0;
    } else if (s[n] == ':') {
      return n == 0 ? std::nullopt : std::optional{n};
    } else {
      return 0;
    }
  }
  return 0;
}

} // namespace

std::string check_request_uri(std::string_view text, url_parts* parts) {
  auto refuse = [&](const std::string& why) { return "parse " + quote_go(text) + ": " + why; };
  for (auto c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      return refuse("net/url: invalid control character in URL");
  if (text.empty())
    return refuse("empty url");
  auto scheme = scheme_length(text);
  if (!scheme)
    return refuse("missing protocol scheme");
  url_parts out;
  out.scheme = text.substr(0, *scheme);
  auto rest = text.substr(*scheme == 0 ? 0 : *scheme + 1);
  if (parts != nullptr)
    rest = rest.substr(0, rest.find('#'));
  auto mark = rest.find('?');
  if (mark != std::string_view::npos) {
    out.query = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  if (!rest.starts_with("/")) {
    if (out.scheme.empty())
      return refuse("invalid URI for request");
    // An opaque URL, mailto:a@b: it has neither host nor path.
    rest = {};
  }
  if (!out.scheme.empty() && rest.starts_with("//")) {
    auto slash = rest.find('/', 2);
    auto authority = rest.substr(2, slash == std::string_view::npos ? slash : slash - 2);
    rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
    auto at = authority.rfind('@');
    out.host = at == std::string_view::npos ? authority : authority.substr(at + 1);
    if (auto why = check_host(out.host); !why.empty())
      return refuse(why);
  }
  if (auto why = check_escapes(rest); !why.empty())
    return refuse(why);
  out.path = rest;
  if (parts != nullptr)
    *parts = out;
  return {};
}

namespace {

value make_url(evaluation& run, const value* a, size_t) {
  auto text = a[0].str();
  url_parts parts;
  auto why = check_request_uri(text, nullptr);
  if (why.empty())
    why = check_request_uri(text, &parts);
  if (!why.empty())
    return run.error("URL parse error during conversion from string: " + why);
  std::string scheme{parts.scheme};
  for (auto& c : scheme)
    c = static_cast<char>(is_alpha(c) ? c | 0x20 : c);
  return run.url({text, run.text(scheme), parts.host, parts.path, parts.query});
}

value is_url(evaluation&, const value* a, size_t) {
  return value::of(check_request_uri(a[0].str(), nullptr).empty());
}

value get_scheme(evaluation&, const value* a, size_t) {
  return value::of(a[0].url->scheme);
}

value get_host(evaluation&, const value* a, size_t) {
  return value::of(a[0].url->host);
}

/// Where the port's colon is; npos: there is no port.
size_t port_mark(std::string_view host) {
  auto colon = host.rfind(':');
  auto close = host.rfind(']');
  return colon != std::string_view::npos && (close == std::string_view::npos || colon > close)
             ? colon
             : std::string_view::npos;
}

value get_hostname(evaluation&, const value* a, size_t) {
  auto host = a[0].url->host;
  host = host.substr(0, port_mark(host));
  if (host.starts_with("[") && host.ends_with("]"))
    host = host.substr(1, host.size() - 2);
  return value::of(host);
}

value get_port(evaluation&, const value* a, size_t) {
  auto host = a[0].url->host;
  auto mark = port_mark(host);
  return value::of(mark == std::string_view::npos ? std::string_view{""} : host.substr(mark + 1));
}

value get_escaped_path(evaluation& run, const value* a, size_t) {
  auto path = a[0].url->path;
  auto valid = [](char c) {
    return unreserved(c) || std::string_view{"!$&'()*+,/:;=@[]%"}.find(c) != std::string_view::npos;
  };
  if (std::all_of(path.begin(), path.end(), valid))
    return value::of(path);
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (auto c : unescape(path, false)) {
    if (unreserved(c) || std::string_view{"$&+,/:;=@"}.find(c) != std::string_view::npos) {
      out += c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
  return run.string(out);
}

value get_query(evaluation& run, const value* a, size_t) {
  std::map<std::string, std::vector<value>> found;
  auto rest = a[0].url->query;
  while (!rest.empty()) {
    auto end = rest.find('&');
    auto pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (pair.empty() || pair.find(';') != std::string_view::npos || !check_escapes(pair).empty())
      continue;
    auto equals = pair.find('=');
    auto key = unescape(pair.substr(0, equals), true);
    auto held =
        equals == std::string_view::npos ? std::string{} : unescape(pair.substr(equals + 1), true);
    found[key].push_back(run.string(held));
  }
  auto* keys = run.values(found.size());
  auto* lists = run.values(found.size());
  size_t n = 0;
  for (const auto& [key, list] : found) {
    keys[n] = run.string(key);
    lists[n++] = run.list(list);
  }
  return run.map(keys, lists, found.size());
}

constexpr declaration table[] = {
    {"url", "(string) -> URL", make_url, price::traverse},
    {"isURL", "(string) -> bool", is_url, price::traverse},
    {"getScheme", "URL.() -> string", get_scheme},
    {"getHost", "URL.() -> string", get_host},
    {"getHostname", "URL.() -> string", get_hostname},
    {"getPort", "URL.() -> string", get_port},
    {"getEscapedPath", "URL.() -> string", get_escaped_path},
    {"getQuery", "URL.() -> map(string, list(string))", get_query},
};

} // namespace

library urls() {
  return table;
}

} // namespace thespis::api::cel
