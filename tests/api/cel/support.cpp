#include "api/cel/support.hpp"

#include <boost/test/unit_test.hpp>

namespace thespis::api::cel::test {

environment plain() {
  return environment{{{"x", &simple(kind::dyn)}}};
}

std::string eval(std::string_view text, std::string_view x) {
  auto program = plain().compile(text);
  if (!program)
    return "compile: " + program.error().message;
  auto document = *json::parse(x);
  evaluation run;
  auto input = run.from_json(document, nullptr);
  auto out = program->evaluate({&input, 1}, run);
  if (out.is_error())
    return "error: " + *out.message;
  json::document target;
  if (auto made = to_json(out, run, target.GetAllocator()))
    return json::to_string(*made);
  return out.is(kind::type) ? to_string(*out.named) : to_string(simple(out.form));
}

std::string complaints_of(std::string_view text) {
  auto program = plain().compile(text);
  return program ? std::string{} : program.error().message;
}

std::string complaint(std::string_view text) {
  auto all = complaints_of(text);
  auto first = all.substr(0, all.find('\n'));
  auto start = first.find(": ", first.find("<input>"));
  return start == std::string::npos ? first : first.substr(start + 2);
}

void check_rows(std::initializer_list<row> rows) {
  for (const auto& r : rows)
    BOOST_TEST(eval(r.text) == r.expected,
               r.text << " gave " << eval(r.text) << ", not " << r.expected);
}

} // namespace thespis::api::cel::test
