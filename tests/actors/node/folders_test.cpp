#include "actors/fixture.hpp"
#include "actors/node/folders_actor.hpp"

#include <filesystem>
#include <fstream>

using namespace thespis;
using namespace thespis::test;
namespace fs = std::filesystem;

namespace {

struct folders_fixture : cluster_fixture {
  folders_fixture() {
    fs::create_directories(root / "storage" / "pvc-1" / "deep");
    std::ofstream{root / "storage" / "pvc-1" / "deep" / "file"} << "x";
    std::ofstream{root / "kept"} << "x";
    fs::create_symlink(root, root / "storage" / "link");
    actor = spawn<actors::folders_actor>(
        actors::folders_deps{"m", (root / "storage").string(), [](auto job) { job(); }});
  }
  ~folders_fixture() { fs::remove_all(root); }

  actors::folder_removed remove(const std::string& path) {
    caf::scoped_actor self{system()};
    auto answer = self->request(actor, 10s, actors::remove_folder{path});
    settle();
    actors::folder_removed res;
    answer.receive([&](const actors::folder_removed& r) { res = r; },
                   [&](const caf::error& e) { BOOST_FAIL(system().render(e)); });
    return res;
  }

  const fs::path root =
      fs::temp_directory_path() / ("thespis-folders-" + std::to_string(::getpid()));
  actors::folders_handle actor;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(folders, folders_fixture)

BOOST_AUTO_TEST_CASE(a_volumes_folder_goes_with_all_in_it_and_once_more_is_no_failure) {
  BOOST_TEST(remove((root / "storage" / "pvc-1").string()).ok);
  BOOST_TEST(!fs::exists(root / "storage" / "pvc-1"));
  BOOST_TEST(remove((root / "storage" / "pvc-1").string()).ok);
}

BOOST_AUTO_TEST_CASE(nothing_else_is_removed) {
  for (const std::string path : {"/kept", "/storage", "/storage/", "/storage/..", "/storage/.",
                                 "/storage/../kept", "/storage/pvc-1/deep", "/storagepvc-1"}) {
    const auto told = remove(root.string() + path);
    BOOST_TEST_CONTEXT(path) {
      BOOST_TEST(!told.ok);
      BOOST_TEST(told.why.find("is no folder of a volume of this node") != std::string::npos);
    }
  }
  BOOST_TEST(fs::exists(root / "kept"));
  BOOST_TEST(fs::exists(root / "storage" / "pvc-1" / "deep" / "file"));
  // A link is removed, and not what it leads to.
  BOOST_TEST(remove((root / "storage" / "link").string()).ok);
  BOOST_TEST(fs::exists(root / "kept"));
}

BOOST_AUTO_TEST_SUITE_END()
