"""Logging in over the wire: what is asked, what is answered, what is logged, and what nobody gets past."""

import contextlib
import http.client
import socket
import time

import pytest
from jupyter_server.auth.security import passwd

from conftest import PATIENCE, until
from fake_runs import make_outputs, serving
from quarterdeck.publish.access.logins import Logins
from reader import Reader, audited

PASSWORD = "correct horse battery"
BRIEF = "/demo/latest/{}/executive_brief"


@pytest.fixture(scope="module")
def hashed():
    return passwd(PASSWORD)


@pytest.fixture(scope="module")
def server(tmp_path_factory, hashed):
    root = tmp_path_factory.mktemp("signed")
    users = root / "users.yaml"
    users.write_text(
        f"users:\n  anna: {{name: Anna Berg, password: '{hashed}', sees: {{demo: [North]}}}}\n"
        f"  boss: {{password: '{hashed}', sees: all}}\n  sso: {{sees: all}}\n"
        f"  gone: {{password: '{hashed}', sees: all}}\n"
    )
    options = ("--users", str(users), "--audit", str(root / "audit.jsonl"))
    with serving(make_outputs(root, rendered=True), root / "log.txt", *options) as (address, _):
        yield address, root


def audit(server):
    return audited(server[0], server[1] / "audit.jsonl")


@pytest.fixture
def anna(server):
    reader = Reader(server[0])
    assert reader.log_in("anna", PASSWORD)[0] == 303
    return reader


@pytest.mark.parametrize("path", ["/", "/demo/latest", BRIEF.format("north"), BRIEF.format("nowhere"), "/logout"])
def test_nobody_reads_without_a_login_and_all_addresses_answer_alike(server, path):
    status, headers, page = Reader(server[0]).ask(path)
    assert (status, page) == (302, "") and headers["Location"].startswith("/login?next=")


def test_the_login_page_needs_no_script_and_allows_none(server):
    status, headers, page = Reader(server[0]).ask("/login?next=/demo/latest")
    policy = headers["Content-Security-Policy"]
    assert status == 200 and "<script" not in page and 'name="next" value="/demo/latest"' in page
    assert "default-src 'none'" in policy and "form-action 'self'" in policy and "script-src" not in policy
    assert headers["Referrer-Policy"] == "same-origin"  # with no-referrer a browser sends the form as from nowhere


def test_the_address_to_go_on_to_cannot_lead_elsewhere_or_break_out_of_the_form(server):
    page = Reader(server[0]).ask("/login?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")[2]
    assert "<script" not in page
    for towards in ("//elsewhere.example", "/\\elsewhere.example", "https://elsewhere.example", "/a\r\nX: y"):
        assert Reader(server[0]).log_in("boss", PASSWORD, towards)[1]["Location"] == "/"
    assert Reader(server[0]).log_in("boss", PASSWORD, "/demo/latest")[1]["Location"] == "/demo/latest"


def test_cookies_are_kept_from_scripts_and_from_other_sites(server):
    reader = Reader(server[0])
    reader.log_in("boss", PASSWORD)
    assert [c for c in reader.set if c.startswith("quarterdeck=")]
    for cookie in reader.set:
        assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Secure" not in cookie


def test_a_user_reads_the_own_regions_and_finds_no_trace_of_others(anna):
    page = anna.ask("/")[2]
    assert "North" in page and "Anna Berg" in page and "€1.1m" not in page
    assert "United Kingdom" not in page and "All regions" not in page
    assert anna.ask(BRIEF.format("north"))[0] == 200
    brief = anna.ask(BRIEF.format("north"))[2]
    assert "united_kingdom" not in brief and "/company/" not in brief


@pytest.mark.parametrize("region", ["company", "united_kingdom", "nowhere", "North", "north/../company"])
def test_another_region_answers_like_one_that_does_not_exist(anna, region):
    assert anna.ask(BRIEF.format(region))[0] == 404


def test_a_wrong_password_an_unknown_user_and_one_without_a_password_get_the_same_answer(server):
    answers = {Reader(server[0]).log_in(u, "wrong password")[2].split("<form")[0] for u in ("boss", "nobody", "sso")}
    assert len(answers) == 1 and "do not go together" in answers.pop()


def test_an_unknown_user_takes_as_much_work_as_a_known_one(hashed):
    from quarterdeck.publish.access.users import PasswordIdentity

    settings = [
        h.split("$")[1:4] for h in (hashed, PasswordIdentity().nobody)
    ]  # argon2id, its version, memory, time and lanes
    assert settings[0] == settings[1] and settings[0][0] == "argon2id"


def test_logins_that_fail_have_to_wait_ever_longer(server):
    reader = Reader(server[0])
    answers = [reader.log_in("gone", "wrong password") for _ in range(4)]
    while answers[-1][0] == 401:  # where the machine is so busy that the first waits are over before the next try
        assert len(answers) < 12
        answers.append(reader.log_in("gone", "wrong password"))
    assert {a[0] for a in answers[:-1]} == {401} and answers[-1][0] == 429
    assert int(answers[-1][1]["Retry-After"]) <= 2 ** (len(answers) - 4) and "Wait" in answers[-1][2]
    tried = []
    until(lambda: tried.append(reader.log_in("gone", PASSWORD)[0]) or tried[-1] != 429)
    assert tried[-1] == 303 and (429 in tried or len(answers) > 5)  # while it waits, not even the right one opens


def test_a_form_from_another_site_is_refused(server):
    reader = Reader(server[0])
    body = f"username=boss&password={PASSWORD}"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert reader.ask("/login", "POST", body, **form)[0] == 403
    reader.ask("/login")
    token = reader.cookies["_xsrf"]
    assert reader.ask("/login", "POST", f"{body}&_xsrf={token}", Origin="https://elsewhere.example", **form)[0] == 404
    assert "quarterdeck" not in reader.cookies


def test_a_logout_ends_the_session_and_not_only_the_cookie(server):
    reader = Reader(server[0])
    reader.log_in("boss", PASSWORD)
    kept = dict(reader.cookies)
    assert reader.send("/logout")[0] == 303
    reader.cookies = kept
    assert reader.ask("/")[0] == 302


@pytest.mark.parametrize("change", ["another password", "no user", "fewer regions"])
def test_a_login_ends_at_once_with_the_user_or_the_password_and_rights_change_at_once(server, hashed, change):
    file, reader = server[1] / "users.yaml", Reader(server[0])
    before = file.read_text()
    line = next(x for x in before.splitlines() if x.startswith("  boss"))
    reader.log_in("boss", PASSWORD)
    page = BRIEF.format("united_kingdom")
    assert [reader.ask(page, **{"Accept-Encoding": "gzip"}, binary=True)[0] for _ in range(3)] == [200] * 3
    changed, status = {
        "another password": (line.replace(hashed, passwd("another one")), 302),
        "no user": ("", 302),
        "fewer regions": (line.replace("sees: all", "sees: {demo: [North]}"), 404),
    }[change]
    try:
        file.write_text(before.replace(line, changed))
        assert reader.ask(page, **{"Accept-Encoding": "gzip"}, binary=True)[0] == status
    finally:
        file.write_text(before)
    assert reader.ask(page)[0] == 200  # the password and the rights of before


def test_what_was_handed_out_to_one_reader_is_not_to_another(server, anna):
    boss, page, zipped = Reader(server[0]), BRIEF.format("company"), {"Accept-Encoding": "gzip", "binary": True}
    boss.log_in("boss", PASSWORD)
    for _ in range(3):
        assert boss.ask(page, **zipped)[0] == 200
        assert anna.ask(page, **zipped)[0] == 404 and Reader(server[0]).ask(page, **zipped)[0] == 302
        assert Reader(server[0]).ask(page, **zipped, Cookie=f"quarterdeck={boss.cookies['quarterdeck']}x")[0] == 302


def test_logins_outlive_the_server_and_what_was_ended_stays_ended(tmp_path, hashed):
    (tmp_path / "users.yaml").write_text(f"users: {{boss: {{password: '{hashed}', sees: all}}}}")
    outputs, options = make_outputs(tmp_path, rendered=True), ("--users", str(tmp_path / "users.yaml"))
    readers = []
    with serving(outputs, tmp_path / "a.txt", *options) as (address, _):
        for _ in range(2):
            readers.append(Reader(address))
            assert readers[-1].log_in("boss", PASSWORD)[0] == 303
        gone = dict(readers[1].cookies)
        readers[1].send("/logout")
    folder = outputs / ".logins"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {f.name: f.stat().st_mode & 0o777 for f in folder.iterdir()} == {"secret": 0o600, "ended": 0o600}
    with serving(outputs, tmp_path / "b.txt", *options) as (address, _):
        assert Reader(address).ask("/", Cookie=cookie_header(readers[0].cookies))[0] == 200
        assert Reader(address).ask("/", Cookie=cookie_header(gone))[0] == 302


def cookie_header(cookies):
    return "; ".join(f'{name}="{value}"' for name, value in cookies.items())


def test_a_login_lasts_twelve_hours_and_no_longer(monkeypatch, tmp_path):
    logins = Logins(tmp_path)
    cookie, now = logins.begin("anna", "x"), time.time()
    assert logins.find(cookie).username == "anna"
    monkeypatch.setattr("time.time", lambda: now + 12 * 3600 + 1)
    assert logins.find(cookie) is None and Logins(tmp_path).find(cookie) is None


def test_a_secret_that_others_could_have_read_is_made_again(tmp_path):
    cookie = Logins(tmp_path).begin("anna", "x")
    assert Logins(tmp_path).find(cookie)
    (tmp_path / "secret").chmod(0o644)
    assert Logins(tmp_path).find(cookie) is None


def test_each_view_is_a_line_in_the_audit_log(server, anna):
    anna.ask(BRIEF.format("north"))
    anna.ask(BRIEF.format("company"))
    anna.ask("/static/quarterdeck.css")
    *_, seen, refused = audit(server)
    names = {"company": "demo", "run": "latest", "region": "north", "notebook": "executive_brief"}
    common = {"user": "anna", "address": "127.0.0.1", "method": "GET"}
    assert seen == {"time": seen["time"], **common, "path": BRIEF.format("north"), "status": 200, **names}
    assert (refused["status"], refused["region"]) == (404, "company")


def test_no_line_of_the_audit_log_can_be_made_up(server, anna):
    before = len(audit(server))
    forged = "%0a%7b%22user%22:%22boss%22%7d"
    anna.ask(f"/demo/latest/north{forged}/executive_brief%0d%0a")
    anna.ask("/demo/x" + "y" * 9000)
    Reader(server[0]).log_in("boss\n{}", "wrong password")
    lines = audit(server)[before:]
    assert len(lines) == 4 and all(set(line) == set(lines[0]) for line in lines)  # the form, and what was sent
    assert lines[0]["region"].startswith("north\n") and len(lines[1]["path"]) == 2000
    assert lines[3]["user"] is None  # what nobody is called may be a password


def test_a_request_that_is_too_large_or_too_slow_is_cut_off(server):
    for body, headers in ((None, {"Cookie": "x" * 70_000}), ("x" * 300_000, {})):
        with contextlib.suppress(ConnectionError, http.client.RemoteDisconnected):  # cut off before the end was heard
            assert Reader(server[0]).ask("/login", "POST", body, **headers)[0] in (400, 431)
    host, port = server[0].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
        slow.settimeout(PATIENCE)
        begun = time.monotonic()
        while slow.recv(4096):
            pass
        assert time.monotonic() - begun > 5  # ten seconds for a body
    assert Reader(server[0]).ask("/healthz")[0] == 200


def test_a_proxys_word_is_taken_from_the_proxy_alone(tmp_path):
    users = tmp_path / "users.yaml"
    users.write_text("users: {anna: {sees: {demo: [North]}}}")
    outputs = make_outputs(tmp_path, rendered=True)
    header = ("--users", str(users), "--proxy-header", "X-Forwarded-User")
    with serving(outputs, tmp_path / "a.txt", *header, "--proxy-address", "127.0.0.1") as (address, _):
        reader = Reader(address)
        assert "North" in reader.ask("/", **{"X-Forwarded-User": "anna"})[2]
        assert reader.ask(BRIEF.format("company"), **{"X-Forwarded-User": "anna"})[0] == 404
        assert reader.ask("/")[0] == 403 and reader.ask("/", **{"X-Forwarded-User": "stranger"})[0] == 403
        assert reader.ask("/login")[0] == 404
    with serving(outputs, tmp_path / "b.txt", *header, "--proxy-address", "10.0.0.1") as (address, _):
        assert Reader(address).ask("/", **{"X-Forwarded-User": "anna", "X-Forwarded-For": "10.0.0.1"})[0] == 403


def test_open_to_all_is_open_to_all_and_said_to_be(tmp_path):
    with serving(make_outputs(tmp_path, rendered=True), tmp_path / "log.txt", "--open-to-all", "--ip", "0.0.0.0") as (
        address,
        _,
    ):
        assert Reader(address).ask("/", Host="pages.example")[0] == 200
