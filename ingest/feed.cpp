#include "ingest/feed.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

namespace quantstream::ingest {
namespace {

// Trades remembered while two connections overlap; one that both saw is enough.
constexpr size_t kOverlapIdsMax = 10'000;

uint64_t TradeKey(const Trade& trade) {
  const size_t symbol = std::hash<std::string_view>{}(trade.symbol);
  const uint64_t id = trade.id != 0 ? trade.id : std::hash<std::string_view>{}(trade.text_id);
  return symbol * 0x9e3779b97f4a7c15ULL ^ id;
}

bool HasId(const Trade& trade) {
  return trade.id != 0 || !trade.text_id.empty();
}

int64_t Microseconds(std::chrono::milliseconds wait) {
  return std::chrono::microseconds(wait).count();
}

}  // namespace

Feed::Feed(const Venue& venue, std::vector<std::string> streams, FeedOptions options,
           LinkId* next_link, std::function<double()> random)
    : venue_(venue),
      streams_(std::move(streams)),
      options_(options),
      next_link_(next_link),
      backoff_(options.backoff, std::move(random)) {}

void Feed::Start(Instant) {
  Connect(current_);
}

void Feed::Connect(std::unique_ptr<Link>& place) {
  place = std::make_unique<Link>();
  place->id = (*next_link_)++;
  for (size_t first = 0; first < streams_.size(); first += options_.limits.streams_per_request) {
    place->unsent.emplace_back(
        first, std::min(streams_.size(), first + options_.limits.streams_per_request));
  }
  actions_.push_back({.kind = FeedAction::Kind::kConnect, .link = place->id});
}

void Feed::Opened(LinkId id, Instant now) {
  Link* const link = Find(id);
  if (link == nullptr) return;
  link->open = true;
  link->opened = now;
  link->watchdog.emplace(options_.watchdog, now);
  SendRequests(*link, now);
}

void Feed::Frame(LinkId id, const DecodedFrame& frame, Instant now) {
  Link* const link = Find(id);
  if (link == nullptr || !link->open) return;
  NoteLife(*link, frame.kind, now);
  const auto request = link->unanswered.find(frame.request_id);
  switch (frame.kind) {
    case FrameKind::kAcknowledged:
      if (request == link->unanswered.end()) break;
      link->acknowledged += request->second.last - request->second.first;
      link->unanswered.erase(request);
      break;
    case FrameKind::kRequestRefused:
      ++refused_;
      if (request == link->unanswered.end()) break;
      link->refused.push_back({now, {request->second.first, request->second.last}});
      link->unanswered.erase(request);
      break;
    case FrameKind::kShutdownNotice:
      BeginHandover(now);
      break;
    case FrameKind::kTrades:
      if (!link->first_data.has_value()) link->first_data = now;
      if (now - *link->first_data >= options_.data_to_trust_us) backoff_.Reset();
      if (successor_ != nullptr) NoteOverlap(*link, frame);
      break;
    default:
      break;
  }
  FinishHandover();
}

void Feed::NoteLife(Link& link, FrameKind kind, Instant now) {
  if (kind == FrameKind::kTrades || kind == FrameKind::kIgnored) {
    link.watchdog->Frame(now);
  } else {
    link.watchdog->Alive(now);
  }
}

void Feed::Closed(LinkId id, Instant now) {
  Lose(id, now);
}

void Feed::Resumed(Instant now) {
  for (Link* link : {current_.get(), successor_.get()}) {
    if (link == nullptr) continue;
    if (link->watchdog.has_value()) link->watchdog->Alive(now);
    for (auto& [id, request] : link->unanswered) request.at = now;
  }
}

void Feed::Lose(LinkId id, Instant now) {
  if (successor_ != nullptr && successor_->id == id) {
    successor_.reset();
    successor_at_ = now + Microseconds(backoff_.Next());
    return;
  }
  if (current_ == nullptr || current_->id != id) return;
  current_.reset();
  if (successor_ != nullptr) {
    // The new one is on its way or there already; what the old one had not sent is missing.
    current_ = std::move(successor_);
    handover_since_.reset();
    return;
  }
  handover_since_.reset();
  successor_at_.reset();
  connect_at_ = now + Microseconds(backoff_.Next());
}

void Feed::CloseBad(Link& link, std::string_view why, Instant now) {
  const LinkId id = link.id;
  actions_.push_back({.kind = FeedAction::Kind::kClose, .link = id, .why = why, .lost = true});
  Lose(id, now);
}

void Feed::BeginHandover(Instant now) {
  if (successor_ != nullptr || handover_since_.has_value() || current_ == nullptr) return;
  handover_since_ = now;
  shared_trade_seen_ = false;
  current_->overlap_ids.clear();
  Connect(successor_);
}

void Feed::NoteOverlap(Link& link, const DecodedFrame& frame) {
  const Link& other = &link == current_.get() ? *successor_ : *current_;
  for (const Trade& trade : frame.trades) {
    if (!HasId(trade)) continue;
    const uint64_t key = TradeKey(trade);
    if (other.overlap_ids.contains(key)) shared_trade_seen_ = true;
    if (link.overlap_ids.size() >= kOverlapIdsMax) link.overlap_ids.clear();
    link.overlap_ids.insert(key);
  }
}

void Feed::FinishHandover() {
  if (successor_ == nullptr || !shared_trade_seen_ || !AllAcknowledged(*successor_)) return;
  actions_.push_back(
      {.kind = FeedAction::Kind::kClose, .link = current_->id, .why = "handed_over"});
  current_ = std::move(successor_);
  current_->overlap_ids.clear();
  handover_since_.reset();
  ++handovers_;
}

bool Feed::AllAcknowledged(const Link& link) const {
  return link.open && link.acknowledged >= streams_.size();
}

void Feed::SendRequests(Link& link, Instant now) {
  if (link.unsent.empty() || (link.next_request.has_value() && now < *link.next_request)) return;
  const auto [first, last] = link.unsent.front();
  link.unsent.pop_front();
  const uint64_t id = next_request_id_++;
  link.unanswered[id] = {first, last, now};
  link.next_request = now + options_.limits.request_spacing_us;
  actions_.push_back(
      {.kind = FeedAction::Kind::kSend,
       .link = link.id,
       .text = venue_.subscribe_message(std::span(streams_).subspan(first, last - first), id)});
}

// False: the link was closed.
bool Feed::TickLink(Link& link, Instant now) {
  if (!link.open) return true;
  const auto overdue = [&](const auto& entry) {
    return now - entry.second.at > options_.limits.acknowledge_timeout_us;
  };
  if (std::any_of(link.unanswered.begin(), link.unanswered.end(), overdue)) {
    CloseBad(link, "unacknowledged", now);
    return false;
  }
  if (link.watchdog->Mute(now)) {
    CloseBad(link, "mute", now);
    return false;
  }
  std::erase_if(link.refused, [&](const auto& entry) {
    const bool again = now - entry.first >= options_.refused_again_us;
    if (again) link.unsent.push_back(entry.second);
    return again;
  });
  SendRequests(link, now);
  return true;
}

void Feed::Tick(Instant now) {
  if (connect_at_.has_value() && now >= *connect_at_) {
    connect_at_.reset();
    Connect(current_);
  }
  if (successor_at_.has_value() && now >= *successor_at_) {
    successor_at_.reset();
    if (current_ != nullptr) Connect(successor_);
  }
  if (current_ != nullptr && !TickLink(*current_, now)) return;
  if (successor_ != nullptr && !TickLink(*successor_, now)) return;
  const int64_t age_max_us = options_.limits.connection_age_max_us;
  if (current_ != nullptr && current_->open && age_max_us > 0 &&
      now - current_->opened >= age_max_us) {
    BeginHandover(now);
  }
  if (handover_since_.has_value() && successor_ != nullptr && AllAcknowledged(*successor_) &&
      now - *handover_since_ >= options_.overlap_max_us) {
    shared_trade_seen_ = true;  // quiet streams: nothing was traded that both could have seen
    FinishHandover();
  }
}

std::vector<FeedAction> Feed::TakeActions() {
  return std::exchange(actions_, {});
}

Feed::Link* Feed::Find(LinkId id) {
  if (current_ != nullptr && current_->id == id) return current_.get();
  if (successor_ != nullptr && successor_->id == id) return successor_.get();
  return nullptr;
}

bool Feed::Has(LinkId link) const {
  return const_cast<Feed*>(this)->Find(link) != nullptr;
}

size_t Feed::MissingStreams() const {
  const size_t carried = current_ != nullptr && current_->open ? current_->acknowledged : 0;
  return streams_.size() - std::min(carried, streams_.size());
}

std::vector<std::vector<std::string>> SplitStreams(const std::vector<std::string>& streams,
                                                   size_t limit) {
  std::vector<std::vector<std::string>> groups;
  if (streams.empty()) return groups;
  const size_t count = (streams.size() + limit - 1) / limit;
  const size_t size = (streams.size() + count - 1) / count;
  for (size_t first = 0; first < streams.size(); first += size) {
    const size_t last = std::min(streams.size(), first + size);
    groups.emplace_back(streams.begin() + static_cast<ptrdiff_t>(first),
                        streams.begin() + static_cast<ptrdiff_t>(last));
  }
  return groups;
}

}  // namespace quantstream::ingest
