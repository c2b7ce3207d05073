#include "query/service/subscribe_stream.h"

#include <grpcpp/server_context.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "platform/status.h"
#include "quantstream/v1/market_data.pb.h"
#include "query/page_token.h"
#include "query/service/bytes.h"
#include "query/service/errors.h"

namespace quantstream::query {
namespace {

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};

constexpr int kOffersMax = 10;  // of nearest names, per request

constexpr char kPositionGone[] =
    "the live feed was made again since the resume_token: what was missed is read from the store";

void AddStatus(const std::string& instrument, const SubscribeItem& item, const absl::Status& status,
               v1::SubscribeResponse* answer) {
  auto* out = answer->add_statuses();
  out->mutable_item()->set_instrument(instrument);
  out->mutable_item()->set_interval(item.interval_text);
  out->mutable_item()->set_min_update_ms(static_cast<int32_t>(item.update_interval.count()));
  out->set_code(static_cast<int32_t>(status.code()));
  if (!status.ok()) out->set_message(Message(status));
}

// `offers`: unknown ones that may still be told what is like them, which is looked for among all.
absl::StatusOr<Instrument> Find(const InstrumentDirectory& directory, const std::string& text,
                                int* offers) {
  InstrumentMatch match = directory.Find(text, *offers > 0);
  if (match.found) return *std::move(match.found);
  if (match.candidates.empty()) {
    *offers = std::max(0, *offers - 1);
    return InstrumentNotFound(text, match.nearest);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' names several instruments: ", absl::StrJoin(match.candidates, ", ")));
}

void AddInterval(const std::string& text, bool merged, Interval stored, Fingerprint* fingerprint) {
  if (merged) {
    fingerprint->Add(text);
  } else {
    fingerprint->Add(stored.seconds);
  }
}

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
  if (!ok) return;  // the client has said all, or is gone: then OnCancel comes
  const auto self = shared_from_this();
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
  TakeRequest(*query);
}

void SubscribeStream::TakeRequest(const SubscribeQuery& query) {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    adding_ = true;
  }
  // Before the directory is read: what is newer than it is told.
  for (const SubscribeItem& item : query.add) {
    if (!item.status.ok() || !item.whole_venue()) continue;
    const auto known = parts_->fanout->ListenToVenues(this, {item.venue()});
    std::lock_guard lock(mutex_);
    found_.insert(found_.end(), known.begin(), known.end());
  }
  parts_->instruments.Fresh([this, self = shared_from_this(), query](auto directory) {
    OnDirectory(query, std::move(directory));
  });
}

void SubscribeStream::OnDirectory(const SubscribeQuery& query,
                                  absl::StatusOr<KnownInstruments::Directory> directory) {
  if (!directory.ok()) {
    return End(WithRetryAfter(directory.status(), parts_->limits.reconnect_after));
  }
  offers_ = kOffersMax;
  v1::SubscribeResponse answer;
  for (const SubscribeItem& item : query.remove) RemoveItem(item, **directory, &answer);
  Additions additions;
  for (const SubscribeItem& item : query.add) {
    AddStatus(item.instrument, item, Add(item, query.history, **directory, &additions), &answer);
  }
  {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    subscription_.Notify(answer.SerializeAsString());
  }
  if (!query.options.resume_token.empty()) {
    return Resume(query.options.resume_token, std::move(additions), query.history);
  }
  Begin(std::move(additions), query.history, nullptr);
}

void SubscribeStream::RemoveItem(const SubscribeItem& item, const InstrumentDirectory& directory,
                                 v1::SubscribeResponse* answer) {
  AddStatus(item.instrument, item, item.status.ok() ? Remove(item, directory) : item.status,
            answer);
}

absl::Status SubscribeStream::Remove(const SubscribeItem& item,
                                     const InstrumentDirectory& directory) {
  const absl::Status missing = absl::NotFoundError(
      absl::StrCat(item.instrument, " at ", item.interval_text, " is not subscribed"));
  std::vector<Item> dropped;
  const std::string interval = item.grid.ToString();
  {
    std::lock_guard lock(mutex_);
    if (item.whole_venue()) {
      if (whole_venues_.erase({item.venue(), interval}) == 0) return missing;
      for (const auto& [place, active] : active_) {
        const bool its = place.second == interval && place.first.starts_with(item.venue() + ":");
        if (its && !active.by_name) dropped.push_back(place);
      }
    } else {
      const auto instrument = Find(directory, item.instrument, &offers_);
      if (!instrument.ok()) return instrument.status();
      const auto found = active_.find({instrument->name, interval});
      if (found == active_.end() || !found->second.by_name) return missing;
      found->second.by_name = false;
      if (!whole_venues_.contains({instrument->venue, interval})) {
        dropped.push_back(found->first);
      }
    }
  }
  for (const Item& each : dropped) DropItem(each);
  return absl::OkStatus();
}

void SubscribeStream::DropItem(const Item& item) {
  LegId leg = 0;
  Series series;
  {
    std::lock_guard lock(mutex_);
    const auto found = active_.find(item);
    if (found == active_.end()) return;
    leg = found->second.leg;
    series = found->second.series;
    active_.erase(found);
  }
  RemoveSeries(leg, series);
}

absl::Status SubscribeStream::Add(const SubscribeItem& item, const HistoryQuery& history,
                                  const InstrumentDirectory& directory, Additions* additions) {
  if (!item.status.ok()) return item.status;
  if (item.whole_venue()) return AddVenue(item, history, directory, additions);
  const auto instrument = Find(directory, item.instrument, &offers_);
  if (!instrument.ok()) return instrument.status();
  std::lock_guard lock(mutex_);
  const Active active{.series = {}, .by_name = true, .closed_only = history.closed_only};
  const bool added = AddItemLocked(instrument->name, instrument->partition, item.grid, active,
                                   item.update_interval, additions);
  return added ? absl::OkStatus() : NoRoom();
}

absl::Status SubscribeStream::NoRoom() const {
  return absl::ResourceExhaustedError(absl::StrCat(
      "the stream has ", parts_->limits.request.subscriptions_max, " instruments x intervals"));
}

absl::Status SubscribeStream::AddVenue(const SubscribeItem& item, const HistoryQuery& history,
                                       const InstrumentDirectory& directory, Additions* additions) {
  const auto all = directory.List(item.venue(), "", "", std::numeric_limits<size_t>::max());
  std::lock_guard lock(mutex_);
  const WholeVenue whole{item.grid, item.update_interval, history};
  if (!whole_venues_.try_emplace({item.venue(), item.grid.ToString()}, whole).second) {
    return absl::OkStatus();
  }
  const Active active{.series = {}, .by_name = false, .closed_only = history.closed_only};
  for (const Instrument& instrument : all) {
    const bool room = AddItemLocked(instrument.name, instrument.partition, item.grid, active,
                                    item.update_interval, additions);
    if (!room) return NoRoom();
  }
  return absl::OkStatus();
}

// False: there is no room.
bool SubscribeStream::AddItemLocked(const std::string& instrument, int32_t partition,
                                    const WindowGrid& grid, Active active,
                                    std::chrono::milliseconds update_interval,
                                    Additions* additions) {
  const Item item{instrument, grid.ToString()};
  const auto found = active_.find(item);
  if (found != active_.end()) {
    found->second.by_name |= active.by_name;
    return true;
  }
  if (static_cast<int32_t>(active_.size()) >= parts_->limits.request.subscriptions_max) {
    return false;
  }
  active.series = {instrument, grid.part()};
  active.merged = grid.merged();
  Addition& addition = (*additions)[{update_interval, active.merged ? item.second : ""}];
  if (active.merged) addition.grid = grid;
  addition.series.push_back({active.series, partition});
  addition.items.push_back(item);
  active_[item] = std::move(active);
  return true;
}

void SubscribeStream::Resume(const std::string& text, Additions additions,
                             const HistoryQuery& history) {
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
                 [this, self = shared_from_this(), additions = std::move(additions), history,
                  resume = token->resume](bool unreachable) {
                   if (unreachable) Tell(kPositionGone);
                   Begin(additions, history, &resume);
                 });
}

void SubscribeStream::Begin(Additions additions, const HistoryQuery& history,
                            const query::Resume* resume) {
  AddLegsOf(std::move(additions), history, resume);
  {
    std::lock_guard lock(mutex_);
    adding_ = false;
    read_due_ = true;
    if (ended_) return;
  }
  Send();
}

void SubscribeStream::AddLegsOf(Additions additions, const HistoryQuery& history,
                                const query::Resume* resume) {
  std::vector<LegSpec> specs;
  std::vector<std::vector<Item>> items;
  for (auto& [pace, added] : additions) {
    items.push_back(std::move(added.items));
    LegSpec spec{.stream = {.series = std::move(added.series),
                            .start_time = history.start_time,
                            .last = history.last,
                            .closed_only = history.closed_only,
                            .resume = {}},
                 .update_interval = pace.first};
    spec.grid = added.grid;
    if (resume != nullptr) spec.stream.resume = *resume;
    specs.push_back(std::move(spec));
  }
  const std::vector<LegId> legs = AddLegs(std::move(specs));
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < legs.size(); ++i) {
    for (const Item& item : items[i]) active_[item].leg = legs[i];
  }
}

void SubscribeStream::OnInstrument(const std::string& name, int32_t partition) {
  std::lock_guard lock(mutex_);
  if (!ended_) found_.emplace_back(name, partition);
}

// Instruments of whole venues that came since.
void SubscribeStream::Prepare() {
  ReadNextIfAnswered();
  std::vector<std::pair<std::string, int32_t>> found;
  {
    std::lock_guard lock(mutex_);
    if (ended_ || adding_) return;
    found.swap(found_);
    adding_ = !found.empty();
  }
  if (found.empty()) return;
  for (const auto& [name, partition] : found) AddFound(name, partition);
  std::lock_guard lock(mutex_);
  adding_ = false;
}

// All of it: nothing was there before.
void SubscribeStream::AddFound(const std::string& name, int32_t partition) {
  const std::string venue = name.substr(0, name.find(':'));
  std::vector<std::pair<std::string, WholeVenue>> wanted;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [item, whole] : whole_venues_) {
      if (item.first == venue) wanted.emplace_back(item.second, whole);
    }
  }
  for (const auto& [interval, whole] : wanted) {
    Additions additions;
    v1::SubscribeResponse answer;
    {
      std::lock_guard lock(mutex_);
      const Active active{
          .series = {}, .by_name = false, .closed_only = whole.history.closed_only};
      const bool room = AddItemLocked(name, partition, whole.grid, active, whole.update_interval,
                                      &additions);
      if (room && additions.empty()) continue;  // it is there already
      const SubscribeItem item{.instrument = name,
                               .interval_text = interval,
                               .grid = whole.grid,
                               .update_interval = whole.update_interval,
                               .status = {}};
      AddStatus(name, item, room ? absl::OkStatus() : NoRoom(), &answer);
      subscription_.Notify(answer.SerializeAsString());
      if (!room) continue;
    }
    HistoryQuery history = whole.history;
    history.start_time = history.start_time.value_or(kBeginning);
    history.last = 0;
    AddLegsOf(std::move(additions), history, nullptr);
  }
}

// None while something is on its way in: the token would not stand for it.
uint64_t SubscribeStream::FingerprintLocked() const {
  return adding_ || !found_.empty() ? 0 : FingerprintOfItemsLocked();
}

// A sum: the order of items is of no account. What a whole venue brought is not an item.
uint64_t SubscribeStream::FingerprintOfItemsLocked() const {
  uint64_t sum = 1;
  for (const auto& [item, active] : active_) {
    if (!active.by_name) continue;
    Fingerprint fingerprint;
    fingerprint.Add("Subscribe").Add(item.first);
    AddInterval(item.second, active.merged, active.series.interval, &fingerprint);
    sum += fingerprint.Add(active.closed_only ? 1 : 0).value();
  }
  for (const auto& [item, whole] : whole_venues_) {
    Fingerprint fingerprint;
    fingerprint.Add("Subscribe venue").Add(item.first);
    AddInterval(item.second, whole.grid.merged(), whole.grid.part(), &fingerprint);
    sum += fingerprint.Add(whole.history.closed_only ? 1 : 0).value();
  }
  return sum;
}

}  // namespace quantstream::query
