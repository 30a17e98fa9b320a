#include "api/rest/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <shared_mutex>
#include <sstream>

namespace thespis::api::rest {

namespace {

const prometheus::Histogram::BucketBoundaries& buckets() {
  static const prometheus::Histogram::BucketBoundaries b = {
      0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  return b;
}

prometheus::Labels to_labels(const request_labels& l) {
  return {{"verb", std::string(l.verb)},
          {"group", std::string(l.group)},
          {"version", std::string(l.version)},
          {"resource", std::string(l.resource)},
          {"subresource", std::string(l.subresource)}};
}

} // namespace

/// Looking a metric up in its family copies all labels; on the way of every request it is found
/// by one key instead.
struct metrics::impl {
  struct entry {
    prometheus::Counter* count;
    prometheus::Histogram* duration;
  };

  explicit impl(std::shared_ptr<prometheus::Registry> r)
      : registry(r ? std::move(r) : std::make_shared<prometheus::Registry>()),
        counts(prometheus::BuildCounter()
                   .Name("apiserver_request_total")
                   .Help("Requests answered, by verb, resource and code.")
                   .Register(*registry)),
        durations(prometheus::BuildHistogram()
                      .Name("apiserver_request_duration_seconds")
                      .Help("Time from a request's head to its answer.")
                      .Register(*registry)),
        watches(prometheus::BuildGauge()
                    .Name("apiserver_registered_watchers")
                    .Help("Running watches, by resource.")
                    .Register(*registry)),
        streams(prometheus::BuildGauge()
                    .Name("apiserver_longrunning_requests")
                    .Help("Running exec, attach, port-forward and log streams.")
                    .Register(*registry)) {}

  entry find(const request_labels& l, int code) {
    std::string key;
    key.reserve(96);
    for (auto part : {l.verb, l.group, l.version, l.resource, l.subresource})
      key.append(part).append(1, '\n');
    key += std::to_string(code);
    {
      std::shared_lock lock(mutex);
      if (auto it = entries.find(key); it != entries.end())
        return it->second;
    }
    auto labels = to_labels(l);
    auto with_code = labels;
    with_code["code"] = std::to_string(code);
    entry e{&counts.Add(with_code), &durations.Add(labels, buckets())};
    std::unique_lock lock(mutex);
    return entries.emplace(std::move(key), e).first->second;
  }

  std::shared_ptr<prometheus::Registry> registry;
  prometheus::Family<prometheus::Counter>& counts;
  prometheus::Family<prometheus::Histogram>& durations;
  prometheus::Family<prometheus::Gauge>& watches;
  prometheus::Family<prometheus::Gauge>& streams;
  std::shared_mutex mutex;
  std::map<std::string, entry> entries;
};

metrics::metrics(std::shared_ptr<prometheus::Registry> registry)
    : impl_(std::make_unique<impl>(std::move(registry))) {}

metrics::~metrics() = default;

void metrics::observe(const request_labels& labels, int code, std::chrono::nanoseconds duration) {
  auto e = impl_->find(labels, code);
  e.count->Increment();
  e.duration->Observe(std::chrono::duration<double>(duration).count());
}

void metrics::count_watch(std::string_view group, std::string_view resource, int change) {
  impl_->watches.Add({{"group", std::string(group)}, {"resource", std::string(resource)}})
      .Increment(change);
}

void metrics::count_stream(std::string_view subresource, int change) {
  impl_->streams.Add({{"subresource", std::string(subresource)}}).Increment(change);
}

std::string metrics::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, impl_->registry->Collect());
  return out.str();
}

} // namespace thespis::api::rest
