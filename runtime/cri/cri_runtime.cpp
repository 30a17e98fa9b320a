#include "runtime/cri/cri_runtime.hpp"

#include "runtime/cri/cri_client.hpp"
#include "runtime/cri/cri_convert.hpp"

#include <mutex>

namespace thespis::runtime {

namespace {

using namespace cri;
using milliseconds = std::chrono::milliseconds;

// Beyond the time a command or a stop may take by itself.
constexpr milliseconds slack{10'000};
constexpr int exit_checks = 20;
constexpr milliseconds exit_check_interval{15};

#define THESPIS_RUNTIME(method) "/runtime.v1.RuntimeService/" method
#define THESPIS_IMAGE(method) "/runtime.v1.ImageService/" method

template <class Repeated>
auto convert_all(const Repeated& items) {
  std::vector<decltype(from_proto(items.Get(0)))> out;
  out.reserve(static_cast<size_t>(items.size()));
  for (const auto& item : items)
    out.push_back(from_proto(item));
  return out;
}

class cri_runtime final : public container_runtime {
public:
  cri_runtime(const std::string& socket, const cri_deadlines& deadlines)
      : deadlines_{deadlines}, client_{socket} {}

  void run_sandbox(sandbox_config config, callback<std::string> cb) override {
    pb::RunPodSandboxRequest request;
    to_proto(config, *request.mutable_config());
    request.set_runtime_handler(config.runtime_handler);
    call<pb::RunPodSandboxResponse>(
        THESPIS_RUNTIME("RunPodSandbox"), request, deadlines_.change, std::move(cb),
        [](const pb::RunPodSandboxResponse& r) { return r.pod_sandbox_id(); });
  }

  void stop_sandbox(std::string id, done cb) override {
    sandbox_call(THESPIS_RUNTIME("StopPodSandbox"), id, std::move(cb));
  }

  void remove_sandbox(std::string id, done cb) override {
    sandbox_call(THESPIS_RUNTIME("RemovePodSandbox"), id, std::move(cb));
  }

  void get_sandbox(std::string id, callback<sandbox_status> cb) override {
    pb::PodSandboxIdRequest request;
    request.set_pod_sandbox_id(id);
    call<pb::PodSandboxStatusResponse>(
        THESPIS_RUNTIME("PodSandboxStatus"), request, deadlines_.query, std::move(cb),
        [](const pb::PodSandboxStatusResponse& r) { return from_proto(r.status()); });
  }

  void list_sandboxes(sandbox_filter filter, callback<std::vector<sandbox_summary>> cb) override {
    pb::ListPodSandboxRequest request;
    to_proto(filter, *request.mutable_filter());
    call<pb::ListPodSandboxResponse>(
        THESPIS_RUNTIME("ListPodSandbox"), request, deadlines_.query, std::move(cb),
        [](const pb::ListPodSandboxResponse& r) { return convert_all(r.items()); });
  }

  void create_container(std::string sandbox_id, container_config config, sandbox_config sandbox,
                        callback<std::string> cb) override {
    pb::CreateContainerRequest request;
    request.set_pod_sandbox_id(sandbox_id);
    to_proto(config, *request.mutable_config());
    to_proto(sandbox, *request.mutable_sandbox_config());
    call<pb::CreateContainerResponse>(
        THESPIS_RUNTIME("CreateContainer"), request, deadlines_.change, std::move(cb),
        [](const pb::CreateContainerResponse& r) { return r.container_id(); });
  }

  void start_container(std::string id, done cb) override {
    container_call(THESPIS_RUNTIME("StartContainer"), id, std::move(cb));
  }

  void stop_container(std::string id, seconds grace, done cb) override {
    pb::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(grace.count());
    done_call(THESPIS_RUNTIME("StopContainer"), request, grace + deadlines_.change,
              absent_is_done(std::move(cb)));
  }

  void remove_container(std::string id, done cb) override {
    container_call(THESPIS_RUNTIME("RemoveContainer"), id, absent_is_done(std::move(cb)));
  }

  void get_container(std::string id, callback<container_status> cb) override {
    pb::ContainerIdRequest request;
    request.set_container_id(id);
    call<pb::ContainerStatusResponse>(
        THESPIS_RUNTIME("ContainerStatus"), request, deadlines_.query, std::move(cb),
        [](const pb::ContainerStatusResponse& r) { return from_proto(r.status()); });
  }

  void list_containers(container_filter filter,
                       callback<std::vector<container_summary>> cb) override {
    pb::ListContainersRequest request;
    to_proto(filter, *request.mutable_filter());
    call<pb::ListContainersResponse>(
        THESPIS_RUNTIME("ListContainers"), request, deadlines_.query, std::move(cb),
        [](const pb::ListContainersResponse& r) { return convert_all(r.containers()); });
  }

  void update_resources(std::string id, linux_resources resources, done cb) override {
    pb::UpdateContainerResourcesRequest request;
    request.set_container_id(id);
    to_proto(resources, *request.mutable_linux());
    done_call(THESPIS_RUNTIME("UpdateContainerResources"), request, deadlines_.change,
              std::move(cb));
  }

  void reopen_log(std::string id, done cb) override {
    container_call(THESPIS_RUNTIME("ReopenContainerLog"), id, std::move(cb));
  }

  void exec_sync(std::string id, std::vector<std::string> command, seconds timeout,
                 callback<exec_result> cb) override {
    pb::ExecSyncRequest request;
    request.set_container_id(id);
    for (auto& word : command)
      request.add_cmd(std::move(word));
    const milliseconds limit = timeout.count() > 0 ? milliseconds{timeout} : deadlines_.command;
    request.set_timeout(std::chrono::duration_cast<seconds>(limit).count());
    call<pb::ExecSyncResponse>(THESPIS_RUNTIME("ExecSync"), request, limit + slack, std::move(cb),
                               [](const pb::ExecSyncResponse& r) {
                                 return exec_result{r.exit_code(), r.stdout(), r.stderr()};
                               });
  }

  void exec(std::string id, std::vector<std::string> command, stream_options options,
            callback<std::string> cb) override {
    pb::ExecRequest request;
    request.set_container_id(id);
    for (auto& word : command)
      request.add_cmd(std::move(word));
    request.set_tty(options.tty);
    request.set_stdin(options.in);
    request.set_stdout(options.out);
    request.set_stderr(options.err && !options.tty);
    stream_call(THESPIS_RUNTIME("Exec"), request, std::move(cb));
  }

  void attach(std::string id, stream_options options, callback<std::string> cb) override {
    pb::AttachRequest request;
    request.set_container_id(id);
    request.set_tty(options.tty);
    request.set_stdin(options.in);
    request.set_stdout(options.out);
    request.set_stderr(options.err && !options.tty);
    stream_call(THESPIS_RUNTIME("Attach"), request, std::move(cb));
  }

  void port_forward(std::string sandbox_id, std::vector<int32_t> ports,
                    callback<std::string> cb) override {
    pb::PortForwardRequest request;
    request.set_pod_sandbox_id(sandbox_id);
    for (const int32_t port : ports)
      request.add_port(port);
    stream_call(THESPIS_RUNTIME("PortForward"), request, std::move(cb));
  }

  void get_image(std::string image, callback<std::optional<image_info>> cb) override {
    pb::ImageStatusRequest request;
    request.mutable_image()->set_image(image);
    call<pb::ImageStatusResponse>(THESPIS_IMAGE("ImageStatus"), request, deadlines_.query,
                                  std::move(cb), [](const pb::ImageStatusResponse& r) {
                                    return r.has_image() ? std::optional{from_proto(r.image())}
                                                         : std::nullopt;
                                  });
  }

  void list_images(callback<std::vector<image_info>> cb) override {
    call<pb::ListImagesResponse>(
        THESPIS_IMAGE("ListImages"), pb::ListImagesRequest{}, deadlines_.query, std::move(cb),
        [](const pb::ListImagesResponse& r) { return convert_all(r.images()); });
  }

  void pull_image(std::string image, registry_auth auth, callback<std::string> cb) override {
    pb::PullImageRequest request;
    request.mutable_image()->set_image(image);
    auto& a = *request.mutable_auth();
    a.set_username(auth.username);
    a.set_password(auth.password);
    a.set_auth(auth.auth);
    a.set_server_address(auth.server_address);
    a.set_identity_token(auth.identity_token);
    a.set_registry_token(auth.registry_token);
    call<pb::PullImageResponse>(THESPIS_IMAGE("PullImage"), request, deadlines_.pull, std::move(cb),
                                [](const pb::PullImageResponse& r) { return r.image_ref(); });
  }

  void remove_image(std::string image, done cb) override {
    pb::ImageStatusRequest request;
    request.mutable_image()->set_image(image);
    done_call(THESPIS_IMAGE("RemoveImage"), request, deadlines_.change,
              absent_is_done(std::move(cb)));
  }

  void image_filesystem(callback<std::vector<filesystem_usage>> cb) override {
    call<pb::ImageFsInfoResponse>(
        THESPIS_IMAGE("ImageFsInfo"), pb::Empty{}, deadlines_.query, std::move(cb),
        [](const pb::ImageFsInfoResponse& r) { return convert_all(r.image_filesystems()); });
  }

  void get_container_stats(std::string id, callback<container_stats> cb) override {
    pb::ContainerIdRequest request;
    request.set_container_id(id);
    call<pb::ContainerStatsResponse>(
        THESPIS_RUNTIME("ContainerStats"), request, deadlines_.query, std::move(cb),
        [](const pb::ContainerStatsResponse& r) { return from_proto(r.stats()); });
  }

  void list_container_stats(container_filter filter,
                            callback<std::vector<container_stats>> cb) override {
    pb::ListContainerStatsRequest request;
    auto& f = *request.mutable_filter();
    f.set_id(filter.id);
    f.set_pod_sandbox_id(filter.sandbox_id);
    for (const auto& [key, value] : filter.labels)
      (*f.mutable_label_selector())[key] = value;
    call<pb::ListContainerStatsResponse>(
        THESPIS_RUNTIME("ListContainerStats"), request, deadlines_.query, std::move(cb),
        [](const pb::ListContainerStatsResponse& r) { return convert_all(r.stats()); });
  }

  void get_version(callback<runtime_version> cb) override {
    call<pb::VersionResponse>(
        THESPIS_RUNTIME("Version"), pb::VersionRequest{}, deadlines_.query, std::move(cb),
        [](const pb::VersionResponse& r) {
          return runtime_version{r.runtime_name(), r.runtime_version(), r.runtime_api_version()};
        });
  }

  void get_status(callback<runtime_status> cb) override {
    call<pb::StatusResponse>(THESPIS_RUNTIME("Status"), pb::StatusRequest{}, deadlines_.query,
                             std::move(cb),
                             [](const pb::StatusResponse& r) { return from_proto(r.status()); });
  }

  void set_pod_cidr(std::string cidr, done cb) override {
    pb::UpdateRuntimeConfigRequest request;
    request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(cidr);
    done_call(THESPIS_RUNTIME("UpdateRuntimeConfig"), request, deadlines_.query, std::move(cb));
  }

  bool on_exit(std::function<void(std::string)> listener) override {
    {
      const std::lock_guard lock{mutex_};
      const bool subscribed = listener_ != nullptr;
      listener_ = std::make_shared<std::function<void(std::string)>>(std::move(listener));
      if (subscribed)
        return true;
    }
    pb::SubscribeRequest request;
    request.add_filters(R"(namespace=="k8s.io",topic=="/tasks/exit")");
    client_.subscribe("/containerd.services.events.v1.Events/Subscribe", request,
                      [this](const std::string& bytes) { handle_event(bytes); });
    return true;
  }

private:
  template <class Response, class T, class Convert>
  void call(const char* method, const google::protobuf::MessageLite& request, milliseconds deadline,
            callback<T> cb, Convert convert) {
    client_.call<Response>(method, request, deadline,
                           [cb = std::move(cb), convert](api::result<Response> r) {
                             if (!r)
                               return cb(api::fail(std::move(r.error())));
                             cb(T{convert(*r)});
                           });
  }

  void done_call(const char* method, const google::protobuf::MessageLite& request,
                 milliseconds deadline, done cb) {
    client_.call(method, request, deadline,
                 cri_client::completion{[cb = std::move(cb)](api::result<std::string> r) {
                   if (!r)
                     return cb(api::fail(std::move(r.error())));
                   cb({});
                 }});
  }

  void stream_call(const char* method, const google::protobuf::MessageLite& request,
                   callback<std::string> cb) {
    call<pb::StreamResponse>(method, request, deadlines_.query, std::move(cb),
                             [](const pb::StreamResponse& r) { return r.url(); });
  }

  void sandbox_call(const char* method, const std::string& id, done cb) {
    pb::PodSandboxIdRequest request;
    request.set_pod_sandbox_id(id);
    done_call(method, request, deadlines_.change, absent_is_done(std::move(cb)));
  }

  void container_call(const char* method, const std::string& id, done cb) {
    pb::ContainerIdRequest request;
    request.set_container_id(id);
    done_call(method, request, deadlines_.change, std::move(cb));
  }

  static done absent_is_done(done cb) {
    return [cb = std::move(cb)](api::result<void> r) {
      if (!r && r.error().why == api::reason::not_found)
        return cb({});
      cb(std::move(r));
    };
  }

  void handle_event(const std::string& bytes) {
    pb::EventEnvelope envelope;
    pb::TaskExitEvent exit;
    if (!envelope.ParseFromString(bytes) || !exit.ParseFromString(envelope.event().value()))
      return;
    // The end of an exec is no end of a container.
    if (exit.id().empty() || exit.id() == exit.container_id())
      check_exit(exit.container_id(), exit_checks);
  }

  /// The CRI server hears of an exit from the same event stream and may be later than we are:
  /// tells the listener only when a status query shows the exit.
  void check_exit(const std::string& id, int checks_left) {
    get_container(id, [this, id, checks_left](api::result<container_status> r) {
      if (!r && r.error().why == api::reason::service_unavailable)
        return;
      if (!r || r->state == container_state::exited || checks_left == 0)
        return notify(id);
      client_.after(exit_check_interval,
                    [this, id, checks_left] { check_exit(id, checks_left - 1); });
    });
  }

  void notify(const std::string& id) {
    std::shared_ptr<std::function<void(std::string)>> listener;
    {
      const std::lock_guard lock{mutex_};
      listener = listener_;
    }
    if (listener && *listener)
      (*listener)(id);
  }

  const cri_deadlines deadlines_;
  std::mutex mutex_;
  std::shared_ptr<std::function<void(std::string)>> listener_; // guarded by mutex_
  cri_client client_; // last: its callbacks use the members above
};

} // namespace

std::unique_ptr<container_runtime> make_cri_runtime(const std::string& socket,
                                                    const cri_deadlines& deadlines) {
  return std::make_unique<cri_runtime>(socket, deadlines);
}

} // namespace thespis::runtime
