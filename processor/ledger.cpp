#include "processor/ledger.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace quantstream::processor {

void LedgerChange::Clear() {
  moved.clear();
  closed.reset();
  opened.clear();
}

bool EdgeWithin(const GapEdges& edges, EventTime from, EventTime until) {
  auto edge = std::lower_bound(edges.begin(), edges.end(), from);
  return edge != edges.end() && *edge < until;
}

size_t Ledger::PositionOf(uint64_t first) const {
  auto right = std::partition_point(ranges_.begin(), ranges_.end(),
                                    [first](const Range& r) { return r.last < first; });
  return static_cast<size_t>(right - ranges_.begin());
}

bool Ledger::OverlapsBefore(uint64_t first, uint64_t last) const {
  const size_t at = PositionOf(first);
  return at < ranges_.size() && ranges_[at].first <= last;
}

void Ledger::CollectEdges(size_t begin, size_t end,
                          std::vector<std::pair<uint64_t, EventTime>>& out) const {
  out.clear();
  for (size_t i = begin; i < std::min(end, ranges_.size()); ++i) {
    if (i > 0) out.emplace_back(ranges_[i].first, ranges_[i].first_time);
    if (i + 1 < ranges_.size()) out.emplace_back(ranges_[i].last, ranges_[i].last_time);
  }
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

// Puts the new range where it belongs: beside its neighbours, or into one or both of them.
void Ledger::Place(size_t at, const Range& range) {
  const bool joins_left = at > 0 && ranges_[at - 1].last + 1 == range.first;
  const bool joins_right = at < ranges_.size() && range.last + 1 == ranges_[at].first;
  if (joins_left) {
    Range& left = ranges_[at - 1];
    left.last = joins_right ? ranges_[at].last : range.last;
    left.last_time = joins_right ? ranges_[at].last_time : range.last_time;
    if (joins_right) ranges_.erase(ranges_.begin() + static_cast<ptrdiff_t>(at));
  } else if (joins_right) {
    ranges_[at].first = range.first;
    ranges_[at].first_time = range.first_time;
  } else {
    ranges_.insert(ranges_.begin() + static_cast<ptrdiff_t>(at), range);
  }
}

void Ledger::Insert(uint64_t first, uint64_t last, EventTime time, LedgerChange& change) {
  change.Clear();
  edges_.reset();
  const size_t at = PositionOf(first);
  const size_t begin = at == 0 ? 0 : at - 1;
  if (at > 0 && at < ranges_.size()) {
    change.closed = Hole{ranges_[at - 1].last + 1, ranges_[at].first - 1, ranges_[at - 1].last_time,
                         ranges_[at].first_time};
  }
  if (at > 0 && ranges_[at - 1].last + 1 < first) {
    change.opened.push_back({ranges_[at - 1].last + 1, first - 1, ranges_[at - 1].last_time, time});
  }
  if (at < ranges_.size() && last + 1 < ranges_[at].first) {
    change.opened.push_back({last + 1, ranges_[at].first - 1, time, ranges_[at].first_time});
  }
  std::vector<std::pair<uint64_t, EventTime>> before, after;
  CollectEdges(begin, at + 1, before);
  const size_t size_before = ranges_.size();
  Place(at, Range{first, last, time, time});
  CollectEdges(begin, at + 1 + ranges_.size() - size_before, after);
  std::vector<std::pair<uint64_t, EventTime>> moved;
  std::set_symmetric_difference(before.begin(), before.end(), after.begin(), after.end(),
                                std::back_inserter(moved));
  for (const auto& [id, moved_time] : moved) change.moved.push_back(moved_time);
}

Hole Ledger::ForgetLowestHole() {
  const Hole hole{ranges_[0].last + 1, ranges_[1].first - 1, ranges_[0].last_time,
                  ranges_[1].first_time};
  ranges_[1].first = ranges_[0].first;
  ranges_[1].first_time = ranges_[0].first_time;
  ranges_.erase(ranges_.begin());
  for (EventTime time : {hole.from_time, hole.until_time}) {
    auto place = std::lower_bound(forgotten_.begin(), forgotten_.end(), time);
    if (place == forgotten_.end() || *place != time) forgotten_.insert(place, time);
    forgotten_time_ = std::max(forgotten_time_, time);
  }
  if (forgotten_.size() > kForgottenEdgesMax) forgotten_.erase(forgotten_.begin());
  forgotten_id_ = std::max(forgotten_id_, hole.last);
  edges_.reset();
  return hole;
}

void Ledger::DropForgottenBefore(EventTime time) {
  auto end = std::lower_bound(forgotten_.begin(), forgotten_.end(), time);
  if (end == forgotten_.begin()) return;
  forgotten_.erase(forgotten_.begin(), end);
  edges_.reset();
}

bool Ledger::EdgeIn(EventTime from, EventTime until) const {
  if (ranges_.size() < 2 && forgotten_.empty()) return false;
  return EdgeWithin(*Edges(), from, until);
}

std::shared_ptr<const GapEdges> Ledger::Edges() const {
  if (edges_ == nullptr) {
    auto edges = std::make_shared<GapEdges>(forgotten_);
    for (size_t i = 0; i < ranges_.size(); ++i) {
      if (i > 0) edges->push_back(ranges_[i].first_time);
      if (i + 1 < ranges_.size()) edges->push_back(ranges_[i].last_time);
    }
    std::sort(edges->begin(), edges->end());
    edges_ = std::move(edges);
  }
  return edges_;
}

void Ledger::Pack(Packer& out) const {
  out.Number(ranges_.size());
  for (const Range& range : ranges_) {
    out.Number(range.first);
    out.Number(range.last - range.first);
    out.Time(range.first_time);
    out.Signed(range.last_time.us - range.first_time.us);
  }
  out.Number(forgotten_.size());
  for (EventTime time : forgotten_) out.Time(time);
  out.Number(forgotten_id_);
  out.Time(forgotten_time_);
}

void Ledger::Unpack(Unpacker& in) {
  ranges_.assign(in.Count(4), Range{});
  for (size_t i = 0; i < ranges_.size(); ++i) {
    Range& range = ranges_[i];
    range.first = in.Number();
    range.last = range.first + in.Number();
    range.first_time = in.Time();
    range.last_time.us = range.first_time.us + in.Signed();
    in.Require(range.last >= range.first && (i == 0 || ranges_[i - 1].last < range.first));
  }
  forgotten_.assign(in.Count(), EventTime{});
  for (EventTime& time : forgotten_) time = in.Time();
  in.Require(std::is_sorted(forgotten_.begin(), forgotten_.end()));
  forgotten_id_ = in.Number();
  forgotten_time_ = in.Time();
  edges_.reset();
}

}  // namespace quantstream::processor
