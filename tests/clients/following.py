"""Client programs that follow live candles of the real pipeline, and what they must print."""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))

import languages
import output
import pipeline
import recorded_data
import recording

SIMULATED = ["BTC-USDT", "ETH-USDT"]
# One that trades all the time, one that only has history.
INSTRUMENTS = "simulator:BTC-USDT,recorded:BTC-USDT"
INTERVALS_S = (1, 5)


class Client:
    """One client program and what it printed over its lives."""

    def __init__(self, folder, number, name, addresses, options=()):
        self.title = " ".join((name, *options))
        self.stem = os.path.join(folder, f"client-{number}")
        self.command = languages.command(name) + [
            ",".join(addresses), INSTRUMENTS, "1s,5s", "3600", "--state", self.stem + ".token",
            *options]
        self.lives = 0
        self.lines = []  # read so far
        self.newest_closed = ""
        self.start()

    def start(self):
        self.lives += 1
        self.path = f"{self.stem}.{self.lives}"
        self.position = 0
        with open(self.path, "w") as out, open(self.stem + ".log", "a") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                env=languages.environment(), preexec_fn=pipeline.die_with_parent)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.printed()

    def token(self):
        """The resume token that it has saved; empty before the first."""
        if not os.path.exists(self.stem + ".token"):
            return ""
        with open(self.stem + ".token", encoding="ascii") as file:
            return file.read()

    def printed(self):
        """All whole lines, of all lives. One that a kill cut off is none."""
        with open(self.path, "rb") as file:
            file.seek(self.position)
            text = file.read()
        text = text[:text.rfind(b"\n") + 1]
        self.position += len(text)
        for line in map(json.loads, text.splitlines()):
            self.lines.append(line)
            if (output.is_closed(line) and line["source"] == "stream"
                    and line["instrument"].startswith("simulator")):
                self.newest_closed = max(self.newest_closed, line["open_time"])
        return self.lines

    def log(self, lines=15):
        with open(self.stem + ".log", encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    def newest_second(self):
        """The open time of the simulator's newest closed candle that its stream has had."""
        assert self.process.poll() in (None, -9), (
            f"{self.title} ended: {self.process.returncode}\n{self.log()}")
        self.printed()
        return self.newest_closed


def newest_second(world):
    return max((each[2] for each in output.stored(world)
                if each[:2] == ("simulator:BTC-USDT", 1)), default="")


def wait_for_news(world, clients, what):
    """Until each client has closed seconds that were not there before."""
    now = newest_second(world)
    for client in clients:
        pipeline.wait_for(f"{client.title}, {what}", lambda: client.newest_second() > now, 120)


def start_feeds(world, trades_per_s):
    """The simulator, whose trades and those of the recording are on their way."""
    world.processor(workers=2, contiguous_id_venues=["simulator", "recorded"]).wait_until_ready()
    path = world.folder.name + "/recording"
    recording.write(path)
    world.ingest("ingest-recorded", venue="recorded", decoder="binance", feed="replay",
                 files=[path], replay_speed=0, exit_when_finished=True)
    simulator = world.simulator(instruments=SIMULATED, trades_per_s=trades_per_s)
    world.ingest_from(simulator, "simulator", SIMULATED)
    pipeline.wait_for("the recording's candles", lambda: world.has_schema() and int(world.rows(
        "SELECT count(*) FROM candles_v WHERE venue = 'recorded' AND interval = '1s'")[0][0])
        >= 2 * recording.SECONDS * 0.7)
    pipeline.wait_for("live candles", lambda: newest_second(world))
    return simulator


def end_of_feed(world, simulator, clients):
    """Waits until all trades are in closed candles, and each client has had the newest of them.

    Returns the stored candles.
    """
    pipeline.control(simulator, "pause")
    trades = len(list(recorded_data.ledger("simulator", simulator.ledger)))
    for interval_s in INTERVALS_S:
        pipeline.wait_for("all trades to be in candles", lambda: int(world.rows(
            "SELECT coalesce(sum(trade_count), 0) FROM candles_v WHERE venue = 'simulator' "
            f"AND interval_s = {interval_s}")[0][0]) >= trades)
    truth = {each: values for each, values in output.stored(world).items()
             if each[0] in INSTRUMENTS.split(",") and each[1] in INTERVALS_S}
    newest = {max(each for each in truth if each[:2] == ("simulator:BTC-USDT", interval_s))
              for interval_s in INTERVALS_S}
    for client in clients:
        pipeline.wait_for(f"{client.title} to have the newest candles", lambda: (
            newest <= output.newest_closed(client.printed()).keys()), 120)
        client.kill()
    return truth


def is_right(client, truth):
    """Whether it printed what is stored; says what it printed."""
    printed = client.printed()
    wrong = list(output.differences(printed, truth))
    sources = [line["source"] for line in printed]
    print(f"{client.title}: {len(output.newest_closed(printed))} closed candles equal PostgreSQL, "
          f"lines by call: {', '.join(f'{sources.count(s)} {s}' for s in sorted(set(sources)))}; "
          f"{len(wrong)} differences", flush=True)
    for line in wrong[:10]:
        print("  " + line)
    if wrong:
        print(client.log())
    return not wrong
