#include "api/pipeline/pipeline.hpp"

#include "api/admission/plugins.hpp"
#include "api/pipeline/admit.hpp"
#include "api/pipeline/metadata.hpp"
#include "api/pipeline/operation.hpp"
#include "api/pipeline/scale.hpp"
#include "api/pipeline/service_addresses.hpp"
#include "api/text/time.hpp"

namespace thespis::api {

namespace {

error no_such_resource() {
  return make_error(reason::not_found, "the server could not find the requested resource");
}

error not_allowed() {
  return make_error(reason::method_not_allowed,
                    "the server does not allow this method on the requested resource");
}

error ending(const operation& op) {
  error e;
  e.why = reason::method_not_allowed;
  e.message = "create not allowed while custom resource definition is terminating";
  e.name = op.request.name;
  return e;
}

bool is_update(verb v) {
  return v == verb::update || v == verb::patch;
}

result<prepared> update_or_patch(operation& op) {
  return op.request.verb == verb::patch ? prepare_patch(op) : prepare_update(op);
}

result<prepared> dispatch_subresource(operation& op) {
  const auto& sub = op.request.subresource;
  const auto& resource = op.type.resource;
  const auto v = op.request.verb;
  if (resource == "pods" && (sub == "binding" || sub == "eviction")) {
    if (v != verb::create)
      return fail(not_allowed());
    return sub == "binding" ? prepare_binding(op) : prepare_eviction(op);
  }
  if (resource == "pods" && is_connection(sub))
    return v == verb::create ? prepare_connect(op) : fail(not_allowed());
  if (resource == "serviceaccounts" && sub == "token" && op.deps.tokens)
    return v == verb::create ? prepare_token_request(op) : fail(not_allowed());
  if (sub == "scale" && is_scalable(*op.type.schema))
    return is_update(v) ? prepare_scale(op) : fail(not_allowed());
  if ((sub == "status" && op.type.has_status) ||
      (sub == "approval" && resource == "certificatesigningrequests.certificates.k8s.io") ||
      (resource == "pods" && (sub == "ephemeralcontainers" || sub == "resize")))
    return is_update(v) ? update_or_patch(op) : fail(not_allowed());
  if (resource == "namespaces" && sub == "finalize")
    return v == verb::update ? prepare_update(op) : fail(not_allowed());
  return fail(no_such_resource());
}

result<prepared> dispatch(operation& op) {
  if (!op.request.subresource.empty())
    return dispatch_subresource(op);
  switch (op.request.verb) {
  case verb::create:
    if (op.type.schema->ending)
      return fail(ending(op));
    return prepare_create(op);
  case verb::update:
  case verb::patch:
    return update_or_patch(op);
  case verb::remove:
    return prepare_remove(op);
  }
  return fail(not_allowed());
}

/// A Binding posted to its own collection is one posted to the pod it names.
call to_pod_binding(const call& c) {
  call inner = c;
  inner.resource = "pods";
  inner.version = "v1";
  inner.subresource = "binding";
  if (auto body = json::parse(c.body); body && body->IsObject())
    inner.name = json::get_string(metadata_of(*body), "name");
  return inner;
}

admission::chain make_chain(const pipeline_deps& deps) {
  admission::ports ports;
  ports.state = deps.state;
  ports.now = deps.now;
  ports.new_uid = deps.new_uid;
  ports.random_suffix = deps.random_suffix;
  ports.mount_tokens = deps.mount_tokens;
  ports.not_ready_toleration = deps.not_ready_toleration;
  ports.unreachable_toleration = deps.unreachable_toleration;
  ports.allowed = deps.allowed;
  ports.outbound = deps.outbound;
  ports.authorize = deps.authorize;
  ports.schemas = deps.schemas;
  auto plugins = admission::default_plugins(ports);
  plugins.insert(plugins.end(), deps.more_plugins.begin(), deps.more_plugins.end());
  return admission::chain(std::move(plugins));
}

reply refused(error e) {
  reply r;
  r.failure = std::move(e);
  return r;
}

} // namespace

struct pipeline::impl {
  explicit impl(pipeline_deps d)
      : deps(std::move(d)), types(deps.schemas), addresses(deps), admission(make_chain(deps)) {}

  pipeline_deps deps;
  resource_types types;
  service_addresses addresses;
  admission::chain admission;
};

pipeline::pipeline(pipeline_deps deps) : impl_(std::make_unique<impl>(std::move(deps))) {}

pipeline::~pipeline() = default;

prepared pipeline::prepare(const call& c) const {
  if (c.resource == "bindings" && c.verb == verb::create && c.subresource.empty())
    return prepare(to_pod_binding(c));
  const auto type = impl_->types.find(c.resource, c.version);
  if (!type)
    return refused(no_such_resource());
  operation op{c,
               impl_->deps,
               *type,
               strategy_of(c.resource),
               impl_->addresses,
               impl_->admission,
               format_time(impl_->deps.now())};
  auto done = dispatch(op);
  if (!done) {
    auto r = refused(std::move(done.error()));
    r.warnings = std::move(op.warnings);
    return r;
  }
  auto& answer = std::holds_alternative<reply>(*done) ? std::get<reply>(*done)
                                                      : std::get<prepared_write>(*done).answer;
  answer.warnings = std::move(op.warnings);
  if (auto* w = std::get_if<prepared_write>(&*done))
    w->holds = std::move(op.holds);
  return std::move(*done);
}

bool pipeline::may_call_out(const call& c) const {
  if (c.resource == "bindings") {
    call binding;
    binding.resource = "pods";
    return may_call_out(binding);
  }
  const auto type = impl_->types.find(c.resource, c.version);
  return (type && type->schema->calls_out()) || impl_->admission.may_call_out(c);
}

} // namespace thespis::api
