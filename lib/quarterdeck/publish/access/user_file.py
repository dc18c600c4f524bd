"""What does the file of users say, and may it be believed? Either all of it holds, or nobody is let in by it.

A file that others could have written is not believed, and neither is one with a fault anywhere: a user who was removed must
not stay because of a slip in another's entry. Keys that YAML would let win in silence are refused, and so are aliases
(`*name`): what a user may see stands in that user's own entry.
"""

import os
import re
import stat
import time
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jupyter_server.auth.identity import User
from tornado.web import HTTPError
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from quarterdeck.errors import ParamsError, nearest

EVERYTHING = "all"
ROLES = ("reader", "explorer")  # reads the pages, or opens live ones besides
FIELDS = ("name", "password", "role", "sees")
HASH = re.compile(r"argon2:\$argon2id\$v=19\$m=\d{1,7},t=\d{1,3},p=\d{1,2}\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}")
LARGEST = 4 << 20  # bytes of a file
DEEPEST = 10  # parts within parts
MOST_LINKS = 20  # from link to link
YOUNG = 50_000_000  # ns; a file changed less long ago may change again without its times telling
TEXT = "tag:yaml.org,2002:str"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it was built
Sees = dict[str, frozenset[str] | None] | None  # regions by company; None: all of them
Known = dict[str, Collection[str]]  # the regions that there are, by company


@dataclass(frozen=True)
class Entry:
    """What the file says of one user."""

    sees: Sees
    name: str = ""
    password: str = ""
    role: str = ROLES[0]


@dataclass
class Member(User):
    """A user, with the companies and regions to be seen (None: everything) and whether live pages may be opened."""

    sees: Sees = None
    explores: bool = True
    shared: bool = False  # stands for everybody, where nobody is asked who they are

    @cached_property
    def rights(self) -> frozenset[tuple[str, frozenset[str] | None]] | None:
        """Give what may be seen, as a key: the same rights, the same key."""
        return None if self.sees is None else frozenset(self.sees.items())


@dataclass
class Users:
    """The file of users, read again when it changes; while it is not as it should be, nobody is let in by it."""

    file: Path
    complain: Callable[[str], Any] = print
    _stamp: tuple | None = None
    _fault: str = ""
    _entries: dict[str, Entry] = field(default_factory=dict)
    _members: dict[str, Member] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._entries = read(self.file)

    def get(self, username: str) -> Entry | None:
        """Find a user as the file has it now.

        Raises
        ------
        HTTPError
            503 while the file is not as it should be; the log says once what is wrong.
        """
        if (stamp := _stamp(self.file)) != self._stamp:
            self._read(stamp)
        if self._fault:
            raise HTTPError(503)
        return self._entries.get(username)

    def member(self, username: str) -> Member | None:
        """Say what a user may see; None where there is no such user."""
        entry = self.get(username)
        if entry is not None and username not in self._members:
            explores = entry.role == "explorer"
            self._members[username] = Member(username, entry.name or username, sees=entry.sees, explores=explores)
        return entry and self._members[username]

    def _read(self, stamp: tuple) -> None:
        fault, self._entries, self._members = "", {}, {}
        try:
            self._entries = read(self.file)
        except ParamsError as error:
            fault = str(error)
        if fault and fault != self._fault:
            self.complain(f"{fault} Until that is right every request for a page is answered 503.")
        elif self._fault and not fault:
            self.complain(f"{self.file}: the file of users is right again; users are let in.")
        self._fault, self._stamp = fault, stamp if _settled(stamp) else None


def read(file: Path) -> dict[str, Entry]:
    """Read a file of users.

    Raises
    ------
    ParamsError
        Where it may not be believed or not all of it is as it should be: one sentence with the file, the line, the user and
        what is wrong first.
    """
    entries, faults = examine(file)
    if faults:
        more = f" All that is wrong: quarterdeck users check {file}" if faults[1:] else ""
        raise ParamsError(faults[0] + more)
    return entries


def examine(file: Path, known: Known | None = None) -> tuple[dict[str, Entry], list[str]]:
    """Read a file of users, and say all that is wrong with it, one sentence each; where `known` is given, also of regions."""
    reading = Reading(known)
    try:
        text = _text(file)
        _refuse_tangles(file, text)
        entries, opened = reading.users(yaml.compose(text, Loader=LOADER)), _distrusted(_stamp(file))
    except ParamsError as error:
        return {}, [str(error)]
    except OSError as error:
        return {}, [f"{file}: the file of users cannot be read ({error.strerror})."]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        return {}, [f"{file}{where}: this is not YAML; correct it there."]
    lines = [f"{file}, line {line}: {said}" for line, said in sorted(reading.faults)]
    if text[-1:] not in "\n\r}]'\"":  # "North" may be what is left of "North Sea"
        last = len(text.splitlines())
        lines += [f"{file}, line {last}: it may have been cut short; if it is whole, end it with a line break."]
    faults = [*filter(None, [opened]), *lines]
    return {} if faults else entries, faults


def _text(file: Path) -> str:
    """Give the text of a plain file of a size that a list of users has."""
    if not stat.S_ISREG(os.stat(file).st_mode):  # a pipe would keep everybody waiting
        raise ParamsError(f"{file}: the file of users is not a plain file.")
    with open(file, "rb") as opened:
        content = opened.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ParamsError(f"{file}: the file of users is larger than {LARGEST >> 20} MB.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ParamsError(f"{file}, line {line}: this is not UTF-8; save the file as UTF-8.") from error


def _refuse_tangles(file: Path, text: str) -> None:
    """Refuse links within the file, and parts within parts without end, which would also end the parser's stack."""
    deep = 0
    for event in yaml.parse(text, Loader=LOADER):
        deep += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        where = f"{file}, line {event.start_mark.line + 1}"
        if deep > DEEPEST:
            raise ParamsError(f"{where}: there are more than {DEEPEST} parts within parts.")
        if isinstance(event, AliasEvent):
            raise ParamsError(f"{where}: *{event.anchor} leads to another entry; write out what stands there.")


def _stamp(file: Path) -> tuple:
    """Tell one state of a file from another: of itself, of what it links to, and of the folders that these lie in."""
    states: list[tuple | None] = []
    path = os.path.abspath(file)
    for _ in range(MOST_LINKS):
        folder = os.path.dirname(path)
        try:
            above, found = os.stat(folder), os.lstat(path)
            states.append((folder, above.st_mode, above.st_uid))
            times = found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
            states.append((path, found.st_mode, found.st_uid, *times))
            if not stat.S_ISLNK(found.st_mode):
                break
            path = os.path.join(folder, os.readlink(path))
        except OSError:
            states.append(None)
            break
    return tuple(states)


def _settled(stamp: tuple) -> bool:
    return stamp[-1] is None or abs(time.time_ns() - stamp[-1][-1]) > YOUNG


def _distrusted(stamp: tuple) -> str:
    """Say what lets others than the server's own user, or root, decide what the file says: themselves, or by a rename above it."""
    found = [*filter(None, stamp)]
    for path, _, owner, *_ in found:
        if owner not in (0, os.geteuid()):
            return f"{path}: it belongs to another user, who could let anybody in; change its owner (chown)."
    above = {str(p) for path, *_ in found for way in (path, os.path.realpath(path)) for p in Path(way).parents}
    for path, mode in [(path, mode) for path, mode, *_ in found] + [
        (path, os.stat(path).st_mode) for path in sorted(above)
    ]:
        safe = stat.S_ISLNK(mode) or not mode & 0o022 or (stat.S_ISDIR(mode) and mode & stat.S_ISVTX)
        if not safe:
            return f"{path}: others can write there and so let anybody in; take that from them with: chmod go-w {path}"
    return ""


class Reading:
    """One reading of a file of users: what it says, and all that is wrong with it, by line."""

    def __init__(self, known: Known | None = None) -> None:
        self.known = known
        self.faults: list[tuple[int, str]] = []

    def users(self, root: Node | None) -> dict[str, Entry]:
        """Read the whole file."""
        expected = "`users:` with an entry for each user, by name"
        top = self.mapping(root, "the file", expected, ["users"]) if root else {}
        if not self.faults and "users" not in top:
            self.faults.append((1, f"the file: expected {expected}."))
        given = self.mapping(top["users"], "users", "an entry for each user, by name") if "users" in top else {}
        if not self.faults and not given:
            self.note(root, "users: expected an entry for each user, and there is none.")
        return {name: self.entry(f"user {name!r}", node) for name, node in given.items()}

    def entry(self, user: str, node: Node) -> Entry:
        """Read a user's entry."""
        given = self.mapping(node, user, "sees: all, or regions by company", FIELDS)
        if isinstance(node, MappingNode) and "sees" not in given and given.keys() <= set(FIELDS):
            self.note(node, f"{user}: sees is missing; say sees: all, or regions by company.")
        words = {f: self.text(given[f], f"{user}: {f}", empty=True) for f in FIELDS[:3] if f in given}
        role, hashed = words.get("role"), words.get("password")
        if role is not None and role not in ROLES:
            self.note(given["role"], f"{user}: role: there is no {role!r}; {nearest(role, ROLES)}")
        if hashed and not HASH.fullmatch(hashed):
            self.note(given["password"], f"{user}: password: expected the whole of what `quarterdeck password` prints.")
        return Entry(self.sees(user, given["sees"]) if "sees" in given else {}, **words)

    def sees(self, user: str, node: Node) -> Sees:
        """Read what a user may see."""
        if self.everything(node):
            return None
        expected = "all, or regions by company such as {demo: [North, Baltic]}"
        given = self.mapping(node, f"{user}: sees", expected, self.known)
        return {company: self.regions(f"{user}: sees: {company}", company, part) for company, part in given.items()}

    def regions(self, where: str, company: str, node: Node) -> frozenset[str] | None:
        """Read which of a company's regions a user may see."""
        if self.everything(node):
            return None
        if not isinstance(node, SequenceNode):
            self.note(node, f"{where}: expected all, or a list of regions such as [North, Baltic].")
            return frozenset()
        there = (self.known or {}).get(company)
        names = {name: part for part in node.value if (name := self.text(part, where))}
        for name, part in names.items():
            if there is not None and name not in there:
                self.note(part, f"{where}: there is no region {name!r}; {nearest(name, there)}")
        return frozenset(names)

    def everything(self, node: Node) -> bool:
        """Tell whether all is to be seen."""
        return isinstance(node, ScalarNode) and node.value == EVERYTHING

    def mapping(
        self, node: Node, where: str, expected: str, possible: Collection[str] | None = None
    ) -> dict[str, Node]:
        """Give a mapping's values by key; note what is no mapping, keys that are alike, and those that are not possible."""
        if not isinstance(node, MappingNode):
            self.note(node, f"{where}: expected {expected}.")
            return {}
        found: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            if (name := self.text(key, where)) is None:
                continue
            if before := lines.get(folded(name)):
                self.note(key, f"{where}: {name!r} is there already, on line {before}, or too much like what is there.")
            elif possible is not None and name not in possible:
                self.note(key, f"{where}: there is no {name!r}; {nearest(name, possible)}")
            lines.setdefault(folded(name), key.start_mark.line + 1)
            found[name] = value
        return found

    def text(self, node: Node, where: str, empty: bool = False) -> str | None:
        """Give a text in one line; note what is none, and what YAML reads as something else."""
        if not isinstance(node, ScalarNode):
            self.note(node, f"{where}: expected a text.")
        elif node.tag != TEXT:
            self.note(node, f"{where}: {node.value!r} is not read as a text; write it in quotes.")
        elif not node.value.isprintable() or node.value != node.value.strip() or not (node.value or empty):
            self.note(node, f"{where}: {node.value!r} is empty, or has blanks at its ends or signs that nobody sees.")
        else:
            return node.value
        return None

    def note(self, node: Node, said: str) -> None:
        """Note a fault, by its line."""
        self.faults.append((node.start_mark.line + 1, said))


def folded(name: str) -> str:
    """Give a name as people tell it from others: without case, blanks and ways of writing a letter.

    >>> folded("Anna  BERG") == folded("anna berg"), folded("Zoe\u0308") == folded("zo\u00eb")
    (True, True)
    """
    return "".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())
