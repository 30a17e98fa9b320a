#include "tools/schemagen/model.hpp"
#include "tools/schemagen/names.hpp"
#include "tools/schemagen/structs.hpp"
#include "tools/schemagen/tables.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using namespace thespis::schemagen;

namespace {

/// A folder that is gone after the test.
class scratch {
public:
  scratch() {
    auto pattern = (std::filesystem::temp_directory_path() / "schemagen-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
  }
  ~scratch() { std::filesystem::remove_all(dir_); }

  std::string file(const std::string& name, const std::string& text) const {
    const auto path = (dir_ / name).string();
    std::ofstream(path) << text;
    return path;
  }

private:
  std::filesystem::path dir_;
};

const std::string head = "package: p.v1\nalias: p\ngroup: g\nversion: v1\n";

/// What load says of a file with this body; empty when it takes it.
std::string refusal(const std::string& body) {
  const scratch dir;
  try {
    load({dir.file("x.yaml", head + body)});
    return {};
  } catch (const std::runtime_error& e) {
    return std::filesystem::path(e.what()).filename();
  }
}

} // namespace

BOOST_AUTO_TEST_SUITE(schemagen)

BOOST_AUTO_TEST_CASE(names_follow_the_words_of_the_api) {
  const std::pair<const char*, const char*> cases[] = {
      {"podIPs", "pod_ips"},
      {"HTTPGetAction", "http_get_action"},
      {"seLinuxOptions", "se_linux_options"},
      {"clusterIP", "cluster_ip"},
      {"setHostnameAsFQDN", "set_hostname_as_fqdn"},
      {"AWSElasticBlockStoreVolumeSource", "aws_elastic_block_store_volume_source"},
      {"fieldsV1", "fields_v1"},
      {"targetWWNs", "target_wwns"},
      {"SELinuxOptions", "se_linux_options"},
      {"Port", "port"},
  };
  for (auto& [from, to] : cases)
    BOOST_TEST(snake_case(from) == to);
  BOOST_TEST(member_name("template") == "template_");
  BOOST_TEST(member_name("namespace") == "namespace_");
  BOOST_TEST(member_name("name") == "name");
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused_with_file_and_line) {
  BOOST_TEST(refusal("types:\n  A:\n    fields:\n      x: {type: string, colour: red}\n") ==
             "x.yaml:8: unknown key 'colour'");
  BOOST_TEST(refusal("types:\n  A:\n    fields:\n      x: {type: Nothing}\n") ==
             "x.yaml: unknown type 'Nothing' at A.x");
  BOOST_TEST(refusal("types:\n  A:\n    fields:\n      x: {pb: 1}\n") ==
             "x.yaml:8: field 'x' has no type");
  BOOST_TEST(refusal("types:\n  A:\n    fields: {}\n  A:\n    fields: {}\n") ==
             "x.yaml:8: key 'A' is given twice");
  BOOST_TEST(refusal("types:\n  A:\n    at_most_one: {what: w, members: [y]}\n    fields:\n      "
                     "x: {type: string}\n") == "x.yaml:7: 'y' is no field of A");
  BOOST_TEST(refusal("types:\n  A: [\n").find("x.yaml:") == 0u);
  BOOST_TEST(refusal("types:\n  A:\n    fields: {}\n").empty());
}

BOOST_AUTO_TEST_CASE(files_are_ordered_by_what_they_refer_to_and_cycles_are_refused) {
  const scratch dir;
  const auto a = dir.file("a.yaml", "package: a.v1\nalias: a\ngroup: g\nversion: v1\ntypes:\n  A:\n"
                                    "    fields:\n      b: {type: list b.B}\n");
  const auto b = dir.file("b.yaml", "package: b.v1\nalias: b\ngroup: g\nversion: v1\ntypes:\n  B:\n"
                                    "    fields: {}\n");
  const auto m = load({a, b});
  BOOST_REQUIRE(m.files.size() == 2u);
  BOOST_TEST(m.files[0].stem == "b");
  BOOST_TEST(m.at("a.v1.A").fields[0].type.base == "b.v1.B");
  const auto c = dir.file("c.yaml", "package: b.v1\nalias: b\ngroup: g\nversion: v1\ntypes:\n  B:\n"
                                    "    fields:\n      a: {type: a.A}\n");
  BOOST_CHECK_THROW(load({a, c}), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(structs_hold_optional_parts_in_boxes_and_required_ones_plainly) {
  const scratch dir;
  const auto m = load({dir.file("x.yaml", head + R"(types:
  Thing:
    kind: true
    fields:
      spec: {type: Part}
      extra: {type: Part}
      count: {type: int32}
      size: {type: int32, required: true}
      names: {type: list string}
      default: {type: map quantity}
  Part:
    fields: {}
)")});
  const auto text = struct_header(m, m.files[0]);
  for (auto* line :
       {"struct thing {", "v1::part spec;", "box<v1::part> extra;", "std::optional<int32_t> count;",
        "int32_t size = 0;", "std::vector<std::string> names;",
        "std::map<std::string, std::string> default_;", "kind_name = \"Thing\""})
    BOOST_TEST(text.find(line) != std::string::npos, line);
  BOOST_TEST(text.find("struct part {") < text.find("struct thing {"));
  BOOST_TEST(table_source(m).find("\"Thing\"") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
