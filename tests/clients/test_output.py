"""What judges the clients finds each fault that was planted, and none in what is right."""
import unittest

import documents
import output

TRUTH_LINE = {"open": "1", "high": "1", "low": "1", "close": "1", "volume": "2", "vwap": "1",
              "trade_count": "3", "state": "CANDLE_STATE_FINAL", "version": "7"}


def line(open_time, **changes):
    return {"source": "stream", "instrument": "v:A-B", "interval": "1s", "open_time": open_time,
            **TRUTH_LINE, **changes}


def stored(*open_times):
    return {("v:A-B", 1, open_time): dict(TRUTH_LINE) for open_time in open_times}


PARTIAL = {"state": "CANDLE_STATE_PARTIAL"}


class Output(unittest.TestCase):

    def count(self, printed, truth):
        return len(list(output.differences(printed, truth)))

    def test_repeated_closed_candles_and_partials_before_them_are_right(self):
        printed = [line("1"), line("2", version="5", **PARTIAL), line("2"), line("2")]
        self.assertEqual(self.count(printed, stored("0", "1", "2")), 0)

    def test_a_hole(self):
        self.assertEqual(self.count([line("1"), line("3")], stored("1", "2", "3")), 1)

    def test_another_value(self):
        self.assertEqual(self.count([line("1", volume="2.1")], stored("1")), 1)

    def test_a_candle_that_is_not_stored(self):
        self.assertEqual(self.count([line("1"), line("2")], stored("1")), 1)

    def test_a_partial_after_its_final(self):
        printed = [line("1"), line("1", version="8", **PARTIAL)]
        self.assertEqual(self.count(printed, stored("1")), 1)

    def test_a_version_that_goes_down(self):
        printed = [line("1", version="9", **PARTIAL), line("1", version="8", **PARTIAL), line("1")]
        self.assertEqual(self.count(printed, stored("1")), 2)


DOCUMENT = """Text.
```console
$ first '{"a":
   1}' |
   jq .
one
$ second
"version": "1"
```
```python live
print(1)
```
between
```text
1
```
"""


class Documents(unittest.TestCase):

    def test_commands_programs_and_their_outputs(self):
        found = [(each.kind, each.live, each.code.splitlines()[-1].strip(), each.output)
                 for each in documents.examples(DOCUMENT)]
        self.assertEqual(found, [("console", False, "jq .", "one\n"),
                                 ("console", False, "second", '"version": "1"\n'),
                                 ("python", True, "print(1)", "1\n")])

    def test_only_what_differs_is_rewritten(self):
        first, second, third = documents.examples(DOCUMENT)
        same = {first: "one\n", second: '"version": "2"\n', third: "1\n"}
        self.assertEqual(documents.rewritten(DOCUMENT, same), DOCUMENT)
        other = {first: "two\n", second: '"version": "1"\n', third: "3\n4\n"}
        self.assertEqual(documents.rewritten(DOCUMENT, other),
                         DOCUMENT.replace("one\n", "two\n").replace("```text\n1", "```text\n3\n4"))


if __name__ == "__main__":
    unittest.main()
