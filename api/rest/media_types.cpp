#include "api/rest/media_types.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace thespis::api::rest {

namespace {

constexpr std::string_view supported_types = "application/json, application/yaml";

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
    s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
    s.remove_suffix(1);
  return s;
}

std::string lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

/// Cuts the text before `separator` off the front of `s`.
std::string_view cut(std::string_view& s, char separator) {
  size_t end = std::min(s.find(separator), s.size());
  auto head = s.substr(0, end);
  s.remove_prefix(std::min(end + 1, s.size()));
  return trim(head);
}

double read_quality(std::string_view s) {
  double q = 1;
  auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), q);
  return ec == std::errc{} && end == s.data() + s.size() ? std::clamp(q, 0.0, 1.0) : 0;
}

bool read_range(std::string_view text, media_range& range) {
  range.type = lower(cut(text, ';'));
  if (range.type.find('/') == std::string::npos)
    return false;
  while (!text.empty()) {
    auto parameter = cut(text, ';');
    auto key = lower(cut(parameter, '='));
    if (parameter.size() >= 2 && parameter.front() == '"' && parameter.back() == '"')
      parameter = parameter.substr(1, parameter.size() - 2);
    if (key == "q")
      range.quality = read_quality(parameter);
    else
      range.parameters.emplace_back(std::move(key), parameter);
  }
  return true;
}

tl::unexpected<error> not_acceptable(std::string_view types) {
  return fail(reason::not_acceptable,
              "only the following media types are accepted: " + std::string(types));
}

bool is_json(const media_range& r) {
  return r.type == "application/json" || r.type == "*/*" || r.type == "application/*";
}

bool is_yaml(const media_range& r) {
  return r.type == "application/yaml";
}

bool is_protobuf(const media_range& r) {
  return r.type == "application/vnd.kubernetes.protobuf";
}

/// The encoding of a range, where it is on offer.
std::optional<encoding> encoding_of(const media_range& r, const offer& o) {
  if (is_json(r))
    return encoding::json;
  if (is_yaml(r) && !o.stream)
    return encoding::yaml;
  if (is_protobuf(r) && o.protobuf)
    return encoding::protobuf;
  return std::nullopt;
}

std::string types_on(const offer& o) {
  std::string_view tail = o.stream ? ";stream=watch" : "";
  std::string types = "application/json" + std::string(tail);
  if (!o.stream)
    types += ", application/yaml";
  if (o.protobuf)
    types.append(", application/vnd.kubernetes.protobuf").append(tail);
  return types;
}

bool is_meta_version(std::string_view v) {
  return v == "v1" || v == "v1beta1";
}

/// Reads `as=Table;g=meta.k8s.io;v=v1`. False when the range asks for something unknown.
bool read_shape(const media_range& range, representation& out) {
  auto as = range.parameter("as");
  if (as.empty()) {
    out.shape = shape::plain;
    return true;
  }
  if (range.parameter("g") != "meta.k8s.io" || !is_meta_version(range.parameter("v")))
    return false;
  out.meta_version = range.parameter("v");
  if (as == "Table")
    out.shape = shape::table;
  else if (as == "PartialObjectMetadata")
    out.shape = shape::partial_metadata;
  else if (as == "PartialObjectMetadataList")
    out.shape = shape::partial_metadata_list;
  else
    return false;
  return true;
}

} // namespace

std::string_view media_range::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters)
    if (key == name)
      return value;
  return {};
}

std::vector<media_range> parse_media_ranges(std::string_view header) {
  std::vector<media_range> ranges;
  while (!header.empty() && ranges.size() < 64) {
    auto text = cut(header, ',');
    media_range range;
    if (read_range(text, range) && range.quality > 0)
      ranges.push_back(std::move(range));
  }
  std::stable_sort(ranges.begin(), ranges.end(),
                   [](const auto& a, const auto& b) { return a.quality > b.quality; });
  return ranges;
}

std::string representation::content_type() const {
  std::string type = encoding == encoding::yaml       ? "application/yaml"
                     : encoding == encoding::protobuf ? "application/vnd.kubernetes.protobuf"
                                                      : "application/json";
  switch (shape) {
  case shape::plain:
    return type;
  case shape::table:
    return type + ";as=Table;v=" + meta_version + ";g=meta.k8s.io";
  case shape::partial_metadata:
    return type + ";as=PartialObjectMetadata;v=" + meta_version + ";g=meta.k8s.io";
  case shape::partial_metadata_list:
    return type + ";as=PartialObjectMetadataList;v=" + meta_version + ";g=meta.k8s.io";
  }
  return type;
}

result<representation> negotiate(std::string_view accept, const offer& o) {
  representation out;
  if (trim(accept).empty() || accept == "application/json" || accept == "*/*")
    return out;
  for (const auto& range : parse_media_ranges(accept)) {
    auto encoding = encoding_of(range, o);
    if (!encoding)
      continue;
    out.encoding = *encoding;
    // Tables have no protobuf form.
    if (!read_shape(range, out) ||
        (out.encoding == rest::encoding::protobuf && out.shape == shape::table) ||
        (!o.shapes && out.shape != shape::plain))
      continue;
    out.pretty = range.parameter("pretty") == "1" || range.parameter("pretty") == "true";
    return out;
  }
  return not_acceptable(types_on(o));
}

result<discovery_form> negotiate_discovery(std::string_view accept) {
  discovery_form out;
  if (trim(accept).empty())
    return out;
  for (const auto& range : parse_media_ranges(accept)) {
    if (!is_json(range) && !is_yaml(range))
      continue;
    out.encoding = is_yaml(range) ? encoding::yaml : encoding::json;
    auto as = range.parameter("as");
    if (as.empty())
      return out;
    auto version = range.parameter("v");
    if (as != "APIGroupDiscoveryList" || range.parameter("g") != "apidiscovery.k8s.io" ||
        (version != "v2" && version != "v2beta1") || out.encoding != encoding::json)
      continue;
    out.aggregated = version;
    return out;
  }
  return not_acceptable(supported_types);
}

result<openapi_form> negotiate_openapi_v2(std::string_view accept) {
  if (trim(accept).empty())
    return openapi_form::json;
  for (const auto& range : parse_media_ranges(accept)) {
    if (range.type == "application/com.github.proto-openapi.spec.v2@v1.0+protobuf" ||
        range.type == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
      return openapi_form::protobuf;
    if (is_json(range) || range.type == "text/html")
      return openapi_form::json;
  }
  return not_acceptable("application/json, "
                        "application/com.github.proto-openapi.spec.v2@v1.0+protobuf");
}

result<patch_kind> patch_kind_of(std::string_view content_type) {
  auto type = lower(cut(content_type, ';'));
  if (type == "application/json-patch+json")
    return patch_kind::json_patch;
  if (type == "application/merge-patch+json")
    return patch_kind::json_merge;
  if (type == "application/strategic-merge-patch+json")
    return patch_kind::strategic_merge;
  if (type == "application/apply-patch+yaml")
    return patch_kind::apply;
  return fail(reason::unsupported_media_type,
              "the body of the request was in an unknown format - accepted media types include: "
              "application/json-patch+json, application/merge-patch+json, "
              "application/strategic-merge-patch+json, application/apply-patch+yaml");
}

result<encoding> body_encoding(std::string_view content_type) {
  auto type = lower(cut(content_type, ';'));
  // curl says "form" when nobody told it what it sends; Kubernetes refuses that too.
  if (type.empty() || type == "application/json")
    return encoding::json;
  if (type == "application/yaml")
    return encoding::yaml;
  if (type == "application/vnd.kubernetes.protobuf")
    return encoding::protobuf;
  return fail(reason::unsupported_media_type,
              "the body of the request was in an unknown format - accepted media types include: "
              "application/json, application/yaml, application/vnd.kubernetes.protobuf");
}

} // namespace thespis::api::rest
