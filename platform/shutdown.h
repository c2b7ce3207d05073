// The end of a process: SIGTERM and SIGINT become a flag, and a drain that takes too long is cut
// off. Nothing durable may depend on an orderly end.
#pragma once

#include <chrono>
#include <memory>

namespace quantstream {

// One at a time in a process; made in main() before threads start. SIGPIPE is ignored from then on.
class Shutdown {
 public:
  // From the request on, the process has `drain_max` until this object is destroyed; then _exit(1).
  explicit Shutdown(std::chrono::milliseconds drain_max);
  ~Shutdown();  // The drain is done: the watchdog is called off and the signals are as before.
  Shutdown(const Shutdown&) = delete;
  Shutdown& operator=(const Shutdown&) = delete;

  // All are thread-safe.
  bool requested() const;
  // True as soon as the end was requested, false after `timeout`.
  bool WaitFor(std::chrono::milliseconds timeout) const;
  void Wait() const;
  // The same as a signal.
  void Request();
  // For poll(2): readable from the request on. Never read from it.
  int event_fd() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quantstream
