"""Finds functions in C++ text by counting braces: no parser, but enough to measure lengths."""

import re

_NOT_CODE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    r"|(?<!\w)'(?:\\.|[^'\\\n])+'", re.S)
_SCOPE = re.compile(r"^(?:inline\s+)?(namespace|class|struct|union|enum|extern)\b")
_PREFIX = re.compile(
    r"^(?:template\s*<[^{}]*?>\s*|typedef\s+|static\s+|constexpr\s+|\[\[.*?\]\]\s*)+")
_LABEL = re.compile(r"^(?:public|private|protected)\s*:\s*")


def _blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def _without_text(source):
    """The source with comments, literals and preprocessor lines turned into spaces."""
    source = _NOT_CODE.sub(_blank, source)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", _blank, source, flags=re.M)


def _kind(header):
    """What a brace opens: a scope that may hold functions, a function, or something else."""
    header = header.strip()
    header = _LABEL.sub("", header)
    header = _PREFIX.sub("", header)
    if _SCOPE.match(header):
        return "scope"
    if "(" in header and not re.search(r"=\s*$", header):
        return "function"
    return "other"


def functions(source):
    """Yields (first line, number of lines, head) of the functions of namespaces and classes."""
    code = _without_text(source)
    stack = []
    start = 0
    for position, sign in enumerate(code):
        if sign == "{":
            if all(kind == "scope" for kind, _ in stack):
                head = code[start:position]
                begin = start + len(head) - len(head.lstrip())
                stack.append((_kind(head), (begin, " ".join(head.split()))))
            else:
                stack.append(("inner", None))
            start = position + 1
        elif sign == "}" and stack:
            kind, where = stack.pop()
            if kind == "function":
                begin, head = where
                first = code.count("\n", 0, begin) + 1
                yield first, code.count("\n", begin, position) + 1, head
            if all(kind == "scope" for kind, _ in stack):
                start = position + 1
        elif sign == ";" and all(kind == "scope" for kind, _ in stack):
            start = position + 1
