// The gaps of a commit into table `trade_gaps`: those that are new, then those that end.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "platform/postgres/connection.h"
#include "processor/catalog.h"
#include "processor/io.h"

namespace quantstream::processor {

// A COPY and an UPDATE for all partitions of the commit. A partition whose commit moves no offset
// may have written its rows already, when the answer to it was lost: its new rows are those that
// are not there. REQUIRES: within the transaction of the commit; the catalog knows the
// instruments.
absl::Status WriteGaps(postgres::Connection& connection, const std::string& topic,
                       const Catalog& catalog, const Commit& commit);

// `MISSING_IDS`, `UNKNOWN`, … as in table trade_gaps.
std::string_view GapCauseName(GapCause cause);

}  // namespace quantstream::processor
