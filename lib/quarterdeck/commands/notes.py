"""What do `check` and `run` note on a company's data?"""

from pathlib import Path


def note_remarks(remarks: list[dict]) -> None:
    """Print which rows were set aside, and which are not read as the source gives them: `severity` and `said` of each."""
    for remark in remarks:
        print(f"{remark['severity']}: {remark['said']}")


def note_without_file(params: Path, without_file: list[str]) -> None:
    """Print which regions of the data have no file in the company's folder `params`."""
    if without_file:
        print(
            f"note: {params} has no file for {', '.join(without_file)}: no pages of their own, and the regions' sums are not "
            "held against the company"
        )
