#include "runtime/store/store_state.hpp"

#include "actors/fixture.hpp"

#include <random>

using namespace thespis;
using runtime::store_state;

namespace {

struct state_fixture {
  std::unique_ptr<runtime::engine> engine = runtime::make_memory_engine();
  std::shared_ptr<runtime::snapshots> shared = std::make_shared<runtime::snapshots>();
  store_state state{*engine, shared};

  static api::write make(api::write_kind kind, const std::string& name, const std::string& value,
                         uint64_t expected = 0, const std::string& uid = "u") {
    auto doc = api::json::parse(R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":")" +
                                name + R"(","namespace":"ns","uid":")" + uid +
                                R"("},"data":{"x":")" + value + R"("}})");
    return {kind, api::make_draft("configmaps", *doc), expected};
  }

  uint64_t must(api::write w) {
    auto res = state.accept(std::move(w));
    BOOST_REQUIRE_MESSAGE(res, res.error().message);
    return res->object->revision();
  }

  api::reason refusal(api::write w) {
    const auto res = state.accept(std::move(w));
    BOOST_REQUIRE(!res);
    return res.error().why;
  }

  void commit() {
    const auto batch = state.take_batch();
    state.publish(batch);
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_state_of_writes, state_fixture)

BOOST_AUTO_TEST_CASE(revisions_grow_by_one) {
  const auto first = must(make(api::write_kind::create, "a", "1"));
  BOOST_TEST(must(make(api::write_kind::create, "b", "1")) == first + 1);
  BOOST_TEST(must(make(api::write_kind::update, "a", "2")) == first + 2);
  BOOST_TEST(must(make(api::write_kind::remove, "a", "2")) == first + 3);
}

BOOST_AUTO_TEST_CASE(compare_and_set_sees_writes_that_are_not_durable_yet) {
  const auto first = must(make(api::write_kind::create, "a", "1"));
  BOOST_TEST((refusal(make(api::write_kind::create, "a", "1")) == api::reason::already_exists));
  const auto second = must(make(api::write_kind::update, "a", "2", first));
  BOOST_TEST((refusal(make(api::write_kind::update, "a", "3", first)) == api::reason::conflict));
  must(make(api::write_kind::update, "a", "3", second));
  must(make(api::write_kind::remove, "a", "3"));
  BOOST_TEST((refusal(make(api::write_kind::update, "a", "4")) == api::reason::not_found));
  must(make(api::write_kind::create, "a", "5"));
}

BOOST_AUTO_TEST_CASE(another_object_of_the_same_name_is_another_object) {
  must(make(api::write_kind::create, "a", "1", 0, "u1"));
  BOOST_TEST((refusal(make(api::write_kind::update, "a", "2", 0, "u2")) == api::reason::conflict));
}

BOOST_AUTO_TEST_CASE(readers_see_nothing_before_it_is_durable) {
  must(make(api::write_kind::create, "a", "1"));
  const auto before = shared->revision();
  BOOST_TEST(!shared->get("configmaps", "ns", "a"));
  const auto batch = state.take_batch();
  // Writes that come in while the first are on their way to the disk.
  must(make(api::write_kind::update, "a", "2"));
  BOOST_TEST(!shared->get("configmaps", "ns", "a"));
  state.publish(batch);
  BOOST_REQUIRE(shared->get("configmaps", "ns", "a"));
  BOOST_TEST(shared->get("configmaps", "ns", "a")->bytes().find("\"1\"") != std::string::npos);
  BOOST_TEST(shared->revision() == before + 1);
  commit();
  BOOST_TEST(shared->get("configmaps", "ns", "a")->bytes().find("\"2\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_durable_object_hides_behind_its_pending_removal) {
  must(make(api::write_kind::create, "a", "1"));
  commit();
  must(make(api::write_kind::remove, "a", "1"));
  BOOST_TEST(shared->get("configmaps", "ns", "a"));
  BOOST_TEST((refusal(make(api::write_kind::update, "a", "2")) == api::reason::not_found));
  commit();
  BOOST_TEST(!shared->get("configmaps", "ns", "a"));
}

BOOST_AUTO_TEST_CASE(agrees_with_a_naive_store_for_any_sequence) {
  std::mt19937_64 random{20};
  std::map<std::string, uint64_t> model;
  for (int i = 0; i < 5000; ++i) {
    const auto name = std::string(1, static_cast<char>('a' + random() % 5));
    const auto known = model.count(name) > 0;
    const auto stale = random() % 4 == 0;
    const auto expected = known && random() % 2 ? model[name] + (stale ? 1 : 0) : 0;
    switch (random() % 4) {
    case 0: {
      const auto res = state.accept(make(api::write_kind::create, name, "v"));
      BOOST_TEST(res.has_value() == !known);
      if (res)
        model[name] = res->object->revision();
      break;
    }
    case 1: {
      const auto res = state.accept(make(api::write_kind::update, name, "w", expected));
      BOOST_TEST(res.has_value() == (known && (expected == 0 || !stale)));
      if (res)
        model[name] = res->object->revision();
      break;
    }
    case 2: {
      const auto res = state.accept(make(api::write_kind::remove, name, "w"));
      BOOST_TEST(res.has_value() == known);
      model.erase(name);
      break;
    }
    default:
      if (state.has_batch())
        commit();
      BOOST_TEST(shared->list("configmaps", "ns").objects.size() == model.size());
      for (const auto& o : shared->list("configmaps").objects)
        BOOST_TEST(o->revision() == model.at(o->name()));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
