#include "processor/fold_options.h"

#include <algorithm>

namespace quantstream::processor {

bool FoldOptions::IsContiguous(std::string_view venue) const {
  return std::find(contiguous_id_venues.begin(), contiguous_id_venues.end(), venue) !=
         contiguous_id_venues.end();
}

void FoldOptions::Pack(Packer& out) const {
  out.Number(intervals.size());
  for (size_t i = 0; i < intervals.size(); ++i) {
    out.Signed(intervals[i].seconds);
    out.Signed(i < retention_us.size() ? retention_us[i] : 0);
  }
  out.Number(contiguous_id_venues.size());
  for (const std::string& venue : contiguous_id_venues) out.Text(venue);
  for (int64_t number :
       {grace_us, future_bound_us, silent_us, hold_us, forget_us, replay_records_max,
        reread_records_max, open_trades_bytes_max, ledger_ranges_max}) {
    out.Signed(number);
  }
}

void FoldOptions::Unpack(Unpacker& in) {
  intervals.assign(in.Count(2), Interval{});
  retention_us.assign(intervals.size(), 0);
  for (size_t i = 0; i < intervals.size(); ++i) {
    const int64_t seconds = in.Signed();
    in.Require(seconds >= 1 && seconds <= Interval::kSecondsMax);
    if (!in.ok()) return;
    intervals[i].seconds = static_cast<int32_t>(seconds);
    retention_us[i] = in.Signed();
  }
  in.Require(!intervals.empty() && intervals[0].seconds == 1 &&
             std::is_sorted(intervals.begin(), intervals.end()));
  contiguous_id_venues.assign(in.Count(), "");
  for (std::string& venue : contiguous_id_venues) venue = in.Text();
  for (int64_t* number :
       {&grace_us, &future_bound_us, &silent_us, &hold_us, &forget_us, &replay_records_max,
        &reread_records_max, &open_trades_bytes_max, &ledger_ranges_max}) {
    *number = in.Signed();
  }
}

}  // namespace quantstream::processor
