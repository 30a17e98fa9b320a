#include "actors/node/static_pods.hpp"

#include "actors/pod/host_files.hpp"
#include "api/json.hpp"
#include "api/pipeline/strategies/strategies.hpp"
#include "api/schema/defaults.hpp"
#include "api/schema/schema.hpp"
#include "api/text/time.hpp"
#include "api/yaml.hpp"

#include <openssl/evp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace thespis::actors {

namespace {

namespace fs = std::filesystem;
namespace json = api::json;

constexpr size_t max_manifest = 1 << 20;

/// 32 characters, as long as a uid may be used in names of folders and cgroups.
std::string digest_of(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  EVP_Digest(text.data(), text.size(), bytes.data(), nullptr, EVP_sha256(), nullptr);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string res;
  for (size_t i = 0; i < 16; ++i) {
    res += digits[bytes[i] >> 4];
    res += digits[bytes[i] & 15];
  }
  return res;
}

// Taints that come to its node do not end a static pod.
void tolerate_all(json::value& spec, json::allocator& a) {
  json::value all{rapidjson::kArrayType};
  if (const auto* own = json::find(spec, "tolerations"); own && own->IsArray())
    all = json::copy(*own, a);
  json::value t{rapidjson::kObjectType};
  json::set(t, "operator", std::string{"Exists"}, a);
  json::set(t, "effect", std::string{"NoExecute"}, a);
  all.PushBack(t, a);
  json::set(spec, "tolerations", std::move(all), a);
}

} // namespace

std::string mirrored_hash(const api::object& pod) {
  const auto doc = pod.parse();
  const auto* notes = json::at(doc, {"metadata", "annotations"});
  return notes ? std::string{json::get_string(*notes, mirror_annotation)} : std::string{};
}

api::result<static_pod> read_manifest(std::string_view text, const std::string& file,
                                      const std::string& node,
                                      std::chrono::sys_time<std::chrono::nanoseconds> now) {
  auto doc = api::yaml::parse(text);
  if (!doc)
    return api::fail(std::move(doc.error()));
  if (!doc->IsObject() || json::get_string(*doc, "kind") != "Pod" ||
      json::get_string(*doc, "apiVersion") != "v1")
    return api::fail(api::bad_request("expected a Pod of v1"));
  auto& a = doc->GetAllocator();
  auto& meta = json::ensure_object(*doc, "metadata", a);
  auto& spec = json::ensure_object(*doc, "spec", a);
  static_pod res;
  res.name = json::get_string(meta, "name");
  res.ns = json::get_string(meta, "namespace", "default");
  if (res.name.empty())
    return api::fail(api::bad_request("expected a name"));
  res.name += "-" + node;
  res.hash = digest_of(node + '\0' + file + '\0' + json::to_string(*doc));
  json::set(meta, "name", res.name, a);
  json::set(meta, "namespace", res.ns, a);
  meta.RemoveMember("uid");
  meta.RemoveMember("ownerReferences");
  auto& notes = json::ensure_object(meta, "annotations", a);
  json::set(notes, "kubernetes.io/config.hash", res.hash, a);
  json::set(notes, mirror_annotation, res.hash, a);
  json::set(notes, "kubernetes.io/config.seen", api::format_micro_time(now), a);
  json::set(notes, "kubernetes.io/config.source", std::string{"file"}, a);
  json::set(spec, "nodeName", node, a);
  tolerate_all(spec, a);
  doc->RemoveMember("status");
  res.body = json::to_string(*doc);
  return res;
}

std::map<std::string, static_pod>
read_manifests(const std::string& path, const std::string& node,
               std::chrono::sys_time<std::chrono::nanoseconds> now) {
  std::vector<fs::path> files;
  std::error_code failed;
  if (fs::is_regular_file(path, failed))
    files.emplace_back(path);
  for (auto i = fs::directory_iterator{path, failed}; !failed && i != fs::directory_iterator{};
       i.increment(failed))
    if (!i->path().filename().string().starts_with('.') && fs::is_regular_file(i->path(), failed))
      files.push_back(i->path());
  std::map<std::string, static_pod> res;
  for (const auto& f : files) {
    auto pod = read_manifest(read_tail(f.string(), max_manifest), f.string(), node, now);
    if (pod)
      res[f.string()] = std::move(*pod);
    else
      spdlog::warn("{}: no static pod: {}", f.string(), pod.error().message);
  }
  return res;
}

api::object_ptr run_alone(const static_pod& pod) {
  auto doc = json::parse_trusted(pod.body);
  auto& a = doc.GetAllocator();
  if (const auto* type = api::schema::registry::builtin().find_kind_type("", "v1", "Pod"))
    api::schema::apply_defaults(*type, doc, a);
  json::set(json::ensure_object(doc, "metadata", a), "uid", pod.hash, a);
  auto& status = json::ensure_object(doc, "status", a);
  json::set(status, "phase", std::string{"Pending"}, a);
  json::set(status, "qosClass", std::string{api::qos_class(doc)}, a);
  return api::seal(api::make_draft("pods", doc), 0);
}

api::object_ptr run_by_hash(const api::object& mirror, const std::string& hash) {
  auto doc = mirror.parse();
  auto& meta = json::ensure_object(doc, "metadata", doc.GetAllocator());
  json::set(meta, "uid", hash, doc.GetAllocator());
  meta.RemoveMember("deletionTimestamp");
  meta.RemoveMember("deletionGracePeriodSeconds");
  return api::seal(api::make_draft("pods", doc), mirror.revision());
}

} // namespace thespis::actors
