// ConfigMaps and Secrets.
#include "api/pipeline/strategies/strategies.hpp"
#include "api/text/base64.hpp"
#include "api/validation/access.hpp"
#include "api/validation/config.hpp"

#include <string>
#include <unordered_map>

namespace thespis::api {

namespace {

/// stringData is only ever written: it becomes data.
void encode_string_data(json::document& secret) {
  auto* plain = json::find(secret, "stringData");
  if (!plain)
    return;
  auto& a = secret.GetAllocator();
  if (plain->IsObject() && !plain->ObjectEmpty()) {
    json::value taken(std::move(*plain));
    auto& data = json::ensure_object(secret, "data", a);
    // As large as a body may be: no search for every key.
    std::unordered_map<std::string, rapidjson::SizeType> places;
    for (const auto& m : data.GetObject())
      places.emplace(json::as_string(m.name), static_cast<rapidjson::SizeType>(places.size()));
    for (const auto& m : taken.GetObject()) {
      auto bytes = json::make_string(encode_base64(json::as_string(m.value)), a);
      if (auto it = places.find(std::string(json::as_string(m.name))); it != places.end())
        data.MemberBegin()[it->second].value = std::move(bytes);
      else
        data.AddMember(json::copy(m.name, a), std::move(bytes), a);
    }
  }
  json::erase(secret, "stringData");
}

void prepare_create(operation&, json::document& secret) {
  encode_string_data(secret);
}

void prepare_update(operation&, json::document& secret, const json::value& old) {
  encode_string_data(secret);
  if (text(secret, "type").empty())
    keep_member(secret, old, "type", secret.GetAllocator());
}

} // namespace

std::vector<strategy> config_strategies() {
  strategy map;
  map.resource = "configmaps";
  map.validate = validate_config_map;
  map.validate_update = [](const operation&, const json::value& now, const json::value& old,
                           findings& f) { validate_config_map_update(now, old, f); };

  strategy secret;
  secret.resource = "secrets";
  secret.prepare_create = prepare_create;
  secret.prepare_update = prepare_update;
  secret.validate = validate_secret;
  secret.validate_update = [](const operation&, const json::value& now, const json::value& old,
                              findings& f) { validate_secret_update(now, old, f); };
  return {map, secret};
}

} // namespace thespis::api
