"""The package as such: what it shows, what it says of itself."""

import inspect
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import crm
from crm import _operations, codes, types


def test_everything_shown_is_documented() -> None:
    for name in crm.__all__:
        assert inspect.getdoc(getattr(crm, name)), name
    groups = [
        one for name, one in vars(_operations).items() if name.endswith("Operations") and name != "Operations"
    ]
    assert groups
    for group in groups:
        for name, method in inspect.getmembers(group, inspect.isfunction):
            if name.startswith("_"):
                continue
            text = inspect.getdoc(method)
            assert text, f"{group.__name__}.{name}"
            # The Chinese label, and the operation's own name.
            assert re.search(r"[\u4e00-\u9fff].*\(``[a-z_.]+``\)", text), f"{group.__name__}.{name}"


def test_every_annotation_can_be_read() -> None:
    for name in types.__all__:
        one = getattr(types, name)
        if isinstance(one, type):
            assert typing.get_type_hints(one), name
    for group in vars(_operations).values():
        if inspect.isclass(group) and group.__module__ == "crm._operations":
            for _, method in inspect.getmembers(group, inspect.isfunction):
                typing.get_type_hints(method, vars(_operations))
    assert typing.get_args(types.CustomerLevel) == ("A", "B", "C", "D")


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(crm.__file__).parent / "py.typed").exists()
    assert re.fullmatch(r"\d+\.\d+\.\d+", crm.__version__)


def test_codes_are_numbers_that_occur_once() -> None:
    numbers = {name: value for name, value in vars(codes).items() if name.isupper()}
    assert len(set(numbers.values())) == len(numbers) > 50


WRONG = """
import datetime as dt
import crm

def use(session: crm.Session) -> None:
    session.customer.create(name="a", level="B")
    session.customer.create(name="a", level="X")
    session.customer.create()
    session.product.create(code="a", name="a", unit="a", list_price=1.5)
    session.customer.list(filter={"and": [{"equal": ["level", "B"]}, {"at_most": ["created_at", dt.date.today()]}]})
    session.customer.list(filter={"equals": ["level", "B"]})
    page: crm.Page[crm.types.Customer] = session.customer.list()
    total: int = page[0].name
    session.arrow("custommer", ["name"])
    with session.transaction() as tx:
        tx.customer.assign(page[0].id, version=1, owner=None)
"""


def test_a_type_checker_finds_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(WRONG)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--no-error-summary",
            "--cache-dir",
            str(tmp_path),
            str(file),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = sorted({int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line})
    assert lines == [7, 8, 9, 11, 13, 14], done.stdout + done.stderr


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_the_example_runs(locale: str, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "python" / "story.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example), str(tmp_path / "story.crm")],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONUTF8": "1", "PATH": "", "CRM_LOCALE": locale},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
