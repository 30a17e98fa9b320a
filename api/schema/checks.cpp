// The table of checks that C++ adds to kinds.
#include "api/schema/validate.hpp"

#include <map>
#include <mutex>
#include <shared_mutex>

namespace thespis::api::schema {
namespace {

struct check_table {
  std::shared_mutex mutex;
  std::map<std::string, std::vector<check>, std::less<>> by_kind;
};

check_table& table() {
  static check_table t;
  return t;
}

std::string key_of(std::string_view group, std::string_view version, std::string_view kind) {
  std::string key{group};
  return key.append("/").append(version).append("/").append(kind);
}

} // namespace

void register_check(std::string_view group, std::string_view version, std::string_view kind,
                    check fn) {
  auto& t = table();
  std::unique_lock lock(t.mutex);
  t.by_kind[key_of(group, version, kind)].push_back(std::move(fn));
}

void run_checks(std::string_view group, std::string_view version, std::string_view kind,
                const json::value& obj, const json::value* old, std::vector<cause>& causes) {
  auto& t = table();
  std::shared_lock lock(t.mutex);
  const auto it = t.by_kind.find(key_of(group, version, kind));
  if (it == t.by_kind.end())
    return;
  for (auto& fn : it->second)
    fn(obj, old, causes);
}

} // namespace thespis::api::schema
