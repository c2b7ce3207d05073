"""How much CPU and memory quantstream-processor needs from Kafka to committed rows.

Run by bench/run. One topic of trades is filled in batches as ingest makes them, one with one trade
per record; the real binary catches up with each, then keeps up with a steady rate with PARTIAL
candles on. All rows are compared with a reference. Beside it, in the same run, the same job in
Python.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, TopicPartition
from stage import (
    ROOT,
    Results,
    Service,
    Stage,
    cpu_seconds,
    free_port,
    peak_megabytes,
)

TRADES = int(os.environ.get("QUANTSTREAM_BENCH_TRADES", "5000000"))
RATE, INSTRUMENTS, STEADY_S = 50_000, 200, 60
PEER_TRADES = min(TRADES, 500_000)


def fill(stage, build, prefix, **options):
    arguments = [
        build / "bench/bench-fill",
        "--brokers",
        stage.brokers,
        "--topic",
        f"{prefix}trades",
        "--instruments",
        str(INSTRUMENTS),
        "--rate",
        str(RATE),
    ]
    for name, value in options.items():
        arguments += [f"--{name}", str(value)]
    return arguments


def processor(stage, build, prefix, database):
    port = free_port()
    service = Service(
        stage,
        build,
        "quantstream-processor",
        {
            "kafka": {"bootstrap.servers": stage.brokers},
            "admin_port": port,
            "workers": 1,
            "topic_prefix": prefix,
            "postgres": {
                "host": "127.0.0.1",
                "port": str(stage.postgres_port),
                "user": "quantstream",
                "dbname": database,
            },
            "contiguous_id_venues": ["bench"],
        },
    )
    return service, port


def log_end(stage, prefix):
    """Records in the topic, over all partitions."""
    consumer = Consumer({"bootstrap.servers": stage.brokers, "group.id": "bench"})
    topic = f"{prefix}trades"
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ends = [end_of(consumer, TopicPartition(topic, partition)) for partition in partitions]
    consumer.close()
    return sum(ends)


def end_of(consumer, partition, bound_s=30):
    """Its log end; waits for the leader of a topic that was just made."""
    deadline = time.monotonic() + bound_s
    while True:
        try:
            return consumer.get_watermark_offsets(partition, timeout=10)[1]
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def wait_for_offset(stage, service, database, end, bound_s):
    """Until PostgreSQL holds everything before `end`, the sum over the partitions."""
    deadline = time.monotonic() + bound_s
    while time.monotonic() < deadline:
        service.check_alive()
        try:
            stored = stage.query(
                database, "SELECT coalesce(sum(next_offset), 0) FROM partition_progress"
            )
        except subprocess.CalledProcessError:
            stored = "0"  # the schema is still being made
        if int(stored) >= end:
            return
        time.sleep(0.1)
    raise RuntimeError(f"not done after {bound_s} s: {service.log.read_text()[-2000:]}")


def check(stage, build, database, trades, seed=1):
    done = subprocess.run(
        [
            build / "bench/bench-check",
            stage.conninfo(database),
            "bench",
            str(trades),
            str(INSTRUMENTS),
            str(RATE),
            str(seed),
        ],
        capture_output=True,
        text=True,
    )
    print(f"  rows against the reference: {done.stdout.strip()} {done.stderr.strip()}", flush=True)
    if done.returncode != 0:
        raise RuntimeError("rows differ from the reference: no figure of this run counts")


def catch_up(stage, build, results, question, single, goal):
    prefix = "single." if single else "batch."
    made = json.loads(
        subprocess.run(
            fill(stage, build, prefix, trades=TRADES, single=int(single)),
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    print(f"  {question}: {made['trades']:,} trades in {made['records']:,} records", flush=True)
    database, end = stage.make_database(prefix.strip(".")), log_end(stage, prefix)
    postgres, begin = stage.postgres_cpu_seconds(), time.monotonic()
    service, _ = processor(stage, build, prefix, database)
    wait_for_offset(stage, service, database, end, 1200)
    wall, cpu, peak = (
        time.monotonic() - begin,
        cpu_seconds(service.pid),
        peak_megabytes(service.pid),
    )
    postgres = stage.postgres_cpu_seconds() - postgres
    service.stop()
    check(stage, build, database, TRADES)
    millions = TRADES / 1e6
    results.add(question, "CPU per million trades", cpu / millions, "CPU-s", goal)
    results.add(question, "rate", TRADES / wall, "trades/s", better="higher")
    results.add(question, "peak memory", peak, "MiB", 256)
    results.add(question, "PostgreSQL CPU per million", postgres / millions, "CPU-s")
    return cpu / millions


def steady(stage, build, results):
    question, prefix, trades = f"steady {RATE:,}/s, PARTIAL on", "steady.", RATE * STEADY_S
    database = stage.make_database("steady")
    subprocess.run(
        fill(stage, build, prefix, trades=0), check=True, capture_output=True
    )  # makes the topic
    service, _ = processor(stage, build, prefix, database)
    wait_for_offset(stage, service, database, log_end(stage, prefix), 60)
    before, postgres = cpu_seconds(service.pid), stage.postgres_cpu_seconds()
    subprocess.run(
        fill(stage, build, prefix, trades=trades, pace=1), check=True, capture_output=True
    )
    wait_for_offset(stage, service, database, log_end(stage, prefix), 120)
    cpu, peak = cpu_seconds(service.pid) - before, peak_megabytes(service.pid)
    postgres = stage.postgres_cpu_seconds() - postgres
    service.stop()
    check(stage, build, database, trades)
    results.add(question, "CPU per million trades", cpu / trades * 1e6, "CPU-s")
    results.add(question, "peak memory", peak, "MiB", 256)
    results.add(question, "PostgreSQL CPU per million", postgres / trades * 1e6, "CPU-s")


def python_peer(stage, results, ours):
    database = stage.make_database("peer")
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "bench/peers/candles.py",
            stage.brokers,
            "batch.trades",
            stage.conninfo(database),
            str(PEER_TRADES),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    peer = json.loads(done.stdout)
    theirs = peer["cpu_s"] / peer["trades"] * 1e6
    results.add("Python consumer, same topic", "CPU per million trades", theirs, "CPU-s")
    results.add(
        "Python consumer, same topic", "its CPU / ours", theirs / ours, "times", better="higher"
    )


def main():
    build, results = Path(sys.argv[1]), Results("processor")
    with Stage() as stage:
        ours = catch_up(stage, build, results, "catch-up, batches of ingest", False, 0.6)
        python_peer(stage, results, ours)
        catch_up(stage, build, results, "catch-up, one trade per record", True, None)
        steady(stage, build, results)
    results.write()


if __name__ == "__main__":
    main()
