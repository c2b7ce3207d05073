"""How quick quantstream-query is, how much it sends per CPU-second, and what streams cost.

Run by bench/run. Real Kafka, PostgreSQL, processor and query process; a load client of our own that
checks what arrives. Each figure stands beside its goal, and beside what this machine grants a
program that does nothing else, measured in the same run.

QUANTSTREAM_BENCH_SECONDS (default 10) is the length of each part, QUANTSTREAM_BENCH_STREAMS
(default 10000) how many streams are held open, QUANTSTREAM_BENCH_HISTORY (default 1200000) how many
trades the stored candles are made of. QUANTSTREAM_BENCH_PARTS (default all) names parts:
floor calls latency fanout streams.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from processor import log_end, wait_for_offset
from quantstream.v1 import candle_pb2, market_data_pb2
from query_world import (
    DATABASE,
    PREFIX,
    RATES,
    World,
    answer,
    know_instruments,
    load,
    pieces,
    read_pieces,
    wait_for_ready_line,
)
from stage import Results, Stage, cpu_seconds, memory_megabytes

SECONDS = int(os.environ.get("QUANTSTREAM_BENCH_SECONDS", "10"))
STREAMS = int(os.environ.get("QUANTSTREAM_BENCH_STREAMS", "10000"))
HISTORY = int(os.environ.get("QUANTSTREAM_BENCH_HISTORY", "1200000"))
ALL_PARTS = "floor calls latency fanout streams"
PARTS = os.environ.get("QUANTSTREAM_BENCH_PARTS", ALL_PARTS).split()

HISTORY_INSTRUMENTS, HISTORY_RATE = 10, 100  # every second of each has a trade, nearly
WARM_UP_S = 5
SERVICE = "/quantstream.v1.MarketData/"


# ---- what the machine grants


def floor(world, results):
    tcp = answer(world.tool("bench-query-floor", "tcp"))
    sends = tcp["sends"]
    results.add("floor: TCP send, 300 bytes", "rate", sends / tcp["seconds"], "sends/s")
    results.add("floor: TCP send, 300 bytes", "CPU per send", tcp["cpu_s"] / sends * 1e6, "us")
    server = world.tool("bench-query-floor", "serve")
    port = int(server.stdout.readline())
    floor_stream(world, results, server, port, 300)
    floor_stream(world, results, server, port, 20_000)
    requests = world.stage.folder / "floor.requests"
    requests.write_bytes(pieces([b"x" * 100]))
    before, calls = cpu_seconds(server.pid), 4_000 * SECONDS
    done = answer(load(world, "calls", port, path="/floor/x", requests=requests, calls=calls))
    cpu = cpu_seconds(server.pid) - before
    results.add("floor: empty gRPC call", "rate", calls / done["seconds"], "calls/s")
    results.add("floor: empty gRPC call", "calls per CPU-second", calls / cpu, "calls")
    server.communicate()
    before = world.stage.kafka_cpu_seconds()
    echo = answer(world.feed("echo", "floor", rate=5_000, records=5_000 * SECONDS))
    kafka = world.stage.kafka_cpu_seconds() - before
    results.add("floor: Kafka alone, 5,000/s", "p50", echo["p50_ms"], "ms")
    results.add("floor: Kafka alone, 5,000/s", "p99", echo["p99_ms"], "ms")
    results.add("floor: Kafka alone, 5,000/s", "CPU of the broker", kafka / SECONDS, "cores")


def warm_kafka(world):
    """A broker that has just started compiles its code for half a minute, on both cores."""
    answer(world.feed("echo", "warm", rate=8_000, records=8_000 * 2 * SECONDS))


def floor_stream(world, results, server, port, size):
    each = 100 * SECONDS if size > 1_000 else 500 * SECONDS
    before = cpu_seconds(server.pid)
    done = answer(load(world, "floor", port, streams=200, each=each, bytes=size))
    cpu = cpu_seconds(server.pid) - before
    question = f"floor: gRPC streams, {size:,} bytes"
    results.add(question, "rate", done["messages"] / done["seconds"], "messages/s")
    results.add(question, "CPU per message", cpu / done["messages"] * 1e6, "us")


# ---- GetCandles


def fill_history(world):
    """Stored candles of 10 instruments; returns their names."""
    subprocess.run(
        [
            world.build / "bench/bench-fill",
            *("--brokers", world.stage.brokers, "--topic", f"{PREFIX}trades"),
            *("--instruments", str(HISTORY_INSTRUMENTS), "--rate", str(HISTORY_RATE)),
            *("--trades", str(HISTORY)),
        ],
        check=True,
        capture_output=True,
    )
    with world.processor() as service:
        wait_for_offset(world.stage, service, DATABASE, log_end(world.stage, PREFIX), 300)
    return [f"bench:COIN{i}-USDT" for i in range(HISTORY_INSTRUMENTS)]


def check_candles(world, request, message):
    """The answer against PostgreSQL, field by field; returns how many candles it has."""
    response = market_data_pb2.GetCandlesResponse.FromString(message)
    limit = request.last or request.page_size
    rows = world.stage.query(
        DATABASE,
        "SELECT extract(epoch FROM open_time)::bigint, trim_scale(open), trim_scale(high), "
        "trim_scale(low), trim_scale(close), trim_scale(volume), trade_count, state, version "
        f"FROM candles_v WHERE instrument = '{request.instrument}' AND interval_s = 1 "
        f"ORDER BY open_time {'DESC' if request.last else ''} LIMIT {limit}",
    ).splitlines()
    answered = [
        "|".join(
            [
                *(str(c.open_time.seconds), c.open, c.high, c.low, c.close, c.volume),
                *(str(c.trade_count), candle_pb2.CandleState.Name(c.state)[13:], str(c.version)),
            ]
        )
        for c in response.candles
    ]
    if sorted(answered) != sorted(rows) or len(rows) != limit:
        raise RuntimeError(f"{request.instrument}: an answer differs from PostgreSQL")
    return limit


def get_candles(world, query, name, requests, calls, **options):
    """Calls, all checked; returns what the client says, with `cpu` and `rows`."""
    asked, answers = (world.stage.folder / f"{name}.{kind}" for kind in ("requests", "answers"))
    asked.write_bytes(pieces([r.SerializeToString() for r in requests]))
    before = cpu_seconds(query.pid)
    done = answer(
        load(
            world,
            "calls",
            query.port,
            path=f"{SERVICE}GetCandles",
            requests=asked,
            answers=answers,
            calls=calls,
            **options,
        )
    )
    done["cpu"] = cpu_seconds(query.pid) - before
    rows = sum(check_candles(world, r, a) for r, a in zip(requests, read_pieces(answers)))
    done["rows"] = rows * calls // len(requests)
    return done


def calls(world, results):
    names = fill_history(world)
    newest = [request_of(name, last=100) for name in names]
    long = [request_of(name, page_size=10_000) for name in names[:4]]
    memory = world.query_has("recent_series_max")  # else every call goes to PostgreSQL
    with world.query(**({"recent_series_max": 0} if memory else {})) as query:
        done = get_candles(world, query, "store", newest, 1_500 * SECONDS)
        rate = done["calls"] / done["seconds"]
        question = "GetCandles, 100 rows, from PostgreSQL"
        results.add(question, "rate", rate, "calls/s", 1_500, "higher")
        results.add(question, "calls per CPU-second", done["calls"] / done["cpu"], "calls")
        done = get_candles(world, query, "paced", newest, 750 * SECONDS, rate=750)
        results.add(question, "p99 at 750 calls/s", done["p99_ms"], "ms")
        done = get_candles(world, query, "long", long, 40 * SECONDS, in_flight=4)
        question = "GetCandles, 10,000 rows a page"
        rate = done["rows"] / done["seconds"]
        results.add(question, "rate", rate, "rows/s", 200_000, "higher")
        results.add(question, "rows per CPU-second", done["rows"] / done["cpu"], "rows")
    if not memory:
        return
    # It answers while a processor says how far it is.
    with world.processor(), world.query() as query:
        get_candles(world, query, "filling", newest, 100)
        done = get_candles(world, query, "memory", newest, 4_000 * SECONDS)
        question = "GetCandles, 100 rows, from memory"
        rate = done["calls"] / done["cpu"]
        results.add(question, "calls per CPU-second", rate, "calls", 20_000, "higher")
        results.add(question, "rate", done["calls"] / done["seconds"], "calls/s")
        results.add(question, "p99 with 32 in flight", done["p99_ms"], "ms")


def request_of(name, **options):
    return market_data_pb2.GetCandlesRequest(instrument=name, interval="1s", **options)


# ---- trade -> PARTIAL


def measure_latency(world, results, rate, conflation_ms, goals):
    """100 subscribers, each one of 100 instruments."""
    trades, skip = rate * (SECONDS + WARM_UP_S), rate * WARM_UP_S
    venue = f"paced{rate}"
    know_instruments(world, venue)
    with (
        world.processor(partial_interval_ms=conflation_ms) as processor,
        world.query() as query,
    ):
        client = load(
            world,
            "latency",
            query.port,
            venue=venue,
            rate=rate,
            trades=trades,
            skip=skip,
        )
        wait_for_ready_line(client)
        before = [cpu_seconds(s.pid) for s in (processor, query)]
        kafka = world.stage.kafka_cpu_seconds()
        feed = world.feed("trades", f"{PREFIX}trades", venue=venue, rate=rate, trades=trades)
        done = answer(client)
        answer(feed)
        cpu = [cpu_seconds(s.pid) - b for s, b in zip((processor, query), before)]
        kafka = world.stage.kafka_cpu_seconds() - kafka
    question = f"trade to PARTIAL, {rate:,}/s"
    if conflation_ms:
        question += f", {conflation_ms} ms conflated"
    results.add(question, "p50", done["p50_ms"], "ms", goals[0])
    results.add(question, "p99", done["p99_ms"], "ms", goals[1])
    results.add(question, "max", done["max_ms"], "ms")
    results.add(question, "messages", done["messages"] / (SECONDS + WARM_UP_S), "messages/s")
    results.add(question, "CPU of the processor", cpu[0] / (SECONDS + WARM_UP_S), "cores")
    results.add(question, "CPU of query", cpu[1] / (SECONDS + WARM_UP_S), "cores")
    results.add(question, "CPU of the broker", kafka / (SECONDS + WARM_UP_S), "cores")


def latency(world, results):
    for rate, conflation_ms, goals in zip(RATES, (0, 0, 5), ((None, None), (3, 10), (None, 25))):
        measure_latency(world, results, rate, conflation_ms, goals)


# ---- many subscribers


def measure_fanout(world, streams, rate, candles):
    """CandleEvents that this benchmark writes, no processor; each with so many candles."""
    records, prefix = rate * SECONDS, f"fanout{candles}."
    with world.query(topic_prefix=prefix) as query:
        client = load(
            world,
            "fanout",
            query.port,
            streams=streams,
            candles=records * candles,
        )
        wait_for_ready_line(client)
        before = cpu_seconds(query.pid)
        feed = world.feed(
            "candles", f"{prefix}candles", rate=rate, records=records, candles=candles
        )
        done = answer(client)
        answer(feed)
        done["cpu"] = cpu_seconds(query.pid) - before
    return done


def fanout(world, results):
    know_instruments(world, "paced")
    done = measure_fanout(world, 1_000, 120, 1)
    question = "fan-out to 1,000 streams, 1 candle each"
    rate = done["messages"] / done["seconds"]
    results.add(question, "rate", rate, "messages/s", 100_000, "higher")
    results.add(question, "CPU per message", done["cpu"] / done["messages"] * 1e6, "us")
    done = measure_fanout(world, 1_000, 10, 100)
    question = "fan-out to 1,000 streams, 100 candles each"
    rate = done["candles"] / done["cpu"]
    results.add(question, "candles per CPU-second", rate, "candles", 2_000_000, "higher")
    results.add(question, "rate", done["candles"] / done["seconds"], "candles/s")


def streams(world, results):
    know_instruments(world, "paced")
    with world.query(connections_max=1_000, streams_max=STREAMS) as query:
        before = memory_megabytes(query.pid)
        client = load(world, "hold", query.port, streams=STREAMS, connections=100)
        wait_for_ready_line(client)
        time.sleep(2)  # what opening them took is given back
        cpu = cpu_seconds(query.pid)
        held = memory_megabytes(query.pid)
        time.sleep(SECONDS / 2)
        cpu = (cpu_seconds(query.pid) - cpu) / (SECONDS / 2)
        client.communicate()
    question = f"{STREAMS:,} open streams"
    results.add(question, "memory", held, "MiB", 350 if STREAMS == 10_000 else None)
    results.add(question, "memory per stream", (held - before) * 1024 / STREAMS, "KiB")
    results.add(question, "CPU while nothing trades", cpu, "cores")


def main():
    build, results = Path(sys.argv[1]), Results("query")
    with Stage() as stage:
        world = World(stage, build)
        stage.make_database(DATABASE)
        with world.processor(), world.query():
            pass  # they make topics and tables
        warm_kafka(world)
        for part in ALL_PARTS.split():
            if part in PARTS:
                globals()[part](world, results)
    if PARTS == ALL_PARTS.split():
        results.write()


if __name__ == "__main__":
    main()
