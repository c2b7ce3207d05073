// Test-only: each rule of merging can be taken out to see that it is needed. Which scenario does
// stands in tests/simulation/RULES.md.
#pragma once

namespace quantstream::query {

struct MergeRules {
  bool version_is_the_greatest = true;   // of the parts
  bool version_does_not_go_down = true;  // when a part goes that was never committed
  bool equal_version_replaces = true;
  bool lower_version_is_dropped = true;
  bool open_parts_count = true;  // until their FINAL comes
  bool final_waits_for_progress = true;
  bool uncommitted_parts_are_dropped = true;
  bool folded_revisions_are_read = true;
  bool forgotten_windows_are_read = true;
  bool lagging_read_waits = true;
  bool lagging_snapshot_waits = true;
  bool versions_are_kept_over_restarts = true;
  bool restart_reads_unsettled_windows = true;
};

}  // namespace quantstream::query
