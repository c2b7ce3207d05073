// Switches of the rules of the fold, for the scenarios that show what each rule is for: with one
// off, a named promise breaks. Production never turns one off.
#pragma once

namespace quantstream::processor {

struct Rules {
  bool close_in_record =
      true;  // windows close at the heartbeat that moves the clock, not at the end of a poll
  bool clock_never_back = true;
  bool clock_in_row = true;        // clocks and nodes are stored, not read again
  bool instrument_version = true;  // a PARTIAL's version is the instrument's newest accepted record
  bool claims = true;              // what recovery must refuse again is remembered
  bool claim_by_index = true;      // ... by place, not by offset
  bool sequence_ranges = true;     // records seen are ranges, not the highest sequence
  bool sequence_claims = true;     // a record refused whole is a claim
  bool pane_is_the_set = true;     // ids that jump: the pane's trades tell repeats, also read again
  bool aside_in_the_set = true;    // ... and those set aside
  bool overlay = true;             // a read-back looks in the own uncommitted rows first
  bool sums_stored = true;         // a revision's sums are the stored candle plus the trade
  bool late_by_index = true;       // rows of late_trades are told apart within a record
  bool marks_of_record = true;     // trades set aside keep the gap marks of their own record
  bool settle_before_close = true;   // trades set aside are applied before a window closes
  bool both_sides = true;            // a gap marks both sides
  bool net_marks = true;             // ... once, after the record's last trade
  bool one_revision = true;          // a record is one revision of a candle
  bool store_far_panes = true;       // a pane that holds the log too far back is stored whole
  bool read_after_unmatched = true;  // an unmatched guard after a lost answer is looked into
  bool outbox_first = true;          // left-over outbox rows are published before newer ones
  bool catch_up_before_partial =
      true;                     // no PARTIAL before the end that the log had at the take-over
  bool fenced_recently = true;  // no PARTIAL without a commit or fenced read in the last 10 s
};

}  // namespace quantstream::processor
