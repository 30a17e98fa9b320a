// serviceaccounts/token: a token is asked for, and stored nowhere.
#include "api/auth/service_account_tokens.hpp"
#include "api/pipeline/admit.hpp"
#include "api/pipeline/operation.hpp"
#include "api/schema/defaults.hpp"

namespace thespis::api {

result<prepared> prepare_token_request(operation& op) {
  const auto& c = op.request;
  const auto& type = kind_type("authentication.k8s.io", "v1", "TokenRequest");
  auto doc = decode_body(op, c.body, type);
  if (!doc)
    return fail(doc.error());
  schema::apply_defaults(type, *doc, doc->GetAllocator());
  if (auto ok = admit(op, admission::action::create, type, &*doc, nullptr, c.dry_run); !ok)
    return fail(ok.error());
  v1::token_request request;
  v1::decode(*doc, request);
  for (const auto& [in_body, in_url, what] :
       {std::tuple{&request.metadata.name, &c.name, "name"},
        std::tuple{&request.metadata.namespace_, &c.ns, "namespace"}})
    if (!in_body->empty() && *in_body != *in_url)
      return fail(bad_request("the " + std::string{what} +
                              " of the provided object does not match the " + what +
                              " sent on the request"));
  request.metadata.name = c.name;
  request.metadata.namespace_ = c.ns;
  request.metadata.creation_timestamp = op.now;
  auto issued = op.deps.tokens->issue(c.ns, c.name, std::move(request));
  if (!issued)
    return fail(issued.error());
  reply r;
  r.ok = r.created = true;
  r.body = json::to_string(v1::to_json(*issued, doc->GetAllocator()));
  return r;
}

} // namespace thespis::api
