// What one client of many has been told, and whether it may be so. For tests.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

#include "quantstream/v1/candle.pb.h"

namespace quantstream::e2e {

// One text for all clients that have the same candle. Thread-safe.
class Texts {
 public:
  int64_t IdOf(const v1::Candle& candle);
  // "ID|columns", a line each.
  void Print();

 private:
  std::mutex mutex_;
  std::map<std::string, int64_t> ids_;
};

// Thread-safe.
class Record {
 public:
  Record(std::string name, Texts* texts) : name_(std::move(name)), texts_(texts) {}

  // Begins from nothing: a stream that ended before it had a token.
  void Clear();
  // A step back is an error.
  void Streamed(const v1::Candle& candle);
  void Fetched(const v1::Candle& candle);
  // Told on stderr at once.
  void Error(const std::string& what);
  void PrintStatus();
  // The texts of all closed candles.
  void PrintCandles();

  std::atomic<int64_t> resumes{0};
  std::atomic<int64_t> skips{0};
  std::atomic<int64_t> disconnects{0};

 private:
  // Instrument, interval and open time, both in s.
  using Key = std::tuple<std::string, int64_t, int64_t>;

  static Key KeyOf(const v1::Candle& candle);
  void ErrorLocked(const std::string& what);
  void KeepLocked(const v1::Candle& candle);

  const std::string name_;
  Texts* const texts_;
  std::mutex mutex_;
  std::map<Key, std::pair<int64_t, bool>> streamed_;   // version, closed
  std::map<Key, std::pair<int64_t, int64_t>> closed_;  // version, text
  int64_t newest_close_s_ = 0;
  int64_t errors_ = 0;
};

}  // namespace quantstream::e2e
