#include "query/merge_window.h"

#include <iterator>
#include <utility>

namespace quantstream::query {
namespace {

bool Replaces(const CandleUpdate& now, const CandleUpdate& before, const MergeRules& rules) {
  if (now.closed() != before.closed()) return now.closed();
  if (now.version < before.version) return !rules.lower_version_is_dropped;
  if (now.version > before.version) return true;
  return now.state != before.state || now.scaled != before.scaled;
}

}  // namespace

MergeWindow::Outcome MergeWindow::Put(const Update& part) {
  const EventTime open_time = part->key.open_time;
  if (open_time <= folded_to_) return part->closed() ? Outcome::kFolded : Outcome::kOlder;
  Update& kept = parts_[open_time];
  if (kept && !Replaces(*part, *kept, rules_)) return Outcome::kOlder;
  if (kept && !kept->closed()) --open_parts_;
  if (!part->closed()) ++open_parts_;
  kept = part;
  if (open_time <= prefix_to_) ForgetPrefix();
  return Outcome::kTaken;
}

int64_t MergeWindow::DropOpenUpTo(EventTime closed_until) {
  if (open_parts_ == 0) return 0;
  const int64_t dropped = static_cast<int64_t>(std::erase_if(parts_, [&](const auto& entry) {
    return !entry.second->closed() && entry.first.us + part_.us() <= closed_until.us;
  }));
  open_parts_ -= dropped;
  return dropped;
}

bool MergeWindow::FoldOldest() {
  if (parts_.empty() || !parts_.begin()->second->closed()) return false;
  const auto oldest = parts_.begin();
  folded_.Append(CandleOf(oldest->second));
  folded_to_ = oldest->first;
  parts_.erase(oldest);
  if (prefix_to_ < folded_to_) ForgetPrefix();
  return true;
}

void MergeWindow::Rebuild(const std::vector<Update>& stored) {
  const auto apart = std::exchange(parts_, {});
  open_parts_ = 0;
  folded_ = MergedParts(part_, rules_);
  folded_to_ = kNever;
  ForgetPrefix();
  for (const Update& part : stored) Put(part);
  for (const auto& [open_time, part] : apart) Put(part);
}

void MergeWindow::KeepOpen() {
  std::erase_if(parts_, [](const auto& entry) { return entry.second->closed(); });
  folded_ = MergedParts(part_, rules_);
  folded_to_ = kNever;
  ForgetPrefix();
}

MergedParts MergeWindow::Merge() {
  auto part = parts_.upper_bound(prefix_to_);
  for (; part != parts_.end() && part->second->closed(); ++part) {
    prefix_.Append(CandleOf(part->second));
    prefix_to_ = part->first;
  }
  MergedParts merged = prefix_;
  for (; part != parts_.end(); ++part) merged.Append(CandleOf(part->second));
  return merged;
}

void MergeWindow::ForgetPrefix() {
  prefix_ = folded_;
  prefix_to_ = folded_to_;
}

}  // namespace quantstream::query
