"""Logins on disk: what was ended stays ended, whatever becomes of the files that say so."""

import json
import subprocess

import pytest
from jupyter_server.auth.security import passwd

from fake_runs import make_outputs, serving
from quarterdeck.publish.access.logins import Logins
from reader import Reader

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def hashed():
    return passwd(PASSWORD)


def fill(disk):
    """Fill a disk to its last byte."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


def lock(disk):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


def unlock(disk):
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    (disk / "filler").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [(fill, 303, "with the next start all log in again"), (lock, 200, "remove the folder before the next start")],
)
def test_a_logout_holds_where_the_disk_takes_nothing_or_says_that_it_may_not(
    small_disk, tmp_path, hashed, how, status, said
):
    (tmp_path / "users.yaml").write_text(f"users: {{boss: {{password: '{hashed}', sees: all}}}}")
    outputs, options = (
        make_outputs(small_disk, rendered=True),
        ("--users", str(tmp_path / "users.yaml"), "--audit", str(tmp_path / "a")),
    )
    with serving(outputs, tmp_path / "a.txt", *options) as (address, _):
        stays, leaves = Reader(address), Reader(address)
        assert [r.log_in("boss", PASSWORD)[0] for r in (stays, leaves)] == [303, 303]
        gone = dict(leaves.cookies)
        how(small_disk)
        answered, _, page = leaves.send("/logout")
        assert answered == status and ("perhaps not for good" in page) is (status == 200)
        leaves.cookies = gone
        assert leaves.ask("/")[0] == 302 and stays.ask("/logout")[0] == 200
    log = (tmp_path / "a.txt").read_text()
    assert said in log and "Traceback" not in log[log.index(said) :]
    with serving(outputs, tmp_path / "b.txt", *options) as (
        address,
        _,
    ):  # the disk is as it was: no login is taken from it
        assert [Reader(address).ask("/", Cookie=_cookie_header(c))[0] for c in (gone, stays.cookies)] == [302, 302]
        assert Reader(address).log_in("boss", PASSWORD)[0] == 303
    unlock(small_disk)
    if how is fill:
        with serving(outputs, tmp_path / "c.txt", *options) as (address, _):
            assert Reader(address).ask("/", Cookie=_cookie_header(gone))[0] == 302


def _cookie_header(cookies):
    return "; ".join(f'{name}="{value}"' for name, value in cookies.items())


def test_a_logout_that_could_not_be_noted_is_noted_as_soon_as_it_can_be(tmp_path, monkeypatch):
    logins = Logins(tmp_path / "logins")
    first, second, third = (logins.begin("anna", "x") for _ in range(3))
    with monkeypatch.context() as patch:  # a disk that comes and goes within a test
        patch.setattr("os.replace", _full)
        assert logins.end(first)
    assert not (tmp_path / "logins" / "secret").exists() and logins.find(first) is None and logins.find(second)
    assert logins.end(second)
    again = Logins(tmp_path / "logins")
    assert [again.find(c) is None for c in (first, second, third)] == [True, True, False]


def _full(*_):
    raise OSError(28, "No space left on device")


LISTS = [None, b"", b"[]", b"null", b"{", b'{"x": "y"}', b'"text"', b"\xff", b"[" * 9999, b'{"x": NaN}']


@pytest.mark.parametrize("content", LISTS, ids=range(len(LISTS)))
def test_a_list_of_ended_logins_that_cannot_be_read_ends_them_all_and_stops_no_server(tmp_path, content):
    cookie = Logins(tmp_path).begin("anna", "x")
    assert Logins(tmp_path).find(cookie)
    if content is None:
        (tmp_path / "ended").unlink()
    else:
        (tmp_path / "ended").write_bytes(content)
    assert Logins(tmp_path).find(cookie) is None or content == b'{"x": NaN}'
    assert json.loads((tmp_path / "ended").read_bytes()) == {}
