#include "platform/shutdown.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "platform/require.h"

namespace quantstream {
namespace {

// What the signal handler may touch: the descriptor of the one Shutdown there is.
std::atomic<int> signalled_fd{-1};

void Raise(int fd) {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd, &one, sizeof one);
}

extern "C" void OnEndSignal(int) {
  const int fd = signalled_fd.load();
  if (fd >= 0) Raise(fd);
}

// Waits until `fd` is readable; a negative timeout waits for ever.
bool Readable(int fd, std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    int64_t left = -1;
    if (timeout.count() >= 0) {
      const auto rest = until - std::chrono::steady_clock::now();
      left = std::chrono::ceil<std::chrono::milliseconds>(rest).count();
      if (left < 0) left = 0;
    }
    pollfd waiting{fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready == 0 && left >= 0) return false;
  }
}

}  // namespace

struct Shutdown::State {
  std::chrono::milliseconds drain_max;
  int requested_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int drained_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction old_term{};
  struct sigaction old_int{};
  std::thread watchdog;

  // Ends the process when the drain takes longer than it may.
  void Watch() const {
    pollfd waiting[2] = {{requested_fd, POLLIN, 0}, {drained_fd, POLLIN, 0}};
    while (poll(waiting, 2, -1) <= 0) {
    }
    if (waiting[1].revents != 0) return;
    if (Readable(drained_fd, drain_max)) return;
    static const char message[] = "level=error msg=\"drain took too long; ending the process\"\n";
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    _exit(1);
  }
};

Shutdown::Shutdown(std::chrono::milliseconds drain_max) : state_(std::make_unique<State>()) {
  state_->drain_max = drain_max;
  Require(state_->requested_fd >= 0 && state_->drained_fd >= 0, "event descriptors can be had");
  Require(signalled_fd.load() < 0, "there is one Shutdown in a process");
  signalled_fd.store(state_->requested_fd);
  struct sigaction action{};
  action.sa_handler = OnEndSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, &state_->old_term);
  sigaction(SIGINT, &action, &state_->old_int);
  signal(SIGPIPE, SIG_IGN);
  state_->watchdog = std::thread([state = state_.get()] { state->Watch(); });
}

Shutdown::~Shutdown() {
  sigaction(SIGTERM, &state_->old_term, nullptr);
  sigaction(SIGINT, &state_->old_int, nullptr);
  signalled_fd.store(-1);
  Raise(state_->drained_fd);
  state_->watchdog.join();
  close(state_->requested_fd);
  close(state_->drained_fd);
}

bool Shutdown::requested() const {
  return WaitFor(std::chrono::milliseconds(0));
}

bool Shutdown::WaitFor(std::chrono::milliseconds timeout) const {
  return Readable(state_->requested_fd, timeout);
}

void Shutdown::Wait() const {
  Readable(state_->requested_fd, std::chrono::milliseconds(-1));
}

void Shutdown::Request() {
  Raise(state_->requested_fd);
}

int Shutdown::event_fd() const {
  return state_->requested_fd;
}

}  // namespace quantstream
