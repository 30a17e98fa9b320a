#include "api/json.hpp"
#include "runtime/cri/containerd_process.hpp"
#include "runtime/cri/cri_runtime.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/subcommands.hpp"

#include <cstdio>
#include <future>

namespace thespis::tools {

namespace {

/// The socket of the cluster's CRI service.
std::string socket_of(const std::string& data_dir, const instance_state& state) {
  return state.container_runtime_endpoint.empty()
             ? runtime::node_layout{data_dir}.containerd_socket().string()
             : state.container_runtime_endpoint;
}

/// Why nothing can be asked of the cluster's own containerd; empty when it should answer.
std::string absence(const std::string& data_dir, const instance_state& state) {
  if (!state.container_runtime_endpoint.empty() || instance_lock::holder(data_dir) != 0)
    return {};
  return "No cluster runs in " + data_dir + "; `thespis up` starts it.";
}

/// Decimal units, as container tools show sizes: 1.2 MB.
std::string human_size(uint64_t bytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit)
    value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

void print_table(const std::vector<runtime::image_info>& images) {
  size_t width = 5;
  for (const auto& image : images)
    for (const auto& tag : image.tags)
      width = std::max(width, tag.size());
  std::printf("%-*s  %-19s  %s\n", static_cast<int>(width), "IMAGE", "ID", "SIZE");
  for (const auto& image : images) {
    auto tags = image.tags.empty() ? std::vector<std::string>{"<none>"} : image.tags;
    for (const auto& tag : tags)
      std::printf("%-*s  %-19.19s  %s\n", static_cast<int>(width), tag.c_str(), image.id.c_str(),
                  human_size(image.size).c_str());
  }
}

void print_json(const std::vector<runtime::image_info>& images) {
  namespace json = api::json;
  json::document doc{rapidjson::kArrayType};
  auto& a = doc.GetAllocator();
  for (const auto& image : images) {
    json::value entry{rapidjson::kObjectType};
    json::set(entry, "id", std::string_view{image.id}, a);
    for (auto [key, texts] : {std::pair{"tags", &image.tags}, {"digests", &image.digests}}) {
      json::value list{rapidjson::kArrayType};
      for (const auto& text : *texts)
        list.PushBack(json::make_string(text, a), a);
      json::set(entry, key, std::move(list), a);
    }
    json::set(entry, "size", json::value{image.size}, a);
    doc.PushBack(std::move(entry), a);
  }
  std::printf("%s\n", json::to_pretty_string(doc).c_str());
}

} // namespace

int run_image_import(const std::string& data_dir, const std::vector<std::string>& files) {
  auto state = read_state(data_dir);
  if (!state)
    return complain(state.error().message);
  if (!state->container_runtime_endpoint.empty())
    return complain("This cluster uses the container runtime at " +
                    state->container_runtime_endpoint + "; import images with its own tools.");
  if (auto why = absence(data_dir, *state); !why.empty())
    return complain(why);
  runtime::node_layout layout{data_dir};
  int status = 0;
  for (const auto& file : files) {
    auto references = runtime::import_image(layout, file);
    if (!references) {
      status = complain("Cannot import " + file + ": " + references.error().message);
      continue;
    }
    for (const auto& reference : *references)
      std::printf("imported %s\n", reference.c_str());
  }
  return status;
}

int run_image_list(const std::string& data_dir, const std::string& output) {
  auto state = read_state(data_dir);
  if (!state)
    return complain(state.error().message);
  if (auto why = absence(data_dir, *state); !why.empty())
    return complain(why);
  std::promise<api::result<std::vector<runtime::image_info>>> promise;
  auto answer = promise.get_future();
  auto client = runtime::make_cri_runtime(socket_of(data_dir, *state));
  client->list_images([&](auto images) { promise.set_value(std::move(images)); });
  auto images = answer.get();
  if (!images)
    return complain("The container runtime does not answer: " + images.error().message);
  std::sort(images->begin(), images->end(),
            [](const auto& x, const auto& y) { return x.tags < y.tags; });
  if (output == "json")
    print_json(*images);
  else
    print_table(*images);
  return 0;
}

} // namespace thespis::tools
