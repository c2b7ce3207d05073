// The test support itself: processes are seen, waited for, and gone at the end.
#include "tests/support/process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/support/wait.h"

namespace quantstream::test_support {
namespace {

TEST(Process, ShowsOutputAndExitCode) {
  const auto result =
      RunCommand({"bash", "-c", "echo $WORD; echo problem >&2; exit 3"}, {{"WORD", "hello"}});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.output, "hello\nproblem\n");
}

TEST(Process, OfAMissingProgramExitsWith127) {
  EXPECT_EQ(RunCommand({"/nonexistent/program"}).exit_code, 127);
}

TEST(Process, ReportsTheSignalThatEndedIt) {
  Process process({"sleep", "60"});
  EXPECT_TRUE(process.Running());
  process.Kill();
  EXPECT_EQ(process.WaitForExit(), 128 + SIGKILL);
}

TEST(Process, PausedWritesNothingUntilItIsResumed) {
  Process process({"bash", "-c", "echo started; read -t 0.2 <> <(:); echo finished"});
  ASSERT_TRUE(process.WaitForOutput("started"));
  process.Pause();
  EXPECT_FALSE(process.WaitForOutput("finished", std::chrono::milliseconds(600)));
  process.Resume();
  EXPECT_TRUE(process.WaitForOutput("finished"));
}

TEST(Process, IsKilledWhenItGoesOutOfScope) {
  int pid = 0;
  {
    Process process({"sleep", "60"});
    pid = process.pid();
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(Watchdog, CleansUpAfterATestThatWasKilled) {
  const TempDir dir;
  const std::string report = dir.path() + "/report";
  const auto self = std::filesystem::read_symlink("/proc/self/exe");
  Process victim({self.parent_path() / "watchdog_victim", report});
  int child = 0;
  std::string folder;
  ASSERT_TRUE(WaitFor([&] { return bool(std::ifstream(report) >> child >> folder); }))
      << victim.Output();
  victim.Kill();
  EXPECT_TRUE(WaitFor([&] {
    std::ifstream status("/proc/" + std::to_string(child) + "/cmdline");
    return !status || status.peek() == std::ifstream::traits_type::eof();
  }));
  EXPECT_TRUE(WaitFor([&] { return !std::filesystem::exists(folder); }));
}

TEST(FreePort, IsNeverTheSameTwice) {
  EXPECT_NE(FreePort(), FreePort());
}

TEST(WaitFor, GivesUpAfterItsBound) {
  EXPECT_FALSE(WaitFor([] { return false; }, std::chrono::milliseconds(30)));
  EXPECT_TRUE(WaitFor([] { return true; }, std::chrono::milliseconds(0)));
}

}  // namespace
}  // namespace quantstream::test_support
