// The container runtime port: what a node asks of whatever runs its containers. It follows the
// shape of Kubernetes' Container Runtime Interface (runtime.v1) in plain structs, so that neither
// gRPC nor protobuf reaches the actors.
#pragma once

#include "api/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace thespis::runtime {

using string_map = std::map<std::string, std::string>;

/// Nanoseconds since the Unix epoch; 0 means "has not happened".
using unix_nanos = int64_t;

// --- sandboxes ----------------------------------------------------------------------------------

/// Who shares a namespace with a container or a sandbox.
enum class namespace_mode : uint8_t {
  pod,       ///< shared by the containers of the pod (CRI's POD)
  container, ///< the container's own (the default for process ids)
  node,      ///< the host's
};

struct namespace_options {
  namespace_mode network = namespace_mode::pod;
  namespace_mode pid = namespace_mode::container;
  namespace_mode ipc = namespace_mode::pod;
};

struct seccomp_profile {
  enum class kind : uint8_t { unconfined, runtime_default, localhost };
  kind type = kind::unconfined;
  std::string localhost_path; ///< absolute, for `localhost` only
};

/// What identifies a sandbox beside the id that the runtime gives it.
struct sandbox_metadata {
  std::string name; ///< of the pod
  std::string uid;
  std::string ns; ///< the pod's namespace
  uint32_t attempt = 0;
};

struct dns_config {
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;
};

enum class port_protocol : uint8_t { tcp, udp, sctp };

/// A port of the node that leads to one of the sandbox.
struct port_mapping {
  port_protocol protocol = port_protocol::tcp;
  int32_t container_port = 0;
  int32_t host_port = 0;
  std::string host_ip; ///< empty: all addresses
};

struct sandbox_security {
  namespace_options namespaces;
  std::optional<int64_t> run_as_user;
  std::optional<int64_t> run_as_group;
  std::vector<int64_t> supplemental_groups;
  bool privileged = false; ///< true when any container of the pod is
  bool readonly_rootfs = false;
  seccomp_profile seccomp;
};

struct sandbox_config {
  sandbox_metadata metadata;
  std::string hostname;
  std::string log_directory; ///< absolute; container log paths are relative to it
  dns_config dns;            ///< all empty: the node's resolv.conf
  std::vector<port_mapping> ports;
  string_map labels;
  string_map annotations;
  std::string cgroup_parent; ///< cgroupfs path such as /kubepods/burstable/pod<uid>; may be empty
  string_map sysctls;
  sandbox_security security;
  std::string runtime_handler; ///< of the pod's RuntimeClass; empty: the default
};

enum class sandbox_state : uint8_t { ready, not_ready };

struct sandbox_status {
  std::string id;
  sandbox_metadata metadata;
  sandbox_state state = sandbox_state::not_ready;
  unix_nanos created_at = 0;
  std::vector<std::string> ips; ///< the first is the pod's; empty on the host's network
  namespace_options namespaces;
  string_map labels;
  string_map annotations;
};

/// A sandbox as lists show it: cheaper than its status.
struct sandbox_summary {
  std::string id;
  sandbox_metadata metadata;
  sandbox_state state = sandbox_state::not_ready;
  unix_nanos created_at = 0;
  string_map labels;
  string_map annotations;
};

/// All members set must hold; an empty filter lets everything through.
struct sandbox_filter {
  std::string id;
  std::optional<sandbox_state> state;
  string_map labels;
};

// --- containers ---------------------------------------------------------------------------------

enum class mount_propagation : uint8_t { none, host_to_container, bidirectional };

struct container_mount {
  std::string host_path;
  std::string container_path;
  bool readonly = false;
  mount_propagation propagation = mount_propagation::none;
};

struct container_device {
  std::string host_path;
  std::string container_path;
  std::string permissions; ///< of r, w and m
};

struct env_var {
  std::string name;
  std::string value;
};

/// Limits in cgroup units; 0 leaves the runtime's default.
struct linux_resources {
  int64_t cpu_period = 0; ///< microseconds
  int64_t cpu_quota = 0;  ///< microseconds a period
  int64_t cpu_shares = 0;
  int64_t memory_limit = 0;  ///< bytes
  int64_t oom_score_adj = 0; ///< -1000 to 1000
  std::string cpuset_cpus;
  std::string cpuset_mems;
  std::map<std::string, uint64_t> hugepage_limits; ///< page size ("2MB") to bytes
};

struct container_security {
  std::vector<std::string> add_capabilities; ///< without CAP_; ALL is known
  std::vector<std::string> drop_capabilities;
  bool privileged = false;
  namespace_options namespaces; ///< the same as the sandbox's
  std::optional<int64_t> run_as_user;
  std::optional<int64_t> run_as_group; ///< needs a user
  std::string run_as_username;         ///< from the image, when run_as_user is not set
  std::vector<int64_t> supplemental_groups;
  bool readonly_rootfs = false;
  bool no_new_privs = false;
  seccomp_profile seccomp;
  std::string apparmor; ///< "unconfined", "runtime/default", "localhost/NAME"; empty:
                        ///< the runtime's choice
  std::vector<std::string> masked_paths; ///< see default_masked_paths()
  std::vector<std::string> readonly_paths;
};

struct container_config {
  std::string name;
  uint32_t attempt = 0;
  std::string image; ///< an image id or reference that image_status knows
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::string working_dir;
  std::vector<env_var> env;
  std::vector<container_mount> mounts;
  std::vector<container_device> devices;
  string_map labels;
  string_map annotations;
  std::string log_path; ///< relative to the sandbox's log directory
  bool open_stdin = false;
  bool stdin_once = false;
  bool tty = false;
  linux_resources resources;
  container_security security;
  /// An init container and the like. Real runtimes need not know; a simulated one lets it end.
  bool expected_to_end = false;
};

enum class container_state : uint8_t { created, running, exited, unknown };

struct container_summary {
  std::string id;
  std::string sandbox_id;
  std::string name;
  uint32_t attempt = 0;
  std::string image;
  std::string image_ref;
  container_state state = container_state::unknown;
  unix_nanos created_at = 0;
  string_map labels;
  string_map annotations;
};

struct container_status {
  std::string id;
  std::string name;
  uint32_t attempt = 0;
  container_state state = container_state::unknown;
  unix_nanos created_at = 0;
  unix_nanos started_at = 0;
  unix_nanos finished_at = 0;
  int32_t exit_code = 0;
  std::string image;     ///< a reference with a tag where there is one, as kubectl shows it
  std::string image_ref; ///< with a digest, or the image id: Kubernetes' imageID
  std::string reason;    ///< Completed, Error, OOMKilled, StartError, ContainerCannotRun, ...
  std::string message;
  string_map labels;
  string_map annotations;
  std::vector<container_mount> mounts;
  std::string log_path; ///< absolute
};

struct container_filter {
  std::string id;
  std::string sandbox_id;
  std::optional<container_state> state;
  string_map labels;
};

// --- exec and streams ---------------------------------------------------------------------------

struct exec_result {
  int32_t exit_code = 0;
  std::string out;
  std::string err;
};

/// For exec and attach: which streams a client wants. With a tty there is no error stream.
struct stream_options {
  bool in = false;
  bool out = true;
  bool err = true;
  bool tty = false;
};

// --- images -------------------------------------------------------------------------------------

struct image_info {
  std::string id; ///< sha256:<hex> of the image's configuration
  std::vector<std::string> tags;
  std::vector<std::string> digests; ///< repository@sha256:<hex>
  uint64_t size = 0;                ///< bytes
  std::optional<int64_t> user_id;   ///< the user the image runs as, when it is a number
  std::string username;             ///< ... when it is a name
  bool pinned = false;
};

/// Credentials for a registry; all empty for an anonymous pull.
struct registry_auth {
  std::string username;
  std::string password;
  std::string auth; ///< base64 of user:password
  std::string server_address;
  std::string identity_token;
  std::string registry_token;
};

struct filesystem_usage {
  unix_nanos timestamp = 0;
  std::string mountpoint;
  uint64_t used_bytes = 0;
  uint64_t inodes_used = 0;
};

// --- stats and the runtime itself ---------------------------------------------------------------

struct container_stats {
  std::string id;
  std::string name;
  string_map labels;
  unix_nanos timestamp = 0;
  uint64_t cpu_core_nanoseconds = 0; ///< since the container started
  uint64_t memory_working_set = 0;   ///< bytes
  uint64_t memory_usage = 0;         ///< bytes, with the page cache
  uint64_t memory_rss = 0;
  uint64_t memory_page_faults = 0;
  uint64_t filesystem_used = 0; ///< bytes of the writable layer
};

struct runtime_version {
  std::string name;    ///< "containerd", "simulated"
  std::string version; ///< of the runtime
  std::string api_version;
};

struct runtime_condition {
  bool status = false;
  std::string reason;
  std::string message;
};

struct runtime_status {
  runtime_condition runtime_ready;
  runtime_condition network_ready;
};

/// The paths Kubernetes hides from, and makes read-only in, containers whose procMount is Default.
const std::vector<std::string>& default_masked_paths();
const std::vector<std::string>& default_readonly_paths();

/// A container runtime of one node.
///
/// Every call returns at once and calls back exactly once, on a thread of the implementation (or,
/// for the simulated runtime, out of its timer port): a callback posts to its actor and returns,
/// and never calls the destructor. Calls may be made from any thread. Destroying the runtime
/// completes the calls under way with `service_unavailable` before the destructor returns.
///
/// Errors: not_found (no such sandbox, container or image), already_exists, bad_request,
/// conflict (the state forbids it), timeout (the deadline passed: the outcome is unknown),
/// service_unavailable (the runtime cannot be reached: retry), internal_error with the runtime's
/// message. Stopping and removing what does not exist succeeds.
class container_runtime {
public:
  template <class T>
  using callback = std::function<void(api::result<T>)>;
  using done = callback<void>;
  using seconds = std::chrono::seconds;

  virtual ~container_runtime() = default;

  // Sandboxes. run gives the sandbox id, with the network up. Stopping a sandbox ends its
  // containers by force and releases the network; removing one removes its containers.
  virtual void run_sandbox(sandbox_config config, callback<std::string> cb) = 0;
  virtual void stop_sandbox(std::string id, done cb) = 0;
  virtual void remove_sandbox(std::string id, done cb) = 0;
  virtual void get_sandbox(std::string id, callback<sandbox_status> cb) = 0;
  virtual void list_sandboxes(sandbox_filter filter, callback<std::vector<sandbox_summary>> cb) = 0;

  // Containers. create gives the container id; `sandbox` is the configuration that made the
  // sandbox. Stop sends the image's stop signal, then SIGKILL after `grace` (0: at once), and
  // calls back when the container has ended.
  virtual void create_container(std::string sandbox_id, container_config config,
                                sandbox_config sandbox, callback<std::string> cb) = 0;
  virtual void start_container(std::string id, done cb) = 0;
  virtual void stop_container(std::string id, seconds grace, done cb) = 0;
  virtual void remove_container(std::string id, done cb) = 0;
  virtual void get_container(std::string id, callback<container_status> cb) = 0;
  virtual void list_containers(container_filter filter,
                               callback<std::vector<container_summary>> cb) = 0;
  virtual void update_resources(std::string id, linux_resources resources, done cb) = 0;
  /// Tells the runtime to open the log file anew, after it was rotated away.
  virtual void reopen_log(std::string id, done cb) = 0;

  // Commands. exec_sync fails with timeout when the command outlives `timeout` (0: a built-in
  // bound); a command that ends non-zero is a success with that exit code.
  virtual void exec_sync(std::string id, std::vector<std::string> command, seconds timeout,
                         callback<exec_result> cb) = 0;
  /// URLs of the runtime's streaming server, good for one connection within a minute.
  virtual void exec(std::string id, std::vector<std::string> command, stream_options options,
                    callback<std::string> cb) = 0;
  virtual void attach(std::string id, stream_options options, callback<std::string> cb) = 0;
  virtual void port_forward(std::string sandbox_id, std::vector<int32_t> ports,
                            callback<std::string> cb) = 0;

  // Images. get gives nullopt for an image that is not present; pull gives the image's id.
  virtual void get_image(std::string image, callback<std::optional<image_info>> cb) = 0;
  virtual void list_images(callback<std::vector<image_info>> cb) = 0;
  virtual void pull_image(std::string image, registry_auth auth, callback<std::string> cb) = 0;
  virtual void remove_image(std::string image, done cb) = 0;
  virtual void image_filesystem(callback<std::vector<filesystem_usage>> cb) = 0;

  // Observation.
  virtual void get_container_stats(std::string id, callback<container_stats> cb) = 0;
  virtual void list_container_stats(container_filter filter,
                                    callback<std::vector<container_stats>> cb) = 0;
  virtual void get_version(callback<runtime_version> cb) = 0;
  virtual void get_status(callback<runtime_status> cb) = 0;

  /// Tells the runtime the node's pod CIDR, or two with a comma between them; runtimes configured
  /// otherwise ignore it.
  virtual void set_pod_cidr(std::string cidr, done cb) = 0;

  /// Registers the one listener told, soon after, the id of a container (or sandbox) whose process
  /// ended. A hint without promise: callers also poll with list_containers, at leisure. False when
  /// the runtime has no events.
  virtual bool on_exit(std::function<void(std::string id)> listener) = 0;
};

} // namespace thespis::runtime
