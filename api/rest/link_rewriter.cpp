#include "api/rest/link_rewriter.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace thespis::api::rest {

namespace {

/// The attributes that hold a link, by element.
struct linking {
  std::string_view element;
  std::array<std::string_view, 4> attributes;
};
constexpr std::array<linking, 29> links = {{
    {"a", {"href"}},
    {"applet", {"codebase"}},
    {"area", {"href"}},
    {"audio", {"src"}},
    {"base", {"href"}},
    {"blockquote", {"cite"}},
    {"body", {"background"}},
    {"button", {"formaction"}},
    {"command", {"icon"}},
    {"del", {"cite"}},
    {"embed", {"src"}},
    {"form", {"action"}},
    {"frame", {"longdesc", "src"}},
    {"head", {"profile"}},
    {"html", {"manifest"}},
    {"iframe", {"longdesc", "src"}},
    {"img", {"longdesc", "src", "usemap"}},
    {"input", {"src", "usemap", "formaction"}},
    {"ins", {"cite"}},
    {"link", {"href"}},
    {"object", {"classid", "codebase", "data", "usemap"}},
    {"q", {"cite"}},
    {"script", {"src"}},
    {"source", {"src"}},
    {"track", {"src"}},
    {"video", {"poster", "src"}},
}};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return lower(c); });
  return out;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

bool holds_link(std::string_view element, std::string_view attribute) {
  return !attribute.empty() && std::any_of(links.begin(), links.end(), [&](const linking& l) {
    return l.element == element &&
           std::find(l.attributes.begin(), l.attributes.end(), attribute) != l.attributes.end();
  });
}

/// `a/./b//../c` as `a/c`: what Go's path.Join makes of it. Keeps a leading slash.
std::string clean(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part == ".." && !parts.empty())
      parts.pop_back();
    else if (!part.empty() && part != "." && part != "..")
      parts.push_back(part);
  }
  std::string out;
  for (const auto part : parts)
    out.append("/").append(part);
  return out.empty() ? "/" : out;
}

/// The length of "scheme:" at the start; 0 without one.
size_t scheme_size(std::string_view link) {
  for (size_t i = 0; i < link.size(); ++i) {
    const char c = lower(link[i]);
    if (c == ':')
      return i == 0 ? 0 : i + 1;
    const bool letter = c >= 'a' && c <= 'z';
    const bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (!letter && (!other || i == 0))
      return 0;
  }
  return 0;
}

/// One pass over a document, copying what is not a link.
class html_walk {
public:
  html_walk(const proxied_place& place, std::string_view html) : place_(place), html_(html) {}

  std::string run() {
    while (at_ < html_.size()) {
      const auto open = std::min(html_.find('<', at_), html_.size());
      copy_to(open);
      if (open < html_.size())
        markup();
    }
    return std::move(out_);
  }

private:
  void copy_to(size_t end) {
    out_.append(html_.substr(at_, end - at_));
    at_ = end;
  }

  void copy_past(std::string_view end) {
    const auto found = html_.find(end, at_);
    copy_to(found == html_.npos ? html_.size() : found + end.size());
  }

  void markup() {
    if (html_.substr(at_, 4) == "<!--")
      return copy_past("-->");
    const char next = at_ + 1 < html_.size() ? lower(html_[at_ + 1]) : '\0';
    if (next < 'a' || next > 'z')
      return copy_to(at_ + 1);
    size_t end = at_ + 1;
    while (end < html_.size() && !is_space(html_[end]) && html_[end] != '>' && html_[end] != '/')
      ++end;
    const auto element = lower(html_.substr(at_ + 1, end - at_ - 1));
    copy_to(end);
    while (at_ < html_.size() && html_[at_] != '>')
      attribute(element);
    // What looks like markup in there is none.
    if (element == "script" || element == "style")
      skip_raw(element);
  }

  void skip_raw(const std::string& element) {
    for (size_t i = at_; i < html_.size(); ++i)
      if (html_[i] == '<' && lower(html_.substr(i, element.size() + 2)) == "</" + element)
        return copy_to(i);
    copy_to(html_.size());
  }

  void attribute(const std::string& element) {
    size_t end = at_;
    while (end < html_.size() && (is_space(html_[end]) || html_[end] == '/'))
      ++end;
    copy_to(end);
    while (end < html_.size() && !is_space(html_[end]) && html_[end] != '=' && html_[end] != '>' &&
           html_[end] != '/')
      ++end;
    if (end == at_ && end < html_.size() && html_[end] == '=')
      ++end; // an attribute without a name
    const auto name = lower(html_.substr(at_, end - at_));
    copy_to(end);
    while (end < html_.size() && is_space(html_[end]))
      ++end;
    if (end == html_.size() || html_[end] != '=')
      return;
    ++end;
    while (end < html_.size() && is_space(html_[end]))
      ++end;
    copy_to(end);
    value(holds_link(element, name));
  }

  void value(bool link) {
    if (at_ == html_.size() || html_[at_] == '>')
      return;
    const char quote = html_[at_];
    const bool quoted = quote == '"' || quote == '\'';
    if (quoted)
      copy_to(at_ + 1);
    size_t end = at_;
    while (end < html_.size() &&
           (quoted ? html_[end] != quote : !is_space(html_[end]) && html_[end] != '>'))
      ++end;
    if (link) {
      out_ += rewrite_link(place_, html_.substr(at_, end - at_));
      at_ = end;
    }
    copy_to(quoted ? std::min(end + 1, html_.size()) : end);
  }

  const proxied_place& place_;
  const std::string_view html_;
  size_t at_ = 0;
  std::string out_;
};

} // namespace

std::string rewrite_link(const proxied_place& place, std::string_view link) {
  auto rest = link;
  const auto scheme = scheme_size(rest);
  rest.remove_prefix(scheme);
  const bool has_host = rest.substr(0, 2) == "//";
  if (scheme > 0 && !has_host)
    return std::string(link); // mailto: and the like
  if (has_host) {
    rest.remove_prefix(2);
    const auto end = std::min(rest.find_first_of("/?#"), rest.size());
    const auto host = rest.substr(0, end);
    if (host != place.host && host != place.request_host)
      return std::string(link);
    rest.remove_prefix(end);
  }
  const auto end = std::min(rest.find_first_of("?#"), rest.size());
  const auto path = rest.substr(0, end);
  if (path.empty() || path.front() != '/')
    return std::string(link);
  if (path.substr(0, place.prefix.size()) == place.prefix)
    return std::string(rest);
  auto out = clean(place.prefix + std::string(path));
  if (path.back() == '/' && out.back() != '/')
    out += '/';
  return out.append(rest.substr(end));
}

std::string rewrite_html(const proxied_place& place, std::string_view html) {
  return html_walk(place, html).run();
}

} // namespace thespis::api::rest
