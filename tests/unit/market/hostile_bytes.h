// Bytes that look like a protobuf message, or nearly so: what a hostile producer would try.
#pragma once

#include <string>
#include <vector>

#include "tests/unit/market/random.h"

namespace quantstream::test {

enum class FieldKind { kText, kBytes, kVarint, kFixed64, kMessage };

struct Field;
using Schema = std::vector<Field>;

struct Field {
  uint32_t number;
  FieldKind kind;
  const Schema* message = nullptr;
};

// Fields of the schema in any order and number, with unknown fields and groups among them. With
// `malice` 0 all of it is legal protobuf; otherwise one thing in `malice` is not, roughly.
std::string HostileMessage(Random& random, const Schema& schema, uint64_t malice);

// A few bytes changed, removed, put in or moved.
std::string Mutated(Random& random, std::string bytes);

// What a test should see: valid text of all lengths, and every way of not being UTF-8.
std::string AnyText(Random& random, bool valid);

}  // namespace quantstream::test
