#include "api/rest/answers.hpp"

#include "api/rest/protobuf_answer.hpp"
#include "api/text/quote.hpp"
#include "api/yaml.hpp"

#include <algorithm>

namespace thespis::api::rest {

namespace {

/// Below this a list is copied into one buffer: many small pieces cost more than the copy.
constexpr size_t scatter_from = 16 * 1024;

std::string list_head(const exchange& x, const list_answer& l) {
  const auto& r = *x.resource;
  std::string head = "{\"kind\":" + json::quote(r.list_type ? r.list_type->name : r.kind + "List") +
                     ",\"apiVersion\":" + json::quote(r.api_version()) +
                     ",\"metadata\":{\"resourceVersion\":\"" + std::to_string(l.revision) + "\"";
  if (!l.continue_token.empty())
    head += ",\"continue\":" + json::quote(l.continue_token);
  if (l.remaining > 0)
    head += ",\"remainingItemCount\":" + std::to_string(l.remaining);
  return head + "},\"items\":[";
}

/// A list without its objects' bytes being copied; owns what the pieces point into.
struct scattered_list {
  std::string head;
  std::vector<object_ptr> objects;

  static transport::payload make(std::string head, std::vector<object_ptr> objects) {
    auto owner = std::make_shared<scattered_list>();
    owner->head = std::move(head);
    owner->objects = std::move(objects);
    std::vector<boost::asio::const_buffer> pieces;
    pieces.reserve(owner->objects.size() * 2 + 2);
    pieces.emplace_back(owner->head.data(), owner->head.size());
    for (size_t i = 0; i < owner->objects.size(); ++i) {
      if (i > 0)
        pieces.emplace_back(",", 1);
      pieces.emplace_back(owner->objects[i]->bytes().data(), owner->objects[i]->bytes().size());
    }
    pieces.emplace_back("]}", 2);
    return {std::move(pieces), std::move(owner)};
  }
};

std::string joined_list(std::string head, const std::vector<object_ptr>& objects) {
  for (size_t i = 0; i < objects.size(); ++i)
    head.append(i ? "," : "").append(objects[i]->bytes());
  return head.append("]}");
}

std::string partial_list(const representation& form, const list_answer& l) {
  std::string out = "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/" +
                    form.meta_version + "\",\"metadata\":{\"resourceVersion\":\"" +
                    std::to_string(l.revision) + "\"";
  if (!l.continue_token.empty())
    out += ",\"continue\":" + json::quote(l.continue_token);
  if (l.remaining > 0)
    out += ",\"remainingItemCount\":" + std::to_string(l.remaining);
  out += "},\"items\":[";
  for (size_t i = 0; i < l.objects.size(); ++i)
    out.append(i ? "," : "").append(table::partial_metadata(*l.objects[i], form.meta_version));
  return out + "]}";
}

result<std::string> table_of(const exchange& x, const std::vector<object_ptr>& objects,
                             table::list_meta meta) {
  auto include = include_object_of(x.target.query);
  if (!include)
    return fail(std::move(include.error()));
  table::options o;
  o.version = x.form.meta_version;
  o.include = *include;
  o.now = x.server->options.now();
  return table::render(*x.resource, objects, meta, o);
}

/// Whether the JSON goes out as it is.
bool verbatim(const representation& form) {
  return form.encoding == encoding::json && !form.pretty;
}

transport::response protobuf_object_answer(const exchange& x, int status, const object_ptr& o) {
  auto made = x.server->protobufs.get(o, true);
  if (!made)
    return answer(made.error());
  return answer(status, x.form.content_type(), transport::payload(protobuf_envelope(**made)));
}

transport::response protobuf_list_answer(const exchange& x, const list_answer& l) {
  const auto& r = *x.resource;
  std::vector<protobuf_object_ptr> items;
  items.reserve(l.objects.size());
  for (const auto& o : l.objects) {
    auto made = x.server->protobufs.get(o, l.objects.size() <= protobuf_cache::worth_keeping);
    if (!made)
      return answer(made.error());
    items.push_back(std::move(*made));
  }
  return answer(200, x.form.content_type(),
                transport::payload(protobuf_list(
                    r.api_version(), r.list_type ? r.list_type->name : r.kind + "List",
                    {l.revision, l.continue_token, l.remaining}, items)));
}

std::string copy_of(const transport::payload& p) {
  std::string out;
  out.reserve(p.size());
  for (const auto& piece : p)
    out.append(static_cast<const char*>(piece.data()), piece.size());
  return out;
}

/// The first characters of a text, never a part of one.
std::string_view first_characters(std::string_view text, size_t n) {
  size_t end = 0;
  for (; end < text.size(); ++end)
    if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80 && n-- == 0)
      break;
  return text.substr(0, end);
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

/// What of them is sent, by Kubernetes' rule: everything while it is little; else each is cut, and
/// the last is the one that makes it much.
std::vector<std::string_view> told_of(const std::vector<std::string>& warnings) {
  constexpr size_t much = 4096, each = 256;
  size_t total = 0;
  for (const auto& w : warnings)
    total += characters(w);
  std::vector<std::string_view> out;
  size_t written = 0;
  for (const auto& w : warnings) {
    if (written > much)
      break;
    out.push_back(total > much ? first_characters(w, each) : std::string_view(w));
    written += characters(out.back());
  }
  return out;
}

} // namespace

transport::shared_bytes bytes_of(const object_ptr& o) {
  return {o, &o->bytes()};
}

transport::response answer(const error& e) {
  auto refusal = transport::refuse(e);
  return std::move(refusal.answer);
}

transport::response answer(int status, std::string content_type, transport::payload body) {
  transport::response r;
  r.status = status;
  r.content_type = std::move(content_type);
  r.body = std::move(body);
  return r;
}

transport::response in_form(const exchange& x, transport::response r) {
  if (x.form.encoding != encoding::protobuf || r.content_type != "application/json")
    return r;
  auto status = json_to_protobuf(json::parse_trusted(copy_of(r.body)));
  if (!status)
    return r;
  r.content_type = representation{encoding::protobuf, shape::plain, "v1", false}.content_type();
  r.body = transport::payload(std::move(*status));
  return r;
}

transport::response answer(int status, std::string text, const representation& form) {
  if (form.encoding == encoding::protobuf) {
    auto bytes = json_to_protobuf(json::parse_trusted(text));
    return bytes ? answer(status, form.content_type(), transport::payload(std::move(*bytes)))
                 : answer(bytes.error());
  }
  if (!verbatim(form)) {
    auto doc = json::parse_trusted(text);
    text = form.encoding == encoding::yaml ? yaml::to_yaml(doc) : json::to_pretty_string(doc);
  }
  return answer(status, form.content_type(), transport::payload(std::move(text)));
}

transport::response answer_object(const exchange& x, int status, const object_ptr& o) {
  switch (x.form.shape) {
  case shape::plain:
    if (x.form.encoding == encoding::protobuf)
      return protobuf_object_answer(x, status, o);
    if (verbatim(x.form))
      return answer(status, "application/json", transport::payload(bytes_of(o)));
    return answer(status, o->bytes(), x.form);
  case shape::table: {
    auto text = table_of(x, {o}, {o->revision(), {}, 0});
    return text ? answer(status, std::move(*text), x.form) : answer(text.error());
  }
  case shape::partial_metadata:
    return answer(status, table::partial_metadata(*o, x.form.meta_version), x.form);
  case shape::partial_metadata_list:
    break;
  }
  error e;
  e.why = reason::not_acceptable;
  e.message = "you requested PartialObjectMetadataList, but the requested object is not a list";
  return answer(e);
}

transport::response answer_list(const exchange& x, list_answer l) {
  switch (x.form.shape) {
  case shape::plain: {
    if (x.form.encoding == encoding::protobuf)
      return protobuf_list_answer(x, l);
    auto head = list_head(x, l);
    if (!verbatim(x.form))
      return answer(200, joined_list(std::move(head), l.objects), x.form);
    size_t total = 0;
    for (const auto& o : l.objects)
      total += o->bytes().size();
    if (total < scatter_from)
      return answer(200, "application/json",
                    transport::payload(joined_list(std::move(head), l.objects)));
    return answer(200, "application/json",
                  scattered_list::make(std::move(head), std::move(l.objects)));
  }
  case shape::table: {
    auto text = table_of(x, l.objects, {l.revision, l.continue_token, l.remaining});
    return text ? answer(200, std::move(*text), x.form) : answer(text.error());
  }
  case shape::partial_metadata: {
    error e;
    e.why = reason::not_acceptable;
    e.message = "you requested PartialObjectMetadata, but the requested object is a list";
    return answer(e);
  }
  case shape::partial_metadata_list:
    return answer(200, partial_list(x.form, l), x.form);
  }
  return answer(internal_error("unknown representation"));
}

void add_warnings(transport::response& r, const std::vector<std::string>& warnings) {
  for (const auto w : told_of(warnings)) {
    std::string text;
    for (char c : w) {
      if (c == '"' || c == '\\')
        text += '\\';
      text += c;
    }
    r.headers.emplace_back("Warning", "299 - \"" + text + "\"");
  }
}

error too_busy() {
  error e;
  e.why = reason::too_many_requests;
  e.message = "the server has received too many requests and has asked us to try again later";
  e.retry_after_seconds = 1;
  return e;
}

void add_deprecation(const exchange& x, transport::response& r) {
  if (x.resource && !x.resource->deprecation.empty())
    add_warnings(r, {x.resource->deprecation});
}

transport::response answer_document(const cached_document& d, std::string content_type,
                                    std::string_view if_none_match) {
  bool known =
      !d.etag.empty() && (if_none_match.find(d.etag) != if_none_match.npos || if_none_match == "*");
  auto r = known ? answer(304, std::move(content_type), transport::payload())
                 : answer(200, std::move(content_type), transport::payload(d.bytes));
  r.headers.emplace_back("ETag", d.etag);
  r.headers.emplace_back("Vary", "Accept");
  r.headers.emplace_back("Cache-Control", "public");
  return r;
}

result<table::include_object> include_object_of(const query& q) {
  auto text = q.get("includeObject");
  if (text.empty() || text == "Metadata")
    return table::include_object::metadata;
  if (text == "None")
    return table::include_object::none;
  if (text == "Object")
    return table::include_object::object;
  return fail(bad_request("unrecognized includeObject value: " + quote_go(text)));
}

} // namespace thespis::api::rest
