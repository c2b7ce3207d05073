#include "market/wire.h"

#include <array>

namespace quantstream::wire {
namespace {

uint32_t FieldOf(uint32_t tag) {
  return tag >> 3;
}

}  // namespace

// A tag has at most 5 bytes; what the fifth holds beyond 32 bits is lost.
bool Reader::ReadLongTag(uint32_t& tag) {
  tag = 0;
  for (uint32_t shift = 0; shift < 35 && at_ != end_; shift += 7) {
    const uint32_t byte = static_cast<uint8_t>(*at_++);
    tag |= (byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// A varint has at most 10 bytes; what the tenth holds beyond 64 bits is lost.
bool Reader::ReadLongVarint(uint64_t& value) {
  value = 0;
  for (uint32_t shift = 0; shift < 70 && at_ != end_; shift += 7) {
    const uint64_t byte = static_cast<uint8_t>(*at_++);
    value |= (byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// A size has at most 5 bytes. That it stays within the message is the caller's to check.
bool Reader::ReadLongSize(uint64_t& size) {
  size = 0;
  for (uint32_t shift = 0; shift < 35 && at_ != end_; shift += 7) {
    const uint64_t byte = static_cast<uint8_t>(*at_++);
    size |= (byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool Reader::SkipFixed(ptrdiff_t size) {
  if (end_ - at_ < size) return false;
  at_ += size;
  return true;
}

bool Reader::SkipScalar(uint32_t tag) {
  uint64_t value = 0;
  std::string_view bytes;
  switch (tag & 7) {
    case kVarint:
      return ReadVarint(value);
    case kFixed64:
      return SkipFixed(8);
    case kBytes:
      return ReadBytes(bytes);
    case kFixed32:
      return SkipFixed(4);
    default:
      return false;
  }
}

bool Reader::SkipGroup(uint32_t tag, int depth) {
  std::array<uint32_t, kDepthMax> open;  // fields of the groups that are open
  const size_t deepest = static_cast<size_t>(kDepthMax - depth);
  size_t count = 0;
  for (;;) {
    if (FieldOf(tag) == 0) return false;
    if ((tag & 7) == kStartGroup) {
      if (count == deepest) return false;
      open[count++] = FieldOf(tag);
    } else if ((tag & 7) == kEndGroup) {
      if (open[--count] != FieldOf(tag)) return false;
      if (count == 0) return true;
    } else if (!SkipScalar(tag)) {
      return false;
    }
    if (!ReadTag(tag)) return false;
  }
}

bool Reader::SkipField(uint32_t tag, int depth) {
  if (FieldOf(tag) == 0) return false;
  return (tag & 7) == kStartGroup ? SkipGroup(tag, depth) : SkipScalar(tag);
}

}  // namespace quantstream::wire
