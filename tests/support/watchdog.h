// Commands that clean up when the test process dies without running destructors (kill -9, a ctest
// time-out). One bash process per test process, outside its process tree, waits for the end of a
// pipe; see tests/support/watchdog.
#pragma once

#include <string_view>

namespace quantstream::test_support {

// Registers a shell command for the death of this process. Returns a number for ForgetOnDeath.
int OnDeath(std::string_view command);

// The clean-up was done in the ordinary way.
void ForgetOnDeath(int id);

}  // namespace quantstream::test_support
