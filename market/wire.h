// Protobuf's wire format by hand, for the hot path: takes and refuses exactly what protobuf's own
// C++ parser takes and refuses.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "market/utf8.h"

namespace quantstream::wire {

static_assert(std::endian::native == std::endian::little, "fixed fields are copied as they are");

enum Type : uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

constexpr uint32_t Tag(uint32_t field, Type type) {
  return field << 3 | type;
}

// How deep messages and groups may be nested in a message that is parsed by itself.
inline constexpr int kDepthMax = 100;

constexpr int64_t ZigZagDecode(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (0 - (value & 1)));
}
constexpr uint64_t ZigZagEncode(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

constexpr size_t VarintSize(uint64_t value) {
  return (static_cast<size_t>(std::bit_width(value | 1)) + 6) / 7;
}

// Reads one message from its first byte to its last. Every Read is false where the bytes are not
// what protobuf takes; the reader is of no use from then on.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool AtEnd() const { return at_ == end_; }
  const char* position() const { return at_; }

  bool ReadTag(uint32_t& tag) {
    if (at_ != end_ && static_cast<int8_t>(*at_) >= 0) {
      tag = static_cast<uint8_t>(*at_++);
      return true;
    }
    return OutOfLine(&Reader::ReadLongTag, tag);
  }

  bool ReadVarint(uint64_t& value) {
    if (at_ != end_ && static_cast<int8_t>(*at_) >= 0) {
      value = static_cast<uint8_t>(*at_++);
      return true;
    }
    return OutOfLine(&Reader::ReadLongVarint, value);
  }

  // uint32 and enums: the low 32 bits of a varint.
  bool ReadVarint32(uint32_t& value) {
    uint64_t wide = 0;
    const bool read = ReadVarint(wide);
    value = static_cast<uint32_t>(wide);
    return read;
  }

  bool ReadBool(bool& value) {
    uint64_t wide = 0;
    const bool read = ReadVarint(wide);
    value = wide != 0;
    return read;
  }

  // fixed64 as uint64_t, sfixed64 as int64_t.
  template <typename Integer>
  bool ReadFixed64(Integer& value) {
    static_assert(sizeof value == 8);
    if (end_ - at_ < 8) return false;
    std::memcpy(&value, at_, 8);
    at_ += 8;
    return true;
  }

  bool ReadBytes(std::string_view& bytes) {
    uint64_t size = 0;
    if (at_ != end_ && static_cast<int8_t>(*at_) >= 0) {
      size = static_cast<uint8_t>(*at_++);
    } else if (!OutOfLine(&Reader::ReadLongSize, size)) {
      return false;
    }
    if (size > static_cast<uint64_t>(end_ - at_)) return false;
    bytes = std::string_view(at_, static_cast<size_t>(size));
    at_ += size;
    return true;
  }

  bool ReadText(std::string_view& text) { return ReadBytes(text) && IsValidUtf8(text); }

  // Passes over the field that `tag` began. `depth` is how deep the message itself is nested.
  bool Skip(uint32_t tag, int depth) {
    Reader copy = *this;
    const bool skipped = copy.SkipField(tag, depth);
    *this = copy;
    return skipped;
  }

 private:
  // The rare cases work on copies: nothing keeps the reader itself out of registers.
  template <typename Value>
  bool OutOfLine(bool (Reader::*read)(Value&), Value& value) {
    Reader copy = *this;
    Value result = 0;
    const bool done = (copy.*read)(result);
    *this = copy;
    value = result;
    return done;
  }

  bool SkipField(uint32_t tag, int depth);
  bool ReadLongTag(uint32_t& tag);
  bool ReadLongVarint(uint64_t& value);
  bool ReadLongSize(uint64_t& size);
  bool SkipScalar(uint32_t tag);
  bool SkipGroup(uint32_t tag, int depth);
  bool SkipFixed(ptrdiff_t size);

  const char* at_;
  const char* end_;
};

// Writes fields one behind the other into memory that is large enough. Fields that hold their
// default are the caller's to leave out.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}

  char* position() const { return at_; }

  void RawVarint(uint64_t value) {
    while (value >= 0x80) {
      *at_++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *at_++ = static_cast<char>(value);
  }

  void Varint(uint32_t field, uint64_t value) {
    RawVarint(Tag(field, kVarint));
    RawVarint(value);
  }

  template <typename Integer>
  void Fixed64(uint32_t field, Integer value) {
    static_assert(sizeof value == 8);
    RawVarint(Tag(field, kFixed64));
    std::memcpy(at_, &value, 8);
    at_ += 8;
  }

  void Bytes(uint32_t field, std::string_view bytes) {
    RawVarint(Tag(field, kBytes));
    RawVarint(bytes.size());
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }

  // Everything that is written between the two is the message.
  char* BeginMessage(uint32_t field) {
    RawVarint(Tag(field, kBytes));
    return at_++;
  }

  void EndMessage(char* begin) {
    const size_t size = static_cast<size_t>(at_ - begin - 1);
    const size_t more = VarintSize(size) - 1;
    if (more > 0) std::memmove(begin + 1 + more, begin + 1, size);
    Writer(begin).RawVarint(size);
    at_ += more;
  }

 private:
  char* at_;
};

}  // namespace quantstream::wire
