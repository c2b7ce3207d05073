"""The plain truth about candles: every window is computed from all its trades, at once.

A trade is a tuple (instrument, time_us, order, price, quantity, buyer_took), prices and quantities
as Decimal, `order` what sorts trades of one time, buyer_took None where the venue tells no sides.
"""
import collections
import decimal
import math

CONTEXT = decimal.Context(prec=100)
PLACES = decimal.Decimal("1e-12")


def total(numbers):
    result = decimal.Decimal(0)
    for number in numbers:
        result = CONTEXT.add(result, number)
    return result


def volatility(prices):
    """Sample standard deviation of the log returns; None below two of them."""
    returns = [math.log(b / a) for a, b in zip(prices, prices[1:])]
    if len(returns) < 2:
        return None
    mean = math.fsum(returns) / len(returns)
    return math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (len(returns) - 1))


def closes_of_seconds(trades):
    last = {}
    for _, time_us, _, price, _, _ in trades:
        last[time_us // 1_000_000] = price
    return [last[second] for second in sorted(last)]


def candle(trades, seconds):
    trades = sorted(trades, key=lambda trade: (trade[1], trade[2]))
    prices = [trade[3] for trade in trades]
    volume = total(trade[4] for trade in trades)
    quote = total(CONTEXT.multiply(trade[3], trade[4]) for trade in trades)
    sides = [trade[5] for trade in trades]
    return {
        "open": prices[0],
        "high": max(prices),
        "low": min(prices),
        "close": prices[-1],
        "volume": volume,
        "quote_volume": quote,
        "buy_volume": None if None in sides else total(t[4] for t in trades if t[5]),
        "vwap": CONTEXT.quantize(CONTEXT.divide(quote, volume), PLACES),
        "trade_count": len(trades),
        "volatility": volatility(prices if seconds == 1 else closes_of_seconds(trades)),
    }


def candles(trades, intervals):
    """{(instrument, interval in seconds, open time in seconds): values} of all windows."""
    windows = collections.defaultdict(list)
    for trade in trades:
        for seconds in intervals:
            start = trade[1] // (seconds * 1_000_000) * seconds
            windows[trade[0], seconds, start].append(trade)
    return {key: candle(window, key[1]) for key, window in windows.items()}


def differences(expected, actual):
    """Names of the values that differ: exactly, volatility by more than 1e-9."""
    wrong = [name for name in expected if name != "volatility" and expected[name] != actual[name]]
    a, b = expected["volatility"], actual["volatility"]
    if (a is None) != (b is None) or (a is not None and abs(a - b) > 1e-9):
        wrong.append("volatility")
    return wrong
