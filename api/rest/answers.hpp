// Answers of the REST server, from objects and errors to HTTP.
#pragma once

#include "api/rest/core.hpp"

namespace thespis::api::rest {

/// A metav1.Status.
transport::response answer(const error& e);
/// JSON text (or, as `form` says, the same value as YAML or indented JSON).
transport::response answer(int status, std::string json, const representation& form);
/// Bytes of any type.
transport::response answer(int status, std::string content_type, transport::payload body);

/// A failure's Status in the encoding that was negotiated; other answers pass through.
transport::response in_form(const exchange& x, transport::response r);

/// One object in the form that the client accepts.
transport::response answer_object(const exchange& x, int status, const object_ptr& o);

/// A list in the form that the client accepts. `kind` is the list's ("PodList").
struct list_answer {
  std::vector<object_ptr> objects;
  uint64_t revision = 0;
  std::string continue_token;
  int64_t remaining = 0;
};
transport::response answer_list(const exchange& x, list_answer l);

/// The Warning headers (RFC 7234, code 299) of a write.
void add_warnings(transport::response& r, const std::vector<std::string>& warnings);

/// What a client is told when too much waits for other servers already.
error too_busy();

/// The warning that the request's version is deprecated, where it is.
void add_deprecation(const exchange& x, transport::response& r);

/// A cached document, or 304 when the client has it already.
transport::response answer_document(const cached_document& d, std::string content_type,
                                    std::string_view if_none_match);

/// `includeObject` of a Table request. Errors: invalid.
result<table::include_object> include_object_of(const query& q);

/// The bytes of an object, shared with it.
transport::shared_bytes bytes_of(const object_ptr& o);

} // namespace thespis::api::rest
