// Writes as the REST server makes them, without HTTP: server-side apply, and custom objects beside
// built-in ones.
#include "actors/framework/reconciler.hpp"
#include "api/generated/core_v1_namespace.hpp"
#include "tools/bench/bench_cluster.hpp"
#include "tools/bench/wait.hpp"

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

namespace thespis::tools::bench {

using namespace std::chrono_literals;

namespace {

/// Objects that are written in turn: none is written again before its last write is answered.
constexpr size_t objects = 1000;
/// Writes of one thread that are on their way at most.
constexpr size_t at_once = 64;
constexpr auto serve_limit = 60s;
constexpr auto answer_limit = 60s;
constexpr const char* home = "bench";
const std::string custom_resource = "settings.bench.thespis.dev";

constexpr std::string_view custom_definition = R"({
  "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
  "metadata": {"name": "settings.bench.thespis.dev"},
  "spec": {"group": "bench.thespis.dev", "scope": "Namespaced",
    "names": {"plural": "settings", "singular": "setting", "kind": "Setting",
              "listKind": "SettingList"},
    "versions": [{"name": "v1", "served": true, "storage": true,
      "schema": {"openAPIV3Schema": {"type": "object", "properties": {
        "data": {"type": "object", "additionalProperties": {"type": "string"}}}}}}]}})";

api::call call_of(api::verb verb, std::string resource, std::string name, std::string body) {
  api::call c;
  c.verb = verb;
  c.resource = std::move(resource);
  c.ns = home;
  c.name = std::move(name);
  c.body = std::move(body);
  c.user = {"bench", {}, {"system:masters"}};
  return c;
}

std::string name_of(size_t i) {
  return "object-" + std::to_string(i % objects);
}

/// A pod template of two containers; each write brings another image.
api::call apply_call(size_t i) {
  const auto container = [i](const std::string& name) {
    return R"({"name":")" + name + R"(","image":"bench.thespis.dev/app:)" + std::to_string(i) +
           R"(","ports":[{"containerPort":8080,"name":"http"}],"env":[{"name":"HOST","value":"a"},)"
           R"({"name":"PORT","value":"80"},{"name":"MODE","value":"fast"}],"resources":{"requests":)"
           R"({"cpu":"10m","memory":"16Mi"},"limits":{"memory":"32Mi"}}})";
  };
  auto c = call_of(api::verb::patch, "podtemplates", name_of(i),
                   R"({"apiVersion":"v1","kind":"PodTemplate","metadata":{"name":")" + name_of(i) +
                       R"(","labels":{"app":"bench"}},"template":{"metadata":{"labels":)"
                       R"({"app":"bench"}},"spec":{"containers":[)" +
                       container("main") + "," + container("beside") + "]}}}");
  c.patch = api::patch_kind::apply;
  c.field_manager = "bench";
  return c;
}

api::call create_call(const std::string& resource, const std::string& kind, size_t i) {
  std::string data;
  for (int key = 0; key < 10; ++key)
    data += (key > 0 ? ",\"" : "\"") + std::string{"key-"} + std::to_string(key) +
            R"(":"a value of some length")";
  return call_of(api::verb::create, resource, {},
                 "{" + kind + R"(,"metadata":{"name":")" + name_of(i) + R"("},"data":{)" + data +
                     "}}");
}

api::call merge_call(const std::string& resource, size_t i) {
  auto c = call_of(api::verb::patch, resource, name_of(i),
                   R"({"data":{"turn":")" + std::to_string(i) + "\"}}");
  c.patch = api::patch_kind::json_merge;
  return c;
}

/// What a thread that writes and those that answer it share.
struct answers {
  std::mutex mutex;
  std::condition_variable changed;
  size_t under_way = 0;
  uint64_t done = 0;
  std::string failure; ///< the first one
};

/// Writes until the time or the number is over; false when answers are missing.
bool write_on(cluster& c, const std::function<api::call(size_t)>& make, size_t first, size_t step,
              size_t most, std::chrono::steady_clock::time_point end,
              const std::shared_ptr<answers>& all) {
  const auto done = [all](api::reply r) {
    const std::lock_guard lock{all->mutex};
    --all->under_way;
    ++all->done;
    if (!r.ok && all->failure.empty())
      all->failure = r.failure.message;
    all->changed.notify_all();
  };
  std::unique_lock lock{all->mutex};
  for (size_t i = first; i < most && std::chrono::steady_clock::now() < end; i += step) {
    const bool room = all->changed.wait_for(
        lock, answer_limit, [&] { return all->under_way < at_once || !all->failure.empty(); });
    if (!room || !all->failure.empty())
      break;
    ++all->under_way;
    lock.unlock();
    c.backend().submit(make(i), done);
    lock.lock();
  }
  return all->changed.wait_for(lock, answer_limit, [&] { return all->under_way == 0; });
}

/// Writes a second, of as many threads as the REST server would use. Errors: what the first refused
/// write was told.
api::result<double> write_rate(cluster& c, const std::function<api::call(size_t)>& make,
                               std::chrono::seconds time, size_t most = SIZE_MAX) {
  const size_t threads = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::shared_ptr<answers>> told(threads);
  std::vector<std::thread> writers;
  std::atomic<bool> complete{true};
  for (size_t t = 0; t < threads; ++t) {
    told[t] = std::make_shared<answers>();
    writers.emplace_back([&, t] {
      if (!write_on(c, make, t, threads, most, begin + time, told[t]))
        complete = false;
    });
  }
  for (auto& w : writers)
    w.join();
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
  uint64_t n = 0;
  for (const auto& t : told) {
    if (!t->failure.empty())
      return api::fail(api::bad_request("a write was refused: " + t->failure));
    n += t->done;
  }
  if (!complete)
    return api::fail(api::internal_error("writes were not answered"));
  return static_cast<double>(n) / spent.count();
}

/// Creates the objects and patches them for a while.
api::result<double> merge_rate(cluster& c, const std::string& resource, const std::string& kind,
                               std::chrono::seconds time) {
  const auto made = write_rate(
      c, [&](size_t i) { return create_call(resource, kind, i); }, answer_limit, objects);
  if (!made)
    return made;
  return write_rate(
      c, [&](size_t i) { return merge_call(resource, i); }, time);
}

/// Defines a kind and waits until it is served.
api::result<void> define_kind(cluster& c) {
  auto definition = call_of(api::verb::create, "customresourcedefinitions.apiextensions.k8s.io", {},
                            std::string{custom_definition});
  definition.ns.clear();
  for (auto& o : c.run({std::move(definition)}).outcomes)
    if (!o.ok)
      return api::fail(std::move(o.failure));
  auto probe =
      create_call(custom_resource, R"("apiVersion":"bench.thespis.dev/v1","kind":"Setting")", 0);
  probe.dry_run = true;
  const bool served = wait_until(serve_limit, [&] { return c.run({probe}).outcomes.front().ok; });
  return served ? api::result<void>{}
                : api::fail(api::internal_error("the custom kind is not served"));
}

} // namespace

api::result<figures> measure_writes(const context& c) {
  auto started = bench_cluster::start(c, 0);
  if (!started)
    return api::fail(std::move(started.error()));
  auto& control = (*started)->control();
  api::v1::namespace_ ns;
  ns.metadata.name = home;
  control.run({actors::create_call(ns)});
  const std::chrono::seconds time{c.opts.seconds};
  c.log.say("server-side apply");
  const auto applied = write_rate(control, apply_call, time);
  if (!applied)
    return api::fail(applied.error());
  if (auto ok = define_kind(control); !ok)
    return api::fail(std::move(ok.error()));
  c.log.say("patches of built-in objects");
  const auto built_in =
      merge_rate(control, "configmaps", R"("apiVersion":"v1","kind":"ConfigMap")", time);
  if (!built_in)
    return api::fail(built_in.error());
  c.log.say("patches of custom objects");
  const auto custom = merge_rate(control, custom_resource,
                                 R"("apiVersion":"bench.thespis.dev/v1","kind":"Setting")", time);
  if (!custom)
    return api::fail(custom.error());
  figure first;
  first.what = "server-side apply";
  first.value = *applied;
  first.unit = "/s";
  first.target = 5000;
  first.note = "pod templates of two containers, each write another image; synced, without HTTP";
  figure second;
  second.what = "custom objects patched";
  second.value = *custom;
  second.unit = "/s";
  second.reference = *built_in;
  second.reference_name = "built-in";
  second.note = "one key of eleven, of a custom kind with a schema and of ConfigMaps; likewise";
  return figures{first, second};
}

} // namespace thespis::tools::bench
