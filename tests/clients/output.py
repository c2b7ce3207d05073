"""What a client printed, and whether it is what the store holds."""
COLUMNS = ("open", "high", "low", "close", "volume", "vwap", "trade_count", "state", "version")


def key(line):
    return line["instrument"], int(line["interval"].rstrip("s")), line["open_time"]


def is_closed(line):
    return line["state"] in ("CANDLE_STATE_FINAL", "CANDLE_STATE_REVISED")


def steps_back(printed):
    """Streamed lines after which a candle is less settled, or older, than it was."""
    newest = {}
    for line in printed:
        if line["source"] != "stream":
            continue  # a program that also reads pages keeps of each candle the highest version
        before = newest.get(key(line), line)
        if is_closed(before) and not is_closed(line):
            yield f"a PARTIAL after {before['state']}: {line}"
        if int(line["version"]) < int(before["version"]):
            yield f"version {line['version']} after {before['version']}: {line}"
        newest[key(line)] = line


def newest_closed(printed):
    """Of each candle the closed state with the highest version."""
    closed = {}
    for line in filter(is_closed, printed):
        if int(line["version"]) >= int(closed.get(key(line), line)["version"]):
            closed[key(line)] = line
    return closed


def stored(world):
    """What the store holds, in the words of the clients."""
    rows = world.rows(
        "SELECT instrument, interval_s, to_char(open_time AT TIME ZONE 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), trim_scale(open), trim_scale(high), trim_scale(low), "
        "trim_scale(close), trim_scale(volume), trim_scale(vwap), trade_count, "
        "'CANDLE_STATE_' || state, version FROM candles_v")
    return {(row[0], int(row[1]), row[2]): dict(zip(COLUMNS, row[3:])) for row in rows}


def differences(printed, truth):
    """All that is wrong with what one client printed, beside the stored candles.

    From the first candle of a series on, each stored one is there, with the same values.
    """
    yield from steps_back(printed)
    closed = newest_closed(printed)
    begins = {}
    for instrument, interval, open_time in sorted(closed):
        begins.setdefault((instrument, interval), open_time)
    for each, values in sorted(truth.items()):
        if each[2] < begins.get(each[:2], "9"):
            continue
        if each not in closed:
            yield f"missing: {each}"
        else:
            wrong = {name: (closed[each][name], values[name]) for name in COLUMNS
                     if closed[each][name] != values[name]}
            if wrong:
                yield f"{each}: printed and stored: {wrong}"
    yield from (f"{each}: nothing of it is stored" for each in sorted(closed.keys() - truth.keys()))
