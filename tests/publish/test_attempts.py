"""The table of attempts: what may be asked of a server, and what it answers; against real servers, one of a kind.

Attempts that need a state of their own stand with it: damaged files, few descriptors, a users file that breaks.
"""

import http.client
import json
import socket
import subprocess
from urllib.parse import quote

import pytest
from jupyter_server.auth.security import passwd

from conftest import PATIENCE, until
from fake_runs import make_outputs, serving
from quarterdeck.errors import ParamsError
from quarterdeck.publish.access.users import AccessOptions
from reader import Reader

PASSWORD = "correct horse battery"
BRIEF = "/demo/latest/north/executive_brief"
STYLE = "/static/quarterdeck.css"
SECURITY = {
    "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
}  # fmt: skip
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "eA=="}
ELSEWHERE = {"Origin": "https://elsewhere.example"}
KERNEL = "/api/kernels/00000000-0000-0000-0000-000000000000"  # nobody's


@pytest.fixture(scope="module")
def hashed():
    return passwd(PASSWORD)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout key.pem -out cert.pem"
    subprocess.run(made.split(), cwd=folder, check=True, capture_output=True)
    return ("--certfile", str(folder / "cert.pem"), "--keyfile", str(folder / "key.pem"))


@pytest.fixture(scope="module")
def open_server(tmp_path_factory):
    """A server that asks nobody who they are."""
    root = tmp_path_factory.mktemp("open")
    with serving(make_outputs(root, rendered=True), root / "log.txt") as (address, _):
        yield address, root / "log.txt"


@pytest.fixture(scope="module")
def server(tmp_path_factory, hashed, certificate):
    """A server with TLS, users and live pages."""
    root = tmp_path_factory.mktemp("attempts")
    (root / "users.yaml").write_text(f"users: {{boss: {{password: '{hashed}', sees: all, role: explorer}}}}")
    options = ("--users", str(root / "users.yaml"), "--live", "2", "--audit", str(root / "audit.jsonl"))
    with serving(make_outputs(root, rendered=True), root / "log.txt", *certificate, *options) as (address, _):
        yield address, root / "log.txt"


@pytest.fixture(scope="module")
def boss(server):
    """Who is logged in to it."""
    reader = Reader(server[0])
    assert reader.log_in("boss", PASSWORD)[0] == 303 and all("Secure" in cookie for cookie in reader.set)
    return reader


# request, headers → what the open server answers; what the one with users answers to who is logged in, and to a stranger
ATTEMPTS = [
    # what there is
    ("GET /", {}, 200, 200, 302),
    (f"GET {BRIEF}", {}, 200, 200, 302),
    (f"HEAD {BRIEF}", {}, 200, 200, 302),
    (f"GET {BRIEF}", {"Accept-Encoding": "gzip"}, 200, 200, 302),
    (f"GET {BRIEF}?template=lab&token=x", {}, 200, 200, 302),
    ("GET /demo/latest", {}, 200, 200, 302),
    (f"GET {STYLE}", {}, 200, 200, 200),
    ("GET /healthz", {}, 200, 200, 200),
    ("GET /login", {}, 404, 200, 200),
    ("GET /logout", {}, 404, 200, 302),
    ("GET /static/live.js", {}, 404, 200, 200),
    ("GET /voila/static/voila.js", {}, 404, 200, 200),
    ("GET /search?q=share", {}, 200, 200, 302),
    # parts of a file, and what the reader has already
    (f"GET {STYLE}", {"Range": "bytes=0-9"}, 206, 206, 206),
    (f"GET {STYLE}", {"Range": "bytes=9999999-"}, 416, 416, 416),
    (f"GET {STYLE}", {"Range": "chars=x"}, 200, 200, 200),
    (f"GET {STYLE}", {"If-Modified-Since": "Fri, 31 Dec 2100 00:00:00 GMT"}, 304, 304, 304),
    (f"GET {STYLE}", {"If-Modified-Since": "Mon, 99 Foo 0000"}, 200, 200, 200),
    (f"GET {STYLE}", {"If-None-Match": "*"}, 304, 304, 304),
    (f"GET {BRIEF}", {"If-None-Match": 'W/"'}, 200, 200, 302),
    # other methods: pages can only be read
    (f"POST {BRIEF}", {}, 403, 403, 403),
    (f"PUT {BRIEF}", {}, 403, 403, 403),
    (f"DELETE {BRIEF}", {}, 403, 403, 403),
    ("PATCH /search", {}, 403, 403, 403),
    ("NONSENSE /search", {}, 405, 405, 405),
    ("OPTIONS *", {}, 404, 404, 404),
    ("TRACE /", {}, 405, 405, 405),
    (f"POST {STYLE}", {}, 403, 403, 403),
    ("POST /login", {}, 404, 403, 403),
    ("DELETE /login", {}, 404, 403, 403),
    (f"POST {KERNEL}/channels", {}, 403, 403, 403),
    # names that there are not, or that are none
    ("GET /demo", {}, 404, 404, 404),
    ("GET /nowhere", {}, 404, 404, 404),
    ("GET /favicon.ico", {}, 404, 404, 404),
    ("GET /demo/latest/nowhere/executive_brief", {}, 404, 404, 302),
    ("GET /demo/2026-11-16/north/executive_brief", {}, 404, 404, 302),
    (f"GET {BRIEF}/", {}, 404, 404, 404),
    (f"GET {BRIEF}%00", {}, 404, 404, 302),
    (f"GET {BRIEF}.ipynb", {}, 404, 404, 302),
    (f"GET {BRIEF}/deck.pdf", {}, 404, 404, 302),
    (f"GET {BRIEF}/x.webp", {}, 404, 404, 302),
    ("GET /demo/latest/north/forecasting/deck.pptx", {}, 404, 404, 302),
    ("GET /demo/2026-11-16/north/executive_brief/deck.pptx", {}, 404, 404, 302),
    ("GET /live/demo/latest/north/nothing", {}, 404, 404, 302),
    ("GET /demo/%ff/north/x", {}, 400, 400, 400),
    ("GET /search?q=%ff", {}, 400, 400, 302),
    ("GET /login?next=%ff", {}, 404, 400, 400),
    # files that are no pages, and ways out of their folder
    ("GET /demo/latest/run.json", {}, 404, 404, 404),
    ("GET /demo/2026-11-15/data/orders.parquet", {}, 404, 404, 302),
    ("GET /demo/2026-11-15/data/orders", {}, 404, 404, 302),
    ("GET /demo/latest/../2026-11-15/run.json", {}, 404, 404, 302),
    ("GET /demo/%2e%2e/demo/latest", {}, 404, 404, 302),
    ("GET /demo/latest/north/..%2f..%2frun.json", {}, 404, 404, 302),
    ("GET /demo/latest/..%2f2026-10-01%2fnorth/executive_brief", {}, 404, 404, 302),
    ("GET /demo/latest/north/%2e%2e/run.json", {}, 404, 404, 302),
    (f"GET {BRIEF}/..%2fdeck.pptx", {}, 404, 404, 302),
    ("GET /..%2foutputs/demo%2flatest/north/executive_brief", {}, 404, 404, 302),
    ("GET /%252e%252e/%252e%252e/etc/passwd", {}, 404, 404, 302),
    ("GET //etc/passwd", {}, 404, 404, 404),
    ("GET /../../../../etc/passwd", {}, 404, 404, 404),
    ("GET /demo\\latest/north", {}, 404, 404, 302),
    ("GET /.logins/secret", {}, 404, 404, 302),
    ("GET /.pages/x/body.html.gz", {}, 404, 404, 404),
    ("GET /static/../quarterdeck.css", {}, 404, 404, 404),
    ("GET /static/page.html.j2", {}, 404, 404, 302),
    ("GET /static/..%2findex.html.j2", {}, 404, 404, 302),
    (f"GET {STYLE}/..%2f..%2fconf.json", {}, 404, 404, 404),
    # what Voilà and Jupyter would answer
    ("GET /voila/static/nothing.js", {}, 404, 404, 404),
    ("GET /voila/static/..%2f..%2fx", {}, 404, 404, 404),
    ("GET /voila/templates/lab/static/voila.js", {}, 404, 404, 302),
    (f"GET /voila/render{BRIEF}.ipynb", {}, 404, 404, 404),
    (f"GET /voila/files{BRIEF}.ipynb", {}, 404, 404, 404),
    ("GET /voila/tree", {}, 404, 404, 302),
    ("GET /voila/tree/demo", {}, 404, 404, 404),
    ("GET /voila/api/contents/demo", {}, 404, 404, 302),
    ("GET /voila/api/shutdown/x", {}, 404, 404, 302),
    ("GET /voila/labextensions/x", {}, 404, 404, 404),
    ("GET /api/contents", {}, 404, 404, 302),
    ("GET /api/kernels", {}, 404, 404, 302),
    (f"GET {KERNEL}", {}, 404, 404, 302),
    (f"GET {KERNEL}/channels", {}, 404, 404, 403),
    (f"GET {KERNEL}/channels", UPGRADE, 404, 404, 403),
    (f"GET {KERNEL}/channels", UPGRADE | ELSEWHERE, 404, 404, 403),
    (f"GET {KERNEL}/channels", UPGRADE | {"Sec-WebSocket-Version": "99"}, 404, 404, 403),
    (f"GET {KERNEL}/channels?session_id=%ff", UPGRADE, 404, 404, 403),
    (f"GET {BRIEF}", UPGRADE, 200, 200, 302),
    # cookies that were made up
    ("GET /", {"Cookie": "quarterdeck="}, 200, 302, 302),
    ("GET /", {"Cookie": "quarterdeck=boss"}, 200, 302, 302),
    ("GET /", {"Cookie": 'quarterdeck="2|1:0|x"'}, 200, 302, 302),
    ("GET /", {"Cookie": 'quarterdeck="\\377\\400"; =;;'}, 200, 302, 302),
    ("GET /", {"Cookie": "quarterdeck=" + "x" * 9000}, 200, 302, 302),
    ("GET /login", {"Cookie": "_xsrf=2|ff|ff|99999999999999999999"}, 404, 200, 200),
    ("GET /login", {"Cookie": "_xsrf=\xff"}, 404, 200, 200),
    # who asks, and from where
    ("GET /", {"Host": "evil.example"}, 403, 200, 302),
    ("GET /healthz", {"Host": "evil.example"}, 200, 200, 200),
    ("GET /", {"Host": "127.0.0.1:x"}, 403, 200, 302),
    ("GET http://elsewhere.example/", {}, 404, 404, 404),
    ("GET /", ELSEWHERE, 200, 200, 302),
    ("POST /login", ELSEWHERE, 404, 404, 404),
    ("POST /login", {"Origin": "http://["}, 404, 404, 404),
    ("POST /login", {"Origin": "\xff", "Referer": "http://["}, 404, 404, 404),
    (f"GET {KERNEL}/channels", UPGRADE | {"Origin": "http://["}, 404, 404, 403),
    ("GET /", {"Authorization": "token x"}, 200, 200, 302),
    ("GET /metrics", {"Authorization": "Bearer \xff"}, 401, 401, 401),
    ("GET /readyz", {"Forwarded": "for=\xff"}, 200, 200, 200),
    ("GET /", {"X-Forwarded-For": "x", "X-Forwarded-Proto": "javascript"}, 200, 200, 302),
    ("GET /", {"Accept-Encoding": "\xff", "Accept-Language": "a," * 900}, 200, 200, 302),
]


def asked(row):
    """Name a row for the list of tests."""
    return " ".join([row[0], *row[1]])[:60]


@pytest.mark.parametrize(("request_line", "headers", "opened", "known", "stranger"), ATTEMPTS, ids=map(asked, ATTEMPTS))
def test_each_attempt_has_its_answer_with_the_security_headers_and_no_traceback(
    open_server, server, boss, request_line, headers, opened, known, stranger
):
    method, _, path = request_line.partition(" ")
    readers = {"open": Reader(open_server[0]), "known": boss, "stranger": Reader(server[0])}
    answers = {name: reader.ask(path, method, binary=True, **headers) for name, reader in readers.items()}
    assert {name: status for name, (status, *_) in answers.items()} == {
        "open": opened, "known": known, "stranger": stranger
    }  # fmt: skip
    for name, (status, sent, page) in answers.items():
        assert set(sent) >= SECURITY and "Server" not in sent and b"Traceback" not in page, name
        assert sent.get("Strict-Transport-Security") == (None if name == "open" else "max-age=31536000")
        assert status != 404 or method == "HEAD" or b"There is no such page." in page
    sent = answers["open"][1]
    policy = sent["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "frame-ancestors 'self'" in policy and "script-src" not in policy
    assert sent["X-Content-Type-Options"] == "nosniff" and "Set-Cookie" not in sent
    assert not [log for _, log in (open_server, server) if "Traceback" in log.read_text()]


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTED = {"Content-Type": "multipart/form-data; boundary=x"}
PART = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\nhal\r\n--x--\r\n'
# what is sent to the login form with its token → the status
FORMS = {
    "no field": ({}, "x=y", 401),
    "bytes that are no text": ({}, "username=%ff%fe&password=x", 400),
    "half a character": ({}, "username=%ed%a0%80&password=x", 400),
    "a name with a null": ({}, "username=ben%00&password=%00", 401),
    "a name as long as may be sent": ({}, "password=x&username=" + "a" * 60_000, 401),
    "a password as long as may be sent": ({}, "username=dan&password=" + "p" * 60_000, 401),
    "each field twice": ({}, "username=amy&username=x&password=a&password=b", 401),
    "a name in wide letters": ({}, "username=" + quote("ｂｏｓｓ") + f"&password={PASSWORD}", 401),
    "a name with a blank": ({}, f"username=boss%20x&password={PASSWORD}", 401),
    "thousands of fields": ({}, "&".join(f"a{n}=1" for n in range(5000)), 400),
    "where to go on to is no text": ({}, "username=eve&password=y&next=%ff", 400),
    "JSON": ({"Content-Type": "application/json"}, '{"username": 1}', 401),
    "no form at all": ({"Content-Type": ";;;"}, "username=gus", 401),
    "parts": (PARTED, PART.format("username"), 401),
    "parts without their boundary": ({"Content-Type": "multipart/form-data"}, PART.format("username"), 400),
    "a part without a name": (PARTED, PART.replace('; name="{}"', ""), 400),
    "a part whose name is no text": (PARTED, PART.format("\xff").encode("latin1"), 400),
    "parts without an end": (PARTED, PART.format("username")[:-6], 400),
    "what is called compressed": ({"Content-Encoding": "gzip"}, "username=boss", 400),
}


@pytest.mark.parametrize("attempt", FORMS)
def test_whatever_is_sent_as_a_form_is_refused_and_no_fault_of_the_server(server, attempt):
    headers, body, status = FORMS[attempt]
    reader = Reader(server[0])
    reader.ask("/login")
    token = {"X-XSRFToken": reader.cookies["_xsrf"]}
    answered, sent, page = reader.ask("/login", "POST", body, **FORM | token | headers)
    assert answered == status and set(sent) >= SECURITY and "quarterdeck" not in reader.cookies
    assert "Traceback" not in page + server[1].read_text()


HOST = b"Host: 127.0.0.1\r\n"
END = b"Connection: close\r\n\r\n"
GET, POST, HEALTH = (line + b" HTTP/1.1\r\n" + HOST for line in (b"GET /", b"POST /", b"GET /healthz"))
CHUNKED = b"Transfer-Encoding: chunked\r\n" + END
FINE = [b"200 OK"]
BARE = [b"400 Bad Request"]  # Tornado's own answer, without a header or a body, to what is no HTTP; it then hangs up
# bytes, as no client would send them → the first lines of the answers
WIRE = {
    "two requests at once": (HEALTH + b"\r\n" + HEALTH + END, FINE + FINE),
    "one, and then what is none": (HEALTH + b"\r\n" + b"\0\0\r\n\r\n", FINE + BARE),
    "lines that end as on Unix": (b"GET /healthz HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n", FINE),
    "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", FINE),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BARE),
    "no version": (b"GET /\r\n\r\n", BARE),
    "no request": (b"\r\n\r\n", BARE),
    "bytes": (b"\x16\x03\x01\x02\r\n\r\n", BARE),
    "no Host": (b"GET / HTTP/1.1\r\n" + END, BARE),
    "a Host of bytes": (b"GET / HTTP/1.1\r\nHost: \xe9.example\r\n" + END, BARE),
    "two Hosts": (GET + HOST + END, BARE),
    "a Host with a user": (b"GET /healthz HTTP/1.1\r\nHost: evil@127.0.0.1\r\n" + END, BARE),
    "a header over two lines": (GET + b"X: y\r\n z\r\n" + END, BARE),
    "a header without a colon": (GET + b"X\r\n" + END, BARE),
    "a header with a null": (GET + b"X: a\0b\r\n" + END, BARE),
    "a header of 15 kilobytes": (HEALTH + b"X: " + b"y" * 15_000 + b"\r\n" + END, FINE),
    "a path of bytes": (b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + END, [b"404 Not Found"]),
    "a method of 5000 letters": (b"A" * 5000 + b" / HTTP/1.1\r\n" + HOST + END, [b"405 Method Not Allowed"]),
    "two lengths of a body": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n" + END + b"x", BARE),
    "a length and pieces": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + END + b"0\r\n\r\n", BARE),
    "a length below zero": (POST + b"Content-Length: -5\r\n" + END, BARE),
    "a length beyond what is taken": (POST + b"Content-Length: 999999999\r\n" + END, BARE),
    "a piece of no length": (POST + CHUNKED + b"zz\r\nhello", BARE),
    "a body in pieces": (POST + CHUNKED + b"1\r\nx\r\n0\r\n\r\n", [b"403 Forbidden"]),
}


@pytest.mark.parametrize("attempt", WIRE)
def test_what_is_hardly_http_is_answered_or_hung_up_on(open_server, attempt):
    sent, answers = WIRE[attempt]
    host, port = open_server[0].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as caller:
        caller.sendall(sent)
        said = b"".join(iter(lambda: caller.recv(1 << 16), b""))
    found = said.split(b"HTTP/1.1 ")
    assert [answer.partition(b"\r\n")[0] for answer in found if answer] == answers
    for answer in found:
        bare = answer in (b"", b"400 Bad Request\r\n\r\n")
        assert bare or all(name.encode() in answer for name in SECURITY)
    assert "Traceback" not in open_server[1].read_text()


def test_a_strangers_kernel_costs_a_line_in_the_log_and_not_a_traceback(server):
    before = len(server[1].read_text())
    for _ in range(20):
        assert Reader(server[0]).ask(f"{KERNEL}/channels", **UPGRADE)[0] == 403
    assert len(server[1].read_text()) - before < 20 * 200


def test_a_logout_clears_what_the_browser_keeps_of_the_pages_and_other_servers_cookies_stay(server):
    leaving = Reader(server[0])
    leaving.log_in("boss", PASSWORD)
    assert leaving.send("/logout")[1]["Clear-Site-Data"] == '"cache", "storage"'
    assert [c for c in leaving.set if c.startswith('quarterdeck="";')]


@pytest.mark.parametrize(
    "given",
    ["proxy.example", "localhost", "10.0.0", "10.0.0.1/28", "10.0.0.1/33", " 10.0.0.1", "10.0.0.1,10.0.0.2", "10.0.0.1:80",
     "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "[::1]", "*", "all", "10.0.0.*", "\u0661\u0660.0.0.1"],
)  # fmt: skip
def test_a_proxys_address_that_would_match_nobody_or_everybody_is_refused_at_start(given):
    with pytest.raises(ParamsError, match="--proxy-address") as error:
        AccessOptions(proxy_header="X-User", proxy_address=given)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    root = tmp_path_factory.mktemp("proxied")
    header = (
        "--proxy-header",
        "X-Forwarded-User",
        "--proxy-address",
        "127.0.0.0/30",
        "--audit",
        str(root / "audit.jsonl"),
    )
    with serving(make_outputs(root, rendered=True), root / "log.txt", *header) as (address, _):
        yield address, root


def ask_from(source, address, path, headers):
    """Ask from another of this machine's own addresses."""
    host, port = address.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60, source_address=(source, 0))
    connection.putrequest("GET", path)
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.parametrize(
    ("source", "forwarded", "address"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", ["198.51.100.1, 192.0.2.7"], "192.0.2.7"),  # what stands before is the person's own word
        ("127.0.0.1", ["198.51.100.1", "192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", ["192.0.2.7, 127.0.0.2"], "192.0.2.7"),  # a chain of proxies
        ("127.0.0.1", ["192.0.2.7, 127.0.0.9"], "127.0.0.9"),  # one that is none of ours
        ("127.0.0.1", ["192.0.2.7, forged"], "127.0.0.1"),
        ("127.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"),
        ("127.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("127.0.0.1", [",,,"], "127.0.0.1"),
        ("127.0.0.1", ['{"user": "boss"}'], "127.0.0.1"),
        ("127.0.0.2", ["192.0.2.7"], "192.0.2.7"),
        ("127.0.0.9", ["192.0.2.7"], "127.0.0.9"),  # not the proxy: refused, and its own address logged
    ],
)
def test_the_persons_address_is_logged_and_only_the_proxys_word_is_taken(proxied, source, forwarded, address):
    log = proxied[1] / "audit.jsonl"
    before = len(log.read_text().splitlines())
    believed = source in ("127.0.0.1", "127.0.0.2")
    for _ in range(2):  # as the page is made, and as it is handed out again
        headers = [
            ("X-Forwarded-User", "anna"),
            ("Accept-Encoding", "gzip"),
            *(("X-Forwarded-For", f) for f in forwarded),
        ]
        assert ask_from(source, proxied[0], BRIEF, headers) == (200 if believed else 403)
    until(lambda: len(log.read_text().splitlines()) == before + 2)  # lines are written together, a moment later
    lines = [json.loads(line) for line in log.read_text().splitlines()[-2:]]
    assert [(line["address"], line["user"]) for line in lines] == [(address, "anna" if believed else None)] * 2
