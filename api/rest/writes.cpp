#include "api/rest/writes.hpp"

#include "api/pipeline/computed.hpp"
#include "api/pipeline/operation.hpp"
#include "api/pipeline/presentation.hpp"
#include "api/pipeline/scale.hpp"
#include "api/rest/answers.hpp"
#include "api/rest/protobuf_body.hpp"
#include "api/rest/reads.hpp"
#include "api/rest/reviews.hpp"
#include "api/schema/decode.hpp"
#include "api/text/quote.hpp"
#include "api/yaml.hpp"

#include <algorithm>

namespace thespis::api::rest {

namespace {

constexpr size_t max_field_manager = 128;

/// The kind whose rules a bad query parameter broke, as the Status names it.
std::string_view options_kind(api::verb v) {
  switch (v) {
  case verb::create:
    return "CreateOptions.meta.k8s.io";
  case verb::update:
    return "UpdateOptions.meta.k8s.io";
  case verb::patch:
    return "PatchOptions.meta.k8s.io";
  case verb::remove:
    return "DeleteOptions.meta.k8s.io";
  }
  return "";
}

/// Run-time kinds have no protobuf form.
error no_protobuf() {
  return make_error(
      reason::unsupported_media_type,
      "the body of the request was in an unknown format - accepted media types include: "
      "application/json, application/yaml");
}

/// Repeated keys, as Go's strict YAML decoder lists them.
std::string yaml_errors(const std::vector<std::string>& repeated) {
  std::string out = "yaml: unmarshal errors:";
  for (const auto& text : repeated)
    out.append("\n  ").append(text);
  return out;
}

/// The document of a YAML body. What is to be told of repeated keys is appended to `repeated`.
result<json::document> read_yaml(std::string_view body, validation_level level,
                                 std::vector<std::string>& repeated) {
  auto doc = yaml::parse(body, {}, &repeated);
  if (level == validation_level::ignore)
    repeated.clear();
  return doc;
}

/// What strict decoding says of a YAML body that repeats keys.
error strict_yaml(const exchange& x, json::document& doc,
                  const std::vector<std::string>& repeated) {
  std::vector<std::string> reports;
  if (x.target.subresource.empty())
    (void)schema::conform(*x.resource->type, doc, doc.GetAllocator(), &reports);
  std::sort(reports.begin(), reports.end());
  reports.insert(reports.begin(), yaml_errors(repeated));
  return schema::handled_as(x.resource->kind, x.resource->version, schema::strict_error(reports));
}

/// The body as JSON text. What a client is to be warned of is appended to `warnings`.
/// Errors: unsupported_media_type, bad_request.
result<std::string> json_body(const exchange& x, std::string_view body, validation_level level,
                              std::vector<std::string>& warnings) {
  auto kind = body_encoding(x.content_type);
  if (!kind)
    return fail(std::move(kind.error()));
  switch (*kind) {
  case encoding::json:
    break;
  case encoding::yaml: {
    auto doc = read_yaml(body, level, warnings);
    if (!doc)
      return fail(std::move(doc.error()));
    if (level == validation_level::strict && !warnings.empty())
      return fail(strict_yaml(x, *doc, warnings));
    return json::to_string(*doc);
  }
  case encoding::protobuf:
    if (x.resource->owner)
      return fail(no_protobuf());
    return protobuf_to_json(x.server->schemas, body);
  }
  return std::string(body);
}

result<void> read_dry_run(call& c, const query& q) {
  for (const auto& value : q.all("dryRun")) {
    if (value != "All")
      return fail(invalid(options_kind(c.verb), "",
                          {not_supported("dryRun", "[" + quote_go(value) + "]", {"All"})}));
    c.dry_run = true;
  }
  return {};
}

result<void> read_validation(call& c, const query& q) {
  auto text = q.get("fieldValidation");
  if (text.empty() || text == "Warn")
    c.validation = validation_level::warn;
  else if (text == "Strict")
    c.validation = validation_level::strict;
  else if (text == "Ignore")
    c.validation = validation_level::ignore;
  else
    return fail(
        invalid(options_kind(c.verb), "",
                {not_supported("fieldValidation", quote_go(text), {"Ignore", "Warn", "Strict"})}));
  return {};
}

/// The program a client says it is: what stands before the slash, as far as it can be shown.
std::string program_of(std::string_view user_agent) {
  std::string out;
  const auto name = user_agent.substr(0, user_agent.find('/'));
  for (size_t i = 0, n = 0; i < name.size(); i += n) {
    n = std::max(utf8_length(name, i), 1U);
    if (n == 1 && (name[i] < 0x20 || name[i] == 0x7f)) // also what is no UTF-8
      continue;
    if (out.size() + n > max_field_manager)
      break;
    out += name.substr(i, n);
  }
  return out.empty() ? "unknown" : out;
}

/// Control characters and what is no UTF-8 cannot name a manager.
std::vector<cause> judge_manager(std::string_view name) {
  if (name.size() > max_field_manager)
    return {too_long("fieldManager", max_field_manager)};
  for (size_t i = 0, n = 0; i < name.size(); i += n) {
    n = std::max(utf8_length(name, i), 1U);
    const auto c = static_cast<unsigned char>(name[i]);
    if (n > 1 || (c >= 0x20 && c < 0x7f))
      continue;
    char code[16];
    std::snprintf(code, sizeof code, "U+%04X", c);
    return {invalid_value("fieldManager", quote_go(name),
                          "invalid character " + std::string(code) + " (at position " +
                              std::to_string(i) + ")")};
  }
  return {};
}

/// Who owns the fields that are written: what the client says, or the program it is.
result<void> read_manager(call& c, const exchange& x) {
  auto text = x.target.query.get("fieldManager");
  if (auto causes = judge_manager(text); !causes.empty())
    return fail(invalid(options_kind(c.verb), "", std::move(causes)));
  if (text.empty() && c.patch == patch_kind::apply)
    return fail(invalid(options_kind(c.verb), "",
                        {required("fieldManager", "is required for apply patch")}));
  c.field_manager = text.empty() ? program_of(x.user_agent) : text;
  return {};
}

result<void> read_patch(call& c, const exchange& x, std::string_view body,
                        std::vector<std::string>& warnings) {
  auto kind = patch_kind_of(x.content_type);
  if (!kind)
    return fail(std::move(kind.error()));
  c.patch = *kind;
  c.force = x.target.query.flag("force");
  if (x.target.query.has("force") && c.patch != patch_kind::apply)
    return fail(invalid(options_kind(c.verb), "",
                        {field_forbidden("force", "may not be specified for non-apply patch")}));
  if (c.patch != patch_kind::apply) {
    c.body = body;
    return {};
  }
  // Most clients send JSON, which is YAML too, and far quicker to read.
  if (body.starts_with('{') && json::parse(body)) {
    c.body = body;
    return {};
  }
  auto doc = read_yaml(body, c.validation, warnings);
  if (!doc) {
    if (doc.error().why == reason::bad_request)
      doc.error().message.insert(0, "error decoding YAML: ");
    return fail(std::move(doc.error()));
  }
  if (c.validation == validation_level::strict && !warnings.empty())
    return fail(bad_request("error strict decoding YAML: error converting YAML to JSON: " +
                            yaml_errors(warnings)));
  c.body = json::to_string(*doc);
  return {};
}

result<void> read_delete(call& c, const exchange& x, std::string_view body) {
  const auto& q = x.target.query;
  auto grace = q.integer("gracePeriodSeconds");
  if (!grace)
    return fail(std::move(grace.error()));
  if (grace->value_or(0) < 0)
    return fail(invalid(options_kind(c.verb), "",
                        {invalid_value("gracePeriodSeconds", std::to_string(**grace),
                                       "must be greater than or equal to 0")}));
  c.grace_seconds = grace->value_or(-1);
  auto policy = q.get("propagationPolicy");
  if (policy == "Background")
    c.policy = propagation::background;
  else if (policy == "Foreground")
    c.policy = propagation::foreground;
  else if (policy == "Orphan")
    c.policy = propagation::orphan;
  else if (!policy.empty())
    return fail(invalid(options_kind(c.verb), "",
                        {not_supported("propagationPolicy", quote_go(policy),
                                       {"Foreground", "Background", "Orphan", "nil"})}));
  else if (q.has("orphanDependents"))
    c.policy = q.flag("orphanDependents") ? propagation::orphan : propagation::background;
  if (body.empty())
    return {};
  std::vector<std::string> ignored;
  auto text = json_body(x, body, validation_level::ignore, ignored);
  if (!text)
    return fail(std::move(text.error()));
  c.body = std::move(*text);
  return {};
}

/// The call that a request makes; what its text alone gives reason to warn of is appended to
/// `warnings`.
result<call> make_call(const exchange& x, api::verb v, std::string_view body,
                       std::vector<std::string>& warnings) {
  call c;
  c.verb = v;
  c.resource = x.group_resource();
  c.version = x.resource->version;
  c.ns = x.target.ns;
  c.name = x.target.name;
  c.subresource = x.target.subresource;
  c.user = x.user;
  result<void> ok;
  if (v != verb::remove)
    ok = read_validation(c, x.target.query);
  if (!ok)
    return fail(std::move(ok.error()));
  switch (v) {
  case verb::create:
  case verb::update: {
    auto text = json_body(x, body, c.validation, warnings);
    if (!text)
      return fail(std::move(text.error()));
    c.body = std::move(*text);
    break;
  }
  case verb::patch:
    ok = read_patch(c, x, body, warnings);
    break;
  case verb::remove:
    ok = read_delete(c, x, body);
    break;
  }
  if (ok)
    ok = read_dry_run(c, x.target.query);
  if (ok)
    ok = read_manager(c, x);
  if (!ok)
    return fail(std::move(ok.error()));
  if (x.audit)
    x.audit->set_request(c.body);
  return c;
}

transport::response answer_reply(const exchange& x, const reply& r) {
  if (!r.ok)
    return answer(r.failure);
  auto form = x.form;
  form.shape = shape::plain;
  int status = r.created ? 201 : 200;
  if (!r.body.empty())
    return answer(status, r.body, form);
  if (r.object && x.target.subresource == "scale") {
    auto scale = scale_of(*x.resource, *r.object);
    return scale ? answer(status, std::move(*scale), form) : answer(scale.error());
  }
  const auto& schema = *x.resource;
  if (r.removed || !r.object)
    return answer(200,
                  success_status_json(r.object ? r.object->name() : x.target.name, schema.group,
                                      schema.plural, r.object ? r.object->uid() : ""),
                  form);
  auto shown = present(*x.resource, r.object);
  return shown ? answer_object(x, status, *shown) : answer(shown.error());
}

/// Makes an answer that may wait for another server where that harms nobody.
void offload(const exchange& x, const responder& respond,
             const std::function<transport::response()>& make) {
  const auto& run = x.server->options.offload;
  if (!run)
    respond(make());
  else if (!run([respond, make] { respond(make()); }))
    respond(answer(too_busy()));
}

/// The deletions of a collection, one after the other would be slow: all at once, counted down.
struct collection {
  exchange_ptr x;
  responder respond;
  list_answer deleted;
  std::mutex mutex;
  size_t open = 0;
  std::optional<error> failure;

  void take(const reply& r) {
    std::unique_lock lock(mutex);
    if (r.ok && r.object)
      deleted.objects.push_back(r.object);
    else if (!r.ok && r.failure.why != reason::not_found && !failure)
      failure = r.failure;
    if (--open > 0)
      return;
    lock.unlock();
    finish();
  }

  void finish() {
    if (failure) {
      respond(answer(*failure));
      return;
    }
    if (auto ok = present(*x->resource, deleted.objects); !ok) {
      respond(answer(ok.error()));
      return;
    }
    deleted.revision = x->server->cluster.state().revision();
    respond(answer_list(*x, std::move(deleted)));
  }
};

/// Whether the options hold, also when there is nothing to delete.
result<void> check_delete_body(std::string_view body) {
  if (body.empty())
    return {};
  auto doc = json::parse(body);
  if (!doc)
    return fail(std::move(doc.error()));
  delete_options ignored;
  return read_delete_options(*doc, ignored);
}

void delete_collection(const exchange_ptr& x, std::string_view body, responder respond) {
  auto options = read_list_options(*x->resource, x->target);
  if (!options)
    return respond(answer(options.error()));
  std::vector<std::string> ignored;
  auto prototype = make_call(*x, verb::remove, body, ignored);
  if (!prototype)
    return respond(answer(prototype.error()));
  if (auto ok = check_delete_body(prototype->body); !ok)
    return respond(answer(ok.error()));
  auto found = select_objects(*x, *options);
  if (!found)
    return respond(answer(found.error()));
  auto all = std::make_shared<collection>();
  all->x = x;
  all->respond = std::move(respond);
  all->deleted.continue_token = found->continue_token;
  all->open = found->objects.size();
  if (found->objects.empty())
    return all->finish();
  for (const auto& object : found->objects) {
    auto c = *prototype;
    c.ns = object->ns();
    c.name = object->name();
    x->server->cluster.submit(std::move(c), [all](const reply& r) { all->take(r); });
  }
}

std::optional<api::verb> verb_of(std::string_view name) {
  if (name == "create")
    return verb::create;
  if (name == "update")
    return verb::update;
  if (name == "patch")
    return verb::patch;
  if (name == "delete")
    return verb::remove;
  return std::nullopt;
}

} // namespace

bool is_write(std::string_view name) {
  return verb_of(name) || name == "deletecollection";
}

bool waits_for_conversion(const exchange& x) {
  const auto& verb = x.target.verb;
  return (x.resource->calls_out() || is_computed(*x.resource)) && (verb == "get" || verb == "list");
}

void run_write(const exchange_ptr& x, std::string_view body, responder respond) {
  if (waits_for_conversion(*x))
    return offload(*x, respond, [x] {
      if (is_computed(*x->resource))
        x->server->cluster.refresh(x->stored_resource());
      return read_objects(*x);
    });
  if (!is_write(x->target.verb))
    return respond(read_objects(*x));
  if (x->target.verb == "deletecollection")
    return delete_collection(x, body, std::move(respond));
  auto v = verb_of(x->target.verb);
  if (!v)
    return respond(answer(internal_error("no write: " + x->target.verb)));
  std::vector<std::string> warnings;
  auto c = make_call(*x, *v, body, warnings);
  if (!c)
    return respond(answer(c.error()));
  if (is_review(*x->resource))
    return respond(answer_review(*x, c->body));
  x->server->cluster.submit(std::move(*c), [x, warnings = std::move(warnings),
                                            respond = std::move(respond)](const reply& r) {
    const auto make = [x, r, warnings] {
      auto a = answer_reply(*x, r);
      add_deprecation(*x, a);
      add_warnings(a, warnings);
      add_warnings(a, r.warnings);
      return a;
    };
    if (r.object && x->resource->calls_out() && !is_verbatim(*x->resource, *r.object))
      offload(*x, respond, make);
    else
      respond(make());
  });
}

} // namespace thespis::api::rest
