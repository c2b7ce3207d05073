// One of our binaries, or any command, as a test sees it: its output, its end, signals. Killed when
// it goes out of scope and when the test itself is killed.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/paths.h"

namespace quantstream::test_support {

class Process {
 public:
  using Milliseconds = std::chrono::milliseconds;

  // Starts `command` (the first word is a path, see Binary) with `environment` added to the test's
  // own. Standard input is empty.
  explicit Process(std::vector<std::string> command,
                   const std::map<std::string, std::string>& environment = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int pid() const { return pid_; }
  bool Running();
  // The exit code, or 128 + the signal that ended it; nothing when it still runs after the bound.
  std::optional<int> WaitForExit(Milliseconds bound = std::chrono::seconds(30));

  void Signal(int signal);
  void Pause();   // SIGSTOP
  void Resume();  // SIGCONT
  void Kill();    // SIGKILL, and waits for the end
  // SIGTERM; the exit code as above.
  std::optional<int> Terminate(Milliseconds bound = std::chrono::seconds(30));

  // Standard output and standard error so far, as they came.
  std::string Output() const;
  [[nodiscard]] bool WaitForOutput(std::string_view text,
                                   Milliseconds bound = std::chrono::seconds(30));

 private:
  TempDir dir_;
  int pid_ = 0;
  int on_death_ = 0;
  std::optional<int> exit_code_;
};

struct CommandResult {
  int exit_code =
      -1;  // 128 + signal when one ended it; -1 when it had to be killed after the bound
  std::string output;
};

// Runs a command to its end.
CommandResult RunCommand(std::vector<std::string> command,
                         const std::map<std::string, std::string>& environment = {},
                         std::chrono::milliseconds bound = std::chrono::minutes(2));

}  // namespace quantstream::test_support
