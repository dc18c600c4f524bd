"""Does every page stand on any company, and is what it cannot say said with its reason?

Here a few variants that differ most, each on the pages of one region or of the company. `make sweep` takes each table and each
column away in turn, and more, and runs all pages for a region and the company: an hour.
"""

import os

import pytest

import companies
import looked_at
from quarterdeck.batch.params import WORKBOOKS
from quarterdeck.data import snapshot
from quarterdeck.errors import ContractError, SourceError

VARIANTS = companies.all_variants()
COMPANY, REGION = "company", companies.SHOWN
COVERING = [  # by the kind of fault that they find: unknown taken for zero, no past, a past of deals alone
    ("all that may be is empty", [REGION]),
    ("three weeks", [COMPANY]),
    ("one order", [REGION]),
]
SWEPT = [(name, [COMPANY, REGION]) for name in VARIANTS]


@pytest.fixture(scope="module")
def company():
    return companies.small()


@pytest.fixture(scope="module", autouse=True)
def quick(answers):
    with pytest.MonkeyPatch.context() as patch:
        looked_at.quicken(patch, answers)
        yield


@pytest.mark.parametrize(("name", "regions"), SWEPT if os.environ.get("QUARTERDECK_SWEEP") else COVERING)
def test_every_page_stands(company, name, regions, tmp_path):
    try:
        facts = snapshot.freeze(
            VARIANTS[name](company), tmp_path / "data", snapshot.CompanyInfo("demo", "Halcyon Marine", "EUR")
        )
    except (ContractError, SourceError) as refused:
        assert str(refused).endswith(".")  # the contract says it in a sentence of its own
        return
    found = [
        fault
        for region in regions
        if region in (*facts["regions"], COMPANY)
        for notebook in WORKBOOKS
        for fault in looked_at.faults(notebook, tmp_path / "data", region)
    ]
    assert not found, "\n".join(found)
