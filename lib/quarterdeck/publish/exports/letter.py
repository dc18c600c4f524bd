"""How does a finished run's brief go out by e-mail? One file that any mail program shows, with or without its pictures."""

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any

from quarterdeck import __version__
from quarterdeck.data import durable
from quarterdeck.present import style
from quarterdeck.present.narrative.brief import small_print
from quarterdeck.publish.exports import story, titles
from quarterdeck.publish.exports.content import QUIET
from quarterdeck.publish.exports.run_reader import BRIEF, Picture, RunReader

LIST = "margin:0;padding:0 0 0 22px"
FONT = "font-family:Segoe UI,Roboto,Helvetica Neue,Arial,sans-serif"
SHOWN = "Will we make it?"  # the question whose picture is in the letter
THREE = 3  # things to know, and to decide
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
    """Give the letter as one HTML text; its picture is left out where it would be too large."""
    picture = reader.picture(BRIEF, SHOWN)
    text = _whole(reader, picture)
    return text if picture is None or len(text.encode()) <= MOST else _whole(reader, None)


def _whole(reader: RunReader, picture: Picture | None) -> str:
    parts = [_heading(reader), _number(reader, picture), _known(reader), _decisions(reader), _where(reader)]
    # One cell holds all: on paper a row of a table is not broken where it fits on a page of its own.
    rows = "".join(f'<div style="padding-bottom:14px">{part}</div>' for part in parts if part)
    inner = (
        '<table role="presentation" cellpadding="0" cellspacing="0" width="100%" '
        f'style="max-width:640px;background:#fff;text-align:left;{FONT};color:{style.INK};font-size:16px;line-height:1.5">'
        f'<tr><td style="padding:0 24px 8px">{rows}</td></tr></table>'
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(reader.title)}</title>'
        f'<meta name="author" content="Quarterdeck"><meta name="description" content="{escape(reader.stand)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
        '<body style="margin:0;padding:0;background:#f4f6f8"><table role="presentation" cellpadding="0" cellspacing="0" '
        f'width="100%"><tr><td align="center" style="padding:12px 0 0">{inner}</td></tr></table></body></html>'
    )


def _heading(reader: RunReader) -> str:
    band = f"background:{style.NAVY};color:#fff;margin:0 -24px;padding:10px 24px;font-weight:600"
    return f'<div style="{band}">{escape(reader.title)}</div>'


def _number(reader: RunReader, picture: Picture | None) -> str:
    """Greet, and give the number: what the brief says first, and how sure that is."""
    first, *others = reader.of("sentence")
    sure = [r["text"] for r in others[:1] if r["claims"] and r["claims"][0]["metric"] in titles.TRUST]
    paragraphs = "".join(f'<p style="margin:8px 0 0">{escape(text)}</p>' for text in sure)
    return (
        f'<p style="margin:6px 0 8px">Good morning,</p><h1 style="font-size:21px;line-height:1.3;color:{style.NAVY};'
        f'margin:0">{escape(first["text"].rstrip("."))}.</h1>{paragraphs}'
        + ("" if picture is None else _picture(picture))
    )


def to_know(reader: RunReader) -> list[str]:
    """Give the first three of what the deck's slides find: regions, what changed, who decides, why, and rivals."""
    makers = (story.regions, story.changed, story.decide, story.why, story.rivals, story.team, story.ahead)
    found = (slide for make in makers if (slide := make(reader)))
    return [slide.title.rstrip(".") for slide in islice(found, THREE)]


def _so_many(items: list) -> str:
    """Write how many things there are in words.

    >>> _so_many([1, 2, 3]), _so_many([1])
    ('Three things', 'One thing')
    """
    return f"{('One', 'Two', 'Three')[len(items) - 1]} thing{'s' if len(items) > 1 else ''}"


def _known(reader: RunReader) -> str:
    known = to_know(reader)
    items = "".join(f'<li style="margin:0 0 8px">{escape(text)}.</li>' for text in known)
    return f'{_title(f"{_so_many(known)} to know")}<ol style="{LIST}">{items}</ol>' if items else ""


def _decisions(reader: RunReader) -> str:
    found = reader.of("finding")[:THREE]
    if not found:
        return f'{_title(f"{_so_many(found)} to decide")}<p style="margin:0">No finding is clear of chance.</p>'
    return f'{_title(f"{_so_many(found)} to decide")}<ol style="{LIST}">{"".join(map(_decision, found))}</ol>'


def _decision(finding: dict[str, Any]) -> str:
    return (
        f'<li style="margin:0 0 12px;break-inside:avoid"><b>{escape(finding["head"])}.</b> {escape(finding["action"])}'
        f'<div style="font-size:14px;color:{QUIET}">{escape(small_print(finding))}</div></li>'
    )


def _where(reader: RunReader) -> str:
    """Say on which pages the rest stands."""
    places = dict.fromkeys((f["page"], f["question"]) for f in reader.of("finding")[:THREE])
    pages = [f"{page.replace('_', ' ').capitalize()}, “{question}”" for page, question in places]
    first = "The executive brief has all figures; the deck has the regions, deals and accounts by name."
    items = "".join(f'<li style="margin:0 0 4px">{escape(text)}</li>' for text in [first, *pages])
    made = f"Made by run {reader.facts['run']}."
    return (
        f'{_title("Where to look")}<ul style="{LIST}">{items}</ul>'
        f'<p style="margin:14px 0 0;font-size:13px;color:{QUIET}">{escape(made)}</p>'
    )


def _picture(picture: Picture) -> str:
    """Show a picture below its finding in words, which a phone shows large and a mail program that blocks pictures shows too."""
    source = base64.b64encode(picture.bare).decode()
    return (
        f'<div style="font-weight:600;color:{style.NAVY};margin:14px 0 4px;break-after:avoid">{escape(picture.finding)}</div>'
        f'<img src="data:image/png;base64,{source}" alt="{escape(picture.alt)}" width="600" '
        'style="width:100%;max-width:600px;height:auto;display:block;border:0;break-inside:avoid">'
    )


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
