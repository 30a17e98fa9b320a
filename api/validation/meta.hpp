// What must hold of metadata, whatever the kind.
#pragma once

#include "api/validation/findings.hpp"

namespace thespis::api {

/// Checks a new object's metadata; `name_format` is a format of api/schema/formats.hpp.
void validate_metadata(const json::value& doc, bool namespaced, std::string_view name_format,
                       findings& f);

/// Checks the metadata of a change: what never changes, and what may be added.
void validate_metadata_update(const json::value& doc, const json::value& old, findings& f);

// Parts, for metadata inside specs (pod templates).
void validate_labels(const json::value& labels, const path& at, findings& f);
void validate_annotations(const json::value& annotations, const path& at, findings& f);

/// A metav1.LabelSelector.
void validate_selector(const json::value& selector, const path& at, findings& f);

} // namespace thespis::api
