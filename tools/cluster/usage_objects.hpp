// What nodes and pods used, as read-only objects of metrics.k8s.io: made when somebody asks.
#pragma once

#include "actors/usage/usage_state.hpp"
#include "api/pipeline/reader.hpp"

#include <memory>

namespace thespis::tools {

/// The cluster's objects, and what they use beside them. Metrics carry the labels of what they
/// are about; of what is gone there are none. Thread-safe.
class reader_with_usage final : public api::reader {
public:
  reader_with_usage(std::shared_ptr<const api::reader> stored,
                    std::shared_ptr<const actors::usage_book> book)
      : stored_(std::move(stored)), book_(std::move(book)) {}
  api::object_ptr get(std::string_view resource, std::string_view ns,
                      std::string_view name) const override;
  api::listing list(std::string_view resource, std::string_view ns = {}) const override;
  uint64_t revision() const override { return stored_->revision(); }

private:
  api::object_ptr made_of(const actors::node_rate& n) const;
  api::object_ptr made_of(const actors::pod_rate& p) const;

  std::shared_ptr<const api::reader> stored_;
  std::shared_ptr<const actors::usage_book> book_;
};

} // namespace thespis::tools
