#include "api/text/cidr.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;

namespace {

cidr range(std::string_view text) {
  auto r = parse_cidr(text);
  BOOST_REQUIRE_MESSAGE(r.has_value(), text);
  return *r;
}

ip_address ip(std::string_view text) {
  auto a = parse_ip(text);
  BOOST_REQUIRE_MESSAGE(a.has_value(), text);
  return *a;
}

} // namespace

BOOST_AUTO_TEST_SUITE(addresses)

BOOST_AUTO_TEST_CASE(read_and_write_addresses) {
  for (auto s :
       {"10.9.8.7", "0.0.0.0", "255.255.255.255", "::", "::1", "2001:db8::ffff", "fe80::1:2:3:4"})
    BOOST_TEST(ip(s).to_string() == s);
  BOOST_TEST(ip("2001:0DB8:0::1").to_string() == "2001:db8::1");
  BOOST_TEST(ip("10.0.0.1").to_v4() == 0x0A000001u);
  for (auto bad : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "::g",
                   "fe80::1%eth0", "[::1]", "1.2.3.4:80", ":::", "1:2:3:4:5:6:7:8:9"})
    BOOST_TEST(!parse_ip(bad).has_value(), bad);
  BOOST_TEST(!parse_ip(std::string_view("1.2.3.4\0", 8)).has_value());
  BOOST_TEST(!parse_ip(std::string(100'000, '1')).has_value());
}

BOOST_AUTO_TEST_CASE(classify_addresses) {
  BOOST_TEST(ip("127.1.2.3").is_loopback());
  BOOST_TEST(ip("::1").is_loopback());
  BOOST_TEST(ip("169.254.1.1").is_link_local());
  BOOST_TEST(ip("fe80::1").is_link_local());
  BOOST_TEST(ip("224.0.0.1").is_multicast());
  BOOST_TEST(ip("::").is_unspecified());
  BOOST_TEST(!ip("10.0.0.1").is_loopback());
}

BOOST_AUTO_TEST_CASE(ranges_clear_their_host_bits) {
  BOOST_TEST(range("10.1.2.3/16").to_string() == "10.1.0.0/16");
  BOOST_TEST(range("1.2.3.4/0").to_string() == "0.0.0.0/0");
  BOOST_TEST(range("2001:db8::5/64").to_string() == "2001:db8::/64");
  BOOST_TEST(range("::1/0").to_string() == "::/0");
  for (auto bad : {"", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1",
                   "10.0.0.0/08", "10.0.0.0/8/8", "/8", "10.0.0/8", "10.0.0.0/8 "})
    BOOST_TEST(!parse_cidr(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(ranges_contain_and_overlap) {
  BOOST_TEST(range("10.0.0.0/8").contains(ip("10.255.1.1")));
  BOOST_TEST(!range("10.0.0.0/8").contains(ip("11.0.0.0")));
  BOOST_TEST(!range("0.0.0.0/0").contains(ip("::1")));
  BOOST_TEST(range("::/0").contains(ip("ffff::")));
  BOOST_TEST(range("10.0.0.0/8").overlaps(range("10.3.0.0/16")));
  BOOST_TEST(range("10.3.0.0/16").overlaps(range("10.0.0.0/8")));
  BOOST_TEST(!range("10.3.0.0/16").overlaps(range("10.4.0.0/16")));
  BOOST_TEST(!range("0.0.0.0/0").overlaps(range("::/0")));
}

BOOST_AUTO_TEST_CASE(ranges_count_their_addresses) {
  auto r = range("10.96.0.0/12");
  BOOST_TEST(r.size() == 1u << 20);
  BOOST_TEST(r.nth(1)->to_string() == "10.96.0.1");
  BOOST_TEST(r.nth((1 << 20) - 1)->to_string() == "10.111.255.255");
  BOOST_TEST(!r.nth(1 << 20).has_value());
  BOOST_TEST(r.index_of(ip("10.96.1.0")).value() == 256u);
  BOOST_TEST(!r.index_of(ip("10.112.0.0")).has_value());
  BOOST_TEST(range("1.1.1.1/32").size() == 1u);
  BOOST_TEST(range("::/0").size() == uint64_t{1} << 63);
  BOOST_TEST(range("fd00::/64").nth(~uint64_t{0})->to_string() == "fd00::ffff:ffff:ffff:ffff");
  BOOST_TEST(!range("::/0").index_of(ip("ffff::")).has_value());
}

BOOST_AUTO_TEST_CASE(ranges_are_cut_for_nodes) {
  auto r = range("10.42.0.0/16");
  BOOST_TEST(r.subnet(24, 0)->to_string() == "10.42.0.0/24");
  BOOST_TEST(r.subnet(24, 255)->to_string() == "10.42.255.0/24");
  BOOST_TEST(!r.subnet(24, 256).has_value());
  BOOST_TEST(!r.subnet(8, 0).has_value());
  BOOST_TEST(!r.subnet(33, 0).has_value());
  BOOST_TEST(r.subnet(16, 0)->to_string() == "10.42.0.0/16");
  BOOST_TEST(range("fd00::/48").subnet(64, 65535)->to_string() == "fd00:0:0:ffff::/64");
  BOOST_TEST(range("::/0").subnet(128, 5)->to_string() == "::5/128");
}

BOOST_AUTO_TEST_CASE(complain_in_kubernetes_words) {
  BOOST_TEST(check_ip("x").front() ==
             "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
  BOOST_TEST(check_cidr("x").front() ==
             "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
  BOOST_TEST(check_ip("::1").empty());
  BOOST_TEST(check_cidr("::/0").empty());
}

BOOST_AUTO_TEST_SUITE_END()
