// `thespis kubeconfig`: a way into the cluster for one person.
#include "config/kubeconfig.hpp"
#include "config/certificates.hpp"
#include "config/files.hpp"
#include "tools/cli/instance.hpp"
#include "tools/cli/subcommands.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <pwd.h>
#include <unistd.h>

namespace thespis::tools {

namespace {

/// Whose kubeconfig it is: the caller's, also when the caller came through sudo.
struct person {
  std::string home;
  uid_t uid = 0;
  gid_t gid = 0;
};

person caller() {
  person p{"", ::getuid(), ::getgid()};
  const char* behind = ::geteuid() == 0 ? std::getenv("SUDO_UID") : nullptr;
  if (behind != nullptr)
    p.uid = static_cast<uid_t>(std::strtoul(behind, nullptr, 10));
  const char* home = behind != nullptr ? nullptr : std::getenv("HOME");
  if (home != nullptr && *home != '\0') {
    p.home = home;
  } else if (const auto* entry = ::getpwuid(p.uid)) {
    p.home = entry->pw_dir;
    p.gid = entry->pw_gid;
  }
  return p;
}

/// Where kubectl of that person looks: the first file of $KUBECONFIG, else ~/.kube/config.
std::string usual_file(const person& p) {
  if (const char* list = std::getenv("KUBECONFIG"); list != nullptr && *list != '\0') {
    const std::string_view all{list};
    return std::string{all.substr(0, all.find(':'))};
  }
  return p.home + "/.kube/config";
}

/// Makes the file and its folder the person's when root wrote them for somebody else.
api::result<void> hand_over(const std::string& file, bool folder_is_new, const person& p) {
  if (::geteuid() != 0 || p.uid == 0)
    return {};
  const auto folder = std::filesystem::path{file}.parent_path().string();
  if (::lchown(file.c_str(), p.uid, p.gid) == 0 &&
      (!folder_is_new || ::lchown(folder.c_str(), p.uid, p.gid) == 0))
    return {};
  return api::fail(
      api::internal_error(file + ": cannot change the owner: " + std::strerror(errno)));
}

api::result<config::key_pair> issue(const kubeconfig_request& r, const std::string& pki,
                                    std::string& ca_pem) {
  auto certificate = config::read_file(pki + "/ca.crt");
  auto key = config::read_file(pki + "/ca.key");
  for (const auto* part : {&certificate, &key})
    if (!*part)
      return api::fail(part->error());
  auto ca = config::signer::load({*certificate, *key});
  if (!ca)
    return api::fail(ca.error());
  ca_pem = *certificate;
  config::certificate_request wanted;
  wanted.common_name = r.user;
  wanted.organizations = r.groups;
  wanted.lifetime = std::chrono::hours{24} * r.days;
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return ca->issue(wanted, now);
}

} // namespace

int run_kubeconfig(kubeconfig_request r) {
  auto state = read_state(r.data_dir);
  if (!state)
    return complain(state.error().message);
  const bool admin = r.user.empty();
  if (admin) {
    r.user = "admin";
    r.groups.emplace_back("system:masters");
  }
  config::kubeconfig_entry entry;
  entry.name = !r.context.empty() ? r.context
               : admin            ? state->context
                                  : state->context + "-" + r.user;
  entry.server = state->server;
  auto pair = issue(r, r.data_dir + "/pki", entry.ca_pem);
  if (!pair)
    return complain(pair.error().message);
  entry.client_certificate_pem = std::move(pair->certificate);
  entry.client_key_pem = std::move(pair->key);
  const auto p = caller();
  const auto file = r.file.empty() ? usual_file(p) : r.file;
  std::error_code ignored;
  const auto folder = std::filesystem::path{file}.parent_path();
  const bool folder_is_new = !folder.empty() && !std::filesystem::exists(folder, ignored);
  auto done = config::write_kubeconfig(file, entry);
  if (done)
    done = hand_over(file, folder_is_new, p);
  if (!done)
    return complain(done.error().message);
  std::printf("%s: context %s, user %s\n", file.c_str(), entry.name.c_str(), r.user.c_str());
  return 0;
}

} // namespace thespis::tools
