#include "api/patch/patch_errors.hpp"

#include <algorithm>
#include <vector>

namespace thespis::api::patch {

namespace {

constexpr size_t print_limit = 1024;

void print(std::string& out, const json::value& v) {
  if (out.size() > print_limit)
    return;
  if (v.IsObject()) {
    using member = json::value::Member;
    std::vector<const member*> members;
    for (const auto& m : v.GetObject())
      members.push_back(&m);
    std::sort(members.begin(), members.end(), [](const member* a, const member* b) {
      return json::as_string(a->name) < json::as_string(b->name);
    });
    out += "map[";
    for (size_t i = 0; i < members.size() && out.size() <= print_limit; ++i) {
      out.append(i ? " " : "").append(json::as_string(members[i]->name)).append(":");
      print(out, members[i]->value);
    }
    out += "]";
  } else if (v.IsArray()) {
    out += "[";
    for (rapidjson::SizeType i = 0; i < v.Size() && out.size() <= print_limit; ++i) {
      out += i ? " " : "";
      print(out, v[i]);
    }
    out += "]";
  } else if (v.IsString()) {
    out += json::as_string(v);
  } else {
    out += v.IsNull() ? "<nil>" : json::to_string(v);
  }
}

} // namespace

error rejected(std::string_view detail) {
  error e;
  e.why = reason::invalid;
  e.message = "the server rejected our request due to an error in our request";
  if (!detail.empty())
    e.causes.push_back({{}, std::string(detail), {}});
  return e;
}

error no_merge_key(const json::value& element, std::string_view merge_key) {
  return bad_request("map: " + print_go(element) +
                     " does not contain declared merge key: " + std::string(merge_key));
}

std::string print_go(const json::value& v) {
  std::string out;
  print(out, v);
  if (out.size() > print_limit) {
    // Never ends inside a UTF-8 sequence, which would make the Status no JSON.
    size_t end = print_limit;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0u) == 0x80u)
      --end;
    out.resize(end);
    out += "...";
  }
  return out;
}

} // namespace thespis::api::patch
