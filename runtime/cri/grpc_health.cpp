#include "runtime/cri/grpc_health.hpp"

#include "health.pb.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>

namespace thespis::runtime {

namespace {

namespace pb = grpc::health::v1;

constexpr int max_answer_bytes = 64 * 1024;

/// One check; lives until its completion was taken from the queue. It must not end on a thread of
/// gRPC's own, which its channel may be the last to hold.
struct check {
  check(std::string address, std::chrono::milliseconds timeout)
      : where(std::move(address)), limit(timeout) {}

  std::string where;
  std::chrono::milliseconds limit;
  grpc::ClientContext context;
  std::unique_ptr<grpc::GenericStub> stub;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer answer;
  grpc::Status status;
  std::function<void(grpc_health)> done;
};

// "1s", as Go writes a probe's whole seconds.
std::string seconds_of(std::chrono::milliseconds d) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(d).count()) + "s";
}

grpc_health read_answer(const grpc::ByteBuffer& buffer) {
  grpc::Slice bytes;
  pb::HealthCheckResponse response;
  if (!buffer.DumpToSingleSlice(&bytes).ok() ||
      !response.ParseFromArray(bytes.begin(), static_cast<int>(bytes.size())))
    return {false, "error: health rpc probe failed: malformed answer"};
  if (response.status() == pb::HealthCheckResponse::SERVING)
    return {true, "service healthy"};
  const auto name = pb::HealthCheckResponse::ServingStatus_IsValid(response.status())
                        ? pb::HealthCheckResponse::ServingStatus_Name(response.status())
                        : std::to_string(response.status());
  return {false, "service unhealthy (responded with \"" + name + "\")"};
}

grpc_health judge(const check& c, const grpc::Status& s) {
  switch (s.error_code()) {
  case grpc::StatusCode::OK:
    return read_answer(c.answer);
  case grpc::StatusCode::UNIMPLEMENTED:
    return {false, "error: this server does not implement the grpc health protocol "
                   "(grpc.health.v1.Health): " +
                       s.error_message()};
  case grpc::StatusCode::UNAVAILABLE:
    return {false, "timeout: failed to connect service \"" + c.where + "\" within " +
                       seconds_of(c.limit) + ": " + s.error_message()};
  case grpc::StatusCode::DEADLINE_EXCEEDED:
    return {false, "timeout: health rpc did not complete within " + seconds_of(c.limit) +
                       ": context deadline exceeded"};
  default:
    return {false, "error: health rpc probe failed: " + s.error_message()};
  }
}

/// The thread that takes completions; for the process's life.
grpc::CompletionQueue& completions() {
  static grpc::CompletionQueue& queue = *[] {
    auto* q = new grpc::CompletionQueue;
    std::thread{[q] {
      void* tag = nullptr;
      for (bool ok = false; q->Next(&tag, &ok);) {
        const std::unique_ptr<check> c{static_cast<check*>(tag)};
        c->done(judge(*c, c->status));
      }
    }}.detach();
    return q;
  }();
  return queue;
}

} // namespace

void check_grpc_health(const std::string& host, int port, const std::string& service,
                       std::chrono::milliseconds timeout, std::function<void(grpc_health)> done) {
  const bool v6 = host.find(':') != std::string::npos;
  auto c =
      std::make_unique<check>((v6 ? "[" + host + "]" : host) + ":" + std::to_string(port), timeout);
  c->done = std::move(done);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(max_answer_bytes);
  arguments.SetInt("grpc.enable_http_proxy", 0);
  // Each probe is a connection of its own, as each is a new process's look at the pod.
  arguments.SetInt("grpc.use_local_subchannel_pool", 1);
  arguments.SetUserAgentPrefix("kube-probe/1.34");
  c->stub = std::make_unique<grpc::GenericStub>(grpc::CreateCustomChannel(
      (v6 ? "ipv6:" : "ipv4:") + c->where, grpc::InsecureChannelCredentials(), arguments));
  c->context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                       gpr_time_from_millis(timeout.count(), GPR_TIMESPAN)));
  pb::HealthCheckRequest request;
  request.set_service(service);
  const grpc::Slice bytes{request.SerializeAsString()};
  c->reader = c->stub->PrepareUnaryCall(&c->context, "/grpc.health.v1.Health/Check",
                                        grpc::ByteBuffer{&bytes, 1}, &completions());
  c->reader->StartCall();
  auto* const started = c.release();
  started->reader->Finish(&started->answer, &started->status, started);
}

} // namespace thespis::runtime
