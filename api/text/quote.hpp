// Strings quoted the way Kubernetes' messages quote them (Go's %q), which differs from JSON for
// control characters and bytes that are no UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace thespis::api {

/// `s` in double quotes, escaped as Go's strconv.Quote does.
std::string quote_go(std::string_view s);

/// The length of the well-formed UTF-8 sequence that starts at s[pos], 1 to 4; 0 when the bytes
/// there are ill-formed (overlong, surrogate, beyond U+10FFFF, truncated). pos < s.size().
unsigned utf8_length(std::string_view s, size_t pos);

/// Whether all of `s` is well-formed UTF-8.
bool is_utf8(std::string_view s);

} // namespace thespis::api
