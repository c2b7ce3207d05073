"""Compares the stored candles, row by row and value by value, with the reference."""
import decimal

import reference

COLUMNS = ("open", "high", "low", "close", "volume", "quote_volume", "buy_volume", "vwap",
           "trade_count", "volatility")


def number(text):
    return None if text == "" else decimal.Decimal(text)


def stored(pipeline, venue):
    rows = pipeline.rows(
        f"SELECT instrument, interval_s, extract(epoch FROM open_time)::bigint, "
        f"{', '.join(COLUMNS)} FROM candles_v WHERE venue = '{venue}'")
    result = {}
    for row in rows:
        values = dict(zip(COLUMNS, map(number, row[3:])))
        if values["volatility"] is not None:
            values["volatility"] = float(values["volatility"])
        result[row[0], int(row[1]), int(row[2])] = values
    return result


def sums_of_counts(pipeline, interval_s=1):
    return int(pipeline.rows("SELECT coalesce(sum(trade_count), 0) FROM candles "
                             f"WHERE interval_s = {interval_s}")[0][0])


def compare(expected, actual):
    """Prints and returns how many of the expected candles are equal; differences are shown."""
    equal = 0
    wrong = []
    for key, values in sorted(expected.items()):
        if key not in actual:
            wrong.append(f"{key}: missing")
            continue
        names = reference.differences(values, actual[key])
        equal += not names
        wrong += [f"{key}: {n}: {actual[key][n]} instead of {values[n]}" for n in names]
    wrong += [f"{key}: nobody expected it" for key in sorted(actual.keys() - expected.keys())]
    for line in wrong[:20]:
        print(line)
    print(f"{equal} of {len(expected)} candles equal", flush=True)
    assert not wrong, f"{len(wrong)} differences"
    return equal
