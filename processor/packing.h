// Packed state: numbers and texts one after the other, read back with every bound checked. Not a
// wire format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "market/decimal.h"
#include "market/time.h"

namespace quantstream::processor {

class Packer {
 public:
  explicit Packer(std::string& out) : out_(out) {}

  void Number(uint64_t value);  // 1 to 10 bytes, small ones short
  void Signed(int64_t value);
  void Text(std::string_view text);
  void Time(EventTime time) { Signed(time.us); }
  void Value(const Decimal& decimal);

 private:
  std::string& out_;
};

// Once something does not fit, ok() is false and every answer is zero or empty.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

  uint64_t Number();
  int64_t Signed();
  std::string_view Text();
  EventTime Time() { return EventTime{Signed()}; }
  Decimal Value();
  // How many elements follow; each takes at least `bytes_each_min` bytes, so that a bad count
  // cannot ask for much memory.
  size_t Count(size_t bytes_each_min = 1);
  // Fails unless true.
  void Require(bool condition);

  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace quantstream::processor
