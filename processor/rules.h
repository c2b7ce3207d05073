// Switches of the rules of the fold, for the scenarios that show what each rule is for: with one
// off, a named promise breaks. Production never turns one off. Which scenario takes which one out
// stands in tests/simulation/RULES.md.
#pragma once

namespace quantstream::processor {

struct Rules {
  // 1: windows close at the heartbeat that moves the clock
  bool close_in_record = true;      // ... not at the end of a poll
  bool trades_before_beats = true;  // what a record's own heartbeat closes is on time
  bool live_at_own_beat = true;     // liveness is judged at a heartbeat of that venue only
  bool log_time_is_greatest = true;
  // 2: the clock
  bool clock_never_back = true;
  bool timeless_node_waits = true;     // a node without a venue time yet does not count
  bool far_node_does_not_hold = true;  // one further than hold_us behind the foremost
  // 3: what the row holds as of next_offset
  bool clock_in_row = true;  // clocks and nodes are stored, not read again
  bool log_time_in_row = true;
  bool sequences_in_row = true;
  bool claims_in_row = true;
  bool closed_until_in_row = true;   // stored, not made anew of the clock and today's grace
  bool options_commit_alone = true;  // changed options are committed before the next record
  bool added_interval_waits = true;  // for its first window that is not closed in part
  bool forget_unheard = true;        // nodes and sessions, after forget_us
  // 4: recovery reads trades only
  bool recovery_into_open_panes = true;
  bool recovery_skips_beats = true;
  bool recovery_skips_ledger = true;
  bool recovery_is_silent = true;
  bool replay_from_open_panes = true;    // the first record with a trade of an open pane
  bool retention_by_replay_from = true;  // the log is checked from there on, not from next_offset
  // 5: a PARTIAL
  bool instrument_version = true;     // has the version of the newest accepted record
  bool newest_version_in_row = true;  // ... also after a take-over
  bool one_message = true;            // holds all open candles of the instrument
  // 6: one id, one content
  bool trades_in_order = true;  // the first copy in a record counts
  bool claims = true;           // what recovery must refuse again is remembered
  bool claim_by_index = true;   // ... by place, not by offset
  // 7: repeats where ids tell little or nothing
  bool pane_is_the_set = true;   // the pane's trades tell; off: the last few ids, while it is open
  bool aside_in_the_set = true;  // ... and those set aside
  bool repeats_refused = true;   // a record of a (node, session, sequence) seen before
  bool refused_whole = true;     // ... its heartbeats, too
  bool sessions_apart = true;
  bool sequence_ranges = true;  // seen are ranges, not the highest sequence
  bool sequence_claims = true;  // a record refused whole is a claim
  bool origin_orders = true;    // trades without ids, by receive time, node, session, sequence
  // 8: a read-back looks in the own uncommitted rows first
  bool overlay = true;
  bool overlay_in_flight = true;   // ... those of the commit in flight
  bool overlay_neighbours = true;  // ... for the neighbouring panes, too
  // 10: sums and volatility of late trades
  bool sums_stored = true;          // a revision's sums are the stored candle plus the trade
  bool late_by_index = true;        // rows of late_trades are told apart within a record
  bool reread_own_span = true;      // a pane's trades are read from the records of its span only
  bool reread_first_copy = true;    // ... the first copy of each
  bool reread_late_rows = true;     // ... and from late_trades
  bool absent_when_unknown = true;  // no volatility when not all trades could be read
  // 11: trades set aside
  bool aside_in_order = true;   // are applied in order of place
  bool marks_of_record = true;  // ... with the gap marks of their own record
  bool settle_before_close = true;
  bool settle_before_commit = true;
  bool settle_before_partial = true;
  // 12: gaps
  bool both_sides = true;                  // a gap marks both sides
  bool all_intervals = true;               // ... in all intervals
  bool net_marks = true;                   // ... once, after the record's last trade
  bool healed_is_told = true;              // was suspect at the end of an earlier record
  bool healed_open_is_complete = true;     // ... and of what healed while open nothing is told
  bool forgotten_gap_is_kept = true;       // what the ledger cannot hold stands in trade_gaps
  bool forgotten_gap_is_looked_up = true;  // ... for a trade that falls into it
  // 13: revisions
  bool late_candle_is_revised = true;  // a candle that a late trade makes is revision 1
  bool one_revision = true;            // a record is one revision of a candle
  bool revise_only_changes = true;     // none that leaves the row as it was
  bool retention_bounds = true;        // nothing is made beyond an interval's retention
  bool absent_behind_retention = true;  // longer candles lose their volatility there
  // 15, 16, 17: owners and commits
  bool read_after_unmatched = true;  // an unmatched guard after a lost answer is looked into
  bool publish_after_commit = true;
  bool left_over_published = true;      // rows of the outbox that the last owner left
  bool outbox_first = true;             // left-over outbox rows are published before newer ones
  bool key_once = true;                 // a key both new and revised in one commit is written once
  bool catch_up_before_partial = true;  // no PARTIAL before the end that the log had at take-over
  bool fenced_recently = true;  // no PARTIAL without a commit or fenced read in the last 10 s
  // 23: queries that start
  bool open_is_repeated = true;  // open candles of a quiet instrument are published again
  // 24: bounds of open panes
  bool store_far_panes = true;     // a pane that holds the log too far back is stored whole
  bool stored_panes_let_go = true;  // ... and no longer counts
  bool recovery_from_stored_panes = true;  // what it reads is added to them
  bool skip_stored_places = true;  // recovery passes over what such a pane holds
  bool stop_stores_open = true;    // a graceful stop stores every open pane
  bool open_bytes_bounded = true;
};

}  // namespace quantstream::processor
