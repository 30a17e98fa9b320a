#include "api/text/names.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;

namespace {

bool good(const complaints& c) {
  return c.empty();
}

} // namespace

BOOST_AUTO_TEST_SUITE(names)

BOOST_AUTO_TEST_CASE(dns1123_labels) {
  for (auto s : {"a", "0", "my-name", "a--b", "123-abc"})
    BOOST_TEST(good(check_dns1123_label(s)), s);
  for (auto s : {"", "-a", "a-", "A", "a_b", "a b", "\xC3\xA9", "a/b"})
    BOOST_TEST(!good(check_dns1123_label(s)), s);
  BOOST_TEST(good(check_dns1123_label(std::string(63, 'a'))));
  BOOST_TEST(join(check_dns1123_label(std::string(64, 'a'))) ==
             "must be no more than 63 characters");
  BOOST_TEST(join(check_dns1123_label("a.b")) == "must not contain dots");
  BOOST_TEST(join(check_dns1123_label("A")) ==
             "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or "
             "'-', and must start and end with an alphanumeric character (e.g. 'my-name',  or "
             "'123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
}

BOOST_AUTO_TEST_CASE(dns1123_subdomains) {
  for (auto s : {"a", "a.b", "my-app.v1.2", "1.2.3.4"})
    BOOST_TEST(good(check_dns1123_subdomain(s)), s);
  for (auto s : {"", ".", "a.", ".a", "a..b", "a.-b", "A.b", "a/b"})
    BOOST_TEST(!good(check_dns1123_subdomain(s)), s);
  BOOST_TEST(
      join(check_dns1123_subdomain("Bad_Name")) ==
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
      "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
      "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
  std::string long_name;
  for (int i = 0; i < 127; ++i)
    long_name += "a.";
  BOOST_TEST(join(check_dns1123_subdomain(long_name + "a")) ==
             "must be no more than 253 characters");
}

BOOST_AUTO_TEST_CASE(dns1035_labels_begin_with_a_letter) {
  BOOST_TEST(good(check_dns1035_label("a1-b")));
  for (auto s : {"", "1a", "a-", "a.b", "A"})
    BOOST_TEST(!good(check_dns1035_label(s)), s);
}

BOOST_AUTO_TEST_CASE(qualified_names) {
  for (auto s : {"a", "App", "a.b_c-d", "example.com/Name", "kubernetes.io/os"})
    BOOST_TEST(good(check_qualified_name(s)), s);
  BOOST_TEST(join(check_qualified_name("/a")) == "prefix part must be non-empty");
  BOOST_TEST(check_qualified_name("x/").size() == 2u);
  BOOST_TEST(check_qualified_name("x/").front() == "name part must be non-empty");
  BOOST_TEST(check_qualified_name("a/b/c").front().starts_with("a valid label key must consist"));
  BOOST_TEST(check_qualified_name("Ex.com/a").front().starts_with("prefix part a lowercase RFC"));
  BOOST_TEST(join(check_qualified_name(std::string(64, 'a'))) ==
             "name part must be no more than 63 bytes");
  BOOST_TEST(!good(check_qualified_name("_a")));
}

BOOST_AUTO_TEST_CASE(label_values) {
  for (auto s : {"", "a", "A.b_c-1"})
    BOOST_TEST(good(check_label_value(s)), s);
  for (auto s : {"-", "a b", "a/b", "a,", "\xC3\xA9"})
    BOOST_TEST(!good(check_label_value(s)), s);
  BOOST_TEST(join(check_label_value("a b")) ==
             "a valid label must be an empty string or consist of alphanumeric characters, '-', "
             "'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  "
             "or 'my_value',  or '12345', regex used for validation is "
             "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
  BOOST_TEST(join(check_label_value(std::string(64, 'x'))) == "must be no more than 63 bytes");
}

BOOST_AUTO_TEST_CASE(ports) {
  for (auto s : {"http", "a", "a-1", "123a"})
    BOOST_TEST(good(check_port_name(s)), s);
  BOOST_TEST(join(check_port_name("a--b")) == "must not contain consecutive hyphens");
  BOOST_TEST(join(check_port_name("123")) == "must contain at least one letter (a-z)");
  BOOST_TEST(join(check_port_name("a-")) == "must not begin or end with a hyphen");
  BOOST_TEST(join(check_port_name("abcdefghijklmnop")) == "must be no more than 15 characters");
  BOOST_TEST(check_port_name("").size() == 2u);
  BOOST_TEST(good(check_port_number(65535)));
  BOOST_TEST(join(check_port_number(0)) == "must be between 1 and 65535, inclusive");
}

BOOST_AUTO_TEST_CASE(keys_and_variables) {
  BOOST_TEST(good(check_config_map_key("a.B_c-1")));
  BOOST_TEST(join(check_config_map_key("..")) == "must not be '..'");
  BOOST_TEST(join(check_config_map_key("..a")) == "must not start with '..'");
  BOOST_TEST(!good(check_config_map_key("a/b")));
  BOOST_TEST(!good(check_config_map_key("")));
  BOOST_TEST(good(check_env_var_name("A b!1")));
  BOOST_TEST(!good(check_env_var_name("A=b")));
  BOOST_TEST(!good(check_env_var_name("A\n")));
  BOOST_TEST(join(check_env_var_name("")) == "environment variable name must be non-empty");
  BOOST_TEST(good(check_c_identifier("_a1")));
  BOOST_TEST(!good(check_c_identifier("1a")));
  BOOST_TEST(good(check_percent("25%")));
  BOOST_TEST(!good(check_percent("%")));
  BOOST_TEST(!good(check_percent("-1%")));
  BOOST_TEST(good(check_http_header_name("X-Y")));
  BOOST_TEST(!good(check_http_header_name("X_Y")));
}

BOOST_AUTO_TEST_CASE(paths) {
  BOOST_TEST(good(check_absolute_path("/a/b..c")));
  BOOST_TEST(join(check_absolute_path("a")) == "must be an absolute path");
  BOOST_TEST(join(check_absolute_path("/a/../b")) == "must not contain '..'");
  BOOST_TEST(join(check_absolute_path("/a/..")) == "must not contain '..'");
  BOOST_TEST(!good(check_absolute_path("")));
  BOOST_TEST(join(check_path_segment("..")) == "may not be '..'");
  BOOST_TEST(join(check_path_segment("a/b%")) == "may not contain '/'; may not contain '%'");
  BOOST_TEST(good(check_path_segment("a:b")));
}

BOOST_AUTO_TEST_CASE(a_generate_name_may_end_in_a_dash) {
  BOOST_TEST(mask_trailing_dash("web-") == "wea");
  BOOST_TEST(mask_trailing_dash("-") == "-");
  BOOST_TEST(mask_trailing_dash("web") == "web");
  BOOST_TEST(mask_trailing_dash("") == "");
}

BOOST_AUTO_TEST_SUITE_END()
