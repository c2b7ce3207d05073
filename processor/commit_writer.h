// Writes one Commit as one transaction: the guarded rows first, then everything else. Blocking; the
// caller's thread.
#pragma once

#include <string>

#include "platform/postgres/connection.h"
#include "processor/catalog.h"
#include "processor/io.h"
#include "processor/metrics.h"

namespace quantstream::processor {

class CommitWriter {
 public:
  // `topic` is that of the trades. `metrics` outlives the writer.
  CommitWriter(std::string topic, Metrics* metrics) : topic_(std::move(topic)), metrics_(metrics) {}

  // kUnmatched, kLanded and kFailed are certain; kUnknown when the answer to COMMIT was lost.
  CommitOutcome Write(postgres::Connection& connection, const Commit& commit);

 private:
  // How the rows marked new are written.
  enum class NewRows { kByCopy, kWhereNewer };

  absl::Status Prepare(postgres::Connection& connection, const Commit& commit);
  CommitOutcome WriteOnce(postgres::Connection& connection, const Commit& commit, NewRows how);
  absl::StatusOr<std::vector<int32_t>> Fence(postgres::Connection& connection,
                                             const Commit& commit);
  absl::Status WriteRows(postgres::Connection& connection, const Commit& commit, NewRows how);
  absl::Status WriteCandles(postgres::Connection& connection, const Commit& commit, NewRows how);
  absl::Status WriteLateTrades(postgres::Connection& connection, const Commit& commit, NewRows how);
  absl::Status WriteStates(postgres::Connection& connection, const Commit& commit);
  absl::Status WriteOutbox(postgres::Connection& connection, const Commit& commit);

  std::string topic_;
  Metrics* metrics_;
  Catalog catalog_;
  int64_t new_rows_ = 0;  // of the commit that is being written
  int64_t replaced_rows_ = 0;
};

}  // namespace quantstream::processor
