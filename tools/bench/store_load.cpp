#include "tools/bench/store_load.hpp"

#include "api/json.hpp"

namespace thespis::tools::bench {

namespace json = api::json;

namespace {

constexpr size_t object_bytes = 2048;

api::draft load_object(const std::string& resource, size_t number) {
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::set(doc, "kind", std::string_view{resource == "secrets" ? "Secret" : "ConfigMap"}, a);
  json::set(doc, "apiVersion", std::string_view{"v1"}, a);
  auto& meta = json::ensure_object(doc, "metadata", a);
  json::set(meta, "name", "load-" + std::to_string(number), a);
  json::set(meta, "namespace", std::string_view{"bench"}, a);
  json::set(meta, "uid", "00000000-0000-4000-8000-" + std::to_string(100000000000 + number), a);
  auto& data = json::ensure_object(doc, "data", a);
  const auto used = json::to_string(doc).size();
  json::set(data, "filling", std::string(object_bytes - std::min(used, object_bytes), 'x'), a);
  return api::make_draft(resource, doc);
}

} // namespace

api::result<store_host*> store_host::start(const std::string& directory) {
  auto storage = runtime::open_rocksdb_engine(directory);
  if (!storage)
    return api::fail(std::move(storage.error()));
  auto* res = new store_host;
  runtime::store_deps deps{std::move(*storage), res->state_, res->roles_, true};
  res->store_ = res->system_.spawn<runtime::store_actor>(std::move(deps));
  return res;
}

writer::writer(size_t first, size_t objects, const std::string& resource) {
  for (size_t i = 0; i < objects; ++i)
    drafts_.push_back(load_object(resource, first + i));
}

runtime::write_batch writer::next(size_t batch) {
  runtime::write_batch res;
  res.writes.reserve(batch);
  for (size_t i = 0; i < batch; ++i) {
    const auto kind = made_ ? api::write_kind::update : api::write_kind::create;
    res.writes.push_back({kind, drafts_[at_], 0});
    if (++at_ == drafts_.size()) {
      at_ = 0;
      made_ = true;
    }
  }
  return res;
}

} // namespace thespis::tools::bench
