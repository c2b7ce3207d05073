// The bytes of something refused: all of them up to 64 KiB, else the first 64 KiB with length and
// SHA-256.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "ingest/io.h"

namespace quantstream::ingest {

// Takes bytes in pieces, so that an oversized frame is never held whole.
class Excerpt {
 public:
  Excerpt();
  ~Excerpt();

  void Add(std::string_view bytes);
  uint64_t length() const { return length_; }
  DeadLetter Finish(std::string_view reason, std::string_view source);

 private:
  struct Digest;
  std::string head_;
  uint64_t length_ = 0;
  std::unique_ptr<Digest> digest_;
};

DeadLetter MakeDeadLetter(std::string_view reason, std::string_view source, std::string_view bytes);

}  // namespace quantstream::ingest
