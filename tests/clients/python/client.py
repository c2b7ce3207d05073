"""QuantStream from Python: the last 100 candles, then live ones, through restarts of either side.

    client.py ADDRESS[,ADDRESS...] INSTRUMENT[,...] INTERVAL[,...] SECONDS [--state FILE]
              [--policy conflate|skip|disconnect] [--subscribe] [--think-ms N]

Prints one line of JSON for each state of a candle that it receives, and what else happens on
stderr. With --state it goes on where it was stopped or killed: no candle is missing.
"""
import argparse
import itertools
import json
import os
import queue
import random
import sys
import time

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from quantstream.v1 import candle_pb2, market_data_pb2 as api, market_data_pb2_grpc

POLICIES = {"conflate": api.SLOW_CONSUMER_POLICY_CONFLATE,
            "skip": api.SLOW_CONSUMER_POLICY_SKIP_AND_TELL,
            "disconnect": api.SLOW_CONSUMER_POLICY_DISCONNECT}
# A server that vanished without a word is noticed within 25 s.
CHANNEL = [("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 5_000)]


def log(*words):
    print(*words, file=sys.stderr, flush=True)


def show(candle, source):
    # Decimals are strings, so that no digit is lost; so is what may pass 2^53.
    print(json.dumps({
        "source": source, "instrument": candle.instrument,
        "interval": candle.interval.ToJsonString(),
        "open_time": candle.open_time.ToJsonString(), "open": candle.open, "high": candle.high,
        "low": candle.low, "close": candle.close, "volume": candle.volume, "vwap": candle.vwap,
        "trade_count": str(candle.trade_count), "state": candle_pb2.CandleState.Name(candle.state),
        "version": str(candle.version)}), flush=True)


class Place:
    """Where the stream stands: its newest resume token, also in a file if there is one."""

    def __init__(self, path):
        self.path = path
        self.token = ""
        if path and os.path.exists(path):
            with open(path, encoding="ascii") as file:
                self.token = file.read()

    def move(self, token):
        """Call it when the candles before this token are printed: they will not come again."""
        self.token = token
        if self.path:
            with open(self.path + ".new", "w", encoding="ascii") as file:
                file.write(token)
            os.replace(self.path + ".new", self.path)  # a crash leaves the old one or the new one


def closed_candles(stub, request):
    """All pages of an answer."""
    while True:
        page = stub.GetCandles(request, timeout=30)
        yield from page.candles
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def stream(stub, options, token, seconds):
    """The events of one StreamCandles call."""
    return stub.StreamCandles(api.StreamCandlesRequest(
        instruments=options.instruments, intervals=options.intervals, last=100,
        resume_token=token, slow_consumer_policy=POLICIES[options.policy]), timeout=seconds)


def subscribe(stub, options, token, seconds):
    """The same by Subscribe: items could be added and removed while it runs."""
    requests = queue.SimpleQueue()
    requests.put(api.SubscribeRequest(
        add=[api.SubscriptionItem(instrument=instrument, interval=interval)
             for instrument in options.instruments for interval in options.intervals],
        last=100, resume_token=token, slow_consumer_policy=POLICIES[options.policy]))
    # More requests could be put at any time; None would say that there are no more.
    for response in stub.Subscribe(iter(requests.get, None), timeout=seconds):
        for status in response.statuses:
            log("item", status.item.instrument, status.item.interval, status.code, status.message)
        if response.HasField("event"):
            yield response.event


def follow(stub, options, place, seconds):
    """Prints candles until the server asks us to go elsewhere; returns how long to wait first."""
    call = subscribe if options.subscribe else stream
    for event in call(stub, options, place.token, seconds):
        kind = event.WhichOneof("event")
        if kind == "candles":
            for candle in event.candles.candles:
                show(candle, "stream")
            time.sleep(options.think_ms / 1000)
        elif kind == "skipped":
            log("skipped", event.skipped.count)
            for request in event.skipped.fetch:
                for candle in closed_candles(stub, request):
                    show(candle, "fetched")
        elif kind == "draining":
            log("draining")
            return event.draining.reconnect_after.ToTimedelta().total_seconds()
        else:
            log(kind)
        if event.resume_token:
            place.move(event.resume_token)
    return 0


def details(error):
    """The google.rpc details of an error, by type."""
    status = rpc_status.from_call(error)
    found = {}
    for packed in status.details if status else []:
        for kind in (error_details_pb2.RetryInfo, error_details_pb2.ErrorInfo):
            if packed.Is(kind.DESCRIPTOR):
                found[kind] = kind()
                packed.Unpack(found[kind])
    return found


def recover(error, place, failures):
    """How long to wait before the next attempt; raises where another one would not help."""
    found = details(error)
    log(error.code().name, error.details())
    if error.code() == grpc.StatusCode.UNAVAILABLE:
        asked = error_details_pb2.RetryInfo()
        asked = found.get(error_details_pb2.RetryInfo, asked).retry_delay.ToTimedelta()
        # Full jitter: a thousand clients that lost one server do not come back at once.
        return asked.total_seconds() + random.uniform(0, min(10, 0.1 * 2 ** failures))
    if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and place.token:
        # We were too slow (policy `disconnect`): what we have not read comes again.
        told = found.get(error_details_pb2.ErrorInfo, error_details_pb2.ErrorInfo())
        place.move(told.metadata.get("resume_token") or place.token)
        return random.uniform(0, 1)
    if error.code() == grpc.StatusCode.OUT_OF_RANGE and place.token:
        place.move("")  # away for longer than tokens hold: begin again with the last 100
        return 0
    raise error


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("addresses", type=lambda text: text.split(","))
    parser.add_argument("instruments", type=lambda text: text.split(","))
    parser.add_argument("intervals", type=lambda text: text.split(","))
    parser.add_argument("seconds", type=float)
    parser.add_argument("--state", help="file that keeps the resume token")
    parser.add_argument("--policy", choices=POLICIES, default="conflate")
    parser.add_argument("--subscribe", action="store_true", help="by the bidirectional call")
    parser.add_argument("--think-ms", type=int, default=0, help="a slow program: per message")
    options = parser.parse_args()

    end = time.monotonic() + options.seconds
    place = Place(options.state)
    history = place.token == ""  # who resumes needs none
    failures = 0
    for address in itertools.cycle(options.addresses):
        place_before = place.token
        try:
            with grpc.insecure_channel(address, CHANNEL) as channel:
                stub = market_data_pb2_grpc.MarketDataStub(channel)
                for pair in itertools.product(options.instruments, options.intervals):
                    request = api.GetCandlesRequest(instrument=pair[0], interval=pair[1], last=100,
                                                    page_size=40)
                    for candle in closed_candles(stub, request) if history else []:
                        show(candle, "history")
                history = False
                wait = follow(stub, options, place, end - time.monotonic())
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED and time.monotonic() >= end:
                return
            failures = 0 if place.token != place_before else failures + 1
            wait = recover(error, place, failures)
        if time.monotonic() + wait >= end:
            return
        log("reconnects in", round(wait, 3), "s")
        time.sleep(wait)


if __name__ == "__main__":
    main()
