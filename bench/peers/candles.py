#!/usr/bin/env python3
"""The same job as people write it in Python: trades from Kafka, candles to PostgreSQL.

Integers instead of Decimal, dictionaries, one COPY per second of market time; duplicates by the
highest id, no recovery, no late trades, no gaps: less than the processor promises.
Usage: candles.py BROKERS TOPIC CONNINFO TRADES
"""

import resource
import sys
import time

import psycopg
from confluent_kafka import Consumer, TopicPartition

from quantstream.v1 import trade_pb2

INTERVALS_S = (1, 5, 60, 300, 900, 3600, 86400)


class Candle:
    """Open, high, low, close, volume, quote volume, count of one window."""

    __slots__ = ("open", "high", "low", "close", "volume", "quote", "count")

    def __init__(self, price):
        self.open = self.high = self.low = self.close = price
        self.volume = self.quote = self.count = 0

    def add(self, price, quantity):
        """One more trade, in order of arrival."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume += quantity
        self.quote += price * quantity
        self.count += 1


class Aggregator:
    """Open windows of every instrument and interval."""

    def __init__(self):
        self.open = {}
        self.newest_id = {}

    def add(self, trade):
        name = trade.venue, trade.symbol
        if trade.trade_id <= self.newest_id.get(name, 0):
            return
        self.newest_id[name] = trade.trade_id
        second = trade.venue_time_us // 1_000_000
        for interval in INTERVALS_S:
            key = name, interval, second - second % interval
            candle = self.open.get(key)
            if candle is None:
                candle = self.open[key] = Candle(trade.price_mantissa)
            candle.add(trade.price_mantissa, trade.quantity_mantissa)

    def close(self, until_s):
        """Rows of the windows that end at or before this."""
        done = [key for key in self.open if key[1] + key[2] <= until_s]
        for key in done:
            c = self.open.pop(key)
            yield (*key[0], *key[1:], c.open, c.high, c.low, c.close, c.volume, c.quote, c.count)


def main():
    brokers, topic, conninfo, limit = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "peer",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.queue.backoff.ms": 1,
        }
    )
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    database = psycopg.connect(conninfo)
    database.execute(
        "CREATE TABLE IF NOT EXISTS peer_candles (venue text, symbol text, interval_s int, "
        "open_s bigint, open bigint, high bigint, low bigint, close bigint, "
        "volume numeric, quote numeric, count bigint)"
    )
    aggregators = {p: Aggregator() for p in partitions}
    clocks = dict.fromkeys(partitions, 0)
    trades, begin = 0, time.monotonic()
    while trades < limit:
        rows = []
        for message in consumer.consume(1000, 1.0):
            batch, p = trade_pb2.TradeBatch.FromString(message.value()), message.partition()
            for trade in batch.trades:
                aggregators[p].add(trade)
            trades += len(batch.trades)
            for beat in batch.heartbeats:
                until = (beat.venue_time_us - 1_000_000) // 1_000_000
                if until > clocks[p]:
                    clocks[p] = until
                    rows += aggregators[p].close(until)
        if rows:
            with database.cursor().copy("COPY peer_candles FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            database.commit()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f'{{"trades": {trades}, "cpu_s": {usage.ru_utime + usage.ru_stime:.3f}, '
        f'"wall_s": {time.monotonic() - begin:.3f}, "rss_kb": {usage.ru_maxrss}}}'
    )


if __name__ == "__main__":
    main()
