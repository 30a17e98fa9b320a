// How the pipeline asks the admission plug-ins.
#pragma once

#include "api/admission/plugin.hpp"
#include "api/pipeline/operation.hpp"

namespace thespis::api {

/// The question about a write. `object` and `old` are null where there is none; `type` is that of
/// `object`. Refers to all of them.
admission::request admission_request(operation& op, admission::action action,
                                     const schema::struct_type& type, json::document* object,
                                     const json::value* old);

/// Mutates and validates at once, for requests whose object is not stored: subresources that act
/// on another object, and removals. Errors: the plug-ins'.
result<void> admit(operation& op, admission::action action, const schema::struct_type& type,
                   json::document* object, const json::value* old, bool dry_run);

/// Whether a subresource of pods is a connection: exec, attach, portforward, proxy.
bool is_connection(std::string_view subresource);

/// Asks the plug-ins about a connection. The call creates such a subresource; its body holds the
/// options (PodExecOptions and so on). Nothing is written.
result<prepared> prepare_connect(operation& op);

} // namespace thespis::api
