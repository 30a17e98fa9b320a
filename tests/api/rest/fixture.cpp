#include "fixture.hpp"

#include "api/auth/default_policy.hpp"

namespace thespis::test {

using namespace api;

namespace {

std::optional<auth::token_identity> authenticate_token(std::string_view token,
                                                       const std::vector<std::string>&) {
  if (token == "admin-token")
    return auth::token_identity{{"admin", "1", {"system:masters"}}, {"api"}};
  if (token == "joe-token")
    return auth::token_identity{{"joe", "2", {"people"}}, {"api"}};
  if (token == "writer-token")
    return auth::token_identity{{"writer", "3", {"writers"}}, {"api"}};
  return std::nullopt;
}

/// The default rules, and all rights to ConfigMaps for "writer".
std::shared_ptr<const auth::policy> rules() {
  auth::rbac_source source;
  for (const auto& r : auth::kubernetes_policy().cluster_roles)
    source.add(r);
  for (const auto& b : auth::kubernetes_policy().cluster_role_bindings)
    source.add(b);
  v1::cluster_role role;
  role.metadata.name = "test:writer";
  auto& rule = role.rules.emplace_back();
  rule.verbs = rule.api_groups = {"*"};
  rule.resources = {"configmaps"};
  source.add(role);
  v1::cluster_role_binding binding;
  binding.metadata.name = "test:writer";
  binding.role_ref = {"rbac.authorization.k8s.io", "ClusterRole", "test:writer"};
  auto& subject = binding.subjects.emplace_back();
  subject.kind = "User";
  subject.api_group = "rbac.authorization.k8s.io";
  subject.name = "writer";
  source.add(binding);
  auto p = std::make_shared<auth::policy>();
  p->set_index(source.index());
  return p;
}

std::string head_of(std::string_view method, std::string_view target, std::string_view token,
                    std::string_view headers) {
  std::string head = std::string(method) + " " + std::string(target) +
                     " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: tester/1.0\r\n";
  if (!token.empty())
    head += "Authorization: Bearer " + std::string(token) + "\r\n";
  return head + std::string(headers);
}

} // namespace

rest_fixture::rest_fixture(std::chrono::milliseconds bookmarks)
    : rest_fixture([&] {
        rest::server_options o;
        o.bookmark_interval = bookmarks;
        return o;
      }()) {}

rest_fixture::rest_fixture(rest::server_options o) : gate(o.gate) {
  o.tokens = authenticate_token;
  if (!o.access)
    o.access = rules();
  o.now = [] {
    return std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} + std::chrono::hours{1};
  };
  cluster.schemas = &schemas;
  auto started = rest::server::start(cluster, schemas, std::move(o));
  BOOST_REQUIRE_MESSAGE(started, started.error().message);
  server = std::move(*started);
}

answer rest_fixture::request(std::string_view method, std::string_view target,
                             std::string_view body, std::string_view headers,
                             std::string_view token) {
  client c(server->port());
  auto text = head_of(method, target, token, headers);
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    if (headers.find("Content-Type") == headers.npos)
      text += "Content-Type: application/json\r\n";
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  c.send(text + "\r\n" + std::string(body));
  return read_answer(c, method == "HEAD");
}

json::document rest_fixture::get_json(std::string_view target, std::string_view headers) {
  auto a = get(target, headers);
  BOOST_REQUIRE_MESSAGE(a.status == 200, target << " answers " << a.status << ": " << a.body);
  return parse(a.body);
}

object_ptr rest_fixture::add_pod(std::string_view ns, std::string_view name,
                                 std::string_view labels, std::string_view node) {
  return cluster.put(
      "pods",
      "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"" + std::string(name) +
          "\",\"namespace\":\"" + std::string(ns) + "\",\"uid\":\"u-" + std::string(name) +
          "\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":" + std::string(labels) +
          "},\"spec\":{\"nodeName\":\"" + std::string(node) +
          "\",\"containers\":[{\"name\":\"main\",\"image\":\"i\"}]},"
          "\"status\":{\"phase\":\"Running\"}}");
}

watch_client::watch_client(rest_fixture& f, std::string_view target, std::string_view headers)
    : connection_(f.server->port()) {
  connection_.send(head_of("GET", target, "admin-token", headers) + "\r\n");
  auto head = connection_.read_until("\r\n\r\n");
  BOOST_REQUIRE_GE(head.size(), 12u);
  status = std::stoi(head.substr(9, 3));
}

bool watch_client::read_chunk() {
  auto line = connection_.read_until("\r\n");
  if (line.empty())
    return false;
  auto size = std::stoul(line, nullptr, 16);
  auto bytes = connection_.read_exactly(size + 2);
  if (size == 0 || bytes.size() != size + 2)
    return false;
  buffer_ += bytes.substr(0, size);
  return true;
}

json::document watch_client::next() {
  while (buffer_.find('\n') == std::string::npos)
    BOOST_REQUIRE_MESSAGE(read_chunk(), "the watch ended");
  auto end = buffer_.find('\n');
  auto line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return parse(line);
}

std::string watch_client::bytes(size_t n) {
  while (buffer_.size() < n)
    BOOST_REQUIRE_MESSAGE(read_chunk(), "the watch ended");
  auto out = buffer_.substr(0, n);
  buffer_.erase(0, n);
  return out;
}

bool watch_client::ended() {
  return buffer_.empty() && !read_chunk();
}

void check_status(const answer& a, int code, std::string_view reason, std::string_view message) {
  BOOST_TEST_CONTEXT(a.body) {
    BOOST_TEST(a.status == code);
    auto doc = json::parse(a.body);
    BOOST_REQUIRE(doc);
    BOOST_TEST(json::get_string(*doc, "kind") == "Status");
    BOOST_TEST(json::get_string(*doc, "apiVersion") == "v1");
    BOOST_TEST(json::get_string(*doc, "status") == "Failure");
    BOOST_TEST(json::get_string(*doc, "reason") == reason);
    BOOST_TEST(json::get_int(*doc, "code") == code);
    if (!message.empty())
      BOOST_TEST(json::get_string(*doc, "message") == message);
  }
}

json::document parse(const std::string& text) {
  auto doc = json::parse(text);
  BOOST_REQUIRE_MESSAGE(doc, "no JSON: " << text);
  return std::move(*doc);
}

std::string text_at(const json::value& v, std::initializer_list<std::string_view> path) {
  const auto* found = json::at(v, path);
  return found ? std::string(json::as_string(*found)) : std::string{};
}

} // namespace thespis::test
