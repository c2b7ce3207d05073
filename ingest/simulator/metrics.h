// What the simulator counts. The names are in tests/unit/simulator/testdata/metrics.txt.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace prometheus {
class Registry;
}

namespace quantstream::simulator {

// One thread writes; reading by the registry is thread-safe.
class Metrics {
 public:
  explicit Metrics(prometheus::Registry& registry);
  ~Metrics();

  // Messages: once per message, however many clients it went to.
  void TradesSent(uint64_t trades);
  void OtherMessagesSent(uint64_t messages);
  void MessagesWithoutClient(uint64_t messages);

  // Faults so far, as totals.
  void Duplicated(uint64_t total);
  void Reordered(uint64_t total);
  void Skipped(uint64_t total);

  // Clients.
  void ClientOpened();
  void ClientClosed(std::string_view why);  // `client`, `slow`, `mute`, `talkative`, `lifetime`,
                                            // `request`, `broken`
  void ConnectionRefused(std::string_view why);  // `limit`, `rate`
  void BytesQueued(size_t bytes);                // of the slowest client
  void RequestAnswered(std::string_view kind);   // `subscription`, `rest`, `control`

  // The market fell behind the clock and left out so much.
  void LeftOut(int64_t total_us);
  void LedgerFailed();

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace quantstream::simulator
