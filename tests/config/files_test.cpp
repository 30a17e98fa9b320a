#include "config/files.hpp"
#include "config/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

using namespace thespis;

BOOST_AUTO_TEST_SUITE(files)

BOOST_AUTO_TEST_CASE(written_file_reads_back_with_its_mode) {
  test::temporary_directory dir;
  BOOST_REQUIRE(config::write_file(dir / "f", "one", 0600));
  BOOST_REQUIRE(config::write_file(dir / "f", "two", 0640));
  BOOST_CHECK_EQUAL(config::read_file(dir / "f").value(), "two");
  struct stat s {};
  BOOST_REQUIRE_EQUAL(::stat((dir / "f").c_str(), &s), 0);
  BOOST_CHECK_EQUAL(s.st_mode & 07777, 0640u);
}

BOOST_AUTO_TEST_CASE(failed_write_leaves_the_old_file_and_nothing_else) {
  test::temporary_directory dir;
  BOOST_REQUIRE(config::write_file(dir / "f", "one", 0600));
  std::filesystem::create_directory(dir / "d");
  auto onto_directory = config::write_file(dir / "d", "x", 0600);
  BOOST_CHECK(!onto_directory);
  size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator{dir.path()})
    entries += entry.exists();
  BOOST_CHECK_EQUAL(entries, 2u);
  BOOST_CHECK(!config::write_file(dir / "none/f", "x", 0600));
}

BOOST_AUTO_TEST_CASE(symbolic_link_stays_one) {
  test::temporary_directory dir;
  BOOST_REQUIRE(config::write_file(dir / "target", "one", 0600));
  std::filesystem::create_symlink(dir / "target", dir / "link");
  BOOST_REQUIRE(config::write_file(dir / "link", "two", 0600));
  BOOST_CHECK(std::filesystem::is_symlink(dir / "link"));
  BOOST_CHECK_EQUAL(config::read_file(dir / "target").value(), "two");
}

BOOST_AUTO_TEST_CASE(missing_and_too_large_files_are_told_apart) {
  test::temporary_directory dir;
  BOOST_CHECK(config::read_file(dir / "none").error().why == api::reason::not_found);
  BOOST_REQUIRE(config::write_file(dir / "f", std::string(100, 'x'), 0600));
  BOOST_CHECK(config::read_file(dir / "f", 99).error().why ==
              api::reason::request_entity_too_large);
  BOOST_CHECK(config::read_file(dir / "f", 100));
}

BOOST_AUTO_TEST_SUITE_END()
