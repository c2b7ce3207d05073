#include "query/service/subscribe_stream.h"

#include <grpcpp/server_context.h>

#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/bytes.h"
#include "query/service/errors.h"

namespace quantstream::query {
namespace {

constexpr int kOffersMax = 10;  // of nearest names, per request

constexpr char kPositionGone[] =
    "the live feed was made again since the resume_token: what was missed is read from the store";

}  // namespace

std::shared_ptr<SubscribeStream> SubscribeStream::Start(ServiceParts* parts,
                                                        grpc::CallbackServerContext* context,
                                                        DoneCallback on_done) {
  auto stream = std::make_shared<SubscribeStream>(parts, context, std::move(on_done));
  stream->KeepUntilDone();
  const absl::Status admitted = stream->Admit();
  if (admitted.ok()) {
    stream->StartRead(&stream->request_);
  } else {
    stream->End(admitted);
  }
  return stream;
}

SubscribeStream::SubscribeStream(ServiceParts* parts, grpc::CallbackServerContext* context,
                                 DoneCallback on_done)
    : StreamCall(parts, context, "Subscribe", Envelope::kSubscribe, std::move(on_done)) {}

SubscribeStream::~SubscribeStream() = default;

// Not before the client was sent the answers to what it said before: one that writes and never
// reads is not listened to. With the lock held, so that the call does not end meanwhile.
void SubscribeStream::ReadNextIfAnswered() {
  std::lock_guard lock(mutex_);
  if (ended_ || !read_due_ || subscription_.notices_waiting()) return;
  read_due_ = false;
  StartRead(&request_);
}

void SubscribeStream::OnReadDone(bool ok) {
  const auto self = shared_from_this();
  if (!ok) {  // the client has said all, or is gone: then OnCancel comes
    if (first_) End(InvalidRequest({{"add", "is missing: the stream has no request"}}));
    return;
  }
  v1::SubscribeRequest request;
  auto query = ParseBytes(request_, &request)
                   ? Check(request, parts_->limits.request, first_)
                   : InvalidRequest({{"", "is not a quantstream.v1.SubscribeRequest"}});
  if (!query.ok()) return End(query.status());
  if (std::exchange(first_, false)) {
    {
      std::lock_guard lock(mutex_);
      SetOptionsLocked(query->options);
    }
    Open(query->options.progress_interval);
  }
  TakeRequest(*std::move(query));
}

void SubscribeStream::TakeRequest(SubscribeQuery query) {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    if (std::exchange(busy_, true)) {
      waiting_ = std::move(query);
      return;
    }
  }
  Work(query);
}

void SubscribeStream::Work(const SubscribeQuery& query) {
  ListenToVenues(query);
  parts_->instruments.Fresh([this, self = shared_from_this(), query](auto directory) {
    OnDirectory(query, std::move(directory));
  });
}

// Before the directory is read: what is newer than it is told.
void SubscribeStream::ListenToVenues(const SubscribeQuery& query) {
  std::set<std::string> venues;
  {
    std::lock_guard lock(mutex_);
    for (const SubscribeItem& item : query.add) {
      if (!item.status.ok() || !item.whole_venue()) continue;
      if (!whole_venues_.contains({item.venue(), item.grid.ToString()})) {
        venues.insert(item.venue());
      }
    }
  }
  if (venues.empty()) return;
  auto known = parts_->fanout->ListenToVenues(this, venues);
  std::lock_guard lock(mutex_);
  found_.merge(known);
}

bool SubscribeStream::HasVenueLocked(const std::string& venue) const {
  const auto first = whole_venues_.lower_bound({venue, ""});
  return first != whole_venues_.end() && first->first.first == venue;
}

// Those of which nothing is subscribed any more, or nothing could be.
void SubscribeStream::LeaveVenues(const SubscribeQuery& query) {
  std::set<std::string> left;
  {
    std::lock_guard lock(mutex_);
    for (const auto* items : {&query.add, &query.remove}) {
      for (const SubscribeItem& item : *items) {
        const bool whole = item.status.ok() && item.whole_venue();
        if (whole && !HasVenueLocked(item.venue())) left.insert(item.venue());
      }
    }
  }
  if (!left.empty()) parts_->fanout->LeaveVenues(this, left);
}

void SubscribeStream::OnDirectory(const SubscribeQuery& query,
                                  absl::StatusOr<KnownInstruments::Directory> directory) {
  if (!directory.ok()) {
    return End(WithRetryAfter(directory.status(), parts_->limits.reconnect_after));
  }
  offers_ = kOffersMax;
  const bool resumes = !query.options.resume_token.empty();
  v1::SubscribeResponse answers;
  for (const SubscribeItem& item : query.remove) {
    AddStatus(item.instrument, item.interval_text,
              {item.status.ok() ? Remove(item, **directory) : item.status, item.update_interval},
              &answers);
  }
  Adding adding{.history = query.history,
                .last = resumes || query.history.start_time ? 0 : query.history.last};
  for (const SubscribeItem& item : query.add) {
    AddStatus(item.instrument, item.interval_text, Add(item, **directory, &adding), &answers);
  }
  LeaveVenues(query);
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    subscription_.Notify(answers.SerializeAsString());
  }
  if (resumes) return Resume(query.options.resume_token, std::move(adding));
  Begin(std::move(adding), nullptr);
}

void SubscribeStream::Resume(const std::string& text, Adding adding) {
  auto token = ReadToken(text);
  if (!token.ok()) return End(token.status());
  uint64_t fingerprint = 0;
  {
    std::lock_guard lock(mutex_);
    fingerprint = FingerprintOfItemsLocked();
  }
  if (token->fingerprint != fingerprint) {
    return End(InvalidRequest(
        {{"resume_token",
          "belongs to other items: add holds those that were there when the token came"}}));
  }
  AfterPositions(token->positions,
                 [this, self = shared_from_this(), adding = std::move(adding),
                  resume = token->resume](bool unreachable) {
                   if (unreachable) Tell(kPositionGone);
                   Begin(adding, &resume);
                 });
}

void SubscribeStream::Begin(Adding adding, const query::Resume* resume) {
  AddLegsOf(std::move(adding), resume);
  {
    std::lock_guard lock(mutex_);
    busy_ = false;
    read_due_ = true;
    if (ended_) return;
  }
  Send();
}

void SubscribeStream::AddLegsOf(Adding adding, const query::Resume* resume) {
  const HistoryQuery& history = adding.history;
  std::vector<LegSpec> specs;
  std::vector<std::vector<Item>> items;
  for (auto& [key, added] : adding.legs) {
    items.push_back(std::move(added.items));
    LegSpec spec{.stream = {.series = std::move(added.series),
                            .start_time = history.start_time,
                            .last = history.last,
                            .closed_only = history.closed_only,
                            .resume = {}},
                 .update_interval = key.first};
    spec.grid = added.grid;
    if (resume != nullptr) spec.stream.resume = *resume;
    specs.push_back(std::move(spec));
  }
  const std::vector<LegId> legs = AddLegs(std::move(specs));
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < legs.size(); ++i) {
    for (const Item& item : items[i]) {
      if (const auto found = active_.find(item); found != active_.end()) {
        found->second.leg = legs[i];
      }
    }
  }
}

}  // namespace quantstream::query
