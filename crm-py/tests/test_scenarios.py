"""The scenarios of the repository, unchanged; the format is told in tests/src/scenario.rs."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

import crm

FILES = sorted((Path(__file__).parents[2] / "tests" / "scenarios").glob("*.json"))
KINDS = {
    crm.InvalidError: "invalid",
    crm.NotFoundError: "not_found",
    crm.ConflictError: "conflict",
    crm.StateError: "state",
    crm.DeniedError: "denied",
    crm.RetryError: "retry",
    crm.CancelledError: "cancelled",
    crm.StorageError: "storage",
    crm.InternalError: "internal",
}
Saved = dict[str, Any]


def look_up(saved: Saved, path: str) -> Any:
    name, *parts = path.split(".")
    value = saved[name]
    for part in parts:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def fill(saved: Saved, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: fill(saved, field) for name, field in value.items()}
    if isinstance(value, list):
        return [fill(saved, item) for item in value]
    if not isinstance(value, str):
        return value
    if whole := re.fullmatch(r"\$\{([^}]*)\}", value):
        return look_up(saved, whole[1])

    def text(found: re.Match[str]) -> str:
        filled = look_up(saved, found[1])
        return filled if isinstance(filled, str) else json.dumps(filled, ensure_ascii=False)

    return re.sub(r"\$\{([^}]*)\}", text, value)


def match(expected: Any, found: Any, path: str) -> None:
    if expected == "*":
        assert found is not None, f"{path}: a value is expected"
    elif isinstance(expected, dict):
        assert isinstance(found, dict), f"{path}: an object is expected, found {found!r}"
        for name, field in expected.items():
            match(field, found.get(name), f"{path}.{name}")
    elif isinstance(expected, list):
        assert isinstance(found, list), f"{path}: a list is expected, found {found!r}"
        assert len(expected) == len(found), f"{path}: {len(expected)} entries are expected, found {found!r}"
        for at, (item, other) in enumerate(zip(expected, found, strict=True)):
            match(item, other, f"{path}.{at}")
    else:
        # True is 1 for Python, and not for JSON.
        assert type(expected) is type(found), f"{path}: expected {expected!r}, found {found!r}"
        assert expected == found, f"{path}: expected {expected!r}, found {found!r}"


def as_it_travels(error: crm.Error) -> dict[str, Any]:
    return {
        "code": error.code,
        "name": error.name,
        "kind": KINDS[type(error)],
        "field": error.field,
        "message": error.message,
        "details": error.details,
    }


def take(ledger: crm.Ledger, step: dict[str, Any], saved: Saved, place: str) -> None:
    if "raw" in step:
        sent = step["raw"]
    else:
        sent = json.dumps(fill(saved, step.get("input", {})), ensure_ascii=False)
    try:
        session = ledger.session(step.get("as", "admin"))
        result = json.loads(session.call_json(step["call"], sent, idempotency_key=step.get("key")))
    except crm.Error as error:
        if "error" not in step:
            raise AssertionError(f"{place}: failed: {error!r}") from error
        match(fill(saved, step["error"]), as_it_travels(error), f"{place}: error")
        return
    assert "error" not in step, f"{place}: should fail with {step['error']}, but gave {result}"
    if "expect" in step:
        match(fill(saved, step["expect"]), result, f"{place}: result")
    if "save" in step:
        saved[step["save"]] = result


def test_there_are_scenarios() -> None:
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenario(url: str, file: Path) -> None:
    scenario = json.loads(file.read_text(encoding="utf-8"))
    assert set(scenario) == {"title", "zh", "clock", "steps"}
    with crm.open(url, clock=dt.datetime.fromisoformat(scenario["clock"])) as ledger:
        page = ledger.session("admin").user.list(filter={"equal": ["login", "admin"]})
        saved: Saved = {"admin": str(page.items[0].id)}
        for position, step in enumerate(scenario["steps"]):
            place = f"{scenario['title']}, step {position} {step.get('call', '')}"
            unknown = set(step) - {
                "call",
                "note",
                "as",
                "input",
                "raw",
                "key",
                "save",
                "expect",
                "error",
                "clock",
            }
            assert not unknown, f"{place}: {unknown}"
            if "clock" in step:
                ledger.set_clock(dt.datetime.fromisoformat(step["clock"]))
            else:
                take(ledger, step, saved, place)
