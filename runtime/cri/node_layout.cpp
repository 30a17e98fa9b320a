#include "runtime/cri/node_layout.hpp"

#include <sys/un.h>

#include <cstdint>
#include <cstdio>

namespace thespis::runtime {

namespace {

std::string hash_of(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325U; // FNV-1a
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  char hex[9];
  std::snprintf(hex, sizeof(hex), "%08x", static_cast<unsigned>(hash ^ (hash >> 32U)));
  return hex;
}

} // namespace

node_layout::node_layout(const path& data_dir)
    : data_dir_{std::filesystem::weakly_canonical(std::filesystem::absolute(data_dir))} {
  if (!data_dir_.has_filename())
    data_dir_ = data_dir_.parent_path();
  instance_ = hash_of(data_dir_.string());
}

node_layout::path node_layout::containerd_socket() const {
  // containerd listens on a second socket too, with the suffix .ttrpc.
  path socket = containerd_dir() / "containerd.sock";
  if (socket.string().size() + 7 <= sizeof(sockaddr_un::sun_path))
    return socket;
  return path{"/run/thespis-" + instance_} / "containerd.sock";
}

} // namespace thespis::runtime
