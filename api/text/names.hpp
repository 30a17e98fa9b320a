// The syntax of names. Each check returns what is wrong in Kubernetes' words, nothing when the
// value is right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api {

using complaints = std::vector<std::string>;

complaints check_dns1123_label(std::string_view s);     ///< most names, 63 bytes
complaints check_dns1123_subdomain(std::string_view s); ///< dotted names, 253 bytes
complaints check_dns1035_label(std::string_view s);     ///< services: begins with a letter
complaints check_qualified_name(std::string_view s);    ///< label and annotation keys
complaints check_label_value(std::string_view s);
complaints check_env_var_name(std::string_view s); ///< printable ASCII without '='
complaints check_config_map_key(std::string_view s);
complaints check_port_name(std::string_view s); ///< IANA service name, 15 bytes
complaints check_port_number(int64_t port);
complaints check_http_header_name(std::string_view s);
complaints check_c_identifier(std::string_view s);
complaints check_percent(std::string_view s); ///< "25%"
/// What a name must be to stand in a URL path, whatever its kind.
complaints check_path_segment(std::string_view s);
/// An absolute path without "..", as mount and host paths must be.
complaints check_absolute_path(std::string_view s);
complaints check_range(int64_t value, int64_t low, int64_t high);

/// A generateName as its check sees it: a trailing '-' is not the name's end.
std::string mask_trailing_dash(std::string_view s);

/// "must be no more than 63 bytes"
std::string max_length_message(size_t bytes);
/// "must be between 1 and 65535, inclusive"
std::string range_message(int64_t low, int64_t high);

/// The complaints joined by `separator`.
std::string join(const complaints& c, std::string_view separator = "; ");

} // namespace thespis::api
