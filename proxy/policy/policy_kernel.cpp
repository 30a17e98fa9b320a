#include "proxy/policy/policy_kernel.hpp"

#include "proxy/policy/policy_text.hpp"

#include <nftables/libnftables.h>
#include <spdlog/spdlog.h>

namespace thespis::proxy {

void policy_kernel::closer::operator()(nft_ctx* context) const {
  nft_ctx_free(context);
}

api::result<policy_kernel> policy_kernel::open(ip_family f, std::string table) {
  auto* context = nft_ctx_new(NFT_CTX_DEFAULT);
  if (!context)
    return api::fail(api::internal_error("cannot open nftables"));
  policy_kernel res{f, std::move(table), context};
  if (nft_ctx_buffer_output(context) != 0 || nft_ctx_buffer_error(context) != 0)
    return api::fail(api::internal_error("cannot buffer the output of nftables"));
  return res;
}

api::result<void> policy_kernel::run(const std::string& text) {
  if (text.empty())
    return {};
  const int failed = nft_run_cmd_from_buffer(context_.get(), text.c_str());
  // Reading a buffer also empties it.
  (void)nft_ctx_get_output_buffer(context_.get());
  const std::string errors = nft_ctx_get_error_buffer(context_.get());
  if (failed)
    return api::fail(api::internal_error("nftables: " + errors.substr(0, errors.find('\n'))));
  return {};
}

api::result<void> policy_kernel::change(const policy_rules& rules) {
  const auto change = change_policies(family_, table_, held_, rules);
  for (const auto* text : {&change.additions, &change.elements, &change.removals})
    if (auto done = run(*text); !done)
      return done;
  return {};
}

api::result<void> policy_kernel::hold(const policy_rules& rules) {
  if (in_step_ && rules == held_)
    return {};
  if (in_step_ && !rules.empty()) {
    if (auto done = change(rules); done) {
      held_ = rules;
      return {};
    } else {
      spdlog::warn("the rules of network policies are programmed anew: {}", done.error().message);
    }
  }
  in_step_ = false;
  auto done = run(rules.empty() ? policy_removal(family_, table_)
                                : policy_replacement(family_, table_, rules));
  if (!done)
    return done;
  held_ = rules;
  in_step_ = !rules.empty();
  return {};
}

std::string policy_table_name(const std::string& services_table) {
  return services_table + "_policy";
}

} // namespace thespis::proxy
