// Everything that a partition knows as of its position: what a commit stores of it, and the open
// panes, which are read again. Data and its packed form; the rules are in partition.h and late.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "market/trade.h"
#include "processor/clock.h"
#include "processor/fold_options.h"
#include "processor/id_ranges.h"
#include "processor/ledger.h"
#include "processor/panes.h"
#include "processor/rollup.h"

namespace quantstream::processor {

struct Instrument {
  uint32_t number = 0;      // in this partition, as long as it is owned
  std::string name;         // venue:symbol
  uint32_t venue = 0;       // number of the venue
  bool contiguous = false;  // its venue's numeric ids are contiguous
  Ledger ledger;            // only then
  int64_t newest_version =
      -1;  // of the newest record with an accepted trade: version of its PARTIAL
  Panes panes;
  Rollup rollup;

  bool changed = false;      // since the last commit was frozen: its state row is written again
  bool partial_due = false;  // since its last PARTIAL
  bool has_aside = false;    // late trades of it wait to be settled

  std::string_view venue_name() const { return std::string_view(name).substr(0, colon); }
  std::string_view symbol() const { return std::string_view(name).substr(colon + 1); }
  size_t colon = 0;
};

struct Venue {
  std::string name;
  VenueClock clock;
  std::vector<uint32_t> instruments;
  EventTime next_close = kForever;  // least end of an open window
  EventTime held_from = kNever;     // while held: closed_until that gap rows tell up to
  // Windows that begin earlier do not exist: per interval, for those that were added later.
  std::vector<std::pair<Interval, EventTime>> interval_from;

  bool Tracks(Interval interval, EventTime start) const;
};

// Which records of one ingest session were seen.
struct Session {
  std::string node;
  uint64_t session = 0;
  IdRanges seen;
  EventTime heard;  // log time
};

// A trade, or a whole record, that was refused though its pane is open and does not hold it:
// recovery refuses it again.
struct Claim {
  static constexpr uint32_t kWholeRecord = UINT32_MAX;
  Offset offset;
  uint32_t index = kWholeRecord;
  auto operator<=>(const Claim&) const = default;
};

struct FoldState {
  static constexpr uint64_t kPartitionFormat = 1;
  static constexpr uint64_t kInstrumentFormat = 1;

  FoldOptions options;
  int64_t generation = 0;
  EventTime log_time{0};  // greatest log-append time so far
  std::vector<Venue> venues;
  std::vector<std::unique_ptr<Instrument>> instruments;
  std::vector<Session> sessions;
  std::vector<Claim> claims;           // ascending
  std::vector<uint32_t> changed;       // instruments, since the last commit was frozen
  std::vector<uint32_t> partials_due;  // instruments, since their last PARTIAL

  // Null when it is not known.
  Instrument* FindInstrument(std::string_view venue, std::string_view symbol) const;
  Instrument& InstrumentOf(std::string_view venue, std::string_view symbol);
  Venue& VenueOf(std::string_view name);
  Session& SessionOf(std::string_view node, uint64_t session);
  // Its state row is to be written again; its PARTIAL is due.
  void Changed(Instrument& instrument) {
    if (!instrument.changed) changed.push_back(instrument.number);
    instrument.changed = true;
  }
  void PartialDue(Instrument& instrument) {
    if (!instrument.partial_due) partials_due.push_back(instrument.number);
    instrument.partial_due = true;
  }
  // Of the venue of an instrument.
  EventTime ClosedUntil(const Instrument& instrument) const {
    return venues[instrument.venue].clock.closed_until();
  }

  std::string PackPartition() const;
  // DataLoss names what cannot be read.
  absl::Status UnpackPartition(std::string_view bytes);
  std::string PackInstrument(const Instrument& instrument) const;
  absl::Status UnpackInstrument(std::string_view name, std::string_view bytes);

 private:
  struct Name {
    std::string_view venue;
    std::string_view symbol;
    bool operator==(const Name&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Name& name) {
      return H::combine(std::move(h), std::hash<std::string_view>()(name.symbol),
                        name.venue.size());
    }
  };

  absl::flat_hash_map<Name, Instrument*> by_name_;  // text in the instrument's name
};

}  // namespace quantstream::processor
