// Decimal::Parse on any bytes: whatever it takes is canonical, and its text parses to itself.
#include "market/decimal.h"

#include <cstdlib>

#include "market/exact_sum.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using quantstream::Decimal;
  using quantstream::ExactSum;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Decimal> value = Decimal::Parse(text);
  if (value.ok()) {
    if (*value != value->Canonical()) std::abort();
    if (*Decimal::Parse(value->ToString()) != *value) std::abort();
    if (ExactSum::Of(*value).ToString() != value->ToString()) std::abort();
  }
  const absl::StatusOr<ExactSum> sum = ExactSum::Parse(text);
  if (sum.ok() && *ExactSum::Parse(sum->ToString()) != *sum) std::abort();
  return 0;
}
