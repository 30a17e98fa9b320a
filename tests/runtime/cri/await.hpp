// Waits in a test for an asynchronous call of the container runtime port.
#pragma once

#include "runtime/cri/container_runtime.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <future>
#include <memory>

namespace thespis::runtime::test {

/// Starts a call and gives its result; the test fails when there is none within two minutes.
template <class T, class Start>
api::result<T> await(Start start) {
  auto promise = std::make_shared<std::promise<api::result<T>>>();
  auto future = promise->get_future();
  start([promise](api::result<T> r) { promise->set_value(std::move(r)); });
  BOOST_REQUIRE(future.wait_for(std::chrono::minutes{2}) == std::future_status::ready);
  return future.get();
}

/// The same for a call that must succeed.
template <class T, class Start>
T must(Start start) {
  auto r = await<T>(std::move(start));
  BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? std::string{} : r.error().message));
  if constexpr (!std::is_void_v<T>)
    return std::move(*r);
}

} // namespace thespis::runtime::test
