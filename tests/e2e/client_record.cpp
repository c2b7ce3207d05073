#include "tests/e2e/client_record.h"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <sstream>

namespace quantstream::e2e {
namespace {

bool IsClosed(const v1::Candle& candle) {
  return candle.state() != v1::CANDLE_STATE_PARTIAL;
}

int64_t Micros(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000 + time.nanos() / 1'000;
}

std::string Shortest(double number) {
  char text[64];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

// In the order of the test's SELECT.
std::string Columns(const v1::Candle& c) {
  std::ostringstream out;
  out << c.instrument() << '|' << c.interval().seconds() << '|' << c.open_time().seconds() << '|'
      << c.close_time().seconds() << '|' << c.open() << '|' << c.high() << '|' << c.low() << '|'
      << c.close() << '|' << c.volume() << '|' << c.quote_volume() << '|' << c.buy_volume() << '|'
      << c.vwap() << '|' << c.trade_count() << '|' << v1::CandleState_Name(c.state()) << '|'
      << c.revision() << '|' << c.version() << '|' << v1::Completeness_Name(c.completeness()) << '|'
      << c.first_trade_id() << '|' << c.last_trade_id() << '|' << Micros(c.first_trade_time())
      << '|' << Micros(c.last_trade_time());
  if (c.has_lineage()) {
    const v1::Lineage& lineage = c.lineage();
    out << '|' << lineage.partition() << '|' << lineage.first_offset() << '|'
        << lineage.last_offset();
  } else {
    out << "|||";
  }
  out << '|' << (c.has_volatility() ? Shortest(c.volatility()) : "");
  return out.str();
}

}  // namespace

int64_t Texts::IdOf(const v1::Candle& candle) {
  std::lock_guard lock(mutex_);
  return ids_.try_emplace(Columns(candle), static_cast<int64_t>(ids_.size())).first->second;
}

void Texts::Print() {
  std::lock_guard lock(mutex_);
  for (const auto& [text, id] : ids_) std::cout << id << '|' << text << '\n';
}

void Record::Clear() {
  std::lock_guard lock(mutex_);
  streamed_.clear();
  closed_.clear();
}

void Record::Streamed(const v1::Candle& candle) {
  std::lock_guard lock(mutex_);
  const auto [before, is_new] =
      streamed_.try_emplace(KeyOf(candle), candle.version(), IsClosed(candle));
  const auto& [version, closed] = before->second;
  if (!is_new && (candle.version() < version || (closed && !IsClosed(candle)))) {
    std::ostringstream what;
    what << "STEP BACK from version " << version << (closed ? ", closed" : ", open") << " to "
         << Columns(candle);
    ErrorLocked(what.str());
  }
  before->second = {candle.version(), IsClosed(candle)};
  KeepLocked(candle);
}

void Record::Fetched(const v1::Candle& candle) {
  std::lock_guard lock(mutex_);
  KeepLocked(candle);
}

void Record::Error(const std::string& what) {
  std::lock_guard lock(mutex_);
  ErrorLocked(what);
}

void Record::PrintStatus() {
  std::lock_guard lock(mutex_);
  std::cout << name_ << ' ' << newest_close_s_ << ' ' << resumes << ' ' << skips << ' '
            << disconnects << ' ' << errors_ << '\n';
}

void Record::PrintCandles() {
  std::lock_guard lock(mutex_);
  std::cout << name_;
  for (const auto& [key, kept] : closed_) std::cout << ' ' << kept.second;
  std::cout << '\n';
}

void Record::ErrorLocked(const std::string& what) {
  ++errors_;
  std::cerr << name_ + ": " + what + "\n" << std::flush;
}

void Record::KeepLocked(const v1::Candle& candle) {
  if (!IsClosed(candle)) return;
  newest_close_s_ = std::max(newest_close_s_, candle.close_time().seconds());
  auto& [version, text] = closed_.try_emplace(KeyOf(candle), -1, 0).first->second;
  if (candle.version() < version) return;
  version = candle.version();
  text = texts_->IdOf(candle);
}

Record::Key Record::KeyOf(const v1::Candle& candle) {
  return {candle.instrument(), candle.interval().seconds(), candle.open_time().seconds()};
}

}  // namespace quantstream::e2e
