"""The commands and programs of a document, with the output that stands below them.

A fence `console` holds `$ command` with its output below it; a fence `python` a program, whose
output is the fence `text` behind it, or, with a name, a file for the commands. With the word `live`
they are run while the feed runs.
"""
import re

FENCE = re.compile(r"^```(console|python|text)( live)?(?: (\w+\.py))?\n(.*?)^```$",
                   re.M | re.S)
# What differs from run to run; compared without it.
VARIABLE = [
    (re.compile(r'("(?:version|opened_version|closed_version|first_offset|last_offset|offset'
                r'|(?:price|quantity)_(?:mantissa|scale)|trade_id|venue_time_us'
                r'|receive_time_us)": )"?\d+"?'), r"\1N"),
    (re.compile(r'("aggressor_side": )"SIDE_(?:BUY|SELL)"'), r'\1"SIDE"'),
    (re.compile(r'("(?:resume_token|next_page_token)": )"[^"]*"'), r'\1"..."'),
    (re.compile(r'("(?:first_seen_time|watermark)": )"[^"]*"'), r'\1"T"'),
]


class Example:
    """One command or program."""

    def __init__(self, kind, live, code, output, span):
        self.kind = kind
        self.live = live
        self.code = code
        self.output = output
        self.span = span  # of the output in the document


def console_examples(match):
    """A command goes on behind a backslash, a pipe or an open quote: until bash would run it."""
    begin = match.start(4)
    parts = re.split(r"^(?=\$ )", match.group(4), flags=re.M)
    position = begin
    for part in parts:
        if part:
            lines = part.splitlines(keepends=True)
            size = next(n for n in range(1, len(lines) + 1) if is_whole("".join(lines[:n])))
            code = "".join(lines[:size])
            yield Example("console", bool(match.group(2)), code[2:].rstrip("\n"),
                          "".join(lines[size:]), (position + len(code), position + len(part)))
        position += len(part)


def is_whole(command):
    text = command.rstrip("\n")
    return not text.endswith(("\\", "|")) and text.count("'") % 2 == text.count('"') % 2 == 0


def examples(text):
    found = []
    for match in FENCE.finditer(text):
        kind, live, name, content = match.groups()
        if name:
            continue
        if kind == "console":
            found += console_examples(match)
        elif kind == "python":
            found.append(Example("python", bool(live), content, None, None))
        else:
            found[-1].output, found[-1].span = content, match.span(4)
    return found


def files(text):
    """{name: content} of the programs that commands run."""
    return {match.group(3): match.group(4) for match in FENCE.finditer(text) if match.group(3)}


def comparable(output):
    for pattern, replacement in VARIABLE:
        output = pattern.sub(replacement, output)
    return output


def rewritten(text, results):
    """The document with these outputs, {example: output}; those that only vary stay."""
    for example, output in sorted(results.items(), key=lambda item: -item[0].span[0]):
        if comparable(output) != comparable(example.output):
            text = text[:example.span[0]] + output + text[example.span[1]:]
    return text
