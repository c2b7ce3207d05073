#include "tests/support/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "tests/support/wait.h"
#include "tests/support/watchdog.h"

extern char** environ;

namespace quantstream::test_support {
namespace {

std::vector<std::string> Environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) all.emplace_back(text);
  }
  for (const auto& [name, value] : added) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

int Spawn(std::vector<std::string> command, std::vector<std::string> environment,
          const std::string& output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, command.front().c_str(), &actions, nullptr,
                                 Pointers(command).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    std::cerr << "cannot start " << command.front() << ": " << std::strerror(error) << std::endl;
    return 0;
  }
  return pid;
}

}  // namespace

Process::Process(std::vector<std::string> command,
                 const std::map<std::string, std::string>& environment)
    : pid_(Spawn(std::move(command), Environment(environment), dir_.path() + "/output")) {
  if (pid_ == 0) {
    exit_code_ = 127;
    return;
  }
  on_death_ = OnDeath("kill -9 " + std::to_string(pid_));
}

Process::~Process() {
  Kill();
}

bool Process::Running() {
  if (exit_code_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  ForgetOnDeath(on_death_);
  return false;
}

std::optional<int> Process::WaitForExit(Milliseconds bound) {
  if (!WaitFor([this] { return !Running(); }, bound)) return std::nullopt;
  return exit_code_;
}

void Process::Signal(int signal) {
  if (Running()) kill(pid_, signal);
}

void Process::Pause() {
  Signal(SIGSTOP);
}

void Process::Resume() {
  Signal(SIGCONT);
}

void Process::Kill() {
  Signal(SIGKILL);
  (void)WaitForExit();
}

std::optional<int> Process::Terminate(Milliseconds bound) {
  Signal(SIGTERM);
  return WaitForExit(bound);
}

std::string Process::Output() const {
  std::ifstream file(dir_.path() + "/output", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool Process::WaitForOutput(std::string_view text, Milliseconds bound) {
  return WaitFor([&] { return Output().find(text) != std::string::npos; }, bound);
}

CommandResult RunCommand(std::vector<std::string> command,
                         const std::map<std::string, std::string>& environment,
                         std::chrono::milliseconds bound) {
  Process process(std::move(command), environment);
  const auto exit_code = process.WaitForExit(bound);
  return {exit_code.value_or(-1), process.Output()};
}

}  // namespace quantstream::test_support
