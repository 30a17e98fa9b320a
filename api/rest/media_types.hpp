// Content negotiation: what a client accepts, and what it sends.
#pragma once

#include "api/pipeline/call.hpp"
#include "api/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::rest {

/// One entry of an Accept header, or a Content-Type.
struct media_range {
  std::string type; ///< "application/json", lower case
  std::vector<std::pair<std::string, std::string>> parameters;
  double quality = 1;

  std::string_view parameter(std::string_view name) const;
};

/// Entries in the order of preference. Malformed entries are skipped.
std::vector<media_range> parse_media_ranges(std::string_view header);

enum class encoding : uint8_t { json, yaml, protobuf };

/// What an answer's object is turned into.
enum class shape : uint8_t { plain, table, partial_metadata, partial_metadata_list };

/// The negotiated form of an answer.
struct representation {
  rest::encoding encoding = encoding::json;
  rest::shape shape = shape::plain;
  std::string meta_version = "v1"; ///< of table and partial metadata: "v1", "v1beta1"
  bool pretty = false;

  std::string content_type() const;
};

/// What can be answered: JSON always.
struct offer {
  bool protobuf = false; ///< the kind has a protobuf form
  bool stream = false;   ///< a watch, which YAML cannot frame
  bool shapes = true;    ///< there are objects, of which tables and metadata can be made
};

/// Chooses the form of an answer about objects; what cannot be had is passed over for the next
/// that is acceptable. An empty `accept` is JSON. Errors: not_acceptable.
result<representation> negotiate(std::string_view accept, const offer& o = {});

/// The form of a discovery document. `aggregated` is the version asked for ("v2", "v2beta1"), or
/// empty for the plain documents. Errors: not_acceptable.
struct discovery_form {
  rest::encoding encoding = encoding::json;
  std::string aggregated;
};
result<discovery_form> negotiate_discovery(std::string_view accept);

enum class openapi_form : uint8_t { json, protobuf };
/// The form of /openapi/v2. Errors: not_acceptable.
result<openapi_form> negotiate_openapi_v2(std::string_view accept);

/// The patch type of a Content-Type. Errors: unsupported_media_type.
result<patch_kind> patch_kind_of(std::string_view content_type);

/// What a request body is; JSON when nothing is said. Errors:
/// unsupported_media_type.
result<encoding> body_encoding(std::string_view content_type);

} // namespace thespis::api::rest
