// A cluster's state in a file: taken from a running one, answered from as if it ran.
#include "tools/shell/session.hpp"

#include "runtime/introspection/filter.hpp"
#include "tools/cluster/introspect/service.hpp"
#include "tools/cluster/introspect/to_json.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

constexpr size_t max_snapshot = size_t{1} << 30;
/// Actors that are asked for their own words: more would take long.
constexpr size_t most_inspected = 1000;
constexpr std::string_view format = "thespis-snapshot/1";

constexpr std::array<std::string_view, 9> kept{"nodes",    "tree",  "kinds", "routes",  "messages",
                                               "loglevel", "links", "roles", "diagnose"};

tl::unexpected<api::error> wrong(std::string message) {
  return api::fail(api::bad_request(std::move(message)));
}

tl::unexpected<api::error> not_in_it(std::string message) {
  return api::fail(api::reason::not_found, std::move(message));
}

std::vector<std::string> split(std::string_view line) {
  std::istringstream in{std::string{line}};
  return {std::istream_iterator<std::string>{in}, std::istream_iterator<std::string>{}};
}

/// A cluster that is a file.
class recorded_cluster {
public:
  explicit recorded_cluster(json::document doc) : doc_(std::move(doc)) {
    if (const auto* answers = json::find(doc_, "answers"))
      if (const auto* tree = json::find(*answers, "tree"))
        for (const auto* a : elements_of(*tree, "actors"))
          actors_.push_back(actor_from_json(*a));
  }

  api::result<std::string> answer(const std::string& command, bool changes) const {
    const auto w = split(command);
    if (changes || w.empty())
      return wrong("a snapshot cannot be changed");
    const std::vector<std::string> rest{w.begin() + 1, w.end()};
    if (w[0] == "ps" || w[0] == "top")
      return list(rest, w[0] == "top");
    if (w[0] == "info" && rest.size() == 1)
      return info(rest[0]);
    const auto* answers = json::find(doc_, "answers");
    const auto* found = answers ? json::find(*answers, w[0]) : nullptr;
    return found ? api::result<std::string>{json::to_string(*found)}
                 : wrong("a snapshot does not tell " + w[0]);
  }

private:
  api::result<std::string> list(std::vector<std::string> words, bool top) const {
    if (top && !words.empty() && words.front() != "--total" &&
        std::isdigit(static_cast<unsigned char>(words.front()[0])) != 0)
      return wrong("a snapshot is one moment: only `top --total` can be told");
    std::erase(words, "--total");
    auto q = parse_list(words);
    if (!q)
      return api::fail(std::move(q.error()));
    if (top)
      q->order = runtime::actor_order::busy;
    const auto filter = runtime::actor_filter::parse(q->filter);
    std::vector<runtime::actor_info> chosen;
    for (const auto& i : actors_)
      if (filter->matches(i))
        chosen.push_back(i);
    const auto matched = chosen.size();
    runtime::sort_and_cut(chosen, q->order, q->limit);
    json::document res{rapidjson::kObjectType};
    auto& a = res.GetAllocator();
    json::set(res, "actors", to_json(chosen, a), a);
    json::set(res, "matched", json::value{static_cast<uint64_t>(matched)}, a);
    json::set(res, "total", json::value{static_cast<uint64_t>(actors_.size())}, a);
    return json::to_string(res);
  }

  api::result<std::string> info(const std::string& typed) const {
    std::vector<const runtime::actor_info*> meant;
    for (const auto& i : actors_)
      if (typed == i.address() || typed == std::to_string(i.id) || typed == i.full_name() ||
          typed == i.kind)
        meant.push_back(&i);
    if (meant.empty())
      return not_in_it("no actor \"" + typed + "\"");
    if (meant.size() > 1)
      return wrong(std::to_string(meant.size()) + " actors are \"" + typed + "\"");
    const auto* details = json::find(doc_, "details");
    const auto* one = details ? json::find(*details, meant.front()->address()) : nullptr;
    if (one)
      return json::to_string(*one);
    json::document res{rapidjson::kObjectType};
    json::set(res, "actor", to_json(*meant.front(), res.GetAllocator()), res.GetAllocator());
    return json::to_string(res);
  }

  json::document doc_;
  std::vector<runtime::actor_info> actors_;
};

} // namespace

api::result<answer> session::snapshot(const words& w) {
  if (w.size() != 2)
    return wrong("snapshot takes the name of a file");
  json::document doc{rapidjson::kObjectType};
  auto& a = doc.GetAllocator();
  json::set(doc, "format", format, a);
  json::value answers{rapidjson::kObjectType};
  std::vector<std::string> addresses;
  for (const auto command : kept) {
    const auto got = ask(std::string{command});
    if (!got)
      return api::fail(got.error());
    json::set(answers, command, json::copy(*got, a), a);
    if (command == "tree")
      for (const auto* actor : elements_of(*got, "actors"))
        addresses.push_back(text_of(*actor, "id"));
  }
  json::set(doc, "answers", std::move(answers), a);
  json::value details{rapidjson::kObjectType};
  size_t asked = 0;
  for (const auto& address : addresses) {
    if (asked == most_inspected || ports_.interrupted())
      break;
    if (const auto got = ask("info " + address)) {
      json::set(details, address, json::copy(*got, a), a);
      ++asked;
    }
  }
  json::set(doc, "details", std::move(details), a);
  if (auto ok = ports_.write(w[1], json::to_string(doc)); !ok)
    return api::fail(std::move(ok.error()));
  return answer{w[1] + ": " + grouped(addresses.size()) + " actors, " + grouped(asked) +
                    " of them in their own words\n",
                false};
}

api::result<decltype(ports::ask)> open_snapshot(const std::string& text) {
  auto doc = json::parse(text, {.max_bytes = max_snapshot});
  if (!doc || json::get_string(*doc, "format") != format)
    return wrong("this is no snapshot of `thespis shell`");
  auto cluster = std::make_shared<const recorded_cluster>(std::move(*doc));
  return [cluster](const std::string& command, bool changes) {
    return cluster->answer(command, changes);
  };
}

} // namespace thespis::tools::shell
