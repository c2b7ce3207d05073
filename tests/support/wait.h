// Waiting for a condition instead of sleeping, and ports that nobody uses.
#pragma once

#include <chrono>
#include <functional>

namespace quantstream::test_support {

// Asks again and again until the condition holds (true) or the bound has passed (false).
[[nodiscard]] bool WaitFor(const std::function<bool()>& condition,
                           std::chrono::milliseconds bound = std::chrono::seconds(30));

// A TCP port of loopback that nothing listens on, never the same twice in one process.
int FreePort();

}  // namespace quantstream::test_support
