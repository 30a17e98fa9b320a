// Volumes and probes of pods that are only pretended.
#include "actors/pod/probe_port.hpp"
#include "actors/pod/volume_port.hpp"

namespace thespis::actors {

namespace {

// Answers at once on the caller's thread: callers take answers as messages anyway.
class simulated_volumes : public volume_port {
public:
  void prepare(std::shared_ptr<const api::v1::pod> pod,
               std::function<void(api::result<volume_paths>)> done) override {
    volume_paths res;
    for (const auto& v : pod->spec.volumes)
      res[v.name] = "/simulated/" + pod->metadata.uid + "/" + v.name;
    done(std::move(res));
  }
  void release(std::string, std::function<void(api::result<void>)> done) override { done({}); }
  void remove(std::string, std::function<void(api::result<void>)> done) override { done({}); }
  void run(std::function<void()> job) override { job(); }
  std::vector<std::string> leftovers() const override { return {}; }
};

class simulated_probes : public probe_port {
public:
  void http_get(http_probe, std::chrono::seconds, callback done) override { done({true, {}}); }
  void grpc_check(std::string, int, std::string, std::chrono::seconds, callback done) override {
    done({true, {}});
  }
  void tcp_connect(std::string, int, std::chrono::seconds, callback done) override {
    done({true, {}});
  }
};

} // namespace

std::shared_ptr<volume_port> make_simulated_volumes() {
  return std::make_shared<simulated_volumes>();
}

std::shared_ptr<probe_port> make_simulated_probes() {
  return std::make_shared<simulated_probes>();
}

} // namespace thespis::actors
