#include "processor/packing.h"

namespace quantstream::processor {

void Packer::Number(uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<char>(value));
}

void Packer::Signed(int64_t value) {
  Number((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

void Packer::Text(std::string_view text) {
  Number(text.size());
  out_.append(text);
}

void Packer::Value(const Decimal& decimal) {
  Signed(decimal.mantissa);
  Number(decimal.scale);
}

uint64_t Unpacker::Number() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && ok_ && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  ok_ = false;
  return 0;
}

int64_t Unpacker::Signed() {
  const uint64_t value = Number();
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

std::string_view Unpacker::Text() {
  const uint64_t size = Number();
  Require(size <= rest_.size());
  if (!ok_) return {};
  const std::string_view text = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return text;
}

Decimal Unpacker::Value() {
  Decimal decimal;
  decimal.mantissa = Signed();
  const uint64_t scale = Number();
  Require(scale <= Decimal::kScaleMax);
  if (ok_) decimal.scale = static_cast<uint8_t>(scale);
  return decimal;
}

size_t Unpacker::Count(size_t bytes_each_min) {
  const uint64_t count = Number();
  Require(count <= rest_.size() / bytes_each_min);
  return ok_ ? count : 0;
}

void Unpacker::Require(bool condition) {
  ok_ = ok_ && condition;
}

}  // namespace quantstream::processor
