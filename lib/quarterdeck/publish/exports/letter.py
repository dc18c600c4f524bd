"""How does a finished run's brief go out by e-mail? One file that any mail program shows, with or without its pictures."""

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from quarterdeck import __version__
from quarterdeck.data import durable
from quarterdeck.present import style
from quarterdeck.present.narrative.brief import small_print
from quarterdeck.publish.exports.run_reader import BRIEF, Picture, RunReader

FONT = "font-family:Segoe UI,Roboto,Helvetica Neue,Arial,sans-serif"
INKS = {"good": style.GOOD, "warn": style.WARN, "bad": style.LOSS}
SHOWN = ["Will we make it?", "What changed against last year?"]
MOST = 1_000_000  # bytes: larger mails are cut off or refused
PATIENCE = 120  # seconds that a print may take
PRINT_STYLE = (
    "<style>@page{size:A4;margin:12mm}body{background:#fff!important}</style>"  # a mail program would take none
)
NO_PDF = "no PDF: Chromium is not on this machine's path; print the HTML file from any browser."


def write(reader: RunReader, path: Path) -> Iterator[str]:
    """Write the letter of a region, and beside it a PDF where Chromium is; give a line on each."""
    put(reader, path)
    yield f"e-mail: {path} ({path.stat().st_size / 1000:,.0f} kB)"
    yield _printed(path)


def put(reader: RunReader, path: Path) -> None:
    """Write the letter of a region, whole or not at all."""
    durable.whole(path, lambda draft: draft.write_text(letter(reader), encoding="utf-8"))


def letter(reader: RunReader) -> str:
    """Give the letter as one HTML text; pictures are left out, the last first, where it would be too large."""
    pictures = [p for section in SHOWN if (p := reader.picture(BRIEF, section))]
    while len(text := _whole(reader, pictures).encode()) > MOST and pictures:
        pictures.pop()
    return text.decode()


def _whole(reader: RunReader, pictures: list[Picture]) -> str:
    parts = [
        _heading(reader.headline, reader.stand),
        _figures(reader),
        _findings(reader),
        *map(_picture, pictures),
        _since(reader),
    ]
    # One cell holds all: on paper a row of a table is not broken where it fits on a page of its own.
    rows = "".join(f'<div style="padding-bottom:14px">{part}</div>' for part in parts if part)
    inner = (
        '<table role="presentation" cellpadding="0" cellspacing="0" width="100%" '
        f'style="max-width:640px;background:#fff;text-align:left;{FONT};color:{style.INK};font-size:15px;line-height:1.45">'
        f'<tr><td style="padding:0 20px 4px">{rows}</td></tr></table>'
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(reader.title)}</title>'
        f'<meta name="author" content="Quarterdeck"><meta name="description" content="{escape(reader.stand)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
        '<body style="margin:0;padding:0;background:#f4f6f8"><table role="presentation" cellpadding="0" cellspacing="0" '
        f'width="100%"><tr><td align="center" style="padding:12px 0 0">{inner}</td></tr></table></body></html>'
    )


def _heading(text: str, stand: str) -> str:
    band = f"background:{style.NAVY};color:#fff;margin:0 -20px;padding:9px 20px;font-weight:600"
    return (
        f'<div style="{band}">Quarterdeck</div><h1 style="font-size:21px;line-height:1.3;color:{style.NAVY};'
        f'margin:18px 0 6px">{escape(text)}</h1><div style="font-size:12px;color:{style.SOFT}">{escape(stand)}</div>'
    )


def _figures(reader: RunReader) -> str:
    """Lay out the figures, three columns wide, so that a phone shows them whole."""
    kpis, currency = reader.figures(), reader.facts["currency"]
    rows = "".join(_figure(f, kpis[f["metric"]], currency) for f in reader.of("figure"))
    return f'{_title("How do the figures stand?")}<table cellpadding="0" cellspacing="0" width="100%">{rows}</table>'


def _figure(figure: dict[str, Any], kpi: dict[str, Any], currency: str) -> str:
    def write(value: float | None) -> str:
        return style.amount(value, kpi["unit"], currency)

    feet = [kpi["period"]]
    feet += [f"{write(kpi['low'])} to {write(kpi['high'])}"] if kpi["low"] is not None else []
    feet += [f"{figure.get('aim', 'target')} {write(figure['target'])}"] if figure["target"] is not None else []
    feet += [f"last year {write(figure['previous'])}"] if figure["previous"] is not None else []
    line, soft = f"border-bottom:1px solid {style.LINE};padding:7px 10px 7px 0;vertical-align:top", style.SOFT
    ink = INKS.get(figure["state"], style.INK)
    return (
        f'<tr><td style="{line}">{escape(figure["title"])}<div style="font-size:12px;color:{soft}">'
        f'{escape(" · ".join(feet))}</div></td><td align="right" style="{line};white-space:nowrap"><b>{write(kpi["value"])}</b>'
        f'<div aria-hidden="true" style="font-size:12px;color:{style.US}">{figure["course"]}</div></td>'
        f'<td width="36%" style="{line};color:{ink};font-weight:600;font-size:13px">{escape(figure["text"])}</td></tr>'
    )


def _findings(reader: RunReader) -> str:
    found = reader.of("finding")
    if not found:
        return f"{_title('What should we do?')}<p>No finding is clear of chance today.</p>"
    return _title("What matters most, and what should we do?") + "".join(map(_finding, found))


def _finding(finding: dict[str, Any]) -> str:
    safe = {k: escape(str(v)) for k, v in finding.items()}
    page, small = safe["page"].replace("_", " "), f"font-size:12.5px;color:{style.SOFT}"
    return (
        f'<div style="border-left:3px solid {style.PLAN};padding:0 0 2px 12px;margin:0 0 14px;break-inside:avoid">'
        f'<b><span style="color:{style.PLAN}">{safe["worth"]}</span>&nbsp; {safe["head"]}</b><br>{safe["body"]}<br>'
        f'<b>Do</b> {safe["action"]}<div style="{small}">{escape(small_print(finding))} · evidence: {page}, '
        f"“{safe['question']}”</div></div>"
    )


def _picture(picture: Picture) -> str:
    """Show a picture below its finding in words, which a phone shows large and a mail program that blocks pictures shows too."""
    source = base64.b64encode(picture.bare).decode()
    return (
        f'<div style="font-weight:600;color:{style.NAVY};margin:0 0 4px;break-after:avoid">{escape(picture.finding)}</div>'
        f'<img src="data:image/png;base64,{source}" alt="{escape(picture.alt)}" width="600" '
        'style="width:100%;max-width:600px;height:auto;display:block;border:0;break-inside:avoid">'
    )


def _since(reader: RunReader) -> str:
    rows = reader.of("since")
    if not rows:
        return ""
    cell = f"border-bottom:1px solid {style.LINE};padding:5px 10px 5px 0"
    figure = f"{cell};white-space:nowrap"
    lines = "".join(
        f'<tr><td style="{cell}">{escape(r["title"])}</td><td align="right" style="{figure}">{r["then"]}</td>'
        f'<td align="right" style="{figure}"><b>{r["now"]}</b></td><td style="{cell}">{escape(r["text"])}</td></tr>'
        for r in rows
    )
    table = f'<table cellpadding="0" cellspacing="0" width="100%" style="break-inside:avoid">{lines}</table>'
    return _title(f"What changed since {rows[0]['day']}?") + table


def _title(text: str) -> str:
    return f'<h2 style="font-size:16px;color:{style.NAVY};margin:6px 0 8px;break-after:avoid">{escape(text)}</h2>'


def _printed(path: Path) -> str:
    """Print the letter to a PDF beside it, whole or not at all; say what came of it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        return NO_PDF
    place = path.with_suffix(".pdf")
    with tempfile.TemporaryDirectory() as folder:
        draft, printed = Path(folder) / "letter.pdf", Path(folder) / "letter.html"
        printed.write_text(
            path.read_text(encoding="utf-8").replace("</head>", PRINT_STYLE + "</head>", 1), encoding="utf-8"
        )
        flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
            f"--user-data-dir={folder}/profile",
            f"--user-agent=Quarterdeck {__version__}",  # which the PDF names as its creator
        ]
        command = [browser, *flags, f"--print-to-pdf={draft}", printed.as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True)
        except (subprocess.SubprocessError, OSError) as error:
            return f"no PDF: Chromium could not print it ({type(error).__name__})."
        if not draft.is_file():
            return "no PDF: Chromium printed nothing."
        durable.copy(draft, place)
    return f"PDF: {place}"
