// Validation: what the schema files declare, and the checks that C++ adds to a kind.
#pragma once

#include "api/error.hpp"
#include "api/schema/schema.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace thespis::api::schema {

/// Appends what is wrong with `obj` by the declared rules, with Kubernetes' field paths and words.
/// `old` is the stored object of an update, for immutable fields; nullptr on creation. Fields
/// named in `skip` at the top level are not looked at ("status", "metadata").
void validate(const struct_type& type, const json::value& obj, const json::value* old,
              std::vector<cause>& causes, const std::vector<std::string_view>& skip = {});

/// Checks a whole object of one kind: `obj` is new, `old` the stored one or nullptr.
using check =
    std::function<void(const json::value& obj, const json::value* old, std::vector<cause>& causes)>;

/// Adds a check to a kind, for rules that tie several fields together. All checks of a process
/// are registered before the first request. Thread-safe.
void register_check(std::string_view group, std::string_view version, std::string_view kind,
                    check fn);

/// Runs the checks registered for the kind.
void run_checks(std::string_view group, std::string_view version, std::string_view kind,
                const json::value& obj, const json::value* old, std::vector<cause>& causes);

} // namespace thespis::api::schema
