"""A small company of two regions, and two notebooks that take a second each."""

import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from quarterdeck import cli

FILES = {
    "invoices.csv": """number,line,day,client,article,seller,area,pieces,net
A1,1,2026-07-02,C1,P1,R1,North,2,200.50
A1,2,2026-07-02,C1,P2,R1,North,1,40.25
A2,1,2026-08-11,C2,P1,R2,South,3,310.00
A3,1,2026-08-20,C2,P1,R2,South,-1,-100.00
""",
    "clients.csv": "client,name,area\nC1,Ålesund Havn,North\nC2,Porto Marina,South\n",
    "articles.csv": "article,name,kind\nP1,Radar,Navigation\nP2,Vest,Safety\n",
    "sellers.csv": "seller,name,area,hired,left_on\nR1,Ada Dahl,North,2020-01-01,\nR2,Nils Costa,South,2020-01-01,\n",
    "quotas.csv": "seller,first,last,quota\nR1,2026-07-01,2026-09-30,500\nR2,2026-07-01,2026-09-30,400\n",
}
SOURCE = """title: Acme
currency: EUR
folder_variable: ACME_DATA
files: {invoices: {}, clients: {}, articles: {}, sellers: {}, quotas: {}}
whole_from: {orders: 2024-01-01}
tables:
  orders: |
    SELECT number AS order_id, line AS line_no, day AS order_date, client AS customer_id, article AS product_id,
           seller AS rep_id, area AS region, pieces AS quantity, net AS revenue FROM invoices
  customers: SELECT client AS customer_id, name, area AS region FROM clients
  products: SELECT article AS product_id, name, kind AS category FROM articles
  reps: SELECT seller AS rep_id, name, area AS region, hired, left_on FROM sellers
  quotas: SELECT seller AS rep_id, first AS period_start, last AS period_end, quota FROM quotas
"""
REGIONS = {"company": "company", "north": "North", "south": "South"}
SETUP = """from quarterdeck.analysis.brief.metrics import measure
from quarterdeck.data.snapshot import open_desk
from quarterdeck.present import tables
from quarterdeck.present.page import show

desk = open_desk(company, region, as_of, data)"""


def run_once(folder, address, *command, **notebooks):
    """Give a company that has run once, its kernels forked by the process at `address`, with a copy of it beside it.

    `notebooks` gives the code of those that are not as usual.
    """
    acme = Acme(folder)
    for name, code in notebooks.items():
        acme.write_notebook(name, code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUARTERDECK_ZYGOTE", address)
        patch.chdir(acme.root)
        assert cli.main(acme.command(*command)) == 0
    shutil.copytree(acme.root, acme.root.with_name("copy"), symlinks=True)
    return acme


def put_back(acme, monkeypatch, address):
    """Put a company back as its one run left it, and make its folder the working directory."""
    shutil.rmtree(acme.root)
    shutil.copytree(acme.root.with_name("copy"), acme.root, symlinks=True)
    monkeypatch.chdir(acme.root)
    monkeypatch.setenv("QUARTERDECK_ZYGOTE", address)
    return acme


class Acme:
    """The company's folders, and the command line that runs it."""

    def __init__(self, root):
        self.root = root
        self.params, self.data, self.out, self.notebooks = (
            root / p for p in ("params/acme", "files", "outputs", "notebooks")
        )
        for folder in (self.params, self.data, self.notebooks):
            folder.mkdir(parents=True)
        for name, text in FILES.items():
            (self.data / name).write_text(text, encoding="utf-8")
        (self.params / "source.yaml").write_text(SOURCE)
        for stem, region in REGIONS.items():
            (self.params / f"{stem}.yaml").write_text(f"company: acme\nregion: {region}\n")
        for name in ("executive_brief", "market_research"):
            self.write_notebook(name, 'show(tables.kpi_tiles, measure(desk, "revenue", "customers_active"))')

    def write_notebook(self, name, *code):
        """Write a notebook that opens the desk and runs `code`."""
        given = 'company: str = "demo"\nregion: str = "company"\nas_of: str = ""\ndata: str = ""'
        cells = [new_markdown_cell("# What was sold?"), new_code_cell(given, metadata={"tags": ["parameters"]})]
        cells += [new_code_cell(SETUP), new_markdown_cell("## How much?"), *map(new_code_cell, code)]
        cells += [new_code_cell("show(tables.provenance, desk)")]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(new_notebook(cells=cells, metadata=kernel), self.notebooks / f"{name}.ipynb")

    def command(self, *more):
        """Give the arguments of `quarterdeck run`."""
        return ["run", str(self.params), "--data", str(self.data), "--out", str(self.out), *more]

    def replace(self, file, old, new):
        """Change a text in a file of the company's data or params."""
        path = next(p for p in (self.data / file, self.params / file) if p.exists())
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
