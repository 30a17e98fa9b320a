#include "api/rest/protobuf_answer.hpp"

#include "api/json.hpp"
#include "api/rest/protobuf_body.hpp"
#include "api/rest/protobuf_fields.hpp"
#include "api/text/base64.hpp"
#include "fixture.hpp"

using namespace thespis::api;
using namespace thespis::api::rest;
using namespace thespis::test;

namespace {

using namespace std::string_literals;

const schema::registry& schemas() {
  return schema::registry::builtin();
}

/// Makes objects with every field set, to values that only this place in the object has.
class generator {
public:
  explicit generator(unsigned seed) : count_(seed) {}

  json::document object(const schema::struct_type& t, const std::string& api_version,
                        const std::string& kind) {
    json::document doc(rapidjson::kObjectType);
    alloc_ = &doc.GetAllocator();
    json::set(doc, "kind", kind, *alloc_);
    json::set(doc, "apiVersion", api_version, *alloc_);
    fields(t, doc);
    return doc;
  }

private:
  /// Types that hold themselves do so once.
  static constexpr long max_nesting = 2;

  void fields(const schema::struct_type& t, json::value& out) {
    within_.push_back(&t);
    for (const auto& f : t.fields) {
      bool wrapped = std::any_of(t.wraps.begin(), t.wraps.end(), [&](const auto& w) {
        return std::any_of(w.members.begin(), w.members.end(),
                           [&](const auto& m) { return m.first == f.name; });
      });
      if ((f.pb == 0 && !wrapped) || nests_too_deep(f.type))
        continue;
      json::set(out, f.name, value(f, f.type), *alloc_);
    }
    within_.pop_back();
  }

  bool nests_too_deep(const schema::value_type& t) const {
    if (t.element)
      return nests_too_deep(*t.element);
    return t.object && std::count(within_.begin(), within_.end(), t.object) >= max_nesting;
  }

  json::value value(const schema::field& f, const schema::value_type& t) {
    const auto n = static_cast<int64_t>(++count_);
    switch (t.form) {
    case schema::shape::string:
      return text("s" + std::to_string(n) + "\xC3\xA9");
    case schema::shape::boolean:
      return json::value(true);
    case schema::shape::int32:
      return json::value(n % 2 ? n : -n);
    case schema::shape::int64:
      return json::value((n % 2 ? 1 : -1) * (n << 33));
    case schema::shape::number:
      return json::value(static_cast<double>(n) + 0.25);
    case schema::shape::bytes:
      return text(encode_base64("\x00\xFF"s + std::to_string(n)));
    case schema::shape::quantity:
      return text(std::to_string(n) + "m");
    case schema::shape::time:
      return text("2026-01-01T00:00:" + std::to_string(10 + n % 50) + "Z");
    case schema::shape::micro_time:
      return text("1970-01-01T00:00:00.0000" + std::to_string(10 + n % 90) + "Z");
    case schema::shape::int_or_string:
      return n % 2 ? json::value(n) : text(std::to_string(n % 100) + "%");
    case schema::shape::any:
      return free_value(f, n);
    case schema::shape::object: {
      json::value v(rapidjson::kObjectType);
      fields(*t.object, v);
      return v;
    }
    case schema::shape::list: {
      json::value v(rapidjson::kArrayType);
      for (int i = 0; i < 2; ++i)
        v.PushBack(value(f, *t.element), *alloc_);
      return v;
    }
    case schema::shape::map: {
      json::value v(rapidjson::kObjectType);
      for (const char* key : {"b", "a/b.c"})
        json::set(v, key, value(f, *t.element), *alloc_);
      return v;
    }
    }
    return {};
  }

  json::value free_value(const schema::field& f, int64_t n) {
    auto parsed = [&](const std::string& s) { return json::copy(*json::parse(s), *alloc_); };
    switch (free_form_of(f)) {
    case free_form::raw:
      return parsed("{\"f:a\":{\".\":{},\"n\":[" + std::to_string(n) + ",null,1.5,\"x\"]}}");
    case free_form::schema_or_bool:
      return n % 2 ? json::value(n % 4 == 1) : parsed("{\"type\":\"string\"}");
    case free_form::schema_or_array:
      return parsed(n % 2 ? "[{\"type\":\"string\"},{\"title\":\"t\"}]" : "{\"type\":\"string\"}");
    case free_form::schema_or_strings:
      return parsed(n % 2 ? "[\"a\",\"b\"]" : "{\"required\":[\"x\"]}");
    }
    return {};
  }

  json::value text(const std::string& s) { return json::make_string(s, *alloc_); }

  json::allocator* alloc_ = nullptr;
  unsigned count_;
  std::vector<const schema::struct_type*> within_;
};

/// Where two values differ first.
std::string difference(const json::value& a, const json::value& b, const std::string& path) {
  if (a.IsObject() && b.IsObject()) {
    for (const auto& m : a.GetObject()) {
      const auto* other = json::find(b, json::as_string(m.name));
      auto inner = path + "." + m.name.GetString();
      if (!other)
        return inner + " is lost";
      if (!json::equal(m.value, *other))
        return difference(m.value, *other, inner);
    }
  }
  if (a.IsArray() && b.IsArray() && a.Size() == b.Size())
    for (rapidjson::SizeType i = 0; i < a.Size(); ++i)
      if (!json::equal(a[i], b[i]))
        return difference(a[i], b[i], path + "[" + std::to_string(i) + "]");
  return path + ": " + json::to_string(a) + " became " + json::to_string(b);
}

json::document round_trip(const json::value& doc) {
  auto bytes = json_to_protobuf(doc);
  BOOST_REQUIRE_MESSAGE(bytes, bytes.error().message);
  auto text = protobuf_to_json(schemas(), *bytes);
  BOOST_REQUIRE_MESSAGE(text, text.error().message);
  return parse(*text);
}

std::string frame_of(std::string_view type, std::string_view json) {
  auto o = to_protobuf_object(parse(std::string(json)));
  return protobuf_event_head(type, *o) + o->message + *protobuf_event_tail();
}

constexpr std::string_view accept_protobuf =
    "Accept: application/vnd.kubernetes.protobuf,application/json\r\n";

json::document decoded(const answer& a) {
  BOOST_TEST(a.headers.at("content-type") == "application/vnd.kubernetes.protobuf");
  auto text = protobuf_to_json(schemas(), a.body);
  BOOST_REQUIRE_MESSAGE(text, a.body);
  return parse(*text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(protobuf_answer)

BOOST_AUTO_TEST_CASE(every_field_of_every_kind_survives_a_round_trip) {
  size_t kinds = 0;
  for (const auto& r : schemas().resources()) {
    generator make(static_cast<unsigned>(++kinds));
    auto doc = make.object(*r->type, r->api_version(), r->kind);
    auto back = round_trip(doc);
    BOOST_TEST_CONTEXT(r->group_kind()) {
      BOOST_TEST(json::equal(doc, back),
                 "sent " << json::to_string(doc) << "\ngot " << json::to_string(back));
    }
  }
  BOOST_TEST(kinds > 30u);
}

BOOST_AUTO_TEST_CASE(writes_the_bytes_that_go_writes) {
  // By hand: ConfigMap{metadata = 1, data = 2}, ObjectMeta{name = 1, generation = 7, labels = 11},
  // map entries by key.
  auto bytes = json_to_protobuf(
      parse(R"({"data":{"b":"2","a":"1"},"kind":"ConfigMap","apiVersion":"v1","metadata":{)"
            R"("labels":{"x":""},"name":"c","generation":300}})"));
  BOOST_REQUIRE(bytes);
  BOOST_TEST(*bytes == "k8s\0"                         // magic
                       "\x0a\x0f\x0a\x02v1\x12\x09"    // Unknown.typeMeta
                       "ConfigMap"                     //
                       "\x12\x1f"                      // Unknown.raw
                       "\x0a\x0d\x0a\x01"              // metadata, name
                       "c\x38\xac\x02"                 // generation
                       "\x5a\x05\x0a\x01x\x12\x00"     // labels
                       "\x12\x06\x0a\x01"              // data
                       "a\x12\x01\x31\x12\x06\x0a\x01" //
                       "b\x12\x01\x32"                 //
                       "\x1a\x00\x22\x00"s);
}

BOOST_AUTO_TEST_CASE(writes_special_values_as_go_does) {
  auto message = [](std::string_view text) {
    auto o = to_protobuf_object(parse(std::string(text)));
    BOOST_REQUIRE(o);
    return o->message;
  };
  // Service.spec = 2, ports = 1: port = 3, targetPort = 4; a name and a number.
  BOOST_TEST(
      message(R"({"kind":"Service","apiVersion":"v1","spec":{"ports":[)"
              R"({"port":80,"targetPort":"web"},{"port":81,"targetPort":-1}]}})") ==
      "\x12\x24\x0a\x0d\x18\x50\x22\x09\x08\x01\x10\x00\x1a\x03web"
      "\x0a\x13\x18\x51\x22\x0f\x08\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x1a\x00"s);
  // Lease.spec = 2: leaseDurationSeconds = 2, acquireTime = 3 (a MicroTime).
  BOOST_TEST(message(R"({"kind":"Lease","apiVersion":"coordination.k8s.io/v1","spec":{)"
                     R"("leaseDurationSeconds":0,"acquireTime":"1970-01-01T00:00:01.000002Z"}})") ==
             "\x12\x09\x10\x00\x1a\x05\x08\x01\x10\xd0\x0f"s);
  // Times of before 1970 have positive nanoseconds.
  BOOST_TEST(message(R"({"kind":"Lease","apiVersion":"coordination.k8s.io/v1","spec":{)"
                     R"("acquireTime":"1969-12-31T23:59:59.999999Z"}})")
                 .substr(4) ==
             "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\x98\x8c\xeb\xdc\x03"s);
}

BOOST_AUTO_TEST_CASE(frames_watch_events) {
  auto frame = frame_of("ADDED", R"({"kind":"Namespace","apiVersion":"v1"})");
  auto envelope = "k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x00\x1a\x00\x22\x00"s;
  BOOST_TEST(frame == "\x00\x00\x00\x26\x0a\x05"s + "ADDED" + "\x12\x1d\x0a\x1b"s + envelope);
  BOOST_TEST(envelope.size() == 0x1bu);
}

BOOST_AUTO_TEST_CASE(writes_partial_objects) {
  auto o = to_protobuf_object(
      parse(R"({"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{)"
            R"("resourceVersion":"7"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":)"
            R"("b"}}]})"));
  BOOST_REQUIRE(o);
  BOOST_TEST(o->message == "\x0a\x03\x12\x01\x37\x12\x05\x0a\x03\x0a\x01"
                           "a\x12\x05\x0a\x03\x0a\x01"
                           "b"s);
  BOOST_TEST(!json_to_protobuf(parse(R"({"kind":"Table","apiVersion":"meta.k8s.io/v1"})")));
  BOOST_TEST(!json_to_protobuf(parse(R"({"kind":"Foo","apiVersion":"example.com/v1"})")));
}

BOOST_AUTO_TEST_CASE(cut_or_flipped_bytes_never_harm) {
  generator make(1);
  auto r = schemas().find_resource("", "v1", "pods");
  auto good = json_to_protobuf(make.object(*r->type, "v1", "Pod"));
  BOOST_REQUIRE(good);
  unsigned refused = 0;
  for (size_t n = 0; n < good->size(); n += 7)
    refused += !protobuf_to_json(schemas(), good->substr(0, n)).has_value();
  BOOST_TEST(refused > 100u);
  uint32_t random = 1;
  for (int i = 0; i < 2000; ++i) {
    auto bad = *good;
    for (int k = 0; k < 3; ++k) {
      random = random * 1664525 + 1013904223;
      bad[4 + (random >> 8) % (bad.size() - 4)] = static_cast<char>(random >> 24);
    }
    if (auto text = protobuf_to_json(schemas(), bad))
      BOOST_TEST(json::parse(*text).has_value());
  }
}

BOOST_AUTO_TEST_CASE(hostile_lengths_and_numbers_are_refused) {
  auto body = [](std::string_view raw) {
    return protobuf_envelope({"v1", "ConfigMap", std::string(raw)});
  };
  for (const auto& raw : {
           "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,     // a length of 2^64 - 1
           "\x0a\xff\xff\xff\xff\x0f"s,                         // of 4 GiB
           "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, // a varint of 11 bytes
           "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s,     // of 65 bits
           "\x00\x01"s,                                         // field 0
           "\x0b\x0c"s,                                         // groups
           "\x0f"s,                                             // wire type 7
           "\x0a\x03\x0a\x01\xff"s,                             // invalid UTF-8
           "\x12\x05\x0a\x01\xff\x12\x00"s,                     // in a key
           "\x08\x01"s,                                         // a number for a message
       })
    BOOST_TEST(!protobuf_to_json(schemas(), body(raw)).has_value());
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_refused) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) { // not = 28
    std::string head;
    for (size_t n = deep.size(), first = 1; first || n; first = 0, n >>= 7)
      head += static_cast<char>((n & 0x7F) | (n >= 0x80 ? 0x80 : 0));
    deep = "\xe2\x01" + head + deep;
  }
  auto wrap = [](char tag, const std::string& s) {
    std::string head(1, tag);
    for (size_t n = s.size();; n >>= 7) {
      head += static_cast<char>((n & 0x7F) | (n >= 0x80 ? 0x80 : 0));
      if (n < 0x80)
        break;
    }
    return head + s;
  };
  // spec = 2, versions = 7, schema = 4, openAPIV3Schema = 1
  auto message = wrap('\x12', wrap('\x3a', wrap('\x22', wrap('\x0a', deep))));
  BOOST_TEST(!protobuf_to_json(schemas(), protobuf_envelope({"apiextensions.k8s.io/v1",
                                                             "CustomResourceDefinition", message}))
                  .has_value());
}

BOOST_FIXTURE_TEST_CASE(objects_lists_and_failures_are_answered, rest_fixture) {
  auto pod = add_pod("default", "a", R"({"app":"x"})", "n1");
  add_pod("default", "b");
  for (int i = 0; i < 2; ++i) { // the second time from the cache
    auto one = decoded(get("/api/v1/namespaces/default/pods/a", accept_protobuf));
    BOOST_TEST(json::equal(one, pod->parse()));
  }
  auto list = decoded(get("/api/v1/namespaces/default/pods?limit=1", accept_protobuf));
  BOOST_TEST(text_at(list, {"kind"}) == "PodList");
  BOOST_TEST(!text_at(list, {"metadata", "continue"}).empty());
  BOOST_TEST(json::get_int(*json::find(list, "metadata"), "remainingItemCount") == 1);
  const auto& items = *json::find(list, "items");
  BOOST_REQUIRE(items.Size() == 1u);
  BOOST_TEST(text_at(items[0], {"metadata", "labels", "app"}) == "x");
  auto missing = get("/api/v1/namespaces/default/pods/z", accept_protobuf);
  BOOST_TEST(missing.status == 404);
  auto status = decoded(missing);
  BOOST_TEST(text_at(status, {"reason"}) == "NotFound");
  BOOST_TEST(text_at(status, {"details", "name"}) == "z");
}

BOOST_FIXTURE_TEST_CASE(writes_are_answered_too, rest_fixture) {
  auto body = json_to_protobuf(
      parse(R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"c"},"data":{"a":"1"}})"));
  auto headers =
      std::string(accept_protobuf) + "Content-Type: application/vnd.kubernetes.protobuf\r\n";
  cluster.put("namespaces",
              R"({"kind":"Namespace","apiVersion":"v1","metadata":{"name":"default"},)"
              R"("status":{"phase":"Active"}})");
  auto created = request("POST", "/api/v1/namespaces/default/configmaps", *body, headers);
  BOOST_TEST(created.status == 201);
  BOOST_TEST(text_at(decoded(created), {"data", "a"}) == "1");
  auto again = request("POST", "/api/v1/namespaces/default/configmaps", *body, headers);
  BOOST_TEST(again.status == 409);
  BOOST_TEST(text_at(decoded(again), {"reason"}) == "AlreadyExists");
  auto removed = request("DELETE", "/api/v1/namespaces/default/configmaps/c", "", accept_protobuf);
  BOOST_TEST(text_at(decoded(removed), {"status"}) == "Success");
}

BOOST_FIXTURE_TEST_CASE(metadata_alone_is_protobuf_and_tables_are_json, rest_fixture) {
  add_pod("default", "a");
  auto one = get("/api/v1/namespaces/default/pods/a",
                 "Accept: application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;"
                 "g=meta.k8s.io;v=v1,application/json\r\n");
  BOOST_TEST(one.status == 200);
  BOOST_TEST(one.body.substr(0, 4) == "k8s\0"s);
  BOOST_TEST(one.body.find("PartialObjectMetadata") != std::string::npos);
  auto table = get("/api/v1/namespaces/default/pods",
                   "Accept: application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1,"
                   "application/json;as=Table;g=meta.k8s.io;v=v1\r\n");
  BOOST_TEST(text_at(parse(table.body), {"kind"}) == "Table");
  auto refused = get("/api/v1/namespaces/default/pods", "Accept: application/cbor\r\n");
  check_status(refused, 406, "NotAcceptable",
               "only the following media types are accepted: application/json, application/yaml, "
               "application/vnd.kubernetes.protobuf");
  refused = get("/api/v1/namespaces/default/pods?watch=1", "Accept: application/yaml\r\n");
  check_status(refused, 406, "NotAcceptable",
               "only the following media types are accepted: application/json;stream=watch, "
               "application/vnd.kubernetes.protobuf;stream=watch");
}

BOOST_FIXTURE_TEST_CASE(watches_stream_frames, rest_fixture) {
  auto pod = add_pod("default", "a");
  watch_client w(*this, "/api/v1/namespaces/default/pods?watch=true", accept_protobuf);
  BOOST_TEST(w.status == 200);
  auto expected = frame_of("ADDED", pod->bytes());
  BOOST_TEST(w.bytes(expected.size()) == expected);
  auto second = add_pod("default", "b");
  expected = frame_of("ADDED", second->bytes());
  BOOST_TEST(w.bytes(expected.size()) == expected);
}

BOOST_AUTO_TEST_SUITE_END()
