// What nearly every translation unit with actors includes.
#pragma once

#include "pch_api.hpp"

#include <caf/all.hpp>
