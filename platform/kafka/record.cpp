#include "platform/kafka/record.h"

#include <librdkafka/rdkafka.h>

namespace quantstream::kafka {

Headers HeadersOf(const RecordView& record) {
  Headers headers;
  rd_kafka_headers_t* raw = nullptr;
  const auto* message = static_cast<const rd_kafka_message_t*>(record.handle);
  if (message == nullptr || rd_kafka_message_headers(message, &raw) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return headers;
  }
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0;
       rd_kafka_header_get_all(raw, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    headers.emplace_back(name, std::string(static_cast<const char*>(value), size));
  }
  return headers;
}

std::string_view ErrorName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kOffsetOutOfRange:
      return "offset_out_of_range";
    case ErrorKind::kTopicUnknown:
      return "topic_unknown";
    case ErrorKind::kPartitionTruncated:
      return "partition_truncated";
    case ErrorKind::kOffsetGap:
      return "offset_gap";
    case ErrorKind::kTransport:
      return "transport";
    case ErrorKind::kAuthentication:
      return "authentication";
    case ErrorKind::kFencedMember:
      return "fenced_member";
    case ErrorKind::kPollTooLate:
      return "poll_too_late";
    case ErrorKind::kOther:
      return "other";
  }
  return "other";
}

}  // namespace quantstream::kafka
