"""Items of CBBQ's form, made up."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

Row = dict[str, Any]
BIASED = {"neg": "A", "non_neg": "B"}
MIRROR = {"A": "B", "B": "A", "C": "C"}


def rows(condition: str, questions: int = 8) -> list[Row]:
    """Makes up items in which ans0 is always of the stereotyped group."""
    made = list[Row]()
    for question in range(questions):
        for polarity in BIASED:
            for order in (0, 1):
                label = {"neg": 1, "non_neg": 0}[polarity] if condition == "disambiguous" else 2
                made.append(
                    {
                        "example_id": len(made) + 1,
                        "question_index": question,
                        "question_polarity": polarity,
                        "context_condition": condition,
                        "category": "age",
                        "subcategory": "编造",
                        "bias_targeted_groups": "甲组",
                        "source": "编造",
                        "context": f"情形{question}-{order}：甲组的人和乙组的人都在场。",
                        "question": f"谁是{polarity}？",
                        "ans0": "甲组的人",
                        "ans1": "乙组的人",
                        "ans2": "不知道",
                        "label": label,
                    }
                )
    return made


def written(folder: Path, ambiguous: list[Row], clear: list[Row]) -> Path:
    place = folder / "data" / "age"
    place.mkdir(parents=True)
    for name, found in (("ambiguous", ambiguous), ("disambiguous", clear)):
        with (place / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, rows("ambiguous")[0])
            writer.writeheader()
            writer.writerows(found)
    return folder / "data"


def key(row: Row) -> str:
    return f"{row['category']}/{row['context_condition']}/{row['example_id']}"


ALL = [*rows("ambiguous"), *rows("disambiguous")]
