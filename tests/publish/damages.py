"""Ways in which a JSON file that a run leaves can be damaged, made of a good one; none of them can be read as such a file."""

import json
import os

ODD = [None, 3, "\u00e9", [], {}, [3], [[]], True]


def writing(content):
    """Give a damage that writes other bytes."""
    return lambda file: file.write_bytes(content)


def folder(file):
    """Put a folder in the file's place."""
    file.unlink()
    file.mkdir()


def pipe(file):
    """Put a pipe there, which would keep its reader waiting."""
    file.unlink()
    os.mkfifo(file)


def huge(file):
    """Make it 200 MB long: a sparse file, of which the disk holds little."""
    os.truncate(file, 200 << 20)


def of_any_json(good: bytes) -> dict:
    """Give the damages that befall any JSON file."""
    cuts = {f"cut at {part} %": writing(good[: len(good) * part // 100]) for part in (0, 1, 37, 80, 99)}
    return cuts | {
        "other text": writing(b"no JSON"), "a list": writing(b"[]"), "an empty object": writing(b"{}"),
        "null": writing(b"null"), "a number": writing(b"3"), "not UTF-8": writing(b"\xff\xfe" + good),
        "zeroes": writing(bytes(len(good))), "deeply nested": writing(b"[" * 200_000),
        "deeply nested objects": writing(b'{"a":' * 100_000), "half a character": writing(b'{"title": "\\ud800"}'),
        "twice": writing(good + good), "a folder": folder, "a pipe": pipe, "huge": huge,
    }  # fmt: skip


def of_run_json(facts: dict) -> dict:
    """Give the damages of a `run.json`: each key gone or of another type, in the whole and in each kind of its entries."""
    found = of_any_json(json.dumps(facts).encode())
    for where, key, put in places(facts):
        for odd in ["gone", *(o for o in ODD if type(o) is not type(key_of(facts, where, key)))]:
            if allowed(key, odd):
                continue
            found[f"{where} {key} {odd!r}"] = writing(json.dumps(put(odd)).encode())
    return found


NULLABLE = {"value", "low", "high", "period", "difference", "error"}
UNREAD = {"n", "notebook_hash"}  # nobody reads them back
OPTIONAL = {"error", "library"}


def allowed(key, odd) -> bool:
    """Tell whether a run may write such a value, or leave the key out."""
    number = key in ("seconds", "difference") and type(odd) is int
    null, gone, text = odd is None and key in NULLABLE, odd == "gone" and key in OPTIONAL, key == "error" and odd == "é"
    return number or null or gone or text or key in UNREAD


def key_of(facts, where, key):
    """Give the value that stands at a place."""
    return facts[key] if where == "run" else facts[where][0][key]


def places(facts):
    """Give every key of the facts and of their lists' first entries, with a function that gives the facts with another value."""
    for key in facts:
        yield "run", key, lambda odd, key=key: changed(facts, key, odd)
    for where in ("notebooks", "kpis", "reconciliation"):
        for key in facts[where][0]:
            if where == "kpis" and key in ("value", "low", "high"):
                continue  # whole numbers are numbers: they are damaged by text below
            yield where, key, lambda odd, w=where, k=key: facts | {w: [changed(facts[w][0], k, odd), *facts[w][1:]]}
    yield "kpis", "value", lambda odd: facts | {"kpis": [facts["kpis"][0] | {"value": "much"}]}


def changed(entry, key, odd):
    """Give an entry with another value, or without it."""
    return {k: v for k, v in entry.items() if k != key} | ({} if odd == "gone" else {key: odd})
