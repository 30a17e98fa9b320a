#include "api/rest/link_rewriter.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api::rest;

namespace {

const proxied_place place{"/api/v1/namespaces/n/pods/p/proxy", "10.0.0.7:8080", "api.example:6443"};

std::string link(std::string_view s) {
  return rewrite_link(place, s);
}

} // namespace

BOOST_AUTO_TEST_SUITE(link_rewriter)

BOOST_AUTO_TEST_CASE(leads_absolute_paths_back_through_the_proxy) {
  BOOST_TEST(link("/") == place.prefix + "/");
  BOOST_TEST(link("/a/b/?q=/x#f") == place.prefix + "/a/b/?q=/x#f");
  BOOST_TEST(link("/a/../../b") == "/api/v1/namespaces/n/pods/p/b");
  BOOST_TEST(link("http://10.0.0.7:8080/a") == place.prefix + "/a");
  BOOST_TEST(link("//api.example:6443/a") == place.prefix + "/a");
}

BOOST_AUTO_TEST_CASE(leaves_other_links_alone) {
  for (auto s : {"", "a/b", "?q", "#f", "https://elsewhere.example/a", "//elsewhere.example/a",
                 "mailto:a@b.example", "javascript:f()", "../up"})
    BOOST_TEST(link(s) == s);
  const auto already = place.prefix + "/a";
  BOOST_TEST(link(already) == already);
}

BOOST_AUTO_TEST_CASE(rewrites_links_of_html_and_nothing_else) {
  const proxied_place p{"/P", "h:1", "r"};
  auto html = [&](std::string_view s) { return rewrite_html(p, s); };
  BOOST_TEST(html("<a href=\"/x\" title=\"/x\">/x</a>") == "<a href=\"/P/x\" title=\"/x\">/x</a>");
  BOOST_TEST(html("<IMG SRC='/i.png' alt=/i>") == "<IMG SRC='/P/i.png' alt=/i>");
  BOOST_TEST(html("<link rel=x href=/s.css>") == "<link rel=x href=/P/s.css>");
  BOOST_TEST(html("<form\n action = \"/f\" >") == "<form\n action = \"/P/f\" >");
  BOOST_TEST(html("<!-- <a href=\"/x\"> --><p href=\"/x\">") ==
             "<!-- <a href=\"/x\"> --><p href=\"/x\">");
  BOOST_TEST(html("<script src=\"/s.js\">'<a href=\"/x\">'</script><a href=\"/y\">") ==
             "<script src=\"/P/s.js\">'<a href=\"/x\">'</script><a href=\"/P/y\">");
}

BOOST_AUTO_TEST_CASE(takes_broken_html_as_it_is) {
  for (auto s : {"<", "<a", "<a href", "<a href=", "<a =\"/x\"", "<!--", "</", "<a href=\"rel",
                 "a < b > c", "<script>", "<a / / href>", "< a href=\"/x\">"})
    BOOST_TEST(rewrite_html(place, s) == s);
  BOOST_TEST(rewrite_html({"/P", "h", "r"}, "<a href=\"/x") == "<a href=\"/P/x");
}

BOOST_AUTO_TEST_SUITE_END()
