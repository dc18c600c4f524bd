"""How does a picture, a table or a sentence get onto the page?"""

import html
import io
from collections.abc import Callable
from typing import Any

import great_tables as gt
import pandas as pd
from IPython import get_ipython
from IPython.display import HTML, Image, Markdown, display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image as Pixels

from quarterdeck.data.snapshot import Missing
from quarterdeck.present import style
from quarterdeck.present.said import SAID_MIME, records

_noted: dict[str, str | int | None] = {}  # the sentences on what is missing, and the cell that said them last
DPI = 200  # twice a screen's, so that a picture stays sharp on a phone


def show(draw: Callable, subject: Any, *others: Any, **options: Any) -> None:
    """Draw `subject` and put the result on the page.

    Parameters
    ----------
    draw : callable
        A function of `present`: takes `subject` (and `others`), gives an Axes, a table or a sentence.
    subject, others : DataFrame or Missing or Desk
        What `desk.ask` gave. Where one is `Missing`, or has no rows, the page says so in one sentence, once a cell.
    options : Any
        By keyword: what `draw` also takes. A frame among them may have no rows.
    """
    needed = (subject, *others)
    void = next((s for s in (*needed, *options.values()) if isinstance(s, Missing)), None)
    if void:
        _note(void.sentence)
    elif any(isinstance(s, pd.DataFrame) and s.empty for s in needed):
        _note("Not shown: what it needs is not in the data, or too little of it.")
    else:
        _put(draw(subject, *others, **options))


def png(ax: Axes, dpi: int = DPI) -> tuple[bytes, int]:
    """Give a picture as PNG, and the width in pixels at which a page shows it.

    The layout is solved here, once and for all: while a figure has one to solve, `savefig` draws it twice. And nothing is
    transparent here, so that channel, which `savefig` keeps, would cost time and show nothing.
    """
    buffer, figure = io.BytesIO(), ax.figure
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)  # made before the layout, so that texts measured for it are not measured again
    if layout := figure.get_layout_engine():
        layout.execute(figure)
        figure.set_layout_engine(None)
    style.flush_left(ax)
    canvas.draw()
    pixels = Pixels.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba(), "raw", "RGBA", 0, 1)
    pixels.convert("RGB").save(buffer, "png", dpi=(dpi, dpi), compress_level=3)  # as small as with 6 and transparency
    return buffer.getvalue(), round(figure.get_figwidth() * DPI / 2)


def _put(drawn: Any) -> None:
    if isinstance(drawn, Axes):
        picture, width = png(drawn)
        question = [t.get_text() for t in drawn.texts if t.get_gid() == style.QUESTION]
        alt = ". ".join([drawn.get_title(loc="left").strip(), *question])
        if said := records(getattr(drawn, "finding", ""), "picture"):
            _bundle({"image/png": picture, SAID_MIME: said}, {"image/png": {"width": width, "alt": alt}})
        else:
            display(Image(picture, format="png", width=width, alt=alt))
    elif said := records(drawn, "sentence"):
        _bundle({"text/markdown": str(drawn), SAID_MIME: said})
    elif isinstance(drawn, str):
        display(Markdown(drawn))
    elif isinstance(drawn, gt.GT):
        display(HTML(drawn.as_raw_html()))  # its own representation in text is a page of code
    else:
        display(drawn)


def _bundle(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    text = "; ".join(said["text"] for said in data[SAID_MIME])
    display({"text/plain": text} | data, raw=True, metadata=metadata or {})


def _note(sentence: str) -> None:
    """Say what is missing, but not twice in a cell."""
    cell = _cell()
    if cell is None or _noted.get(sentence) != cell:
        display(HTML(f'<p class="missing">{html.escape(sentence)}</p>'))
    _noted[sentence] = cell


def _cell() -> str | int | None:
    """Tell one cell from another: by the request that executes it, for not everybody who asks counts."""
    shell = get_ipython()
    asked = getattr(shell, "get_parent", dict)()
    return asked.get("header", {}).get("msg_id") or getattr(shell, "execution_count", None)
