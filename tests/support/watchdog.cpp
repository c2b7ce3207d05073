#include "tests/support/watchdog.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string>

#include "tests/support/paths.h"

extern char** environ;

namespace quantstream::test_support {
namespace {

// The write end of the pipe whose end the watchdog waits for.
class Pipe {
 public:
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    write_end_ = ends[1];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], 3);
    const std::string script = SourceDir() + "/tests/support/watchdog";
    const std::string start = "setsid bash '" + script + "' <&3 3<&- >/dev/null 2>&1 &";
    const char* argv[] = {"bash", "-c", start.c_str(), nullptr};
    pid_t pid = 0;
    if (posix_spawn(&pid, "/bin/bash", &actions, nullptr, const_cast<char**>(argv), environ) != 0) {
      std::abort();
    }
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    waitpid(pid, nullptr, 0);
  }

  int Register(std::string_view command) {
    const std::lock_guard lock(mutex_);
    const int id = ++last_id_;
    Say("+ " + std::to_string(id) + " " + std::string(command));
    return id;
  }

  void Forget(int id) {
    const std::lock_guard lock(mutex_);
    Say("- " + std::to_string(id));
  }

 private:
  void Say(std::string line) {
    line += '\n';
    if (write(write_end_, line.data(), line.size()) < 0) std::abort();
  }

  std::mutex mutex_;
  int write_end_ = -1;
  int last_id_ = 0;
};

// Never destroyed: what is registered must outlive every static of a test.
Pipe& ThePipe() {
  static auto* const pipe = new Pipe;
  return *pipe;
}

}  // namespace

int OnDeath(std::string_view command) {
  return ThePipe().Register(command);
}

void ForgetOnDeath(int id) {
  ThePipe().Forget(id);
}

}  // namespace quantstream::test_support
