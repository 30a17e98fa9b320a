// ConfigMaps and Secrets.
#include "api/pipeline/strategies/strategies.hpp"
#include "api/text/base64.hpp"
#include "api/validation/access.hpp"
#include "api/validation/config.hpp"

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
    for (const auto& m : taken.GetObject())
      json::set(data, json::as_string(m.name), encode_base64(json::as_string(m.value)), a);
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
