#include "ingest/replay.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "ingest/wall_time.h"
#include "platform/log.h"
#include "platform/status.h"

namespace quantstream::ingest {
namespace {

// Steps of the publisher while waiting, and frames between two of them when nothing waits.
constexpr std::chrono::milliseconds kWait{2};
constexpr uint64_t kFramesPerStep = 64;

}  // namespace

Replay::Replay(const ReplayOptions& options, Parts parts) : speed_(options.speed), parts_(parts) {}
Replay::~Replay() = default;

absl::StatusOr<std::unique_ptr<Replay>> Replay::Open(const ReplayOptions& options, Parts parts) {
  std::unique_ptr<Replay> replay(new Replay(options, parts));
  ConnectionId connection = 1;
  for (const std::string& path : options.files) {
    auto recording = Recording::Open({path, options.symbol, options.make_decoder}, parts.symbols);
    if (!recording.ok()) return Annotate(recording.status(), "replay");
    auto file = std::make_unique<File>();
    file->recording = *std::move(recording);
    file->connection = connection++;
    IntakeOptions intake = options.intake;
    intake.source = TradeSource::kReplay;
    intake.trade_time_is_receive_time = file->recording->csv();
    intake.source_name = parts.symbols.venue() + " " + file->recording->name();
    file->intake = std::make_unique<Intake>(
        file->connection, file->recording->TakeDecoder(),
        IntakeParts{parts.publisher, parts.publisher, parts.clock, parts.metrics}, intake);
    replay->files_.push_back(std::move(file));
  }
  replay->open_files_ = replay->files_.size();
  parts.readiness.Met("replay");
  replay->TellReadiness();
  return replay;
}

Replay::File* Replay::Earliest() {
  File* earliest = nullptr;
  for (const auto& file : files_) {
    if (!file->open) continue;
    if (earliest == nullptr || file->head.received < earliest->head.received) earliest = file.get();
  }
  return earliest;
}

void Replay::TellTime(EventTime recorded) {
  recorded_ = std::max(recorded_, recorded);
  parts_.publisher.SetFeedTime(Instant{recorded_.us});
}

void Replay::TellReadiness() {
  const absl::Status kafka = parts_.publisher.Health();
  if (kafka.ok()) {
    parts_.readiness.Met("kafka");
  } else {
    parts_.readiness.Unmet("kafka", Message(kafka));
  }
}

// Until the recording's pace comes to `recorded`. False: the end was requested.
bool Replay::WaitFor(EventTime recorded, const Shutdown& shutdown) {
  while (speed_ > 0) {
    const Instant now = SteadyNow();
    const auto played = static_cast<int64_t>(static_cast<double>(now - started_) * speed_);
    if (first_.us + played >= recorded.us) break;
    TellTime(EventTime{first_.us + played});
    for (const auto& file : files_) file->intake->Tick(Instant{recorded_.us});
    TellReadiness();
    parts_.publisher.Step(now);
    const double left_us = static_cast<double>(recorded.us - first_.us - played) / speed_;
    const std::chrono::microseconds left(static_cast<int64_t>(std::min(left_us, 1e9)) + 1);
    const auto wait = std::min<std::chrono::microseconds>(left, kWait);
    if (shutdown.WaitFor(std::chrono::ceil<std::chrono::milliseconds>(wait))) return false;
  }
  TellTime(recorded);
  return !shutdown.requested();
}

bool Replay::WaitForRoom(const Shutdown& shutdown) {
  if (parts_.publisher.Full()) parts_.metrics.ReadingPaused(true);
  while (parts_.publisher.Full()) {
    if (shutdown.requested()) return false;
    parts_.publisher.Step(SteadyNow(), static_cast<int>(kWait.count()));
  }
  parts_.metrics.ReadingPaused(false);
  return true;
}

void Replay::Advance(File& file) {
  if (file.recording->Next(&file.head)) return;
  file.open = false;
  --open_files_;
  file.intake->Close();
  // The last one stays: its time is the node's until `finished` is said.
  if (open_files_ > 0) parts_.clock.Removed(file.connection);
  if (const absl::Status status = file.recording->status(); !status.ok()) {
    Log(kError, "recording damaged", {{"file", file.recording->name()}, {"error", status}});
    if (damage_.ok()) damage_ = Annotate(status, file.recording->name());
  }
}

void Replay::Play(File& file) {
  const Instant at{recorded_.us};
  for (const auto& each : files_) each->intake->Tick(at);
  file.intake->Take(file.head.bytes, file.head.received, at);
  Advance(file);
  if (++frames_ % kFramesPerStep != 0) return;
  parts_.publisher.Step(SteadyNow());
  TellReadiness();
  parts_.metrics.ReplayAt(recorded_.us);
  parts_.metrics.VenueOffset(file.intake->offset_us());
}

absl::Status Replay::Run(const Shutdown& shutdown) {
  for (const auto& file : files_) {
    parts_.clock.Connected(file->connection, std::nullopt, Instant{});
    Advance(*file);
  }
  started_ = SteadyNow();
  if (const File* first = Earliest()) first_ = first->head.received;
  TellTime(first_);
  while (File* file = Earliest()) {
    if (!WaitFor(file->head.received, shutdown) || !WaitForRoom(shutdown)) return damage_;
    Play(*file);
  }
  parts_.publisher.FlushBatches(SteadyNow());
  parts_.clock.Finish(Instant{recorded_.us});
  parts_.publisher.SendFinished(SteadyNow());
  parts_.metrics.ReplayAt(recorded_.us);
  parts_.metrics.ReplayFinished();
  Log(kInfo, "replay finished", {{"frames", frames_}});
  return damage_;
}

}  // namespace quantstream::ingest
