#include "platform/postgres/result.h"

#include <libpq-fe.h>

#include <charconv>
#include <utility>

#include "platform/postgres/value.h"
#include "platform/require.h"

namespace quantstream::postgres {
namespace {

PGresult* Raw(void* result) {
  return static_cast<PGresult*>(result);
}

template <typename Number>
Number ParseText(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  Require(error == std::errc() && end == text.data() + text.size(), "the value is a number");
  return number;
}

template <typename Value>
Value Checked(absl::StatusOr<Value> decoded) {
  Require(decoded.ok(), "the value is of the type that is asked for");
  return *std::move(decoded);
}

}  // namespace

Result::Result(void* pg_result) : result_(pg_result) {}
Result::~Result() {
  PQclear(Raw(result_));
}
Result::Result(Result&& other) noexcept : result_(std::exchange(other.result_, nullptr)) {}

Result& Result::operator=(Result&& other) noexcept {
  std::swap(result_, other.result_);
  return *this;
}

int Result::rows() const {
  return PQntuples(Raw(result_));
}
int Result::columns() const {
  return PQnfields(Raw(result_));
}
std::string_view Result::command_tag() const {
  return PQcmdStatus(Raw(result_));
}
int Result::Column(const char* name) const {
  return PQfnumber(Raw(result_), name);
}
bool Result::Binary(int column) const {
  return PQfformat(Raw(result_), column) == 1;
}

int64_t Result::rows_affected() const {
  const std::string_view number = PQcmdTuples(Raw(result_));
  return number.empty() ? 0 : ParseText<int64_t>(number);
}

bool Result::IsNull(int row, int column) const {
  Require(row >= 0 && row < rows() && column >= 0 && column < columns(),
          "the row and column exist");
  return PQgetisnull(Raw(result_), row, column) == 1;
}

std::string_view Result::Text(int row, int column) const {
  Require(!IsNull(row, column), "the value is not NULL");
  return {PQgetvalue(Raw(result_), row, column),
          static_cast<size_t>(PQgetlength(Raw(result_), row, column))};
}

bool Result::Bool(int row, int column) const {
  const std::string_view value = Text(row, column);
  Require(value.size() == 1, "the value is a boolean");
  return value[0] == (Binary(column) ? '\1' : 't');
}

int64_t Result::Int(int row, int column) const {
  const std::string_view value = Text(row, column);
  return Binary(column) ? Checked(DecodeInteger(value)) : ParseText<int64_t>(value);
}

double Result::Double(int row, int column) const {
  const std::string_view value = Text(row, column);
  return Binary(column) ? Checked(DecodeDouble(value)) : ParseText<double>(value);
}

std::string Result::Bytea(int row, int column) const {
  const std::string_view value = Text(row, column);
  return Binary(column) ? std::string(value) : Checked(DecodeByteaText(value));
}

std::string Result::Numeric(int row, int column) const {
  const std::string_view value = Text(row, column);
  return Binary(column) ? Checked(DecodeNumeric(value)) : std::string(value);
}

int64_t Result::TimestampTz(int row, int column) const {
  Require(Binary(column), "a timestamp is read in binary form");
  return Checked(DecodeTimestampTz(Text(row, column)));
}

}  // namespace quantstream::postgres
