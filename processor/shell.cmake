# The shell: everything that touches Kafka, PostgreSQL or the operator.
quantstream_module(NAME processor_shell
  SOURCES config.cpp metrics.cpp partition_board.cpp source.cpp candle_rows.cpp catalog.cpp
    commit_writer.cpp gap_rows.cpp
    stored_rows.cpp store.cpp publisher.cpp send_queue.cpp worker_thread.cpp startup.cpp health.cpp
  DEPENDS quantstream::processor_core quantstream::platform quantstream::kafka quantstream::postgres
    quantstream::market quantstream::admin quantstream::migrations prometheus-cpp::core)

quantstream_binary(NAME quantstream-processor SOURCES main.cpp
  DEPENDS quantstream::processor_shell quantstream::mimalloc)
