// An example of a controller: a Deployment annotated with expose.example.com/port gets a Service of
// its name, which leads to that port of its pods for as long as the annotation stays.
#pragma once

#include "actors/framework/reconciler.hpp"

#include <memory>
#include <string>

namespace expose {

/// On Deployments: the port of the pods, 1 to 65535.
inline constexpr const char* port_annotation = "expose.example.com/port";

/// Works in that namespace; empty: in all. Services that others made are left alone.
std::unique_ptr<thespis::actors::reconciler> make_expose_controller(std::string ns = {});

} // namespace expose
