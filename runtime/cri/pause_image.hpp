// The image of every sandbox: a tar that holds our own pause program, made at run time.
#pragma once

#include "api/result.hpp"

#include <string>
#include <string_view>

namespace thespis::runtime {

/// The reference sandboxes are configured with and the image is tagged as.
inline constexpr std::string_view pause_image_reference = "thespis.local/pause:1";

/// The image as the bytes of an OCI image layout in a tar, for this machine's architecture. The
/// bytes are the same at every call.
std::string make_pause_image();

} // namespace thespis::runtime
