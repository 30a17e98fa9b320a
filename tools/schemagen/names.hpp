// Names of C++ made of names of Kubernetes.
#pragma once

#include <string>
#include <string_view>

namespace thespis::schemagen {

/// podIPs → pod_ips, HTTPGetAction → http_get_action, seLinuxOptions → se_linux_options.
std::string snake_case(std::string_view name);

/// snake_case, with an underscore after it where C++ has the word for itself.
std::string member_name(std::string_view name);

std::string lower(std::string_view s);

/// `s` as a C++ string literal.
std::string literal(std::string_view s);

} // namespace thespis::schemagen
