#include "runtime/cri/cri_client.hpp"

#include "api/error.hpp"

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <thread>
#include <unordered_set>

namespace thespis::runtime {

namespace {

constexpr int max_message_bytes = 64 << 20;
constexpr std::chrono::milliseconds resubscribe_delay{500};

api::reason reason_of(grpc::StatusCode code) {
  switch (code) {
  case grpc::StatusCode::NOT_FOUND:
    return api::reason::not_found;
  case grpc::StatusCode::ALREADY_EXISTS:
    return api::reason::already_exists;
  case grpc::StatusCode::INVALID_ARGUMENT:
  case grpc::StatusCode::OUT_OF_RANGE:
    return api::reason::bad_request;
  case grpc::StatusCode::FAILED_PRECONDITION:
  case grpc::StatusCode::ABORTED:
    return api::reason::conflict;
  case grpc::StatusCode::DEADLINE_EXCEEDED:
    return api::reason::timeout;
  case grpc::StatusCode::UNAVAILABLE:
  case grpc::StatusCode::CANCELLED:
    return api::reason::service_unavailable;
  case grpc::StatusCode::RESOURCE_EXHAUSTED:
    return api::reason::too_many_requests;
  case grpc::StatusCode::PERMISSION_DENIED:
  case grpc::StatusCode::UNAUTHENTICATED:
    return api::reason::forbidden;
  default:
    return api::reason::internal_error;
  }
}

api::error to_error(const grpc::Status& s) {
  return api::make_error(reason_of(s.error_code()), s.error_message());
}

grpc::ByteBuffer to_buffer(const google::protobuf::MessageLite& m) {
  grpc::Slice slice{m.ByteSizeLong()};
  m.SerializeToArray(const_cast<uint8_t*>(slice.begin()), static_cast<int>(slice.size()));
  return grpc::ByteBuffer{&slice, 1};
}

std::string to_bytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  out.reserve(buffer.Length());
  if (!buffer.Dump(&slices).ok())
    return out;
  for (const auto& s : slices)
    out.append(reinterpret_cast<const char*>(s.begin()), s.size());
  return out;
}

/// Something the completion queue reports on.
class operation {
public:
  virtual ~operation() = default;
  /// One event; true when the operation has ended and is to be destroyed.
  virtual bool advance(bool ok) = 0;
  virtual void cancel() = 0;
};

class unary_call : public operation {
public:
  grpc::ClientContext context;
  grpc::ByteBuffer response;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  cri_client::completion done;

  bool advance(bool) override {
    if (status.ok())
      done(to_bytes(response));
    else
      done(api::fail(to_error(status)));
    return true;
  }
  void cancel() override { context.TryCancel(); }
};

class timer : public operation {
public:
  grpc::Alarm alarm;
  std::function<void()> fn;

  bool advance(bool ok) override {
    if (ok)
      fn();
    return true;
  }
  void cancel() override { alarm.Cancel(); }
};

/// A server stream: start, write the request, close our side, then read until it ends.
class stream : public operation {
public:
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer message;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> io;
  std::function<void(const std::string&)> on_message;
  std::function<void()> on_end;

  bool advance(bool ok) override {
    switch (phase_) {
    case phase::starting:
      if (!ok)
        return finish();
      phase_ = phase::writing;
      io->WriteLast(request, grpc::WriteOptions{}, this);
      return false;
    case phase::writing:
      if (!ok)
        return finish();
      phase_ = phase::reading;
      io->Read(&message, this);
      return false;
    case phase::reading:
      if (!ok)
        return finish();
      on_message(to_bytes(message));
      io->Read(&message, this);
      return false;
    case phase::finishing:
      on_end();
      return true;
    }
    return true;
  }
  void cancel() override { context.TryCancel(); }

private:
  enum class phase : uint8_t { starting, writing, reading, finishing };

  bool finish() {
    phase_ = phase::finishing;
    io->Finish(&status, this);
    return false;
  }

  phase phase_ = phase::starting;
};

std::shared_ptr<grpc::Channel> make_channel(const std::string& socket) {
  grpc::ChannelArguments args;
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  args.SetMaxReceiveMessageSize(max_message_bytes);
  // Go's server refuses the authority that a socket path makes.
  args.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  return grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), args);
}

} // namespace

struct cri_client::impl {
  explicit impl(const std::string& socket)
      : channel{make_channel(socket)}, stub{channel}, worker{[this] { run(); }} {}

  void run() {
    void* tag = nullptr;
    bool ok = false;
    while (queue.Next(&tag, &ok)) {
      auto* op = static_cast<operation*>(tag);
      bool ended = true;
      try {
        ended = op->advance(ok);
      } catch (const std::exception& e) {
        spdlog::error("cri: a completion threw: {}", e.what());
      }
      if (ended)
        remove(op);
    }
  }

  /// Registers and starts an operation; false, with the operation dropped, once closing. The
  /// lock is held over `start`, so that the queue is never used after its shutdown.
  template <class Op, class Start>
  bool begin(std::unique_ptr<Op> op, Start start) {
    const std::lock_guard lock{mutex};
    if (closing)
      return false;
    auto* raw = op.get();
    operations.insert(op.release());
    start(*raw);
    return true;
  }

  void remove(operation* op) {
    {
      const std::lock_guard lock{mutex};
      operations.erase(op);
      if (closing && operations.empty())
        queue.Shutdown();
    }
    delete op;
  }

  void close() {
    {
      const std::lock_guard lock{mutex};
      closing = true;
      for (auto* op : operations)
        op->cancel();
      if (operations.empty())
        queue.Shutdown();
    }
    worker.join();
  }

  void open_stream(std::string method, grpc::ByteBuffer request,
                   std::function<void(const std::string&)> message) {
    auto op = std::make_unique<stream>();
    op->request = request;
    op->on_message = message;
    op->on_end = [this, method, request, message] {
      start_timer(resubscribe_delay,
                  [this, method, request, message] { open_stream(method, request, message); });
    };
    begin(std::move(op), [&](stream& s) {
      s.io = stub.PrepareCall(&s.context, method, &queue);
      s.io->StartCall(&s);
    });
  }

  void start_timer(milliseconds delay, std::function<void()> fn) {
    auto op = std::make_unique<timer>();
    op->fn = std::move(fn);
    const gpr_timespec at = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                         gpr_time_from_millis(delay.count(), GPR_TIMESPAN));
    begin(std::move(op), [&](timer& t) { t.alarm.Set(&queue, at, &t); });
  }

  std::shared_ptr<grpc::Channel> channel;
  grpc::GenericStub stub;
  grpc::CompletionQueue queue;
  std::mutex mutex;
  std::unordered_set<operation*> operations; // guarded by mutex
  bool closing = false;                      // guarded by mutex
  std::thread worker;
};

cri_client::cri_client(const std::string& socket) : impl_{std::make_unique<impl>(socket)} {}

cri_client::~cri_client() {
  impl_->close();
}

void cri_client::call(const char* method, const google::protobuf::MessageLite& request,
                      milliseconds deadline, completion done) {
  auto op = std::make_unique<unary_call>();
  op->done = done;
  op->context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                        gpr_time_from_millis(deadline.count(), GPR_TIMESPAN)));
  const auto buffer = to_buffer(request);
  const bool begun = impl_->begin(std::move(op), [&](unary_call& c) {
    c.reader = impl_->stub.PrepareUnaryCall(&c.context, method, buffer, &impl_->queue);
    c.reader->StartCall();
    c.reader->Finish(&c.response, &c.status, &c);
  });
  if (!begun)
    done(api::fail(to_error(
        {grpc::StatusCode::UNAVAILABLE, "the connection to the container runtime is closing"})));
}

void cri_client::subscribe(const char* method, const google::protobuf::MessageLite& request,
                           std::function<void(const std::string&)> message) {
  impl_->open_stream(method, to_buffer(request), std::move(message));
}

void cri_client::after(milliseconds delay, std::function<void()> fn) {
  impl_->start_timer(delay, std::move(fn));
}

} // namespace thespis::runtime
