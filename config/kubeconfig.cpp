#include "config/kubeconfig.hpp"

#include "config/files.hpp"

#include <openssl/evp.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>

#include <unistd.h>

namespace thespis::config {

namespace {

// A kubeconfig that aliases blow up beyond this is none.
constexpr int max_nodes = 100'000;

struct not_a_kubeconfig {
  std::string why;
};

/// Writes a tree again as it was read: what was quoted stays text.
class printer {
public:
  std::string print(const YAML::Node& root) {
    node(root);
    return std::string{out_.c_str()} + "\n";
  }

private:
  void node(const YAML::Node& n) {
    if (++nodes_ > max_nodes)
      throw not_a_kubeconfig{"it has too many entries"};
    if (n.IsMap()) {
      if (n.size() == 0)
        out_ << YAML::Flow;
      out_ << YAML::BeginMap;
      for (const auto& member : n) {
        out_ << YAML::Key;
        node(member.first);
        out_ << YAML::Value;
        node(member.second);
      }
      out_ << YAML::EndMap;
    } else if (n.IsSequence()) {
      if (n.size() == 0)
        out_ << YAML::Flow;
      out_ << YAML::BeginSeq;
      for (const auto& item : n)
        node(item);
      out_ << YAML::EndSeq;
    } else if (n.IsScalar()) {
      if (n.Tag() == "!")
        out_ << YAML::DoubleQuoted;
      out_ << n.Scalar();
    } else {
      out_ << YAML::Null;
    }
  }

  YAML::Emitter out_;
  int nodes_ = 0;
};

/// A scalar that stays text whatever it looks like.
YAML::Node text(const std::string& value) {
  YAML::Node n{value};
  n.SetTag("!");
  return n;
}

YAML::Node parse(const std::string& content) {
  auto root = YAML::Load(content);
  if (root.IsNull())
    root = YAML::Node{YAML::NodeType::Map};
  if (!root.IsMap())
    throw not_a_kubeconfig{"it is not a map"};
  auto kind = root["kind"];
  if (kind && (!kind.IsScalar() || kind.Scalar() != "Config"))
    throw not_a_kubeconfig{"its kind is not Config"};
  for (const char* list : {"clusters", "users", "contexts"}) {
    auto entries = root[list];
    if (entries && !entries.IsNull() && !entries.IsSequence())
      throw not_a_kubeconfig{std::string{list} + " is not a list"};
  }
  return root;
}

bool is_named(const YAML::Node& entry, const std::string& name) {
  return entry.IsMap() && entry["name"] && entry["name"].IsScalar() &&
         entry["name"].Scalar() == name;
}

/// The list without the entries of that name; also makes a list of nothing.
YAML::Node without(const YAML::Node& list, const std::string& name) {
  YAML::Node out{YAML::NodeType::Sequence};
  if (list && list.IsSequence())
    for (const auto& entry : list)
      if (!is_named(entry, name))
        out.push_back(entry);
  return out;
}

YAML::Node named(const std::string& name, const char* part, const YAML::Node& content) {
  YAML::Node entry;
  entry[part] = content;
  entry["name"] = text(name);
  return entry;
}

void put(YAML::Node& root, const char* list, const std::string& name, const YAML::Node& entry) {
  auto entries = without(root[list], name);
  entries.push_back(entry);
  root[list] = entries;
}

void add(YAML::Node& root, const kubeconfig_entry& e) {
  YAML::Node cluster, user, context;
  cluster["certificate-authority-data"] = base64(e.ca_pem);
  cluster["server"] = e.server;
  user["client-certificate-data"] = base64(e.client_certificate_pem);
  user["client-key-data"] = base64(e.client_key_pem);
  context["cluster"] = text(e.name);
  context["user"] = text(e.name);
  root["apiVersion"] = "v1";
  root["kind"] = "Config";
  put(root, "clusters", e.name, named(e.name, "cluster", cluster));
  put(root, "contexts", e.name, named(e.name, "context", context));
  put(root, "users", e.name, named(e.name, "user", user));
  root["current-context"] = text(e.name);
}

bool has_authority(const YAML::Node& root, const std::string& name, const std::string& ca_pem) {
  auto wanted = base64(ca_pem);
  if (auto clusters = root["clusters"]; clusters && clusters.IsSequence())
    for (const auto& entry : clusters)
      if (is_named(entry, name) && entry["cluster"] && entry["cluster"].IsMap() &&
          entry["cluster"]["certificate-authority-data"] &&
          entry["cluster"]["certificate-authority-data"].Scalar() == wanted)
        return true;
  return false;
}

tl::unexpected<api::error> refused(const std::string& path, const std::string& why) {
  return api::fail(api::reason::bad_request, path + ": not a kubeconfig: " + why);
}

/// Parses, changes and prints, with the exceptions of yaml-cpp turned into errors.
template <class Change>
api::result<std::string> edit(const std::string& path, const std::string& content, Change change) {
  try {
    auto root = parse(content);
    return change(root) ? printer{}.print(root) : std::string{};
  } catch (const YAML::Exception& e) {
    return refused(path, "line " + std::to_string(e.mark.line + 1) + ": " + e.msg);
  } catch (const not_a_kubeconfig& e) {
    return refused(path, e.why);
  }
}

} // namespace

std::string base64(std::string_view data) {
  std::string out(4 * ((data.size() + 2) / 3) + 1, '\0');
  auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                              reinterpret_cast<const unsigned char*>(data.data()),
                              static_cast<int>(data.size()));
  out.resize(static_cast<size_t>(size));
  return out;
}

api::result<void> write_kubeconfig(const std::string& path, const kubeconfig_entry& entry) {
  auto content = read_file(path, 4 << 20);
  if (!content && content.error().why != api::reason::not_found)
    return api::fail(content.error());
  auto text = edit(path, content.value_or(""), [&](YAML::Node& root) {
    add(root, entry);
    return true;
  });
  if (!text)
    return api::fail(text.error());
  std::error_code code;
  auto folder = std::filesystem::path{path}.parent_path();
  if (!folder.empty() && !std::filesystem::exists(folder, code))
    if (auto made = make_directory(folder.string(), 0700); !made)
      return made;
  return write_file(path, *text, 0600);
}

api::result<void> remove_from_kubeconfig(const std::string& path, const std::string& name,
                                         const std::string& ca_pem) {
  auto content = read_file(path, 4 << 20);
  if (!content)
    return content.error().why == api::reason::not_found ? api::result<void>{}
                                                         : api::fail(content.error());
  bool ours = false;
  auto text = edit(path, *content, [&](YAML::Node& root) {
    ours = has_authority(root, name, ca_pem);
    if (!ours)
      return false;
    size_t left = 0;
    for (const char* list : {"clusters", "contexts", "users"}) {
      auto entries = without(root[list], name);
      left += entries.size();
      root[list] = entries;
    }
    if (root["current-context"] && root["current-context"].IsScalar() &&
        root["current-context"].Scalar() == name)
      root["current-context"] = YAML::Node{""};
    return left > 0;
  });
  if (!text)
    return api::fail(text.error());
  if (!ours)
    return {};
  if (!text->empty())
    return write_file(path, *text, 0600);
  if (::unlink(path.c_str()) != 0) {
    return api::fail(api::reason::internal_error,
                     path + ": cannot remove: " + std::strerror(errno));
  }
  return {};
}

} // namespace thespis::config
