#include "tools/shell/access.hpp"

#include "config/files.hpp"
#include "runtime/link/access.hpp"
#include "tools/cli/instance.hpp"

namespace thespis::tools::shell {

api::result<https_target> access_of_data_dir(const std::string& data_dir) {
  auto state = read_state(data_dir);
  if (!state)
    return api::fail(std::move(state.error()));
  const auto pki = data_dir + "/pki/";
  auto ca = config::read_file(pki + "ca.crt");
  auto certificate = config::read_file(pki + "admin.crt");
  auto key = config::read_file(pki + "admin.key");
  for (const auto* part : {&ca, &certificate, &key})
    if (!*part)
      return api::fail(part->error());
  return https_target{
      state->server, std::move(*ca), {std::move(*certificate), std::move(*key)}, {}};
}

api::result<https_target> access_of_kubeconfig(const std::string& path) {
  auto access = runtime::link::access_of_kubeconfig(path);
  if (!access)
    return api::fail(std::move(access.error()));
  auto how = runtime::link::dialing(*access);
  if (!how)
    return api::fail(std::move(how.error()));
  return https_target{std::move(access->server),
                      std::move(access->ca),
                      {std::move(access->certificate), std::move(access->key)},
                      std::move(how->token)};
}

} // namespace thespis::tools::shell
