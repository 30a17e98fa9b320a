#include "api/cel/support.hpp"

#include <boost/test/unit_test.hpp>

using namespace thespis::api;
using namespace thespis::api::cel::test;

BOOST_AUTO_TEST_SUITE(cel_libraries)

BOOST_AUTO_TEST_CASE(converts) {
  check_rows({
      {"int('42')", "42"},
      {"int('4x')", "error: type conversion error from 'string' to 'int'"},
      {"int(3.9)", "3"},
      {"int(1e30)", "error: integer overflow"},
      {"uint(-1)", "error: unsigned integer overflow"},
      {"double('1.5')", "1.5"},
      {"string(1000000.0)", "\"1e+06\""},
      {"string(1.5)", "\"1.5\""},
      {"string(true)", "\"true\""},
      {"string(b'\\xff')", "error: invalid UTF-8 in bytes, cannot convert to string"},
      {"string(bytes('é'))", "\"é\""},
      {"bool('TRUE')", "true"},
      {"size('héé')", "3"},
      {"size(b'\\xff\\xfe')", "2"},
      {"size({'a': 1})", "1"},
      {"[1, 2].size()", "2"},
      {"string(duration('1h1m1.5s'))", "\"3661.5s\""},
      {"int(timestamp('1970-01-01T00:01:00Z'))", "60"},
      {"string(timestamp(0))", "\"1970-01-01T00:00:00Z\""},
      {"timestamp('2024-13-01T00:00:00Z') == x",
       "compile: ERROR: <input>:1:11: invalid timestamp argument\n"
       " | timestamp('2024-13-01T00:00:00Z') == x\n | ..........^"},
  });
}

BOOST_AUTO_TEST_CASE(reckons_with_time) {
  check_rows({
      {"timestamp('2024-02-29T23:30:00Z').getFullYear()", "2024"},
      {"timestamp('2024-02-29T23:30:00Z').getMonth()", "1"},
      {"timestamp('2024-02-29T23:30:00Z').getDayOfMonth()", "28"},
      {"timestamp('2024-02-29T23:30:00Z').getDayOfYear()", "59"},
      {"timestamp('2024-02-29T23:30:00Z').getDayOfWeek()", "4"},
      {"timestamp('2024-02-29T23:30:00Z').getHours('+01:30')", "1"},
      {"timestamp('2024-02-29T23:30:00Z').getDate('-02:00')", "29"},
      {"timestamp('2024-02-29T23:30:00.250Z').getMilliseconds()", "250"},
      {"timestamp(0).getHours('No/Where')", "error: unknown time zone No/Where"},
      {"duration('90m').getHours()", "1"},
      {"duration('1500ms').getMilliseconds()", "500"},
      {"timestamp('2024-01-01T00:00:00Z') + duration('24h') == timestamp('2024-01-02T00:00:00Z')",
       "true"},
      {"timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('24h')",
       "true"},
      {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "error: timestamp overflow"},
  });
}

BOOST_AUTO_TEST_CASE(works_on_strings) {
  check_rows({
      {"'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c')", "true"},
      {"'tacocat'.charAt(3)", "\"o\""},
      {"'añb'.charAt(1)", "\"ñ\""},
      {"'abc'.charAt(3)", "\"\""},
      {"'abc'.charAt(4)", "error: index out of range: 4"},
      {"'hello mellow'.indexOf('ello')", "1"},
      {"'hello mellow'.indexOf('ello', 2)", "7"},
      {"'hello'.indexOf('z')", "-1"},
      {"'hello mellow'.lastIndexOf('ello')", "7"},
      {"'hello mellow'.lastIndexOf('ello', 6)", "1"},
      {"'TacoCat ñ'.lowerAscii()", "\"tacocat ñ\""},
      {"'TacoCat'.upperAscii()", "\"TACOCAT\""},
      {"'hello hello'.replace('he', 'we')", "\"wello wello\""},
      {"'hello hello'.replace('he', 'we', 1)", "\"wello hello\""},
      {"'abc'.replace('', '-')", "\"-a-b-c-\""},
      {"'a,b,c'.split(',')", "[\"a\",\"b\",\"c\"]"},
      {"'a,b,c'.split(',', 2)", "[\"a\",\"b,c\"]"},
      {"'a,b,c'.split(',', 0)", "[]"},
      {"'abc'.split('')", "[\"a\",\"b\",\"c\"]"},
      {"'tacocat'.substring(4)", "\"cat\""},
      {"'tacocat'.substring(0, 4)", "\"taco\""},
      {"'tacocat'.substring(2, 1)", "error: invalid substring range. start: 2, end: 1"},
      {"'  trim\\n '.trim()", "\"trim\""},
      {"['a', 'b'].join('-')", "\"a-b\""},
      {"['a', 'b'].join()", "\"ab\""},
      {"'añb'.reverse()", "\"bña\""},
      {"'%s is %d, %.2f, %x %b %o'.format(['a', 3, 1.5, 255, 5, 8])",
       "compile: ERROR: <input>:1:41: expected type 'string' but found 'int'\n"
       " | '%s is %d, %.2f, %x %b %o'.format(['a', 3, 1.5, 255, 5, 8])\n"
       " | ........................................^"},
      {"'%s is %d, %.2f'.format([dyn('a'), 3, 1.5])", "\"a is 3, 1.50\""},
      {"'%x %X %b %o %%'.format([255, 255, 5, 8])", "\"ff FF 101 10 %\""},
      {"'%s'.format([[1, 2]])", "\"[1, 2]\""},
      {"'%s'.format([{'b': 1, 'a': 2}])", "\"{a: 2, b: 1}\""},
      {"'%d'.format(['a'])",
       "error: error during formatting: decimal clause can only be used on integers, was given "
       "string"},
      {"'%s'.format([])", "error: index 0 out of range"},
      {"strings.quote('a\"b\\n')", "\"\\\"a\\\\\\\"b\\\\n\\\"\""},
      {"jsonpatch.escapeKey('a/b~c')", "\"a~1b~0c\""},
  });
}

BOOST_AUTO_TEST_CASE(works_on_lists_and_sets) {
  check_rows({
      {"[1, 2, 2].isSorted()", "true"},
      {"['b', 'a'].isSorted()", "false"},
      {"[1, 3].sum()", "4"},
      {"[].sum()", "0"},
      {"[1.5, 2.5].sum()", "4"},
      {"[9223372036854775807, 1].sum()", "error: integer overflow"},
      {"[duration('1m'), duration('1s')].sum() == duration('61s')", "true"},
      {"[3, 1].min()", "1"},
      {"['a', 'c', 'b'].max()", "\"c\""},
      {"[].max()", "error: max called on empty list"},
      {"[1, 2, 2].indexOf(2)", "1"},
      {"[1, 2, 2].lastIndexOf(2)", "2"},
      {"[1].indexOf(7)", "-1"},
      {"[1, 2, 3, 4].slice(1, 3)", "[2,3]"},
      {"[1].slice(0, 2)", "error: cannot slice(0, 2), list is length 1"},
      {"[3, 1, 2].sort()", "[1,2,3]"},
      {"[1, 2, 1].distinct()", "[1,2]"},
      {"[[1], [2, 3]].flatten()", "[1,2,3]"},
      {"lists.range(3)", "[0,1,2]"},
      {"sets.contains([1, 2, 3], [2, 1])", "true"},
      {"sets.equivalent([1, 2], [2, 1, 1])", "true"},
      {"sets.intersects([1], [2])", "false"},
      {"math.greatest(1, 5, 3)", "5"},
      {"math.least([2.5, 1.5])", "1.5"},
      {"math.abs(-3)", "3"},
  });
}

BOOST_AUTO_TEST_CASE(matches_patterns) {
  check_rows({
      {"'abc123'.matches('^[a-z]+[0-9]+$')", "true"},
      {"matches('abc', 'b')", "true"},
      {"'abc'.matches('z')", "false"},
      {"'abc 123'.find('[0-9]+')", "\"123\""},
      {"'abc'.find('[0-9]+')", "\"\""},
      {"'123 abc 456'.findAll('[0-9]+')", "[\"123\",\"456\"]"},
      {"'123 abc 456'.findAll('[0-9]+', 1)", "[\"123\"]"},
      {"'ab'.findAll('x*')", "[\"\",\"\",\"\"]"},
      {"'a'.matches(string(x) + '[')", "error: no such overload"},
      {"'a'.matches('' + '[')", "error: error parsing regexp: missing closing ]: `[`"},
  });
}

BOOST_AUTO_TEST_CASE(reads_urls) {
  check_rows({
      {"url('https://user:pass@example.com:80/path?query=val#frag').getHost()",
       "\"example.com:80\""},
      {"url('https://[::1]:80/').getHostname()", "\"::1\""},
      {"url('https://[::1]:80/').getPort()", "\"80\""},
      {"url('https://example.com/path with spaces/').getEscapedPath()",
       "\"/path%20with%20spaces/\""},
      {"url('/a').getScheme()", "\"\""},
      {"url('HTTPS://a/').getScheme()", "\"https\""},
      {"url('https://example.com/path?k1=a&k2=b&k2=c+d').getQuery()",
       "{\"k1\":[\"a\"],\"k2\":[\"b\",\"c d\"]}"},
      {"isURL('https://a:b:c/')", "false"},
      {"isURL('../relative-path')", "false"},
      {"isURL('/absolute-path')", "true"},
      {"url('../x')", "error: URL parse error during conversion from string: parse \"../x\": "
                      "invalid URI for request"},
  });
}

BOOST_AUTO_TEST_CASE(reckons_with_addresses) {
  check_rows({
      {"ip('192.168.0.1').family()", "4"},
      {"ip('::1').isLoopback()", "true"},
      {"isIP('127.0.0.256')", "false"},
      {"isIP('::ffff:1.2.3.4')", "false"},
      {"ip.isCanonical('2001:db8::ABCD')", "false"},
      {"ip('224.0.0.1').isLinkLocalMulticast()", "true"},
      {"ip('169.254.1.1').isLinkLocalUnicast()", "true"},
      {"ip('8.8.8.8').isGlobalUnicast()", "true"},
      {"string(ip('2001:db8::0'))", "\"2001:db8::\""},
      {"cidr('192.168.0.0/24').containsIP('192.168.0.5')", "true"},
      {"cidr('192.168.0.0/24').containsIP(ip('192.168.1.5'))", "false"},
      {"cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')", "true"},
      {"cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/16'))", "false"},
      {"string(cidr('192.168.0.1/24').masked())", "\"192.168.0.0/24\""},
      {"string(cidr('192.168.0.1/24').ip())", "\"192.168.0.1\""},
      {"cidr('::/8').prefixLength()", "8"},
      {"isCIDR('10.0.0.0/33')", "false"},
      {"ip('x')", "error: IP Address \"x\" parse error during conversion from string: unable to "
                  "parse IP"},
  });
}

BOOST_AUTO_TEST_CASE(reckons_with_quantities_formats_and_versions) {
  check_rows({
      {"quantity('1.5Gi').isGreaterThan(quantity('1Gi'))", "true"},
      {"quantity('50k').add(20).asInteger()", "50020"},
      {"quantity('50k').sub(quantity('20k')) == quantity('30k')", "true"},
      {"quantity('0.5').isInteger()", "false"},
      {"quantity('-1').sign()", "-1"},
      {"quantity('1').compareTo(quantity('1000m'))", "0"},
      {"isQuantity('1.3Gigi')", "false"},
      {"quantity('500m').asApproximateFloat()", "0.5"},
      {"format.dns1123Label().validate('a-b').hasValue()", "false"},
      {"format.dns1123Label().validate('A').value().size()", "1"},
      {"format.named('uuid').value().validate('123e4567-e89b-12d3-a456-426614174000').hasValue()",
       "false"},
      {"format.named('nothing').hasValue()", "false"},
      {"format.date().validate('2021-02-30').value()", "[\"invalid date\"]"},
      {"semver('1.2.3').major()", "1"},
      {"semver('1.0.0-alpha.1').isLessThan(semver('1.0.0-alpha.beta'))", "true"},
      {"semver('1.0.0').compareTo(semver('1.0.0+build'))", "0"},
      {"isSemver('v1.0')", "false"},
      {"isSemver('v1.0', true)", "true"},
      {"semver('01.01.01', true).patch()", "1"},
      {"isSemver('1.0.0-01')", "false"},
  });
}

namespace {

struct allow_pods : cel::authorizer {
  cel::authorization_answer check(const cel::authorization_request& r) const override {
    if (r.resource == "secrets")
      return {false, "", "broken"};
    return {r.resource == "pods" && r.verb == "create" && r.ns == "default", "because", ""};
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(asks_the_authorizer) {
  using namespace thespis::api::cel;
  environment env{{{"authorizer", &simple(kind::authorizer)}}};
  allow_pods port;
  auto ask = [&](const char* text) {
    auto p = env.compile(text);
    BOOST_TEST_REQUIRE(p.has_value(), text);
    evaluation run;
    auto given = make_authorizer(port, run);
    auto out = p->evaluate({&given, 1}, run);
    return out.is_error() ? *out.message : out.is_true() ? "true" : "false";
  };
  BOOST_TEST(ask("authorizer.group('').resource('pods').namespace('default').check('create')"
                 ".allowed()") == "true");
  BOOST_TEST(ask("authorizer.group('').resource('pods').check('create').allowed()") == "false");
  BOOST_TEST(ask("authorizer.group('').resource('secrets').check('get').error() == 'broken'") ==
             "true");
  BOOST_TEST(ask("authorizer.group('').resource(' ').check('get').allowed()") ==
             "resource must not be empty");
  BOOST_TEST(
      ask("authorizer.path('/x').check('get').reason() == 'because' && authorizer.path('/x')"
          ".check('get').errored() == false && authorizer.path('/y').check('get').allowed()") ==
      "operation cancelled: actual cost limit exceeded");
}

BOOST_AUTO_TEST_SUITE_END()
