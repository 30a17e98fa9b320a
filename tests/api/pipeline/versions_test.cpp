// Objects of a kind with several versions, from request to store and back.
#include "api/crd/definition.hpp"
#include "api/pipeline/presentation.hpp"
#include "api/yaml.hpp"
#include "cluster_fixture.hpp"

#include <boost/test/unit_test.hpp>

namespace thespis::api {

namespace {

/// spec.old of v1 is spec.fresh of v2.
class renaming final : public schema::converter {
public:
  result<void> convert(const std::vector<json::document*>& docs,
                       const std::string& api_version) const override {
    for (auto* doc : docs) {
      auto& a = doc->GetAllocator();
      const bool to_v2 = api_version == "example.com/v2";
      auto& spec = json::ensure_object(*doc, "spec", a);
      if (auto* v = json::find(spec, to_v2 ? "old" : "fresh")) {
        auto moved = json::copy(*v, a);
        json::set(spec, to_v2 ? "fresh" : "old", std::move(moved), a);
        json::erase(spec, to_v2 ? "old" : "fresh");
      }
      json::set(*doc, "apiVersion", api_version, a);
    }
    return {};
  }
};

json::document definition(const std::string& stored) {
  const auto version = [&](const std::string& name, const std::string& field) {
    return "{name: " + name + ", served: true, storage: " + (name == stored ? "true" : "false") +
           ", schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, "
           "properties: "
           "{" +
           field + ": {type: integer}, extra: {type: string, default: " + name + "}}}}}}}";
  };
  return *yaml::parse("{metadata: {name: tabs.example.com}, spec: {group: example.com, scope: "
                      "Namespaced, names: {plural: tabs, singular: tab, kind: Tab, listKind: "
                      "TabList}, conversion: {strategy: Webhook, webhook: {}}, versions: [" +
                      version("v1", "old") + "," + version("v2", "fresh") + "]}}");
}

struct fixture {
  fixture() { serve("v1"); }

  void serve(const std::string& stored) {
    auto made = crd::resources_of(definition(stored), [](const json::value&, const std::string&) {
      return std::make_shared<const renaming>();
    });
    BOOST_REQUIRE(made);
    for (auto& r : *made)
      schemas->add(std::move(r));
    if (line)
      return;
    pipeline_deps deps;
    deps.schemas = schemas;
    deps.state = state;
    deps.now = [] { return std::chrono::sys_days{std::chrono::year{2030} / 1 / 2}; };
    deps.new_uid = [] { return "uid"; };
    deps.random_suffix = [](size_t n) { return std::string(n, 'x'); };
    line = std::make_unique<pipeline>(std::move(deps));
    auto ns = load_object("namespaces", R"({"metadata":{"name":"default","resourceVersion":"1"}})");
    state->objects[{"namespaces", "default"}] = *ns;
  }

  /// Commits as the store does; the answer as the client gets it.
  object_ptr send(verb v, const std::string& version, const std::string& body) {
    call c;
    c.verb = v;
    c.resource = "tabs.example.com";
    c.version = version;
    c.ns = "default";
    c.body = body;
    if (v != verb::create)
      c.name = "a";
    if (v == verb::patch)
      c.patch = patch_kind::json_merge;
    auto p = line->prepare(c);
    if (auto* r = std::get_if<reply>(&p)) {
      BOOST_REQUIRE_MESSAGE(r->ok, r->failure.message);
      return r->object;
    }
    auto& w = std::get<prepared_write>(p);
    auto o = seal(std::move(w.write.draft), ++state->last);
    state->objects[{"tabs.example.com", "default/a"}] = o;
    return w.shown ? seal(std::move(*w.shown), o->revision()) : o;
  }

  object_ptr stored() const { return state->objects.at({"tabs.example.com", "default/a"}); }
  static std::string spec(const object& o) {
    const auto doc = o.parse();
    return std::string(json::get_string(doc, "apiVersion")) + " " +
           json::to_string(*json::find(doc, "spec"));
  }
  schema::resource_ptr resource(const std::string& version) const {
    return schemas->find_resource("example.com", version, "tabs");
  }

  std::shared_ptr<schema::registry> schemas = std::make_shared<schema::registry>();
  std::shared_ptr<testing::memory_state> state = std::make_shared<testing::memory_state>();
  std::unique_ptr<pipeline> line;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(versions_of_one_resource, fixture)

BOOST_AUTO_TEST_CASE(a_write_in_one_version_is_stored_in_the_other) {
  const auto answer = send(
      verb::create, "v2",
      R"({"apiVersion":"example.com/v2","kind":"Tab","metadata":{"name":"a"},"spec":{"fresh":3}})");
  BOOST_TEST(spec(*answer) == R"(example.com/v2 {"fresh":3,"extra":"v2"})");
  BOOST_TEST(spec(*stored()) == R"(example.com/v1 {"extra":"v2","old":3})");
  BOOST_TEST(answer->revision() == stored()->revision());
  BOOST_TEST(spec(**present(*resource("v2"), stored())) ==
             R"(example.com/v2 {"extra":"v2","fresh":3})");
}

BOOST_AUTO_TEST_CASE(a_patch_sees_the_clients_version) {
  send(verb::create, "v1", R"({"metadata":{"name":"a"},"spec":{"old":3}})");
  const auto answer = send(verb::patch, "v2", R"({"spec":{"fresh":4}})");
  BOOST_TEST(spec(*answer).find(R"("fresh":4)") != std::string::npos);
  BOOST_TEST(spec(*stored()).find(R"("old":4)") != std::string::npos);
  BOOST_TEST(stored()->meta().generation == 2);
}

BOOST_AUTO_TEST_CASE(what_is_stored_as_shown_keeps_its_bytes) {
  send(verb::create, "v1", R"({"metadata":{"name":"a"},"spec":{"old":3}})");
  BOOST_TEST(is_verbatim(*resource("v1"), *stored()));
  BOOST_TEST((*present(*resource("v1"), stored())).get() == stored().get());
}

BOOST_AUTO_TEST_CASE(an_object_of_an_older_schema_is_shown_with_its_defaults) {
  auto old = load_object(
      "tabs.example.com",
      R"({"kind":"Tab","apiVersion":"example.com/v1","metadata":{"name":"a",)"
      R"("namespace":"default","uid":"uid","resourceVersion":"7"},"spec":{"old":1,"gone":2}})");
  BOOST_TEST(spec(**present(*resource("v1"), *old)) == R"(example.com/v1 {"old":1,"extra":"v1"})");
}

BOOST_AUTO_TEST_CASE(an_update_without_a_change_moves_an_object_to_the_version_stored_now) {
  send(verb::create, "v1", R"({"metadata":{"name":"a"},"spec":{"old":3}})");
  serve("v2");
  send(verb::patch, "v1", "{}");
  BOOST_TEST(spec(*stored()).find("example.com/v2") == 0U);
  const auto revision = stored()->revision();
  send(verb::patch, "v1", "{}");
  BOOST_TEST(stored()->revision() == revision);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace thespis::api
