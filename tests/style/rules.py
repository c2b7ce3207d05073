"""The rules of style. Each takes what it judges and yields its offenders, one line of text each."""

import ast
import re

from cpp_functions import functions

WIDTH_MAX = 100
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
SERVICES = ("ingest", "processor", "query", "gateway")
# What a folder's files may include, itself aside. tests/ and bench/ may include anything.
MAY_INCLUDE = {
    "market": (),
    "platform": (),
    **{service: ("market", "platform") for service in SERVICES},
}
ROOMS = tuple(MAY_INCLUDE) + ("tests", "bench")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")


def too_wide(path, lines):
    for number, line in enumerate(lines, 1):
        if len(line) > WIDTH_MAX:
            yield f"{path}:{number}: {len(line)} columns, at most {WIDTH_MAX}"


def too_long(path, lines):
    if len(lines) > FILE_LINES_MAX:
        yield f"{path}: {len(lines)} lines, at most {FILE_LINES_MAX}"


def long_functions(path, source):
    if path.suffix == ".py":
        found = ((node.lineno, node.end_lineno - node.lineno + 1, node.name)
                 for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    else:
        found = functions(source)
    for first, length, head in found:
        if length > FUNCTION_LINES_MAX:
            yield f"{path}:{first}: {length} lines, at most {FUNCTION_LINES_MAX}: {head[:60]}"


def header_without_comment(path, lines):
    if not lines or not lines[0].startswith("// "):
        yield f"{path}:1: a header begins with a comment that says what the file is for"
    if "#pragma once" not in lines:
        yield f"{path}: no #pragma once"


def forbidden_includes(path, source):
    room = path.parts[0]
    if room not in MAY_INCLUDE:
        return
    for match in re.finditer(r'^\s*#\s*include\s+"([^"]+)"', source, re.M):
        other = match.group(1).split("/")[0]
        if other in ROOMS and other != room and other not in MAY_INCLUDE[room]:
            line = source.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {room}/ must not include {match.group(1)}"


def unfinished(path, lines):
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield f"{path}:{number}: {line.strip()[:60]}"


def wrong_run_bit(path, executable, is_script):
    if is_script and not executable:
        yield f"{path}: begins with #! but is not executable"
    if executable and not is_script:
        yield f"{path}: is executable but does not begin with #!"


def _alternatives(path):
    """`a/{b,c}.h` names two files."""
    match = re.search(r"\{([^{}]*)\}", path)
    if not match:
        return [path]
    return [name for choice in match.group(1).split(",")
            for name in _alternatives(path[:match.start()] + choice + path[match.end():])]


def missing_files(path, source, root):
    """Links and code spans of a document that name files of the checkout which are not there."""
    top = {entry.name for entry in root.iterdir() if entry.is_dir() and entry.name != "build"}
    top -= {".git", ".local", ".cache"}
    named = [(match, (root / path).parent)
             for match in re.finditer(r"\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)", source)]
    named += [(match, root)
              for match in re.finditer(r"`([\w.-]+/[\w./{},*-]*)(?:\s[^`\n]*)?`", source)
              if match.group(1).split("/")[0] in top]
    for match, base in named:
        for name in _alternatives(match.group(1)):
            if not any(base.glob(name)) if "*" in name else not (base / name).exists():
                line = source.count("\n", 0, match.start()) + 1
                yield f"{path}:{line}: names {name}, which does not exist"


def tests_of(source):
    """The GoogleTest tests that a file defines, as `Suite.Name`."""
    found = re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)", source, re.M)
    return {".".join(names) for names in found}


def missing_tests(path, source, tests):
    """Code spans of a document that name tests, `Suite.Name`, which are not there."""
    for match in re.finditer(r"`([A-Z]\w+\.[A-Z]\w+)`", source):
        if match.group(1) not in tests:
            line = source.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: names the test {match.group(1)}, which does not exist"
