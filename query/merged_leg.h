// What a leg of a merged interval has between its splice and the queue: the merger, and how far the
// stream has come. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "query/merge.h"
#include "query/splice.h"

namespace quantstream::query {

class MergedLeg {
 public:
  // `spec` as of a leg of parts: its series are those that `grid` is merged from.
  MergedLeg(const WindowGrid& grid, const StreamSpec& spec);
  // What the splice of such a leg runs over: everything, for the merger knows what is the stream's.
  static StreamSpec PartsSpec(const StreamSpec& spec);

  const WindowGrid& grid() const { return merger_.grid(); }
  bool closed_only() const { return closed_only_; }

  // Before the splice is registered: `live` is completed. `again`: what was not sent since Settle
  // or Rebase will be sent again; `marks` become those that the splice goes back to.
  void Register(bool again, LiveState* live, std::map<int32_t, int64_t>* marks);
  // The splice's request becomes one for merging.
  void Complete(SnapshotRequest* request) const;
  // Of a piece, which ends somewhere: what it has of windows that it holds whole. Absent: it leads
  // no further.
  std::optional<Snapshot> WholeWindows(const Snapshot& piece) const;
  // All that the splice had let out was handed in. `missed`: not all that came since Register.
  void OnSnapshot(const Snapshot& snapshot, bool missed);
  // `reading`: the splice is; then it is only noted.
  void OnClosedUntil(int32_t partition, const VenueClosedUntil& closed_until, bool reading);

  // All that was handed in waits to be sent where nothing lets go of it, but for windows that are
  // being read: the next Register begins here, or where a piece ended. Returns what Settle takes
  // once it was sent.
  const VenueClocks& Rebase(const Snapshot& snapshot);
  // To where nothing is pending.
  void LowerToPending(std::map<int32_t, int64_t>* marks) const;
  void Settle(VenueClocks clocks) { settled_ = std::move(clocks); }
  // All that was taken was sent.
  void Settle() { settled_ = base_ = merger_.clocks(); }
  bool pending() const;  // a window is being read
  // What a stream that resumes as of the last Settle must know beside the marks.
  void AddTo(Resume* resume) const;

  Merger& merger() { return merger_; }
  const Merger& merger() const { return merger_; }
  void Remove(const std::string& instrument);

 private:
  // Of its instruments: as registered, or as the store was. It may be far ahead of the live side,
  // and what is stored closed was so up to there, at the venue.
  VenueClocks OwnClocks(const Snapshot& snapshot) const;

  Merger merger_;
  const bool closed_only_;
  const int32_t last_;
  std::map<std::string, int32_t> partitions_;  // of instruments
  std::map<int32_t, int64_t> required_;        // of what an earlier stream has sent
  VenueClocks clocks_;                         // newest
  VenueClocks registered_;                     // at registration: the snapshot holds as much
  VenueClocks base_;                           // what came later is read again by Register
  VenueClocks settled_;                        // what came later is read by who resumes
};

}  // namespace quantstream::query
