"""Reads the recorded data of ../shared: trades for the reference, candles that venues made."""
import csv
import datetime
import decimal
import gzip
import json
import os
import sys
import zipfile
import zoneinfo

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUOTES = ("USDT", "ETH", "BTC", "USD")


def shared(path):
    """A file or folder of ../shared; ends the test where it is missing (a failure in CI)."""
    full = os.path.join(os.path.dirname(ROOT), "shared", path)
    if not os.path.exists(full):
        print(f"absent: ../shared/{path}", flush=True)
        sys.exit(1 if os.environ.get("CI") else 0)
    return full


def canonical(symbol):
    """XRPETH -> XRP-ETH."""
    quote = next(quote for quote in QUOTES if symbol.endswith(quote))
    return f"{symbol[:-len(quote)]}-{quote}"


def binance_frames(venue, path):
    for line in gzip.open(path, "rt"):
        frame = json.loads(line.split(" ", 1)[1])
        trade = frame.get("data", {})  # answers to requests have none
        if trade.get("e") == "trade":
            yield (f"{venue}:{canonical(trade['s'])}", trade["T"] * 1000, trade["t"],
                   decimal.Decimal(trade["p"]), decimal.Decimal(trade["q"]), not trade["m"])


def stock_ticks(venue, path):
    """`ms since midnight in New York,price x 10000,shares,...` of 20131007_aig_Trade_Tick.csv."""
    with zipfile.ZipFile(path) as archive:
        name = archive.namelist()[0]
        day, ticker = name.split("_")[:2]
        midnight = datetime.datetime.strptime(day, "%Y%m%d").replace(
            tzinfo=zoneinfo.ZoneInfo("America/New_York"))
        start_us = int(midnight.timestamp()) * 1_000_000
        rows = archive.read(name).decode().splitlines()
    for number, row in enumerate(rows):
        milliseconds, price, shares = row.split(",")[:3]
        yield (f"{venue}:{ticker.upper()}", start_us + int(milliseconds) * 1000, number,
               decimal.Decimal(price) / 10000, decimal.Decimal(shares), None)


def ledger(venue, path):
    """What quantstream-simulator wrote down: each trade once, however often it was sent."""
    seen = {}
    with open(path, encoding="ascii") as file:
        for row in csv.DictReader(file):
            seen[row["stream"], row["id"]] = row
    for row in seen.values():
        symbol = canonical(row["stream"].split("@")[0].upper())
        yield (f"{venue}:{symbol}", int(row["time"]) * 1000, int(row["id"]),
               decimal.Decimal(row["price"]), decimal.Decimal(row["qty"]),
               row["buyer_is_maker"] == "false")


def venue_candles(path):
    """[(symbol, start in seconds, values, trades in the file)] of the windows that are complete."""
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            if row["complete"] == "1":
                values = {name: decimal.Decimal(row[name])
                          for name in ("open", "high", "low", "close", "volume")}
                yield (canonical(row["symbol"]), int(row["window_start_ms"]) // 1000, values,
                       int(row["trades_in_our_file"]))
