// The second part of the pod actor: starting, probing and stopping containers.
#include "actors/pod/host_files.hpp"
#include "actors/pod/pod_actor.hpp"
#include "actors/pod/pod_mounts.hpp"
#include "actors/pod/pull_secrets.hpp"
#include "api/text/quote.hpp"
#include "api/text/time.hpp"
#include "runtime/cri/log_file.hpp"

#include <algorithm>

namespace thespis::actors {

using namespace std::chrono_literals;

namespace {

/// A stop never gets less than this after its hook, as kubelet's.
constexpr auto minimum_grace = 2s;
constexpr auto retry_delay = 1s;
/// How much of a termination message the API shows.
constexpr size_t max_termination_message = 4096;
/// How much of a log stands in for it.
constexpr size_t max_log_message = 2048;
constexpr int64_t max_log_lines = 80;

std::string joined(const std::vector<std::string>& words) {
  std::string res;
  for (const auto& w : words)
    res += (res.empty() ? "" : " ") + w;
  return res;
}

std::string log_tail(const std::string& path) {
  runtime::log_options last;
  last.tail_lines = max_log_lines;
  auto log = runtime::log_reader::open(path, last);
  if (!log)
    return {};
  std::string res;
  while (true) {
    auto part = log->read(max_log_message);
    if (!part || part->empty())
      break;
    res += *part;
    if (res.size() > max_log_message)
      res.erase(0, res.size() - max_log_message);
  }
  return res;
}

} // namespace

void pod_actor::fail_start(size_t index, std::string reason, std::string message) {
  const auto& c = state_.containers()[index];
  const bool image = reason.find("Image") != std::string::npos;
  if (reason == "ErrImagePull")
    tell({"Warning", "Failed", "Failed to pull image \"" + c.spec.image + "\": " + message,
          c.spec.name});
  if (reason == "ErrImageNeverPull")
    tell({"Warning", reason, message, c.spec.name});
  if (reason == "InvalidImageName" || reason == "ImageInspectError")
    tell({"Warning", "InspectFailed", message, c.spec.name});
  tell({"Warning", "Failed", "Error: " + (image ? reason : message), c.spec.name});
  state_.on_container_failed(index, std::move(reason), std::move(message), now());
}

void pod_actor::perform(const start_container& a) {
  if (auto why = image_name_error(state_.containers()[a.index].spec.image)) {
    // Never at once: what is done now is answered by a message of its own.
    this->send(this, continuation{[this, i = a.index, why = std::move(*why)] {
                 fail_start(i, "InvalidImageName", why);
               }});
    return;
  }
  start_image(a.index);
}

void pod_actor::start_image(size_t index) {
  const auto& c = state_.containers()[index];
  if (c.spec.image_pull_policy == "Always") {
    pull_image(index);
    return;
  }
  containers().get_image(
      c.spec.image, here<std::optional<runtime::image_info>>([this, i = index](auto found) {
        const auto& spec = state_.containers()[i].spec;
        if (!found) {
          fail_start(i, "ImageInspectError", found.error().message);
        } else if (*found) {
          tell({"Normal", "Pulled",
                "Container image \"" + spec.image + "\" already present on machine", spec.name});
          create(i, (*found)->id, **found);
        } else if (spec.image_pull_policy == "Never") {
          fail_start(i, "ErrImageNeverPull",
                     "Container image \"" + spec.image +
                         "\" is not present with pull policy of Never");
        } else {
          pull_image(i);
        }
      }));
}

void pod_actor::pull_image(size_t index) {
  const auto& spec = state_.containers()[index].spec;
  auto secrets = find_pull_secrets(state_.pod(), spec.image, *deps_.ports->state);
  if (!secrets.missing.empty()) {
    std::string names;
    for (const auto& name : secrets.missing)
      names += (names.empty() ? "" : ", ") + name;
    tell({"Warning",
          "FailedToRetrieveImagePullSecret",
          "Unable to retrieve some image pull secrets (" + names +
              "); attempting to pull the image may not succeed.",
          {}});
  }
  tell({"Normal", "Pulling", "Pulling image \"" + spec.image + "\"", spec.name});
  if (secrets.credentials.empty())
    secrets.credentials.emplace_back();
  pull_with(index, std::move(secrets.credentials), now(), {});
}

void pod_actor::pull_with(size_t index, std::vector<runtime::registry_auth> left,
                          pod_state::time begin, const std::string& failure) {
  if (left.empty()) {
    fail_start(index, "ErrImagePull", failure);
    return;
  }
  auto auth = std::move(left.front());
  left.erase(left.begin());
  containers().pull_image(
      state_.containers()[index].spec.image, std::move(auth),
      here<std::string>([this, index, begin, left = std::move(left)](auto id) {
        if (!id) {
          pull_with(index, left, begin, id.error().message);
          return;
        }
        const auto took = std::chrono::round<std::chrono::milliseconds>(now() - begin);
        containers().get_image(
            state_.containers()[index].spec.image,
            here<std::optional<runtime::image_info>>([this, index, id = *id, took](auto info) {
              const auto& spec = state_.containers()[index].spec;
              const auto image = info && *info ? **info : runtime::image_info{};
              const auto time = api::format_duration(took);
              tell({"Normal", "Pulled",
                    "Successfully pulled image \"" + spec.image + "\" in " + time + " (" + time +
                        " including waiting). Image size: " + std::to_string(image.size) +
                        " bytes.",
                    spec.name});
              create(index, id, image);
            }));
      }));
}

void pod_actor::create(size_t index, std::string image_id, const runtime::image_info& image) {
  // Making the configuration touches the disk (subPath directories, the hosts file).
  auto pod = state_.pod_ptr();
  const auto& c = state_.containers()[index];
  const uint32_t attempt = c.instances ? c.attempt + 1 : 0;
  const auto& data_dir = deps_.ports->facts->data_dir;
  const auto logs = data_dir.empty()
                        ? std::string{}
                        : pod_log_directory(*deps_.ports->facts, pod->metadata) + "/" + c.spec.name;
  auto done = here<runtime::container_config>([this, index](auto config) {
    if (!config) {
      fail_start(index, "CreateContainerConfigError", config.error().message);
      return;
    }
    // The pod may have been deleted while its image came.
    if (!state_.begin_create(index))
      return;
    containers().create_container(
        state_.sandbox_id(), std::move(*config),
        make_sandbox_config(state_.pod(), state_.sandbox_attempt(), *deps_.ports->facts),
        here<std::string>([this, index](auto id) {
          const auto& name = state_.containers()[index].spec.name;
          if (!id) {
            fail_start(index, "CreateContainerError", id.error().message);
            return;
          }
          state_.on_container_created(index, *id);
          tell({"Normal", "Created", "Created container: " + name, name});
          start(index, *id);
        }));
  });
  deps_.ports->volumes->run([ports = deps_.ports, pod, spec = c.spec, volumes = volumes_,
                             ips = own_ips(), attempt, image_id = std::move(image_id),
                             user = image.user_id, username = image.username, done] {
    done(make_container_config(
        *pod, spec,
        {*ports->facts, *ports->state, volumes, ips, attempt, image_id, user, username}));
  });
}

std::vector<std::string> pod_actor::own_ips() const {
  // A pod on the host's network has the host's addresses.
  if (!state_.ips().empty() || !state_.pod().spec.host_network.value_or(false))
    return state_.ips();
  const auto& facts = *deps_.ports->facts;
  return facts.second_ip.empty() ? std::vector{facts.ip} : std::vector{facts.ip, facts.second_ip};
}

std::string pod_actor::own_ip() const {
  const auto all = own_ips();
  return all.empty() ? std::string{} : all.front();
}

void pod_actor::start(size_t index, std::string id) {
  containers().start_container(
      id, here<void>([this, index, id](auto started) {
        const auto why = started ? std::string{} : started.error().message;
        containers().get_container(
            id, here<runtime::container_status>([this, index, id, why](auto s) {
              const auto& name = state_.containers()[index].spec.name;
              // A start that timed out may have happened all the same.
              if (!s || (!why.empty() && s->state != runtime::container_state::running)) {
                fail_start(index, "RunContainerError", why.empty() ? s.error().message : why);
                return;
              }
              tell({"Normal", "Started", "Started container " + name, name});
              s->message = message_of(*s);
              state_.on_container_started(index, *s, now());
              run_post_start(index, id);
            }));
      }));
}

void pod_actor::run_post_start(size_t index, const std::string& id) {
  const auto& c = state_.containers()[index];
  if (!c.spec.lifecycle || !c.spec.lifecycle->post_start)
    return;
  run_handler(*c.spec.lifecycle->post_start, c, 0s, [this, index, id](probe_result r) {
    auto& record = state_.containers()[index];
    if (r.success || record.id != id)
      return;
    tell(
        {"Warning", "FailedPostStartHook", "PostStartHook failed: " + r.message, record.spec.name});
    record.stop_why = "FailedPostStartHook";
  });
}

void pod_actor::perform(const stop_container& a) {
  const auto& c = state_.containers()[a.index];
  if (!a.reason.empty())
    tell({"Normal", "Killing", a.reason, c.spec.name});
  if (!a.hook || !c.spec.lifecycle || !c.spec.lifecycle->pre_stop || a.grace == 0s) {
    stop_now(a.index, c.id, a.grace);
    return;
  }
  run_handler(
      *c.spec.lifecycle->pre_stop, c, a.grace, [this, a, id = c.id, begin = now()](probe_result r) {
        if (!r.success)
          tell({"Warning", "FailedPreStopHook", "PreStopHook failed: " + r.message,
                state_.containers()[a.index].spec.name});
        const auto spent = std::chrono::floor<std::chrono::seconds>(now() - begin);
        stop_now(a.index, id, std::max<std::chrono::seconds>(a.grace - spent, minimum_grace));
      });
}

void pod_actor::stop_now(size_t index, std::string id, std::chrono::seconds grace) {
  auto done = here<void>([this, index, id](auto stopped) {
    if (stopped) {
      check_container(id);
      return;
    }
    this->delayed_send(this, retry_delay, continuation{[this, index, id] {
                         if (state_.containers()[index].id == id)
                           state_.on_stop_failed(index);
                       }});
  });
  containers().stop_container(id, grace, std::move(done));
}

api::result<int> pod_actor::port_number(const api::int_or_string& port,
                                        const api::v1::container& c) const {
  if (port.is_int())
    return port.as_int();
  for (const auto& p : c.ports)
    if (p.name == port.as_string())
      return p.container_port;
  return api::fail(api::bad_request("couldn't find port: " + port.as_string()));
}

bool pod_actor::ask(const api::v1::http_get_action* http, const api::v1::tcp_socket_action* tcp,
                    const api::v1::container& c, std::chrono::seconds limit,
                    const std::function<void(probe_result)>& done) {
  if (!http && !tcp)
    return false;
  const auto own = own_ip();
  const auto port = port_number(http ? http->port : tcp->port, c);
  if (!port) {
    done({false, port.error().message});
  } else if (http) {
    http_probe what{
        http->host.empty() ? own : http->host, *port, http->scheme == "HTTPS", http->path, {}};
    for (const auto& header : http->http_headers)
      what.headers.emplace_back(header.name, header.value);
    deps_.ports->probes->http_get(std::move(what), limit, done);
  } else {
    deps_.ports->probes->tcp_connect(tcp->host.empty() ? own : tcp->host, *port, limit, done);
  }
  return true;
}

void pod_actor::run_handler(const api::v1::lifecycle_handler& h, const container_record& c,
                            std::chrono::seconds limit, std::function<void(probe_result)> done) {
  const auto finish = on_actor<probe_result>(continuable{this}, std::move(done));
  if (h.exec) {
    containers().exec_sync(
        c.id, h.exec->command, limit,
        [finish, command = h.exec->command](api::result<runtime::exec_result> r) {
          if (!r)
            finish({false, r.error().message});
          else
            finish({r->exit_code == 0, r->out + r->err});
        });
  } else if (ask(h.http_get.get(), h.tcp_socket.get(), c.spec, limit == 0s ? 30s : limit, finish)) {
    return;
  } else if (h.sleep) {
    const auto wait = limit == 0s ? std::chrono::seconds{h.sleep->seconds}
                                  : std::min(std::chrono::seconds{h.sleep->seconds}, limit);
    this->delayed_send(this, wait, continuation{[finish] { finish({true, {}}); }});
  } else {
    finish({true, {}});
  }
}

void pod_actor::perform(const resize_container& a) {
  const auto& c = state_.containers()[a.index];
  auto spec = c.spec;
  spec.resources.ensure() = a.resources;
  auto limits = make_linux_resources(state_.pod(), spec, *deps_.ports->facts);
  limits.oom_score_adj = 0; // of a running process it stays
  containers().update_resources(c.id, std::move(limits), here<void>([this, a, id = c.id](auto ok) {
                                  if (!ok)
                                    tell({"Warning", "ResizeError", ok.error().message,
                                          state_.containers()[a.index].spec.name});
                                  state_.on_resized(a.index, id, a.resources, ok.has_value(),
                                                    ok ? std::string{} : ok.error().message);
                                }));
}

void pod_actor::perform(const run_probe& a) {
  const auto& c = state_.containers()[a.index];
  const auto* spec = c.probe_spec(a.kind);
  const auto limit = std::chrono::seconds{spec->timeout_seconds.value_or(1)};
  auto done = [this, a, id = c.id](probe_result r) {
    auto& record = state_.containers()[a.index];
    if (record.id != id)
      return;
    const char* kind = a.kind == probe_kind::startup    ? "Startup"
                       : a.kind == probe_kind::liveness ? "Liveness"
                                                        : "Readiness";
    state_.on_probe(a.index, a.kind, r.success, r.message, now());
    const auto* spec = record.probe_spec(a.kind);
    const bool early = a.kind == probe_kind::readiness && spec && record.readiness.eager(*spec);
    if (r.warning)
      tell({"Warning", "ProbeWarning", std::string{kind} + " probe warning: " + r.message,
            record.spec.name});
    if (!r.success && !early && record.phase == container_phase::running)
      tell({"Warning", "Unhealthy", std::string{kind} + " probe failed: " + r.message,
            record.spec.name});
  };
  if (spec->exec) {
    containers().exec_sync(
        c.id, spec->exec->command, limit,
        here<runtime::exec_result>([done, limit, words = spec->exec->command](auto r) {
          if (r)
            done({r->exit_code == 0, r->out + r->err});
          else if (r.error().why == api::reason::timeout)
            done({false, "command timed out: " + api::quote_go(joined(words)) +
                             " timed out after " + std::to_string(limit.count()) + "s"});
          else
            done({false, r.error().message});
        }));
    return;
  }
  const auto answer = on_actor<probe_result>(continuable{this}, std::move(done));
  if (ask(spec->http_get.get(), spec->tcp_socket.get(), c.spec, limit, answer))
    return;
  if (spec->grpc) {
    const auto host = own_ip();
    deps_.ports->probes->grpc_check(host, spec->grpc->port, spec->grpc->service, limit, answer);
  } else {
    answer({true, {}});
  }
}

std::string pod_actor::message_of(const runtime::container_status& s) const {
  const auto& facts = *deps_.ports->facts;
  const auto& all = state_.containers();
  const auto i =
      std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.spec.name == s.name; });
  if (i == all.end() || facts.data_dir.empty())
    return s.message;
  auto message = read_tail(termination_message_file(facts, state_.pod(), s.name, s.attempt),
                           max_termination_message);
  if (message.empty() && s.exit_code != 0 &&
      i->spec.termination_message_policy == "FallbackToLogsOnError")
    message = log_tail(s.log_path);
  return message.empty() ? s.message : message;
}

} // namespace thespis::actors
