// What the watchdog's test kills: leaves a process and a folder behind and names them in the file
// given.
#include <fstream>

#include "tests/support/process.h"
#include "tests/support/wait.h"

int main(int, char** arguments) {
  using namespace quantstream::test_support;
  const TempDir dir;
  const Process child({"sleep", "60"});
  std::ofstream(arguments[1]) << child.pid() << " " << dir.path();
  return WaitFor([] { return false; }) ? 0 : 1;
}
