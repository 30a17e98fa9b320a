// Random applies and updates by several managers, against a model that knows values and owners of
// single fields and nothing of trees, schemas or sets.
#include "api/apply/support.hpp"
#include "api/schema/decode.hpp"

#include <boost/test/results_collector.hpp>
#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>

using namespace thespis::api;
using namespace thespis::api::testing;

namespace {

using state = std::map<std::string, std::string>; ///< field to value
using fields = std::set<std::string>;
using owner = std::pair<std::string, bool>; ///< manager, whether it applies

struct model {
  bool made = false; ///< the object is there, perhaps without fields
  state live;
  std::map<owner, fields> owned;

  bool owned_by_another(const std::string& field, const owner& self) const {
    for (const auto& [o, set] : owned)
      if (o != self && set.contains(field))
        return true;
    return false;
  }

  /// What others lose when the object becomes `after`.
  void take(const state& after, const owner* self) {
    for (auto& [o, set] : owned)
      if (!self || o != *self)
        std::erase_if(set, [&](const std::string& f) {
          return !after.contains(f) || (live.contains(f) && live[f] != after.at(f)) ||
                 !live.contains(f);
        });
    std::erase_if(owned, [](const auto& entry) { return entry.second.empty(); });
  }

  /// The fields in conflict; applied when there are none, or with force.
  fields apply(const std::string& manager, const state& config, bool force) {
    if (owned.empty() && !live.empty())
      for (const auto& [f, v] : live)
        owned[{"before-first-apply", false}].insert(f);
    const owner self{manager, true};
    fields conflicts;
    for (const auto& [f, v] : config)
      if (live.contains(f) && live[f] != v && owned_by_another(f, self))
        conflicts.insert(f);
    if (!conflicts.empty() && !force)
      return conflicts;
    state after = live;
    for (const auto& f : owned[self])
      if (!config.contains(f) && !owned_by_another(f, self))
        after.erase(f);
    for (const auto& [f, v] : config)
      after[f] = v;
    fields mine;
    for (const auto& [f, v] : config)
      mine.insert(f);
    owned[self] = mine;
    take(after, &self);
    if (mine.empty())
      owned.erase(self);
    live = after;
    made = true;
    return {};
  }

  void update(const std::string& manager, const state& after) {
    const bool recorded = !made || !owned.empty();
    fields changed;
    for (const auto& [f, v] : after)
      if (!live.contains(f) || live[f] != v)
        changed.insert(f);
    take(after, nullptr);
    if (recorded && !changed.empty())
      owned[{manager, false}].insert(changed.begin(), changed.end());
    live = after;
    made = true;
  }
};

/// "d0".."d3" are entries of data, "i" is immutable, "f0".."f2" are finalizers, "o0" and "o1" are
/// kinds of owners.
std::string object_of(const state& s) {
  std::string data, finalizers, immutable, owners;
  const auto add = [](std::string& list, const std::string& item) {
    list += (list.empty() ? "" : ",") + item;
  };
  for (const auto& [f, v] : s)
    if (f[0] == 'd')
      add(data, "\"" + f + "\":\"" + v + "\"");
    else if (f[0] == 'f')
      add(finalizers, "\"" + f + "\"");
    else if (f[0] == 'o')
      add(owners, R"({"uid":")" + f + R"(","name":")" + v + "\"}");
    else
      immutable = v == "0" ? "false" : "true";
  std::string metadata = R"("name":"x")";
  if (!finalizers.empty())
    add(metadata, "\"finalizers\":[" + finalizers + "]");
  if (!owners.empty())
    add(metadata, "\"ownerReferences\":[" + owners + "]");
  std::string out = "\"metadata\":{" + metadata + "}";
  if (!data.empty())
    add(out, "\"data\":{" + data + "}");
  if (!immutable.empty())
    add(out, "\"immutable\":" + immutable);
  return "{" + out + "}";
}

std::string value_for(const std::string& field, unsigned n) {
  return field[0] == 'f' ? field : std::to_string(n % 2);
}

state state_of(const json::value& doc) {
  state out;
  if (const auto* data = json::find(doc, "data"))
    for (const auto& m : data->GetObject())
      out[std::string(json::as_string(m.name))] = json::as_string(m.value);
  if (const auto* list = json::at(doc, {"metadata", "finalizers"}))
    for (const auto& f : list->GetArray())
      out[std::string(json::as_string(f))] = json::as_string(f);
  if (const auto* list = json::at(doc, {"metadata", "ownerReferences"}))
    for (const auto& o : list->GetArray())
      out[std::string(json::get_string(o, "uid"))] = json::get_string(o, "name");
  if (const auto* i = json::find(doc, "immutable"))
    out["i"] = i->GetBool() ? "1" : "0";
  return out;
}

/// The model's fields in a set of paths.
fields fields_of(const apply::field_set& set) {
  fields out;
  set.for_each([&out](const apply::path& p) {
    const auto text = print(p);
    for (const std::string f : {"d0", "d1", "d2", "d3"})
      if (text == ".data." + f)
        out.insert(f);
    for (const std::string f : {"f0", "f1", "f2"})
      if (text == ".metadata.finalizers[=\"" + f + "\"]")
        out.insert(f);
    for (const std::string f : {"o0", "o1"})
      if (text == ".metadata.ownerReferences[uid=\"" + f + "\"]")
        out.insert(f);
    if (text == ".immutable")
      out.insert("i");
  });
  return out;
}

const std::vector<std::string> all_fields{"d0", "d1", "d2", "d3", "f0",
                                          "f1", "f2", "i",  "o0", "o1"};
const std::vector<std::string> all_managers{"a", "b", "c"};

state random_state(std::mt19937& random) {
  state out;
  for (const auto& f : all_fields)
    if (random() % 3 == 0)
      out[f] = value_for(f, random());
  return out;
}

void compare_with(const model& m, const owned_object& o) {
  BOOST_TEST((state_of(o.live) == m.live), o.object());
  std::map<owner, fields> owned;
  for (const auto& [id, entry] : o.owners)
    if (auto f = fields_of(entry.fields); !f.empty())
      owned[{id.manager, id.applies()}] = f;
  BOOST_TEST((owned == m.owned));
}

void drop_nulls(owned_object& o) {
  if (auto ok = schema::conform(*o.type.type, o.live, o.live.GetAllocator()); !ok)
    throw std::runtime_error(ok.error().message);
}

} // namespace

BOOST_AUTO_TEST_SUITE(applies_and_updates)

BOOST_AUTO_TEST_CASE(agree_with_a_plain_model) {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    std::mt19937 random{seed};
    model m;
    owned_object o{builtin_type("", "v1", "ConfigMap"), "v1"};
    for (int step = 0; step < 25; ++step) {
      const auto manager = all_managers[random() % all_managers.size()];
      const auto wanted = random_state(random);
      const auto what = random() % 4;
      BOOST_TEST_CONTEXT("seed " << seed << ", step " << step << ", " << what << " " << manager
                                 << " " << object_of(wanted) << " on " << o.object()) {
        if (what == 3) {
          m.update(manager, wanted);
          o.update(manager, object_of(wanted));
        } else {
          const bool force = what == 2;
          const auto conflicts = m.apply(manager, wanted, force);
          const auto why = o.apply(manager, object_of(wanted), force);
          fields told;
          if (!why.empty())
            for (const auto& c : o.failure.causes) {
              auto field = c.field;
              if (field.find(".name") != field.npos) // of an owner
                field = field.substr(0, field.rfind(".name"));
              for (const auto& f : all_fields)
                if (field.ends_with(f) || field.ends_with("\"" + f + "\"]") ||
                    (f == "i" && field == ".immutable"))
                  told.insert(f);
            }
          BOOST_TEST((told == conflicts), why);
          // Whatever fails is a conflict.
          BOOST_TEST(why.empty() == conflicts.empty(), why);
        }
        drop_nulls(o);
        compare_with(m, o);
      }
      if (boost::unit_test::results_collector
              .results(boost::unit_test::framework::current_test_case().p_id)
              .p_assertions_failed > 0)
        return;
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
