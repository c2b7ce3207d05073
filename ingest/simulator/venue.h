// The venue itself: takes what is due from its source, lets faults happen to it, sends it to who
// subscribed and writes down what was sent. No socket, no clock: the caller says what time it is.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingest/simulator/faults.h"
#include "ingest/simulator/frame_text.h"
#include "ingest/simulator/message_source.h"
#include "ingest/simulator/metrics.h"
#include "ingest/simulator/sent_ledger.h"

namespace quantstream::simulator {

// One client as the venue sees it. None of these may call the venue back.
class Subscriber {
 public:
  virtual ~Subscriber() = default;
  // Takes a whole WebSocket frame; nothing leaves before Flush.
  virtual void Queue(std::string_view frame) = 0;
  virtual void Flush() = 0;
  virtual size_t queued_bytes() const = 0;
};

struct VenueOptions {
  bool start_when_subscribed = false;  // nothing happens before every trade stream has a subscriber
  size_t history_trades_max = 1000;    // per symbol, for REST
  size_t wait_bytes = 4 << 20;         // a recording waits while a client has more than this queued
};

struct VenueStatus {
  uint64_t trades_sent = 0;  // lines of the ledger
  uint64_t others_sent = 0;
  uint64_t without_client = 0;
  bool started = false;
  bool finished = false;  // the recording has been sent whole
};

class Venue {
 public:
  // Messages that one Pump takes at most, so that sockets get their turn.
  static constexpr int kPumpMessagesMax = 5000;

  Venue(std::unique_ptr<MessageSource> source, Faults faults, SentLedger ledger,
        const VenueOptions& options, Metrics* metrics);

  // Names that no stream has are accepted, as Binance does, and never send anything.
  void Subscribe(Subscriber* client, const std::vector<std::string>& streams, TimeUnit unit);
  void Unsubscribe(Subscriber* client, const std::vector<std::string>& streams);
  void Leave(Subscriber* client);

  // Sends what is due. True when more is due already.
  bool Pump(int64_t now_us);

  // Nothing is taken from the source, as if the market stood still.
  void Pause(bool paused) { paused_ = paused; }
  // Connected but mute: trades go on, and nobody hears of them.
  void Mute(bool mute) { mute_ = mute; }

  Faults& faults() { return faults_; }
  MessageSource& source() { return *source_; }
  const MessageSource& source() const { return *source_; }
  VenueStatus status() const;

  // The newest trades of a symbol, oldest first; null when there is no such symbol ("BTCUSDT").
  const std::deque<VenueTrade>* History(std::string_view symbol) const;

 private:
  struct Listener {
    Subscriber* client;
    TimeUnit unit;
  };

  bool MayStart() const;
  bool MustWait() const;
  void Remember(const VenueTrade& trade);
  void Send(const VenueMessage& message);
  void Deliver(const VenueMessage& message, const std::vector<Listener>& listeners);
  void MakeFrame(const VenueMessage& message, TimeUnit unit);
  void EndBatch();

  std::unique_ptr<MessageSource> source_;
  Faults faults_;
  SentLedger ledger_;
  VenueOptions options_;
  Metrics* metrics_;
  std::unordered_map<std::string, uint32_t> stream_index_;
  std::unordered_map<std::string, uint32_t> symbol_index_;
  std::vector<std::string> symbol_names_;
  std::vector<std::vector<Listener>> listeners_;  // by stream
  std::vector<bool> is_trade_stream_;
  std::map<Subscriber*, int> clients_;           // and how many streams each has
  std::vector<std::deque<VenueTrade>> history_;  // by symbol
  std::string text_;
  std::string frame_;
  VenueStatus status_;
  VenueStatus counted_;  // what the metrics know of it
  bool paused_ = false;
  bool mute_ = false;
};

}  // namespace quantstream::simulator
