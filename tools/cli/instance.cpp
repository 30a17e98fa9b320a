#include "tools/cli/instance.hpp"

#include "api/json.hpp"
#include "config/files.hpp"
#include "runtime/cri/node_layout.hpp"

#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace thespis::tools {

namespace {

std::string lock_path(const std::string& data_dir) {
  return data_dir + "/lock";
}

/// A lock of the open file, so that it survives a fork and is probed without being taken.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

pid_t signed_by(int fd) {
  std::array<char, 32> text{};
  auto n = ::pread(fd, text.data(), text.size() - 1, 0);
  return n > 0 ? static_cast<pid_t>(std::strtol(text.data(), nullptr, 10)) : 0;
}

struct member {
  const char* key;
  std::string instance_state::*value;
};

constexpr std::array<member, 8> members{{
    {"version", &instance_state::version},
    {"server", &instance_state::server},
    {"kubeconfig", &instance_state::kubeconfig},
    {"context", &instance_state::context},
    {"containerRuntimeEndpoint", &instance_state::container_runtime_endpoint},
    {"cniBinDir", &instance_state::cni_bin_dir},
    {"proxyTable", &instance_state::proxy_table},
    {"agentOf", &instance_state::agent_of},
}};

} // namespace

api::result<instance_lock> instance_lock::take(const std::string& data_dir) {
  auto path = lock_path(data_dir);
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return api::fail(api::reason::internal_error, path + ": cannot open: " + std::strerror(errno));
  instance_lock lock{fd};
  auto wanted = whole_file();
  if (::fcntl(fd, F_OFD_SETLK, &wanted) == 0) {
    lock.sign();
    return lock;
  }
  if (errno != EAGAIN && errno != EACCES)
    return api::fail(api::reason::internal_error, path + ": cannot lock: " + std::strerror(errno));
  return api::fail(api::reason::conflict,
                   "A cluster runs in " + data_dir + " already (process " +
                       std::to_string(signed_by(fd)) +
                       "). Another one beside it needs its own --data-dir, --api-port, --pod-cidr "
                       "and --service-cidr; `thespis down` ends the one that runs.");
}

pid_t instance_lock::holder(const std::string& data_dir) {
  int fd = ::open(lock_path(data_dir).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return 0;
  auto probe = whole_file();
  bool held = ::fcntl(fd, F_OFD_GETLK, &probe) == 0 && probe.l_type != F_UNLCK;
  auto pid = held ? signed_by(fd) : 0;
  ::close(fd);
  return pid;
}

void instance_lock::sign() const {
  auto text = std::to_string(::getpid()) + "\n";
  [[maybe_unused]] bool done =
      ::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, text.data(), text.size(), 0) > 0;
}

instance_lock::~instance_lock() {
  if (fd_ >= 0)
    ::close(fd_);
}

instance_state state_of(const config::settings& s) {
  instance_state state;
  state.version = version();
  const bool everywhere = s.api.bind_address == "0.0.0.0" || s.api.bind_address == "::";
  state.server =
      "https://" + config::host_and_port(everywhere ? "127.0.0.1" : s.api.bind_address, s.api.port);
  if (!s.agent.server.empty()) {
    state.agent_of = s.agent.server;
    state.server.clear();
  } else {
    state.kubeconfig = s.kubeconfig_path();
  }
  state.context = s.api.context;
  state.container_runtime_endpoint = s.node.container_runtime_endpoint;
  state.cni_bin_dir = s.node.cni_bin_dir;
  state.proxy_table = proxy_table_name(s.data_dir);
  return state;
}

api::result<void> write_state(const std::string& data_dir, const instance_state& state) {
  api::json::document doc{rapidjson::kObjectType};
  for (const auto& m : members)
    api::json::set(doc, m.key, std::string_view{state.*m.value}, doc.GetAllocator());
  return config::write_file(data_dir + "/state.json", api::json::to_pretty_string(doc) + "\n",
                            0600);
}

api::result<instance_state> read_state(const std::string& data_dir) {
  auto path = data_dir + "/state.json";
  auto text = config::read_file(path);
  if (!text && text.error().why == api::reason::not_found)
    return api::fail(api::reason::not_found, "No cluster was started in " + data_dir + ".");
  if (!text)
    return api::fail(text.error());
  auto doc = api::json::parse(*text);
  if (!doc || !doc->IsObject())
    return api::fail(api::reason::bad_request, path + ": expected a JSON object");
  instance_state state;
  for (const auto& m : members)
    state.*m.value = api::json::get_string(*doc, m.key);
  return state;
}

std::string service_choice_file(const std::string& data_dir) {
  return data_dir + "/service-choice";
}

std::string proxy_table_name(const std::string& data_dir) {
  return "thespis_" + runtime::node_layout{data_dir}.instance();
}

std::string_view version() {
  return THESPIS_VERSION;
}

} // namespace thespis::tools
