#include "tools/cluster/audit_sink.hpp"

#include "config/files.hpp"

namespace thespis::tools {

api::result<std::shared_ptr<const api::audit::sink>> open_audit(const config::audit_settings& s) {
  if (s.log_path.empty())
    return nullptr;
  auto sink = std::make_shared<api::audit::sink>();
  if (!s.policy_file.empty()) {
    auto text = config::read_file(s.policy_file);
    if (!text)
      return api::fail(std::move(text.error()));
    auto policy = api::audit::policy::parse(*text);
    if (!policy)
      return api::fail(api::bad_request(s.policy_file + ": " + policy.error().message));
    sink->rules = std::move(*policy);
  }
  auto log = api::audit::log::open(
      {s.log_path, static_cast<size_t>(s.log_max_size), static_cast<size_t>(s.log_max_files)});
  if (!log)
    return api::fail(std::move(log.error()));
  sink->to = std::move(*log);
  sink->now = [clock = runtime::system_clock_port()] { return clock->now(); };
  sink->new_id = [random = runtime::machine_random_port()] { return random->uuid(); };
  return sink;
}

} // namespace thespis::tools
