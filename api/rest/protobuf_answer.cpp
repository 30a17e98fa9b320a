#include "api/rest/protobuf_answer.hpp"

#include "api/rest/protobuf_encoder.hpp"
#include "api/rest/protobuf_fields.hpp"

namespace thespis::api::rest {

namespace {

constexpr std::string_view meta_group = "meta.k8s.io/";
constexpr size_t cache_slots = 1024;
constexpr size_t largest_kept = 64 * 1024;

const schema::struct_type& object_meta_type() {
  static const auto& type =
      *schema::registry::builtin().find_type("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  return type;
}

const schema::struct_type& list_meta_type() {
  static const auto& type =
      *schema::registry::builtin().find_type("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta");
  return type;
}

const schema::struct_type* find_type(std::string_view api_version, std::string_view kind) {
  auto slash = api_version.find('/');
  bool core = slash == api_version.npos;
  return schema::registry::builtin().find_kind_type(
      core ? std::string_view{} : api_version.substr(0, slash),
      core ? api_version : api_version.substr(slash + 1), kind);
}

/// PartialObjectMetadata{metadata = 1}.
void write_partial(protobuf_encoder& e, const json::value& object) {
  const size_t mark = e.out.size();
  if (const auto* meta = json::find(object, "metadata"))
    e.message(object_meta_type(), *meta);
  e.out.close(1, mark);
}

/// PartialObjectMetadataList{metadata = 1, items = 2}.
void write_partial_list(protobuf_encoder& e, const json::value& list) {
  if (const auto* items = json::find(list, "items"); items && items->IsArray()) {
    for (auto i = items->Size(); i-- > 0;) {
      const size_t mark = e.out.size();
      write_partial(e, (*items)[i]);
      e.out.close(2, mark);
    }
  }
  const size_t mark = e.out.size();
  if (const auto* meta = json::find(list, "metadata"))
    e.message(list_meta_type(), *meta);
  e.out.close(1, mark);
}

/// Writes the message of `object`. False: its kind has no protobuf form.
bool write_object(protobuf_encoder& e, const json::value& object) {
  auto api_version = json::get_string(object, "apiVersion");
  auto kind = json::get_string(object, "kind");
  if (api_version.substr(0, meta_group.size()) == meta_group) {
    if (kind == "PartialObjectMetadata")
      write_partial(e, object);
    else if (kind == "PartialObjectMetadataList")
      write_partial_list(e, object);
    else
      return false;
    return true;
  }
  const auto* type = find_type(api_version, kind);
  if (type)
    e.message(*type, object);
  return type != nullptr;
}

error no_form(const json::value& object) {
  return internal_error("kind " + std::string(json::get_string(object, "kind")) + " of " +
                        std::string(json::get_string(object, "apiVersion")) +
                        " cannot be encoded to a protobuf message");
}

/// Go always writes Unknown's contentEncoding (3) and contentType (4), empty as they are.
constexpr std::string_view envelope_tail{"\x1a\0\x22\0", 4};

/// All of an envelope that stands before a message of `length` bytes.
std::string envelope_head(std::string_view api_version, std::string_view kind, size_t length) {
  std::string type_meta;
  append_head(type_meta, 1, api_version.size());
  type_meta += api_version;
  append_head(type_meta, 2, kind.size());
  type_meta += kind;
  std::string out(protobuf_magic);
  append_head(out, 1, type_meta.size());
  out += type_meta;
  append_head(out, 2, length);
  return out;
}

size_t slot_of(const object* o) {
  auto bits = reinterpret_cast<uintptr_t>(o);
  return (bits * 0x9E3779B97F4A7C15u >> 40) % cache_slots;
}

} // namespace

bool has_protobuf(const schema::resource& r) {
  return !r.owner;
}

result<protobuf_object> to_protobuf_object(const json::value& object) {
  protobuf_encoder e;
  if (!write_object(e, object))
    return fail(no_form(object));
  return protobuf_object{std::string(json::get_string(object, "apiVersion")),
                         std::string(json::get_string(object, "kind")), std::string(e.out.bytes())};
}

result<std::string> json_to_protobuf(const json::value& object) {
  auto o = to_protobuf_object(object);
  if (!o)
    return fail(std::move(o.error()));
  return protobuf_envelope(*o);
}

std::string protobuf_envelope(const protobuf_object& o) {
  auto out = envelope_head(o.api_version, o.kind, o.message.size());
  out.reserve(out.size() + o.message.size() + envelope_tail.size());
  return out.append(o.message).append(envelope_tail);
}

std::string protobuf_list(std::string_view api_version, std::string_view kind,
                          const protobuf_list_meta& meta,
                          const std::vector<protobuf_object_ptr>& items) {
  wire_writer w;
  if (meta.remaining > 0)
    w.varint(4, static_cast<uint64_t>(meta.remaining));
  w.text(3, meta.continue_token);
  w.text(2, std::to_string(meta.revision));
  w.text(1, "");
  w.close(1, 0);
  size_t length = w.size();
  for (const auto& item : items)
    length += 1 + varint_size(item->message.size()) + item->message.size();
  auto out = envelope_head(api_version, kind, length);
  out.reserve(out.size() + length + envelope_tail.size());
  out += w.bytes();
  for (const auto& item : items) {
    append_head(out, 2, item->message.size());
    out += item->message;
  }
  return out.append(envelope_tail);
}

std::string protobuf_event_head(std::string_view type, const protobuf_object& o) {
  const auto head = envelope_head(o.api_version, o.kind, o.message.size());
  const size_t envelope = head.size() + o.message.size() + envelope_tail.size();
  const size_t raw = 1 + varint_size(envelope) + envelope;
  const size_t length = 1 + varint_size(type.size()) + type.size() + 1 + varint_size(raw) + raw;
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out += static_cast<char>(length >> shift);
  append_head(out, 1, type.size());
  out += type;
  append_head(out, 2, raw);
  append_head(out, 1, envelope);
  return out.append(head);
}

const std::shared_ptr<const std::string>& protobuf_event_tail() {
  static const auto tail = std::make_shared<const std::string>(envelope_tail);
  return tail;
}

result<protobuf_object_ptr> protobuf_cache::get(const object_ptr& o, bool keep) {
  const size_t slot = slot_of(o.get());
  {
    std::lock_guard lock(mutex_);
    if (!slots_.empty() && slots_[slot].of.lock() == o)
      return slots_[slot].message;
  }
  auto message = to_protobuf_object(o->parse());
  if (!message)
    return fail(std::move(message.error()));
  auto made = std::make_shared<const protobuf_object>(std::move(*message));
  if (keep && made->message.size() <= largest_kept) {
    std::lock_guard lock(mutex_);
    slots_.resize(cache_slots);
    slots_[slot] = {o, made};
  }
  return made;
}

} // namespace thespis::api::rest
