"""A file of users that is wrong in any way lets nobody in, says so once, and is right again when it is."""

import json
import os
import time

import pytest
from jupyter_server.auth.security import passwd
from tornado.web import HTTPError

from fake_runs import make_outputs, serving
from quarterdeck.cli import main
from quarterdeck.errors import ParamsError
from quarterdeck.publish.access.user_file import ROLES, Users, examine, read
from reader import Reader

PASSWORD = "correct horse battery"
HASH = "argon2:$argon2id$v=19$m=10240,t=10,p=8$6ABaabQrlvYCr+8pOC5/Kg$JUkkwUeCiouA0AOYL/fAKc6t+vDEKgO07hL6IXXqYNE"
GOOD = f"""users:
  anna:
    name: Anna Berg
    password: {HASH}
    sees:
      demo:
        - North Sea
  bert:
    password: {HASH}
    role: reader
    sees:
      demo: [company]
      other: all
  boss:
    password: {HASH}
    role: explorer
    sees: all
"""
REGIONS = {"demo": {"company", "North", "North Sea"}, "other": {"company", "North"}}
NAMES = ("anna", "bert", "boss")
WRONG = ("", "1", "1.5", "true", "no", "2026-01-01", "[]", "[x]", "{x: y}", "''", "' all'", "'all\u200b'", "x: y", "!!binary eA==",
         "!!python/name:os.system", "[[[[[[[[[[[[", "*anchor", "&anchor", "{", "'", "\t")  # fmt: skip


def write(folder, text, name="users.yaml"):
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def cut_short():
    """Give the file as an editor that was stopped would leave it."""
    ends = [at for at in range(len(GOOD)) if at % 10 == 0 or "argon2" not in GOOD[max(at - 90, 0) : at]]
    return [GOOD[:at] for at in ends]


def without_a_line():
    lines = GOOD.splitlines(keepends=True)
    return ["".join(lines[:at] + lines[at + 1 :]) for at in range(len(lines))]


def with_a_value_of_another_kind():
    lines = GOOD.splitlines()
    keyed = [at for at, line in enumerate(lines) if ":" in line]
    changed = [(at, lines[at].partition(":")[0], value) for at in keyed for value in WRONG]
    return ["\n".join([*lines[:at], f"{key}: {value}", *lines[at + 1 :]]) for at, key, value in changed]


def with_something_twice():
    """Give files in which YAML would let the second, wider one win."""
    names = ("anna", "Anna", "ANNA", "'anna'", '"\\x61nna"', "? anna\n  ", "' anna'", "'anna '", "\uff41nna")
    wider = [f"  {name}: {{password: '{HASH}', role: explorer, sees: all}}\n" for name in names]
    fields = ["sees: all", "Sees: all", "'sees': all", "Name: B", "role: explorer\n    ROLE: reader", "<<: {sees: all}"]
    fields = [GOOD.replace("    sees:\n      demo:\n", f"    {line}\n    sees:\n      demo:\n") for line in fields]
    fields += [GOOD.replace("  bert:", "    sees: all\n    role: explorer\n  bert:")]
    fields += [GOOD.replace("      demo:\n", f"      {line}\n      demo:\n", 1) for line in ("demo: all", "Demo: all")]
    return [*(GOOD + w for w in wider), *(GOOD.replace("users:\n", f"users:\n{w}") for w in wider), *fields, GOOD + GOOD,
            f"{GOOD}---\n{GOOD}", GOOD.replace("anna:", "anna: &a").replace("bert:", "x: *a\n  bert:")]  # fmt: skip


def with_keys_that_changed_places():
    keys = ("users", "anna", "name", "password", "sees", "demo", "role")
    swapped = []
    for one in keys:
        for other in keys:
            swapped.append(GOOD.replace(f"{one}:", "\0").replace(f"{other}:", f"{one}:").replace("\0", f"{other}:"))
    return [text for text in swapped if text != GOOD]


def with_what_is_no_text():
    return [GOOD.encode()[:at] + odd + GOOD.encode()[at:] for at in (0, 10, 60, 300) for odd in
            (b"\0", b"\xff", b"\x1b[2J", b"\xed\xa0\x80", b"\t", b"- ", b"%YAML 7\n")]  # fmt: skip


MUTATIONS = [cut_short, without_a_line, with_a_value_of_another_kind, with_something_twice, with_keys_that_changed_places,
             with_what_is_no_text]  # fmt: skip


def open_to(member):
    """Give the regions that a member sees, of those that there are."""
    everything = {(company, region) for company, regions in REGIONS.items() for region in regions}
    if member is None or member.sees is None:
        return everything if member else set()
    return {(c, r) for c, r in everything if c in member.sees and (member.sees[c] is None or r in member.sees[c])}


def refusal(users, name="anna"):
    with pytest.raises(HTTPError) as error:
        users.member(name)
    return error.value.status_code


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_file_gives_more_than_the_last_good_one_gave_and_none_raises(tmp_path, mutation):
    users = Users(write(tmp_path, GOOD), said := [])
    users.complain = said.append
    good, refused = {name: users.member(name) for name in NAMES}, 0
    for text in mutation():
        write(tmp_path, text)
        said.clear()
        try:
            members = {name: users.member(name) for name in NAMES}
        except HTTPError as error:
            assert error.status_code == 503 and refusal(users, "bert") == 503
            refused += 1
        else:
            for name, member in members.items():
                assert open_to(member) <= open_to(good[name]), text
                assert member is None or good[name].explores >= member.explores, text
                assert users.get(name) is None or users.get(name).password in ("", HASH), text
        assert len(said) <= 1 and "\n" not in "".join(said) and "Traceback" not in "".join(said)
        write(tmp_path, GOOD)
        assert {name: users.member(name) for name in NAMES} == good
    assert refused > len(mutation()) / 2 and examine(write(tmp_path, GOOD))[1] == []


@pytest.mark.parametrize("text", with_something_twice())
def test_what_stands_twice_or_too_much_alike_is_refused(tmp_path, text):
    with pytest.raises(ParamsError):
        read(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users: [", "line 2: this is not YAML; correct it there."),
        ("{}", "line 1: the file: expected `users:` with an entry for each user, by name."),
        ("users:\n  1: {sees: all}", "line 2: users: '1' is not read as a text; write it in quotes."),
        ("users:\n  anna: {}", "line 2: user 'anna': sees is missing; say sees: all, or regions by company."),
        ("users:\n  anna: {sees: all, password: secret}", "line 2: user 'anna': password: expected the whole of what"),
        (
            "users:\n\n  anna: {sees: all, role: king}",
            "line 3: user 'anna': role: there is no 'king'; there are explorer",
        ),
        (
            "users:\n  anna:\n    sees: all\n    sess: 1",
            "line 4: user 'anna': there is no 'sess'; did you mean 'sees'?",
        ),
        ("users: {anna: all}", "line 1: user 'anna': expected sees: all, or regions by company."),
        ("users: {anna: {sees: {demo: [NO]}}}", "sees: demo: 'NO' is not read as a text; write it in quotes."),
        (
            "users:\n  anna: {sees: all}\n  Anna: {sees: all}",
            "line 3: users: 'Anna' is there already, on line 2, or too",
        ),
        ("users: {anna: &a {sees: all}, bert: *a}", "line 1: *a leads to another entry; write out what stands there."),
        (b"users:\n  \xff: {}", "line 2: this is not UTF-8; save the file as UTF-8."),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_line(tmp_path, text, said):
    with pytest.raises(ParamsError) as error:
        read(write(tmp_path, text))
    assert f"users.yaml, {said}" in str(error.value) or said in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("at", [*range(0, len(HASH), 5), len(HASH) - 1])
def test_a_hash_that_was_cut_short_or_is_none_is_refused(tmp_path, at):
    for hashed in (HASH[:at] or "x", f"{HASH[:at]}!{HASH[at + 1 :]}", HASH + "A" * (at + 1)):
        with pytest.raises(ParamsError, match="password: expected the whole"):
            read(write(tmp_path, json.dumps({"users": {"anna": {"sees": "all", "password": hashed}}})))


def openings(tmp_path):
    """Give ways in which others could write what the file says, and those in which they could not."""
    file, folder, elsewhere = tmp_path / "own" / "users.yaml", tmp_path / "own", tmp_path / "elsewhere"
    for place in (folder, elsewhere):
        place.mkdir(mode=0o755)
    write(folder, GOOD).chmod(0o644)
    link = tmp_path / "link.yaml"
    yield "a plain file", file, True
    link.symlink_to("own/users.yaml")
    yield "a link", link, True
    for mode in (0o666, 0o664, 0o646):
        file.chmod(mode)
        yield f"a file with {mode:o}", file, False
        yield f"a link to a file with {mode:o}", link, False
    file.chmod(0o644)
    for mode in (0o777, 0o775, 0o757):
        folder.chmod(mode)
        yield f"a folder with {mode:o}", file, False
        yield f"a link into a folder with {mode:o}", link, False
        folder.chmod(0o755)
        (elsewhere / "link.yaml").unlink(missing_ok=True)
        (elsewhere / "link.yaml").symlink_to(file)
        elsewhere.chmod(mode)
        yield f"a link out of a folder with {mode:o}", elsewhere / "link.yaml", False
        yield (
            f"a link to a link out of a folder with {mode:o}",
            _linked(tmp_path / f"{mode:o}", elsewhere / "link.yaml"),
            False,
        )
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "linked").symlink_to(folder)
    write(tmp_path / "deep" / "er", GOOD)
    yield "a link to a folder", tmp_path / "deep" / "linked" / "users.yaml", True
    (tmp_path / "deep").chmod(0o777)
    yield "a folder in a folder with 777", tmp_path / "deep" / "er" / "users.yaml", False
    yield "a link to a folder in a folder with 777", tmp_path / "deep" / "linked" / "users.yaml", False
    folder.chmod(0o1777)  # as /tmp: nobody can put another file in its place
    yield "a folder in which each has his own", file, True
    if os.geteuid() == 0:
        os.chown(file, 12345, 12345)
        yield "a file of another user's", file, False
        os.chown(file, 0, 0)
        os.chown(folder, 12345, 12345)
        yield "a folder of another user's", file, False


def _linked(link, to):
    link.symlink_to(to)
    return link


def test_a_file_that_others_could_have_written_is_not_believed(tmp_path):
    for what, file, fine in openings(tmp_path):
        faults = examine(file)[1]
        assert (faults == []) is fine, what
        if not fine:
            assert "let anybody in" in faults[0], what


def test_a_file_that_comes_to_be_writable_is_believed_no_more(tmp_path):
    users = Users(write(tmp_path, GOOD), said := [])
    users.complain = said.append
    assert users.member("anna")
    users.file.chmod(0o666)
    assert refusal(users) == 503 and "chmod go-w" in said[0]
    users.file.chmod(0o644)
    tmp_path.chmod(0o777)
    assert refusal(users) == 503
    tmp_path.chmod(0o700)
    assert users.member("anna").sees == {"demo": frozenset({"North Sea"})}


def odd_places(tmp_path):
    """Give things that are no file of users."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("nothing")
    write(tmp_path, GOOD + "#" * (5 << 20), "large")
    return [tmp_path / name for name in ("folder", "pipe", "loop", "nowhere", "large")] + ["/dev/null"]


def test_what_is_no_plain_file_is_refused_and_keeps_nobody_waiting(tmp_path):
    for place in odd_places(tmp_path):
        begun = time.monotonic()
        with pytest.raises(ParamsError, match="the file of users"):
            read(place)
        assert time.monotonic() - begun < 5


def test_the_command_tells_every_fault_in_a_line_of_its_own(tmp_path, capsys):
    outputs, params = make_outputs(tmp_path), tmp_path / "params"
    (params / "acme").mkdir(parents=True)
    (params / "acme" / "east.yaml").write_text("company: acme\nregion: East\n")
    (params / "acme" / "broken.yaml").write_text("region: [")
    command = ["users", "check", str(tmp_path / "users.yaml"), "--params", str(params), "--out", str(outputs)]
    write(
        tmp_path,
        "users:\n  anna: {sees: {demo: [North, United Kingdom, company], acme: [East]}}\n  boss: {sees: all}\n",
    )
    assert main(command) == 0
    assert capsys.readouterr().out.strip() == f"{tmp_path}/users.yaml: everything holds, for 2 users."
    users = [f"  {name}: {{role: {role}, sees: {{{sees}}}}}" for name, role, sees in
             (("anna", "raeder", "demo: [Nort]"), ("bert", ROLES[0], "dmeo: all"), ("carl", ROLES[1], "acme: [West]"))]  # fmt: skip
    write(tmp_path, "\n".join(["users:", *users, "  Carl: {sees: all}"]))
    assert main(command) == 2
    lines = capsys.readouterr().out.splitlines()
    meant = [(2, "'raeder'; did you mean 'reader'"), (2, "no region 'Nort'; did you mean 'North'")]
    meant += [(3, "no 'dmeo'; did you mean 'demo'"), (4, "no region 'West'"), (5, "'Carl' is there already, on line 4")]
    for line, said in meant:
        assert [x for x in lines if f"line {line}: " in x and said in x], said
    assert len(lines) == 5


def test_the_server_notes_at_its_start_which_regions_no_run_has(tmp_path):
    file = write(tmp_path, "users: {anna: {sees: {demo: [North, Nroth]}}}")
    with serving(make_outputs(tmp_path, rendered=True), tmp_path / "log.txt", "--users", str(file)):
        assert "there is no region 'Nroth'; did you mean 'North'" in (tmp_path / "log.txt").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("closed")
    good = GOOD.replace(HASH, passwd(PASSWORD))
    write(root, good)
    options = ("--users", str(root / "users.yaml"), "--audit", str(root / "audit.jsonl"))
    with serving(make_outputs(root, rendered=True), root / "log.txt", *options) as (address, _):
        yield address, root, good


def put(text):
    return lambda file, good: file.write_text(text(good))


BREAKS = {  # how a file of users breaks while the server runs, and what the log says of it
    "removed": (lambda file, good: file.unlink(), "cannot be read"),
    "empty": (put(lambda good: ""), "line 1: the file: expected `users:`"),
    "cut short": (put(lambda good: good[:-30]), "line 15: user 'boss': sees is missing"),
    "a slip": (
        put(lambda good: good.replace("sees: all", "sess: all")),
        "line 17: user 'boss': there is no 'sess'; did",
    ),
    "named twice": (
        put(lambda good: good + "  boss: {sees: all}\n"),
        "line 18: users: 'boss' is there already, on line 14",
    ),
    "half a hash": (put(lambda good: good.replace("$v=19", "", 1)), "line 4: user 'anna': password"),
    "others can write it": (lambda file, good: file.chmod(0o666), "others can write there"),
    "others can write its folder": (lambda file, good: file.parent.chmod(0o777), "others can write there"),
    "a folder": (lambda file, good: (file.unlink(), file.mkdir()), "is not a plain file"),
    "a pipe": (lambda file, good: (file.unlink(), os.mkfifo(file)), "is not a plain file"),
    "not text": (lambda file, good: file.write_bytes(b"users:\n  \xff"), "line 2: this is not UTF-8"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_while_the_file_is_wrong_every_page_answers_503_in_one_sentence_and_then_all_is_well_again(server, how):
    address, root, good = server
    file, log = root / "users.yaml", root / "log.txt"
    boss = Reader(address)
    assert boss.log_in("boss", PASSWORD)[0] == 303
    logged, (break_it, said) = len(log.read_text()), BREAKS[how]
    try:
        break_it(file, good)
        for path in (
            "/",
            "/demo/latest",
            "/demo/latest/north/executive_brief",
            "/search?q=x",
            "/login",
            "/logout",
            "/nowhere/x",
        ):
            for reader in (boss, Reader(address)):
                status, headers, page = reader.ask(path)
                assert (status, "Content-Security-Policy" in headers) == (503, True)
                assert "The pages are closed for the moment." in page and ">Try again</a>" in page
                assert not [
                    word for word in ("users.yaml", "anna", "line", str(root)) if word in page.split("</style>")[-1]
                ]
        assert boss.ask("/healthz")[0] == boss.ask("/static/quarterdeck.css")[0] == 200
    finally:
        if file.is_dir():
            file.rmdir()
        file.unlink(missing_ok=True)
        root.chmod(0o700)
        write(root, good)
        file.chmod(0o644)
    assert boss.ask("/")[0] == 200 and Reader(address).log_in("anna", PASSWORD)[0] == 303
    lines = log.read_text()[logged:].splitlines()
    assert len(lines) == 2 and said in lines[0] and lines[1].endswith("is right again; users are let in."), lines
