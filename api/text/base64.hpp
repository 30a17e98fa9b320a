// Base64, RFC 4648.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace thespis::api {

/// Standard alphabet, padded.
std::string encode_base64(std::string_view bytes);
/// Standard alphabet, strictly padded; line breaks are skipped, as Go does. Nothing when malformed.
std::optional<std::string> decode_base64(std::string_view text);
/// URL alphabet, without padding.
std::string encode_base64url(std::string_view bytes);
/// URL alphabet, with or without padding. Nothing when malformed.
std::optional<std::string> decode_base64url(std::string_view text);

} // namespace thespis::api
