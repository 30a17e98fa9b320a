// Cluster state for tests: objects from YAML texts.
#pragma once

#include "api/pipeline/reader.hpp"
#include "api/schema/schema.hpp"
#include "api/yaml.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <mutex>
#include <string>

namespace thespis::test {

class fake_state final : public api::reader {
public:
  /// Adds or replaces an object, in namespace "default" unless it names one.
  void put(const std::string& resource, std::string_view text) {
    auto doc = api::yaml::parse(text);
    BOOST_REQUIRE_MESSAGE(doc, "bad test text: " << text);
    auto& meta = api::json::ensure_object(*doc, "metadata", doc->GetAllocator());
    if (!meta.HasMember("namespace"))
      api::json::set(meta, "namespace", "default", doc->GetAllocator());
    const std::lock_guard lock{mutex_};
    auto o = api::seal(api::make_draft(resource, *doc), ++revision_);
    objects_[{resource, o->ns(), o->name()}] = o;
  }

  api::object_ptr get(std::string_view resource, std::string_view ns,
                      std::string_view name) const override {
    const std::lock_guard lock{mutex_};
    const auto i = objects_.find({std::string{resource}, std::string{ns}, std::string{name}});
    return i == objects_.end() ? nullptr : i->second;
  }
  api::listing list(std::string_view resource, std::string_view ns) const override {
    const std::lock_guard lock{mutex_};
    api::listing res;
    for (const auto& [key, o] : objects_)
      if (std::get<0>(key) == resource && (ns.empty() || std::get<1>(key) == ns))
        res.objects.push_back(o);
    return res;
  }
  uint64_t revision() const override { return revision_; }

private:
  mutable std::mutex mutex_;
  uint64_t revision_ = 0;
  std::map<std::tuple<std::string, std::string, std::string>, api::object_ptr> objects_;
};

} // namespace thespis::test
