#include "api/rest/pod_streams.hpp"

#include "api/rest/answers.hpp"
#include "api/rest/audit_trail.hpp"
#include "api/rest/switch_guard.hpp"
#include "api/text/quote.hpp"
#include "api/text/time.hpp"

#include <charconv>

namespace thespis::api::rest {

namespace {

constexpr size_t log_high_water = 1024 * 1024;
constexpr std::string_view target_hole = "/-thespis-upstream-target-";
constexpr std::string_view host_hole = "thespis-upstream-host.invalid";

std::vector<std::string> names_of(const json::value& pod, std::string_view list) {
  std::vector<std::string> names;
  const auto* items = json::at(pod, {"spec", list});
  if (items && items->IsArray())
    for (const auto& c : items->GetArray())
      names.emplace_back(json::get_string(c, "name"));
  return names;
}

std::string spaced(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& n : names)
    out += (out.empty() ? "" : " ") + n;
  return out;
}

transport::outcome refused(const exchange& x, const error& e) {
  x.observe(http_code(e.why));
  return transport::refuse(e);
}

error invalid_log_options(cause c) {
  return invalid("PodLogOptions", "", {std::move(c)});
}

/// A parameter that is no negative number.
result<std::optional<int64_t>> count(const query& q, std::string_view name, int64_t least) {
  auto n = q.integer(name);
  if (!n)
    return n;
  if (*n && **n < least)
    return fail(invalid_log_options(
        invalid_value(std::string(name), std::to_string(**n),
                      "must be greater than or equal to " + std::to_string(least))));
  return n;
}

result<log_options> read_log_options(const exchange& x) {
  const auto& q = x.target.query;
  log_options o;
  o.ns = x.target.ns;
  o.pod = x.target.name;
  o.follow = q.flag("follow");
  o.previous = q.flag("previous");
  o.timestamps = q.flag("timestamps");
  o.since_time = q.get("sinceTime");
  if (!o.since_time.empty() && !parse_time(o.since_time))
    return fail(bad_request("sinceTime: " + quote_go(o.since_time) + " is no RFC 3339 time"));
  auto tail = count(q, "tailLines", 0);
  auto since = count(q, "sinceSeconds", 1);
  auto bytes = count(q, "limitBytes", 1);
  for (auto* r : {&tail, &since, &bytes})
    if (!*r)
      return fail(std::move(r->error()));
  o.tail_lines = *tail;
  o.since_seconds = *since;
  o.limit_bytes = *bytes;
  if (o.since_seconds && !o.since_time.empty())
    return fail(invalid_log_options(field_forbidden(
        "sinceTime", "at most one of `sinceTime` or `sinceSeconds` may be specified")));
  return o;
}

/// A log on its way. The head waits for the first bytes, so that a failure still has its code.
struct log_relay : std::enable_shared_from_this<log_relay> {
  exchange_ptr x;
  std::shared_ptr<transport::response_stream> out;
  std::mutex mutex;
  bool head = false;

  bool open() {
    std::lock_guard lock(mutex);
    if (std::exchange(head, true))
      return true;
    return out->write_head(200, "text/plain");
  }

  /// Without bytes only asks whether the client is there still.
  bool more(std::string bytes) {
    if (bytes.empty())
      return open() && !out->closed();
    return open() && out->write(std::make_shared<const std::string>(std::move(bytes)));
  }

  void done(const std::optional<error>& e) {
    bool started = false;
    {
      std::lock_guard lock(mutex);
      started = head;
      if (e)
        head = true;
    }
    int code = 200;
    if (e && !started) {
      code = http_code(e->why);
      if (out->write_head(code, "application/json"))
        out->write(std::make_shared<const std::string>(to_status_json(*e)));
    } else if (!e) {
      open();
    }
    // Who follows a log that breaks off must not take it for its end.
    if (e && started)
      out->abort();
    else
      out->close();
    x->observe(code);
    x->server->counters.count_stream("log", -1);
  }
};

bool parameter_on(const query& q, std::string_view name, bool absent) {
  return q.has(name) ? q.flag(name) : absent;
}

result<stream_options> read_stream_options(const exchange& x, const json::value& pod) {
  const auto& q = x.target.query;
  stream_options o;
  o.ns = x.target.ns;
  o.pod = x.target.name;
  o.kind = x.target.subresource;
  o.user = x.user;
  if (o.kind == "portforward") {
    for (const auto& text : q.all("ports")) {
      int32_t port = 0;
      auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
      if (ec != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535)
        return fail(bad_request("unable to parse " + quote_go(text) + " as a port"));
      o.ports.push_back(port);
    }
    return o;
  }
  auto container = choose_container(pod, o.pod, q.get("container"));
  if (!container)
    return fail(std::move(container.error()));
  o.container = std::move(*container);
  o.command = q.all("command");
  o.in = q.flag("stdin");
  o.out = parameter_on(q, "stdout", true);
  o.err = parameter_on(q, "stderr", true);
  o.tty = q.flag("tty");
  // A terminal has one stream for both.
  if (o.tty)
    o.err = false;
  if (o.kind == "exec" && o.command.empty())
    return fail(invalid("PodExecOptions", "", {required("command")}));
  if (!o.in && !o.out && !o.err)
    return fail(bad_request("you must specify at least one of stdin, stdout, stderr"));
  return o;
}

void fill(std::string& text, std::string_view hole, std::string_view value) {
  if (size_t at = text.find(hole); at != text.npos)
    text.replace(at, hole.size(), value);
}

/// Answers the client's upgrade by the streaming server's.
void connect_upstream(const exchange_ptr& x, std::string head, const stream_target& target,
                      const upstream& up,
                      const std::shared_ptr<transport::upgrade_request>& request) {
  fill(head, target_hole, up.target);
  fill(head, host_hole, up.host);
  auto sub = x->target.subresource;
  x->server->counters.count_stream(sub, 1);
  auto done = [x, sub](const transport::relay_result& r) {
    x->server->counters.count_stream(sub, -1);
    x->observe(r.error && r.to_client == 0 ? 500 : 101);
  };
  audit_started(*x, 101);
  transport::relay_options options;
  options.await_switch = true;
  request->accept([head = std::move(head), carry = target.carry, to = up.to, options,
                   done = std::move(done)](auto client) mutable {
    if (carry)
      carry(guard_switch(std::move(client)), std::move(head), std::move(done));
    else
      transport::relay(std::move(client), to, std::move(head), options, std::move(done));
  });
}

} // namespace

result<std::string> choose_container(const json::value& pod, std::string_view pod_name,
                                     std::string_view wanted) {
  auto main = names_of(pod, "containers");
  auto init = names_of(pod, "initContainers");
  auto ephemeral = names_of(pod, "ephemeralContainers");
  if (!wanted.empty()) {
    for (const auto* list : {&main, &init, &ephemeral})
      if (std::find(list->begin(), list->end(), wanted) != list->end())
        return std::string(wanted);
    return fail(bad_request("container " + std::string(wanted) + " is not valid for pod " +
                            std::string(pod_name)));
  }
  if (main.size() == 1)
    return main.front();
  auto message = "a container name must be specified for pod " + std::string(pod_name) +
                 ", choose one of: [" + spaced(main) + "]";
  if (!init.empty())
    message += " or one of the init containers: [" + spaced(init) + "]";
  if (!ephemeral.empty())
    message += " or one of the ephemeral containers: [" + spaced(ephemeral) + "]";
  return fail(bad_request(message));
}

result<upstream> parse_upstream(std::string_view url) {
  auto refuse = [] { return fail(internal_error("the streaming server's address is no URL")); };
  constexpr std::string_view scheme = "http://";
  if (url.substr(0, scheme.size()) != scheme)
    return refuse();
  url.remove_prefix(scheme.size());
  size_t slash = std::min(url.find('/'), url.size());
  upstream up;
  up.host = url.substr(0, slash);
  up.target = slash < url.size() ? url.substr(slash) : "/";
  auto authority = std::string_view(up.host);
  size_t colon = authority.rfind(':');
  if (colon == authority.npos || up.target.find_first_of(" \r\n") != std::string::npos)
    return refuse();
  auto port = authority.substr(colon + 1);
  auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), up.to.port);
  if (ec != std::errc{} || end != port.data() + port.size() || up.to.port == 0)
    return refuse();
  auto address = authority.substr(0, colon);
  if (address.size() >= 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  up.to.address = address;
  return up;
}

transport::outcome open_log(exchange_ptr x) {
  auto pod = x->stored_object();
  if (!pod)
    return refused(*x, not_found("pods", x->target.name));
  auto options = read_log_options(*x);
  if (!options)
    return refused(*x, options.error());
  auto container = choose_container(pod->parse(), x->target.name, x->target.query.get("container"));
  if (!container)
    return refused(*x, container.error());
  options->container = std::move(*container);
  // A pod that is on no node has said nothing yet.
  if (pod->meta().node_name.empty()) {
    x->observe(200);
    return transport::respond{answer(200, "text/plain", transport::payload())};
  }
  transport::stream s;
  s.start = [x, options = std::move(*options)](auto out, std::string) {
    auto relay = std::make_shared<log_relay>();
    relay->x = x;
    relay->out = std::move(out);
    x->server->counters.count_stream("log", 1);
    audit_started(*x, 200);
    log_callbacks callbacks;
    callbacks.more = [relay](std::string bytes) { return relay->more(std::move(bytes)); };
    callbacks.ready = [relay] { return relay->out->pending_bytes() < log_high_water; };
    callbacks.done = [relay](const std::optional<error>& e) { relay->done(e); };
    x->server->cluster.logs(options, std::move(callbacks));
  };
  return s;
}

transport::outcome open_pod_stream(exchange_ptr x, const transport::request_head& head) {
  auto pod = x->stored_object();
  if (!pod)
    return refused(*x, not_found("pods", x->target.name));
  auto options = read_stream_options(*x, pod->parse());
  if (!options)
    return refused(*x, options.error());
  if (pod->meta().node_name.empty())
    return refused(*x, bad_request("pod " + x->target.name + " does not have a host assigned"));
  if (!head.wants_upgrade())
    return refused(*x, bad_request("Upgrade request required"));
  transport::upgrade u;
  u.start = [x, options = std::move(*options),
             bytes = head.serialize(target_hole, host_hole)](auto request) {
    x->server->cluster.open_stream(options, [x, bytes, request](const auto& target) {
      auto up = target ? parse_upstream(target->url) : result<upstream>{fail(target.error())};
      if (up)
        return connect_upstream(x, bytes, *target, *up, request);
      x->observe(http_code(up.error().why));
      request->refuse(answer(up.error()));
    });
  };
  return u;
}

} // namespace thespis::api::rest
