// The pages that kubelet serves: what they say of a node.
#include "actors/node/node_files.hpp"
#include "actors/node/node_picture.hpp"
#include "api/json.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>

using namespace thespis;
using namespace thespis::actors;

namespace {

namespace fs = std::filesystem;

node_picture picture() {
  node_picture p;
  p.node = "n1";
  p.time = 1'700'000'000'000'000'000;
  p.cores = 4;
  p.host = {90'000'000'000, 1 << 30};
  p.cpu_rate = 250'000'000;
  p.supplies["memory.available"] = {3ll << 30, 4ll << 30};
  p.supplies["nodefs.available"] = {600, 1000};
  p.supplies["nodefs.inodesFree"] = {60, 100};
  auto pod = std::make_shared<api::v1::pod>();
  pod->metadata.name = "web";
  pod->metadata.namespace_ = "default";
  pod->metadata.uid = "u1";
  auto& on = p.pods["u1"];
  on.pod = pod;
  on.running = true;
  on.footprint.processes = 3;
  on.footprint.volumes["cache"] = {40, 2};
  auto& c = on.containers.emplace_back();
  c.name = "main";
  c.id = "abc";
  c.image = "web:1";
  c.started_at = 1'699'999'000'000'000'000;
  c.cpu_rate = 5'000'000;
  c.stats.timestamp = p.time;
  c.stats.cpu_core_nanoseconds = 1'500'000'000;
  c.stats.memory_working_set = 4096;
  c.stats.memory_usage = 8192;
  c.stats.filesystem_used = 10;
  c.disk = {30, 1};
  auto quiet = std::make_shared<api::v1::pod>();
  quiet->metadata.name = "quiet";
  p.pods["u2"].pod = quiet;
  return p;
}

bool has(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

/// A folder of logs, and one beside it that nobody may see.
struct log_folders {
  fs::path base;
  log_folders() {
    char name[] = "/tmp/thespis-logs-XXXXXX";
    base = ::mkdtemp(name);
    fs::create_directories(base / "log/sub");
    fs::create_directories(base / "data/logs/pods/default_web_u1");
    std::ofstream{base / "log/messages"} << "a line\n";
    std::ofstream{base / "log/a<b>"} << "x";
    std::ofstream{base / "secret"} << "hidden";
    std::ofstream{base / "data/logs/pods/default_web_u1/0.log"} << "of a pod\n";
    fs::create_symlink(base / "secret", base / "log/out");
  }
  ~log_folders() { fs::remove_all(base); }
  node_page get(const std::string& path) const {
    return log_page(path, (base / "data").string(), (base / "log").string());
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(node_pictures)

BOOST_AUTO_TEST_CASE(the_summary_tells_of_node_pods_and_containers) {
  const auto doc = *api::json::parse(stats_summary(picture()));
  const auto number = [](const api::json::value& v, std::initializer_list<std::string_view> path) {
    const auto* found = api::json::at(v, path);
    BOOST_REQUIRE(found);
    return found->GetInt64();
  };
  const auto& node = doc["node"];
  BOOST_TEST(api::json::get_string(node, "nodeName") == "n1");
  BOOST_TEST(number(node, {"cpu", "usageNanoCores"}) == 250'000'000);
  BOOST_TEST(number(node, {"memory", "availableBytes"}) == 3ll << 30);
  BOOST_TEST(number(node, {"fs", "usedBytes"}) == 400);
  BOOST_TEST(number(node, {"runtime", "imageFs", "capacityBytes"}) == 1000);
  // What does not run uses nothing.
  BOOST_REQUIRE(doc["pods"].Size() == 1);
  const auto& pod = doc["pods"][0];
  BOOST_TEST(number(pod, {"process_stats", "process_count"}) == 3);
  BOOST_TEST(number(pod, {"cpu", "usageCoreNanoSeconds"}) == 1'500'000'000);
  BOOST_TEST(number(pod["volume"][0], {"usedBytes"}) == 40);
  const auto& c = pod["containers"][0];
  BOOST_TEST(number(c, {"memory", "workingSetBytes"}) == 4096);
  BOOST_TEST(number(c, {"rootfs", "usedBytes"}) == 10);
  BOOST_TEST(number(c, {"logs", "usedBytes"}) == 20);
}

BOOST_AUTO_TEST_CASE(metrics_are_those_that_prometheus_knows) {
  const auto p = picture();
  const auto resource = resource_metrics(p);
  const std::string labels = R"({container="main",namespace="default",pod="web"} )";
  BOOST_TEST(has(resource, "container_cpu_usage_seconds_total" + labels + "1.5 1700000000000"));
  BOOST_TEST(has(resource, "container_memory_working_set_bytes" + labels + "4096 1700000000000"));
  BOOST_TEST(has(resource, "container_start_time_seconds" + labels + "1.699999e+09"));
  BOOST_TEST(has(resource, "node_cpu_usage_seconds_total 90 1700000000000"));
  BOOST_TEST(has(resource, R"(pod_memory_working_set_bytes{namespace="default",pod="web"} 4096 )"
                           "1700000000000"));
  BOOST_TEST(has(resource, "resource_scrape_error 0"));
  BOOST_TEST(has(container_metrics(p), "machine_cpu_cores 4"));
  const auto own = kubelet_metrics(p);
  BOOST_TEST(has(own, "kubelet_running_pods 1"));
  BOOST_TEST(has(own, R"(kubelet_desired_pods{static=""} 2)"));
  BOOST_TEST(has(own, R"(kubelet_running_containers{container_state="running"} 1)"));
}

BOOST_AUTO_TEST_CASE(rates_are_those_between_two_readings) {
  cpu_rates r;
  BOOST_TEST(r.take("a", 1'000'000'000, 0) == 0u);
  BOOST_TEST(r.take("a", 3'000'000'000, 1'000'000'000) == 500'000'000u);
  // Asked twice for one reading.
  BOOST_TEST(r.take("a", 3'000'000'000, 1'000'000'000) == 500'000'000u);
  // Another process under that name.
  BOOST_TEST(r.take("a", 4'000'000'000, 10) == 0u);
  r.forget_others();
  r.forget_others();
  BOOST_TEST(r.take("a", 5'000'000'000, 20) == 0u);
}

BOOST_AUTO_TEST_CASE(what_runs_is_listed_as_the_runtime_knows_it) {
  const auto doc = *api::json::parse(running_pods(picture()));
  BOOST_TEST(api::json::get_string(doc, "kind") == "PodList");
  BOOST_REQUIRE(doc["items"].Size() == 1);
  BOOST_TEST(api::json::get_string(doc["items"][0]["metadata"], "name") == "web");
  BOOST_TEST(api::json::get_string(doc["items"][0]["spec"]["containers"][0], "image") == "web:1");
}

BOOST_FIXTURE_TEST_CASE(logs_are_shown_and_nothing_else, log_folders) {
  const auto root = get("/");
  BOOST_TEST(root.status == 200);
  BOOST_TEST(root.body.find("<a href=\"messages\">messages</a>\n") != std::string::npos);
  BOOST_TEST(root.body.find("<a href=\"sub/\">") != std::string::npos);
  BOOST_TEST(root.body.find("<a href=\"pods/\">") != std::string::npos);
  BOOST_TEST(root.body.find("a&lt;b&gt;") != std::string::npos);
  BOOST_TEST(get("").body == root.body);
  BOOST_TEST(get("/messages").body == "a line\n");
  BOOST_TEST(get("/pods/default_web_u1/0.log").body == "of a pod\n");
  for (const auto* path :
       {"/none", "/out", "/../secret", "/sub/../../secret", "/pods/../../../secret"})
    BOOST_TEST(get(path).status == 404, path);
  fs::resize_file(base / "log/messages", max_log_page + 1);
  BOOST_TEST(get("/messages").status == 413);
}

BOOST_AUTO_TEST_SUITE_END()
