"""Clients that only hold on to their connections: attempt → answer, against a real server with few descriptors."""

import contextlib
import json
import os
import resource
import socket
import time

import pytest

from conftest import until
from fake_runs import impatient, make_outputs, serving
from quarterdeck.publish import connections
from quarterdeck.publish.log_limit import MOST, RepeatFilter
from reader import Reader

BRIEF = "/demo/latest/north/executive_brief"
FEW = 256  # descriptors: half of them may be connections, and half of these one address's
HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow:"
WHOLE = f"GET {BRIEF} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
POST = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000\r\n\r\nname="


def few():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return make_outputs(tmp_path_factory.mktemp("called"), rendered=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory, outputs):
    root = tmp_path_factory.mktemp("few")
    with serving(outputs, root / "log.txt", "--audit", str(root / "audit.jsonl"), before=few) as (address, process):
        assert Reader(address).ask(BRIEF)[0] == 200  # it is rendered now
        yield address, process, root / "log.txt"


def port(server):
    return int(server[0].rpartition(":")[2])


@contextlib.contextmanager
def holding(server, count, said, small=False):
    """Hold so many connections on which something has been said and nothing is read."""
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            if small:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            one.settimeout(20)
            one.connect(("127.0.0.1", port(server)))
            with contextlib.suppress(OSError):  # it has given way already
                one.sendall(said)
            held.append(one)
        yield held


def is_open(connection):
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_who_has_waited_longest_gives_way_and_who_came_last_stays(server):
    until(
        lambda: json.loads(Reader(server[0]).ask("/readyz")[2])["connections"]["open"] <= 1, 0.5
    )  # others' are closed
    with holding(server, FEW // 4 + 20, HALF) as held:
        assert Reader(server[0]).ask("/healthz")[0] == 200
        opened = [is_open(one) for one in held]
        assert not any(opened[:20]) and all(opened[22:])


ATTEMPTS = {
    "nothing is said": (300, b"", False),
    "half of the headers": (300, HALF, False),
    "half of a body": (300, POST, False),
    "an answer is not read": (150, WHOLE, True),
    "hundreds of answers are not read": (80, WHOLE * 200, True),  # more than one address may hold
    "what is no HTTP": (300, b"\x16\x03\x01\x02\x00", False),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_readers_are_served_while_others_hold_on(server, attempt):
    before = server[2].stat().st_size
    with holding(server, *ATTEMPTS[attempt]):
        for path in ("/", BRIEF, "/healthz", BRIEF):
            assert Reader(server[0]).ask(path)[0] == 200
        assert len(os.listdir(f"/proc/{server[1].pid}/fd")) < 0.7 * FEW
    assert server[2].stat().st_size - before < 20_000 and "Traceback" not in server[2].read_text()


def test_all_that_comes_by_way_of_a_proxy_is_one_address_without_a_part_of_its_own(tmp_path, outputs):
    proxy = ("--proxy-header", "X-User", "--proxy-address", "127.0.0.1")
    with serving(outputs, tmp_path / "log.txt", *proxy, before=few) as (address, process):
        with holding((address, process), FEW // 4 + 20, HALF) as held:
            assert Reader(address).ask("/", **{"X-User": "anna"})[0] == 200
            assert all(map(is_open, held))
        with holding((address, process), FEW // 2 + 20, HALF) as held:  # the bound on all of them holds
            assert Reader(address).ask("/", **{"X-User": "anna"})[0] == 200
            assert not all(map(is_open, held))


def test_deadlines_end_what_is_half_said_and_what_is_not_read(tmp_path, outputs):
    short = {
        "connections.TAKEN_WITHIN": 1.0,
        "connections.LOOK": 100,
        'server.PATIENCE["idle_connection_timeout"]': 1.0,
    }
    short['server.PATIENCE["body_timeout"]'] = 1.0
    with serving(outputs, tmp_path / "log.txt", program=impatient(**short)) as server:
        with holding(server, 3, HALF) as half, holding(server, 3, POST) as body, holding(server, 3, b"") as silent:
            end = time.monotonic() + 60
            while any(map(is_open, half + body + silent)) and time.monotonic() < end:
                time.sleep(0.2)
            assert not any(map(is_open, half + body + silent))
        with holding(server, 2, WHOLE * 2000, small=True) as unread:
            while any(_sends(one) for one in unread):
                assert time.monotonic() < end + 60
                time.sleep(0.2)


def _sends(connection):
    """Tell whether the other end is still there, without reading what it sent."""
    connection.setblocking(False)
    try:
        connection.send(b"G")
        return True
    except BlockingIOError:
        return True
    except OSError:
        return False


def test_without_descriptors_nobody_is_let_in_for_a_moment_and_the_log_stays_short(tmp_path, outputs):
    with serving(outputs, tmp_path / "log.txt", "--audit", str(tmp_path / "audit")) as (address, process):
        limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        assert limits[0] == limits[1]  # it was raised to what is allowed
        taken = len(os.listdir(f"/proc/{process.pid}/fd"))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (taken, limits[1]))
        used = _processor(process.pid)
        with holding((address, process), 30, HALF):
            time.sleep(3)
            assert _processor(process.pid) - used < 1.5  # it waits, and does not ask again and again
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
        assert Reader(address).ask("/healthz")[0] == 200
        log = (tmp_path / "log.txt").read_text()
    assert 1 <= log.count("no connection can be taken up: Too many open files") <= MOST
    assert len(log) < 20_000 and "Traceback" not in log


def _processor(pid):
    """Give the seconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_of_ipv6_a_network_counts_as_one_address():
    assert (
        connections._network("2001:db8:1:2:aaaa::1") == connections._network("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    )
    assert connections._network("fe80::1%eth0") == "fe80::/64" and connections._network("10.0.0.1") == "10.0.0.1"


def test_a_place_that_logs_again_and_again_is_counted_instead():
    import logging

    sparing, heard = RepeatFilter(), []
    for number in range(1000):
        record = logging.LogRecord("x", logging.ERROR, "file.py", 7, "fault %s", (number,), None)
        heard += [record.getMessage()] if sparing.filter(record) else []
    assert heard == [f"fault {n}" for n in range(MOST)]
    sparing.seen = {place: (since - 61, count) for place, (since, count) in sparing.seen.items()}
    record = logging.LogRecord("x", logging.ERROR, "file.py", 7, "fault %s", ("again",), None)
    assert (
        sparing.filter(record)
        and record.getMessage() == f"fault again ({1000 - MOST} more like this were left out of the log)"
    )
