// A TCP proxy on loopback that misbehaves on request: cuts a connection when chosen bytes pass, or
// shuts out everybody. For what tools cannot do: "the COMMIT was sent, its answer never came".
// Knows nothing of the protocol it carries.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/statusor.h"

namespace quantstream::test_support {

class TcpProxy {
 public:
  // What becomes of the bytes that a cut waits for.
  enum class Cut {
    kBeforeItArrives,  // the server never sees them
    kAfterItArrived,   // the server gets them and answers; the client sees a broken connection
                       // instead of the answer
  };

  // Listens on a free port of 127.0.0.1 and forwards to 127.0.0.1:`target_port`.
  static absl::StatusOr<std::unique_ptr<TcpProxy>> Start(uint16_t target_port);
  ~TcpProxy();  // Cuts everything.

  uint16_t port() const { return port_; }

  // The next time that a client sends `bytes`, its connection is cut. Once; replaces an earlier
  // wish.
  void CutAt(std::string_view bytes, Cut how);
  // How many connections were cut that way. Thread-safe.
  int cuts() const { return cuts_; }

  // Cuts all connections and refuses new ones until Open.
  void Shut();
  void Open();
  // How many connections were refused because it was shut. Thread-safe.
  int refused() const { return refused_; }

 private:
  struct Pair;
  explicit TcpProxy(uint16_t target_port);
  absl::Status Listen();
  void AcceptLoop();
  void StartPair(int client);
  void ForwardFromClient(Pair& pair);
  void ForwardToClient(Pair& pair);
  bool CutWanted(Pair& pair, std::string_view chunk, Cut* how);

  uint16_t target_port_;
  uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<int> cuts_ = 0;
  std::atomic<int> refused_ = 0;
  std::atomic<bool> shut_ = false;
  std::atomic<bool> ended_ = false;
  std::mutex mutex_;
  std::string wanted_;                      // guarded by mutex_
  Cut how_ = Cut::kAfterItArrived;          // guarded by mutex_
  std::list<std::unique_ptr<Pair>> pairs_;  // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace quantstream::test_support
