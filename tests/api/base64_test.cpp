#include "api/text/base64.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace thespis::api;

BOOST_AUTO_TEST_SUITE(base64)

BOOST_AUTO_TEST_CASE(passes_the_vectors_of_rfc_4648) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (auto [plain, coded] : cases) {
    BOOST_TEST(encode_base64(plain) == coded);
    BOOST_TEST(decode_base64(coded).value_or("refused") == plain);
  }
  BOOST_TEST(decode_base64("Zm9v\r\nYmFy\n").value_or("") == "foobar");
}

BOOST_AUTO_TEST_CASE(refuses_malformed_text) {
  for (auto bad :
       {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Zm9v=", "Zg==Zg==", "Zm 9v", "Zm9-", "Zm9\xFF"})
    BOOST_TEST(!decode_base64(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(url_alphabet_needs_no_padding) {
  BOOST_TEST(encode_base64url("\xFB\xFF\xFE!") == "-__-IQ");
  BOOST_TEST(decode_base64url("-__-IQ").value_or("") == "\xFB\xFF\xFE!");
  BOOST_TEST(decode_base64url("-__-IQ==").value_or("") == "\xFB\xFF\xFE!");
  BOOST_TEST(!decode_base64url("+//+IQ").has_value());
}

BOOST_AUTO_TEST_CASE(any_bytes_survive_the_round_trip) {
  std::mt19937 rng(31);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(rng() % 50, 0);
    for (auto& c : bytes)
      c = static_cast<char>(rng());
    BOOST_REQUIRE(decode_base64(encode_base64(bytes)) == bytes);
    BOOST_REQUIRE(decode_base64url(encode_base64url(bytes)) == bytes);
  }
}

BOOST_AUTO_TEST_SUITE_END()
