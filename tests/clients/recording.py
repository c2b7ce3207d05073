"""A small recording of our own, the same each time: 150 s of two instruments as Binance sends
them, with one trade id that never comes (a gap) and one trade that comes late (a revision).
"""
import datetime
import random
import sys

START = datetime.datetime(2026, 1, 5, 14, 30, tzinfo=datetime.timezone.utc)
SECONDS = 150
MISSING_ID = 1100
LATE_ID, LATE_BY_MS = 1150, 8_000
# Symbol, first price in cents, first trade id.
MARKETS = (("BTCUSDT", 9_380_000, 1_000), ("ETHUSDT", 315_000, 500_000))


def trades(chance, symbol, price, trade_id):
    """(received at, sent at, id, price in cents, quantity in 1/1000, the taker sold), in ms."""
    time_ms = int(START.timestamp() * 1000)
    end_ms = time_ms + SECONDS * 1000
    while (time_ms := time_ms + chance.randint(50, 950)) < end_ms:
        price += chance.randint(-9, 9) * (price // 90_000)
        received_ms = time_ms + 40 + (LATE_BY_MS if trade_id == LATE_ID else 0)
        if trade_id != MISSING_ID:
            yield (received_ms, time_ms, trade_id, price, chance.randint(1, 900),
                   chance.random() < 0.5)
        trade_id += 1


def frames():
    chance = random.Random(1)
    everything = sorted((trade, symbol) for symbol, *first in MARKETS
                        for trade in trades(chance, symbol, *first))
    for (received_ms, time_ms, trade_id, cents, thousandths, sold), symbol in everything:
        yield (f'{received_ms}000000 {{"stream":"{symbol.lower()}@trade","data":{{"e":"trade",'
               f'"E":{time_ms},"s":"{symbol}","t":{trade_id},"p":"{cents / 100:.2f}",'
               f'"q":"{thousandths / 1000:.3f}","T":{time_ms},"m":{str(sold).lower()}}}}}\n')


def write(path):
    with open(path, "w", encoding="ascii") as file:
        file.writelines(frames())


if __name__ == "__main__":
    write(sys.argv[1])
