// The SQL of a page of candles: one statement, and so one moment of the store.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "platform/postgres/connection.h"
#include "query/io.h"

namespace quantstream::query {

// DATA_LOSS when a row cannot be read.
absl::StatusOr<Page> SelectPage(postgres::Connection& connection, const std::string& trades_topic,
                                const PageRequest& request);

}  // namespace quantstream::query
