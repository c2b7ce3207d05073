// One group of a venue's streams and the connection that carries them: subscribe in chunks, check
// the acknowledgements, reconnect, hand over to a new connection. A step machine: events and time
// in, actions out. No I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "ingest/instant.h"
#include "ingest/venue/venue.h"
#include "ingest/watchdog.h"
#include "platform/backoff.h"

namespace quantstream::ingest {

using LinkId = uint32_t;  // one connection attempt; never used twice

struct FeedOptions {
  VenueLimits limits;
  WatchdogOptions watchdog;
  BackoffLimits backoff;
  int64_t data_to_trust_us = 10'000'000;  // data for so long resets the back-off
  int64_t overlap_max_us = 60'000'000;    // of an old and a new connection
  int64_t refused_again_us = 30'000'000;  // a refused subscription is asked for again
};

// What the owner of the sockets must do.
struct FeedAction {
  enum class Kind : uint8_t {
    kConnect,  // open `link`
    kSend,     // send `text` on `link`
    kClose,    // close `link`: it has served (`lost` = false), or it is no good
  };
  Kind kind = Kind::kConnect;
  LinkId link = 0;
  std::string text = {};
  std::string_view why = {};  // kClose: `mute`, `unacknowledged`, `handed_over`
  bool lost = false;          // kClose: it was no good; false = another carries its streams
};

class Feed {
 public:
  // `next_link` is shared by the feeds of a venue. `random` gives [0, 1).
  Feed(const Venue& venue, std::vector<std::string> streams, FeedOptions options, LinkId* next_link,
       std::function<double()> random);

  void Start(Instant now);
  void Opened(LinkId link, Instant now);
  // Its kind, ids and trades. Call after the trades were published.
  void Frame(LinkId link, const DecodedFrame& frame, Instant now);
  void Closed(LinkId link, Instant now);
  // Reading went on after back-pressure.
  void Resumed(Instant now);
  // Call every 50 ms or so.
  void Tick(Instant now);

  // What to do, in order; empty when there is nothing.
  std::vector<FeedAction> TakeActions();

  bool Has(LinkId link) const;
  // Streams that no open connection carries yet.
  size_t MissingStreams() const;
  uint64_t refused_subscriptions() const { return refused_; }
  uint64_t handovers() const { return handovers_; }

 private:
  struct Request {
    size_t first = 0;  // streams [first, last)
    size_t last = 0;
    Instant at;
  };
  struct Link {
    LinkId id = 0;
    bool open = false;
    Instant opened;
    std::deque<std::pair<size_t, size_t>> unsent;                        // chunks of streams
    std::map<uint64_t, Request> unanswered;                              // by request id
    std::vector<std::pair<Instant, std::pair<size_t, size_t>>> refused;  // when, what
    size_t acknowledged = 0;                                             // streams
    std::optional<Instant> next_request;
    std::optional<Instant> first_data;
    std::optional<Watchdog> watchdog;
    std::unordered_set<uint64_t> overlap_ids;  // trades seen since there are two
  };

  Link* Find(LinkId id);
  void Connect(std::unique_ptr<Link>& place);
  void Lose(LinkId id, Instant now);
  void CloseBad(Link& link, std::string_view why, Instant now);
  void BeginHandover(Instant now);
  void FinishHandover();
  static void NoteLife(Link& link, FrameKind kind, Instant now);
  void NoteOverlap(Link& link, const DecodedFrame& frame);
  bool AllAcknowledged(const Link& link) const;
  void SendRequests(Link& link, Instant now);
  bool TickLink(Link& link, Instant now);

  const Venue& venue_;
  std::vector<std::string> streams_;
  FeedOptions options_;
  LinkId* next_link_;
  Backoff backoff_;
  uint64_t next_request_id_ = 1;
  std::unique_ptr<Link> current_;
  std::unique_ptr<Link> successor_;  // takes over when both have seen one trade
  std::optional<Instant> handover_since_;
  std::optional<Instant> connect_at_;    // of a new current link
  std::optional<Instant> successor_at_;  // of a new successor, after one failed
  bool shared_trade_seen_ = false;
  std::vector<FeedAction> actions_;
  uint64_t refused_ = 0;
  uint64_t handovers_ = 0;
};

// The groups of streams that a venue's limit asks for: of equal size, at most `limit`.
std::vector<std::vector<std::string>> SplitStreams(const std::vector<std::string>& streams,
                                                   size_t limit);

}  // namespace quantstream::ingest
