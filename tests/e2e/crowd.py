"""Many streaming clients in one process (streaming_clients.cpp): who they are, and whether what
they were told is what PostgreSQL holds."""
import itertools
import json
import os
import subprocess

import pipeline

POLICIES = ("CONFLATE", "SKIP_AND_TELL", "DISCONNECT")
CALLS = ("stream", "subscribe")
COLUMNS = (
    "instrument, interval_s, extract(epoch FROM open_time)::bigint, "
    "extract(epoch FROM close_time)::bigint, trim_scale(open), trim_scale(high), trim_scale(low), "
    "trim_scale(close), trim_scale(volume), trim_scale(quote_volume), trim_scale(buy_volume), "
    "trim_scale(vwap), trade_count, 'CANDLE_STATE_' || state, revision, version, "
    "'COMPLETENESS_' || completeness, first_trade_id, last_trade_id, "
    "(extract(epoch FROM first_trade_time) * 1000000)::bigint, "
    "(extract(epoch FROM last_trade_time) * 1000000)::bigint, "
    "partition, first_offset, last_offset, volatility").replace(
        "partition, first", "CASE WHEN first_offset IS NULL THEN NULL ELSE partition END, first")


class Spec:
    """What one client wants."""

    def __init__(self, kind, call, policy, instruments, intervals, think_ms=0, **options):
        self.kind, self.call, self.policy = kind, call, policy
        self.name = f"{call}-{policy.lower()}-{kind}"
        self.instruments, self.intervals, self.think_ms = instruments, intervals, think_ms
        self.from_the_first = "startTime" in options
        self.options = dict(options, slowConsumerPolicy="SLOW_CONSUMER_POLICY_" + policy)

    def request(self):
        if self.call == "stream":
            return dict(self.options, instruments=self.instruments, intervals=self.intervals)
        options = dict(self.options)
        update = options.pop("minUpdateMs", 0)
        items = itertools.product(self.instruments, self.intervals)
        return dict(options, add=[
            {"instrument": instrument, "interval": interval, "minUpdateMs": update}
            for instrument, interval in items])

    def line(self):
        return f"{self.call} {self.name} {self.think_ms} {json.dumps(self.request())}\n"

    def wants(self, key):
        instrument, interval_s = key[:2]
        return f"{interval_s}s" in self.intervals and (
            instrument in self.instruments
            or instrument.split(":")[0] + ":*" in self.instruments)


def specs(simulated, recorded):
    """Each call with each policy, in 7 kinds."""
    some, start = simulated[:3], "2020-01-01T00:00:00Z"
    found = []
    for call, policy in itertools.product(CALLS, POLICIES):
        everything = ["simulator:*"] if call == "subscribe" else simulated
        who = call, policy
        found += [
            Spec("last", *who, some + recorded, ["1s", "5s"], last=100),
            Spec("start", *who, some, ["1s"], startTime=start),
            Spec("closed", *who, some, ["5s", "1s"], closedOnly=True),
            Spec("updates", *who, simulated[:10], ["1s"], minUpdateMs=200, last=3),
            Spec("all", *who, everything, ["5s"], last=2),
            Spec("slow", *who, everything, ["1s"], 7000, last=5),
            Spec("slow-start", *who, everything, ["1s", "5s"], 7000, startTime=start)]
    return found


class Crowd:
    """The process, and what it answers."""

    def __init__(self, folder, addresses):
        program = os.path.join(os.path.dirname(pipeline.PROGRAMS), "tests", "e2e_streaming_clients")
        self.specs = {}
        self.errors_path = os.path.join(folder, "crowd.log")
        with open(self.errors_path, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                [program, *addresses], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True, preexec_fn=pipeline.die_with_parent)

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, command, answers=1):
        """Lists of lines."""
        self.process.stdin.write(command.rstrip("\n") + "\n")
        self.process.stdin.flush()
        lines = [[] for _ in range(answers)]
        for each in lines:
            while line := self.process.stdout.readline().rstrip("\n"):
                each.append(line)
        return lines

    def errors(self, most=20):
        with open(self.errors_path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[:most])

    def add(self, spec):
        self.specs[spec.name] = spec
        self.ask(spec.line())

    def status(self):
        """{name: (newest close time in s, resumes, skips, disconnects)}; no error has come up."""
        result = {}
        for line in self.ask("status")[0]:
            name, *numbers, errors = line.split(" ")
            assert errors == "0", f"{name}: {errors} errors\n{self.errors()}"
            result[name] = tuple(map(int, numbers))
        return result

    def without_news(self, since_s):
        """The status of those who have no candle that closed after this."""
        return {name: status for name, status in self.status().items() if status[0] <= since_s}

    def hold(self):
        """{name: its rows}"""
        clients, texts = self.ask("dump", 2)
        rows = dict(text.split("|", 1) for text in texts)
        held = (line.split(" ") for line in clients)
        return {name: [rows[each].split("|") for each in ids] for name, *ids in held}


def key_of(row):
    return row[0], int(row[1]), int(row[2])


def comparable(row):
    *others, volatility = row
    return *others, volatility and float(volatility)


def by_key(rows):
    return {key_of(row): comparable(row) for row in rows}


def stored(world):
    return by_key(world.rows(f"SELECT {COLUMNS} FROM candles_v"))


def expected(spec, held, truth):
    """Of what is stored, what the client must have: from its first candle of a series on."""
    begins = {}
    for each in sorted(held):
        begins.setdefault(each[:2], each[2])
    for each, row in truth.items():
        first = 0 if spec.from_the_first else begins.get(each[:2], 0)
        if spec.wants(each) and each[2] >= first:
            yield each, row


def differences(spec, held, truth):
    wanted = dict(expected(spec, held, truth))
    for each in sorted(wanted.keys() - held.keys()):
        yield f"{spec.name}: missing: {each}"
    for each in sorted(held.keys() - wanted.keys()):
        yield f"{spec.name}: not stored, or not wanted: {each}"
    for each in sorted(held.keys() & wanted.keys()):
        if held[each] != wanted[each]:
            yield f"{spec.name}: has {held[each]}, stored {wanted[each]}"
