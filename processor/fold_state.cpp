#include "processor/fold_state.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "market/instrument.h"

namespace quantstream::processor {

bool Venue::Tracks(Interval interval, EventTime start) const {
  for (const auto& [added, from] : interval_from) {
    if (added == interval) return start >= from;
  }
  return true;
}

Instrument* FoldState::FindInstrument(std::string_view venue, std::string_view symbol) const {
  auto place = by_name_.find(Name{venue, symbol});
  return place == by_name_.end() ? nullptr : place->second;
}

Instrument& FoldState::InstrumentOf(std::string_view venue, std::string_view symbol) {
  if (Instrument* known = FindInstrument(venue, symbol); known != nullptr) return *known;
  auto made = std::make_unique<Instrument>();
  Instrument& instrument = *made;
  instrument.number = static_cast<uint32_t>(instruments.size());
  instrument.name = std::string(venue) + ":" + std::string(symbol);
  instrument.colon = venue.size();
  instrument.contiguous = options.IsContiguous(venue);
  Venue& owner = VenueOf(venue);
  instrument.venue = static_cast<uint32_t>(&owner - venues.data());
  owner.instruments.push_back(instrument.number);
  by_name_.emplace(Name{instrument.venue_name(), instrument.symbol()}, &instrument);
  instruments.push_back(std::move(made));
  return instrument;
}

Venue& FoldState::VenueOf(std::string_view name) {
  for (Venue& venue : venues) {
    if (venue.name == name) return venue;
  }
  venues.emplace_back().name = name;
  return venues.back();
}

Session& FoldState::SessionOf(std::string_view node, uint64_t session) {
  for (Session& known : sessions) {
    if (known.session == session && known.node == node) return known;
  }
  sessions.push_back(Session{std::string(node), session, {}, {}});
  return sessions.back();
}

std::string FoldState::PackPartition() const {
  std::string bytes;
  Packer out(bytes);
  out.Number(kPartitionFormat);
  options.Pack(out);
  out.Time(log_time);
  out.Number(venues.size());
  for (const Venue& venue : venues) {
    out.Text(venue.name);
    venue.clock.Pack(out);
    out.Time(venue.held_from);
    out.Number(venue.interval_from.size());
    for (const auto& [interval, from] : venue.interval_from) {
      out.Signed(interval.seconds);
      out.Time(from);
    }
  }
  out.Number(sessions.size());
  for (const Session& session : sessions) {
    out.Text(session.node);
    out.Number(session.session);
    session.seen.Pack(out);
    out.Time(session.heard);
  }
  out.Number(claims.size());
  for (const Claim& claim : claims) {
    out.Signed(claim.offset.value);
    out.Number(claim.index);
  }
  return bytes;
}

absl::Status FoldState::UnpackPartition(std::string_view bytes) {
  Unpacker in(bytes);
  const uint64_t format = in.Number();
  if (format != kPartitionFormat) {
    return absl::DataLossError(
        absl::StrCat("partition state has format ", format, ", known is ", kPartitionFormat));
  }
  options.Unpack(in);
  log_time = in.Time();
  venues.assign(in.Count(4), Venue{});
  for (Venue& venue : venues) {
    venue.name = in.Text();
    venue.clock.Unpack(in);
    venue.held_from = in.Time();
    venue.interval_from.assign(in.Count(2), {});
    for (auto& [interval, from] : venue.interval_from) {
      interval.seconds = static_cast<int32_t>(in.Signed());
      from = in.Time();
    }
  }
  sessions.assign(in.Count(4), Session{});
  for (Session& session : sessions) {
    session.node = in.Text();
    session.session = in.Number();
    session.seen.Unpack(in);
    session.heard = in.Time();
  }
  claims.assign(in.Count(2), Claim{});
  for (Claim& claim : claims) {
    claim.offset.value = in.Signed();
    claim.index = static_cast<uint32_t>(in.Number());
  }
  return in.done() ? absl::OkStatus() : absl::DataLossError("partition state cannot be read");
}

std::string FoldState::PackInstrument(const Instrument& instrument) const {
  std::string bytes;
  Packer out(bytes);
  out.Number(kInstrumentFormat);
  out.Signed(instrument.newest_version);
  instrument.ledger.Pack(out);
  instrument.rollup.Pack(instrument.name, out);
  const auto stored = std::count_if(instrument.panes.begin(), instrument.panes.end(),
                                    [](const auto& pane) { return pane->stored_whole; });
  out.Number(static_cast<uint64_t>(stored));
  for (const std::unique_ptr<Pane>& pane : instrument.panes) {
    if (pane->stored_whole) pane->Pack(out);
  }
  return bytes;
}

absl::Status FoldState::UnpackInstrument(std::string_view name, std::string_view bytes) {
  const absl::StatusOr<InstrumentName> parsed = InstrumentName::Parse(name);
  Unpacker in(bytes);
  if (!parsed.ok() || in.Number() != kInstrumentFormat) {
    return absl::DataLossError(
        absl::StrCat("state of instrument ", std::string(name), " has an unknown format"));
  }
  Instrument& instrument = InstrumentOf(parsed->venue, parsed->symbol);
  instrument.newest_version = in.Signed();
  instrument.ledger.Unpack(in);
  instrument.rollup.Unpack(in);
  for (size_t left = in.Count(); left > 0 && in.ok(); --left) {
    auto pane = std::make_unique<Pane>();
    pane->Unpack(in);
    in.Require(instrument.panes.Find(pane->start()) == nullptr);
    if (in.ok()) instrument.panes.Insert(std::move(pane));
  }
  if (in.done()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("state of instrument ", std::string(name), " cannot be read"));
}

}  // namespace quantstream::processor
