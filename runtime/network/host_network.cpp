#include "runtime/network/network_port.hpp"

namespace thespis::runtime {

namespace {

class host_network final : public network_port {
public:
  host_network(node_layout layout, peer_network_options options)
      : layout_(std::move(layout)), options_(std::move(options)) {}

  vxlan_end own_end() const override { return own_vxlan_end(layout_, options_); }

  void program(std::vector<std::string> pod_cidrs, std::vector<network_peer> peers,
               answer done) override {
    auto options = options_;
    for (auto& range : pod_cidrs)
      (range.find(':') == std::string::npos ? options.pod_cidr : options.pod_cidr6) =
          std::move(range);
    const bool taken =
        pool_.post([layout = layout_, options = std::move(options), peers = std::move(peers),
                    done] { done(program_peers(layout, options, peers)); });
    if (!taken)
      done(api::fail(api::internal_error("the network is still being programmed")));
  }

private:
  const node_layout layout_;
  const peer_network_options options_;
  api::outbound::worker_pool pool_{1, 2};
};

} // namespace

std::shared_ptr<network_port> make_host_network(node_layout layout, peer_network_options options) {
  return std::make_shared<host_network>(std::move(layout), std::move(options));
}

} // namespace thespis::runtime
