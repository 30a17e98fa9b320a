#include "actors/controllers/flow_control.hpp"

#include "api/text/time.hpp"

#include <algorithm>

namespace thespis::actors {

namespace {

namespace fairness = api::fairness;
namespace v1 = api::v1;

/// Every change is a change of the whole.
key_mapper the_whole() {
  return [](const api::object&, const api::object_ptr&, const view&) {
    return std::vector<object_id>{{{}, "configuration"}};
  };
}

v1::flow_schema_condition dangling(const std::string& level, bool missing) {
  v1::flow_schema_condition c;
  c.type = "Dangling";
  c.status = missing ? "True" : "False";
  c.reason = missing ? "NotFound" : "Found";
  c.message = "This FlowSchema references the PriorityLevelConfiguration object named \"" + level +
              "\" " + (missing ? "but there is no such object" : "and it exists");
  return c;
}

bool says_so(const v1::flow_schema& s, const v1::flow_schema_condition& wanted) {
  const auto& all = s.status.conditions;
  return std::any_of(all.begin(), all.end(), [&](const auto& c) {
    return c.type == wanted.type && c.status == wanted.status && c.message == wanted.message;
  });
}

api::call status_call(const v1::flow_schema& s, v1::flow_schema_condition c, wall_time now) {
  const auto& all = s.status.conditions;
  const auto old = std::find_if(all.begin(), all.end(), [&](const auto& x) {
    return x.type == c.type && x.status == c.status;
  });
  c.last_transition_time = old == all.end()
                               ? api::format_time(std::chrono::floor<std::chrono::seconds>(now))
                               : old->last_transition_time;
  v1::flow_schema_status status;
  status.conditions.push_back(std::move(c));
  api::json::document body{rapidjson::kObjectType};
  auto& a = body.GetAllocator();
  api::json::set(body, "status", v1::encode(status, a), a);
  return patch_call(std::string{v1::flow_schema::resource_name}, {{}, s.metadata.name},
                    api::json::to_string(body), "status");
}

class flow_control final : public reconciler {
public:
  explicit flow_control(const flow_control_deps& deps) : deps_(deps) {}

  std::string_view name() const override { return "flowcontrol"; }

  std::vector<watch_spec> watches() const override {
    return {{std::string{v1::flow_schema::resource_name}, the_whole()},
            {std::string{v1::priority_level_configuration::resource_name}, the_whole()}};
  }

  reconcile_result reconcile(const object_id&, const view& v, wall_time now) override {
    std::vector<v1::priority_level_configuration> levels;
    for (const auto& l : v.list<v1::priority_level_configuration>())
      levels.push_back(*l);
    std::vector<v1::flow_schema> schemas;
    reconcile_result res;
    for (const auto& s : v.list<v1::flow_schema>()) {
      schemas.push_back(*s);
      const auto& to = s->spec.priority_level_configuration.name;
      auto condition =
          dangling(to, !v.find(v1::priority_level_configuration::resource_name, {}, to));
      if (!says_so(*s, condition))
        res.calls.push_back(status_call(*s, std::move(condition), now));
    }
    for (const auto* set : {&fairness::mandatory(), &fairness::suggested()}) {
      add_missing(set->levels, v, res);
      add_missing(set->schemas, v, res);
    }
    deps_.gate->configure(levels, std::move(schemas));
    return res;
  }

private:
  template <class T>
  static void add_missing(const std::vector<T>& wanted, const view& v, reconcile_result& res) {
    for (const auto& w : wanted)
      if (!v.find(T::resource_name, {}, w.metadata.name))
        res.calls.push_back(create_call(w));
  }

  const flow_control_deps deps_;
};

} // namespace

std::unique_ptr<reconciler> make_flow_control(const flow_control_deps& deps) {
  return std::make_unique<flow_control>(deps);
}

} // namespace thespis::actors
