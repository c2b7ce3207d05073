"""The services that bench/query.py measures, and the programs of ours that load them."""

import json
import subprocess
import time
import urllib.request
from contextlib import contextmanager

from stage import Service, free_port

PREFIX, DATABASE = "query.", "query"
INSTRUMENTS = 100  # of the paced flows
RATES = (1_000, 5_000, 50_000)  # theirs, trades/s


class World:
    """The services of one run."""

    def __init__(self, stage, build):
        self.stage, self.build = stage, build

    def common(self):
        return {
            "kafka": {"bootstrap.servers": self.stage.brokers},
            "topic_prefix": PREFIX,
            "postgres": {
                "host": "127.0.0.1",
                "port": str(self.stage.postgres_port),
                "user": "quantstream",
                "dbname": DATABASE,
            },
        }

    @contextmanager
    def processor(self, **options):
        admin = free_port()
        service = Service(
            self.stage,
            self.build,
            "quantstream-processor",
            {
                **self.common(),
                "admin_port": admin,
                "workers": 1,
                "contiguous_id_venues": ["bench", *(f"paced{rate}" for rate in RATES)],
                **options,
            },
        )
        wait_until_ready(service, admin)
        yield service
        service.stop()

    @contextmanager
    def query(self, **options):
        admin, port = free_port(), free_port()
        service = Service(
            self.stage,
            self.build,
            "quantstream-query",
            {
                **self.common(),
                "admin_port": admin,
                "grpc_port": port,
                "lookback_ms": 600_000,
                **options,
            },
        )
        wait_until_ready(service, admin)
        service.port = port
        yield service
        service.stop()

    def query_has(self, option):
        """Older builds lack some."""
        done = subprocess.run(
            [self.build / "bin/quantstream-query", "--help"], capture_output=True, text=True
        )
        return option in done.stdout

    def tool(self, name, *arguments, **options):
        """One of our programs, started; its standard output and input are pipes."""
        command = [self.build / "bench" / name, *arguments]
        for key, value in options.items():
            command += [f"--{key}", str(value)]
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def feed(self, what, topic, **options):
        brokers = self.stage.brokers
        return self.tool("bench-query-feed", what, brokers=brokers, topic=topic, **options)


def wait_until_ready(service, admin, bound_s=60):
    deadline = time.monotonic() + bound_s
    while time.monotonic() < deadline:
        service.check_alive()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"not ready after {bound_s} s: {service.log.read_text()[-2000:]}")


def answer(process):
    """The JSON object that a program ends with."""
    out, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{process.args[0].name} {process.args[1]} failed: no figure")
    lines = [line for line in out.splitlines() if line.startswith("{")]
    return json.loads(lines[-1]) if lines else {}


def wait_for_ready_line(process):
    if process.stdout.readline().strip() != "ready":
        raise RuntimeError(f"{process.args[0].name} {process.args[1]} did not open its streams")


def pieces(messages):
    """As the load client reads and writes files: each behind its length."""
    return b"".join(len(m).to_bytes(4, "little") + m for m in messages)


def read_pieces(path):
    data, at = path.read_bytes(), 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def load(world, question, port, **options):
    return world.tool("bench-query-load", question, port=port, **options)


def know_instruments(world, venue):
    """As if each had a stored candle; clients may ask for those only."""
    names = [f"{venue}:COIN{i}-USDT" for i in range(INSTRUMENTS)]
    values = ", ".join(
        f"('{venue}', '{name.split(':')[1]}', {partition_of(name)})" for name in names
    )
    world.stage.query(
        DATABASE,
        "INSERT INTO instruments (venue, symbol, partition) "
        f"VALUES {values} ON CONFLICT DO NOTHING",
    )


def partition_of(name, partitions=12):
    """murmur2, as the services and Java clients have it."""
    mask, data, multiplier = 0xFFFFFFFF, name.encode(), 0x5BD1E995
    value = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * multiplier & mask
        k = (k ^ (k >> 24)) * multiplier & mask
        value = (value * multiplier & mask) ^ k
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * multiplier & mask
    value = (value ^ (value >> 13)) * multiplier & mask
    return ((value ^ (value >> 15)) & 0x7FFFFFFF) % partitions
