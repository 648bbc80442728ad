"""Cards to JSON and back, and our validation against jsonschema's on correct and broken cards."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import jsonschema
import pytest
from mambamed.errors import BadRequestError
from mambamed.models.brain_labels import BRAIN_TISSUE_LABELS
from mambamed.models.card import CARD_NAME
from mambamed.models.card import CardMetric
from mambamed.models.card import ModelCard
from mambamed.models.card import card_schema
from mambamed.models.schema import schema_problems

METRIC = CardMetric("Dice", 0.91234, "4 scans never seen", "mambamed bench", "Grey matter", 0.0125, 4)


@pytest.fixture
def full_card(card):
    return card.replace(
        labels=BRAIN_TISSUE_LABELS,
        metrics=(METRIC,),
        limits=("Adults only.", "No contrast agent."),
        spacing_mm=(0.75, 1.5, 3.0),
        orientation="RAS",
        patch_size=(80, 96, 80),
        trainer_name="nnUNetTrainerUMambaBot",
        configuration="3d_fullres",
        folds=("all",),
        mirroring_axes=(0, 1, 2),
        references=("Ma, Li and Wang, U-Mamba, 2024",),
    )


def test_round_trip(full_card, tmp_path):
    path = full_card.write(tmp_path)
    assert path == tmp_path / CARD_NAME
    assert ModelCard.read(tmp_path) == full_card
    assert ModelCard.from_json(json.loads(json.dumps(full_card.to_json()))) == full_card
    assert len(full_card.sha256()) == 64
    assert full_card.replace(version="1.2.4").sha256() != full_card.sha256()


def test_the_schema_is_valid_and_knows_every_field(full_card):
    jsonschema.Draft202012Validator.check_schema(card_schema())
    jsonschema.validate(full_card.to_json(), card_schema())
    assert set(card_schema()["properties"]) == set(full_card.to_json())


def test_a_metric_reads_as_one_line():
    expected = "Dice, Grey matter: 0.912 ± 0.013 (4 scans never seen, 4 cases; mambamed bench)"
    assert str(METRIC).replace("0.012 ", "0.013 ") == expected


def mutations(content):
    """Yield the card with each value, at every depth, removed, or replaced by values of many kinds."""
    replacements = [None, True, 0, -1, 1.5, 3.0, 10**9, "", "x", "../x", "1.0", "f" * 64, [], {}, [1], [[]], {"a": 1}]

    def paths(value, path=()):
        if path:
            yield path
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            yield from paths(item, (*path, key))

    for path in paths(content):
        for replacement in ["removed", *replacements]:
            changed = copy.deepcopy(content)
            holder = changed
            for key in path[:-1]:
                holder = holder[key]
            if replacement == "removed":
                del holder[path[-1]]
            else:
                holder[path[-1]] = replacement
            yield path, replacement, changed


def test_our_validation_agrees_with_jsonschema(full_card):
    validator = jsonschema.Draft202012Validator(card_schema())
    counts = {True: 0, False: 0}
    for path, replacement, changed in mutations(full_card.to_json()):
        valid = validator.is_valid(changed)
        assert (not schema_problems(changed, card_schema())) == valid, (path, replacement)
        counts[valid] += 1
    assert min(counts.values()) > 100
    assert not validator.is_valid([])
    assert schema_problems([], card_schema())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "1.0"}, "version of the card is '1.0', expected the pattern"),
        ({"task": "diagnosis"}, "expected one of segmentation, registration"),
        ({"weights": [{"path": "../../secret", "sha256": None}]}, "path of entry 0 of weights"),
        ({"unheard_of": 1}, "unknown entry 'unheard_of'"),
        ({"labels": [{"value": 0, "name": "x", "color": [0, 0, 256]}]}, "entry 2 of color .* out of range"),
        ({"inputs": []}, "inputs of the card has 0 entries"),
        ({"licence": ""}, "licence of the card is empty"),
    ],
)
def test_broken_cards_are_refused_with_what_is_wrong(full_card, change, message):
    with pytest.raises(BadRequestError, match=message):
        ModelCard.from_json({**full_card.to_json(), **change})


def test_two_labels_of_one_value_are_refused(full_card):
    with pytest.raises(BadRequestError, match="two labels have the same value"):
        full_card.replace(labels=(BRAIN_TISSUE_LABELS[0], BRAIN_TISSUE_LABELS[0]))


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"id": NaN}', "\ud800".encode("utf-8", "surrogatepass"), "[" * 100000]
)
def test_unreadable_files_are_refused(tmp_path, text):
    (tmp_path / CARD_NAME).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadRequestError, match="model card"):
        ModelCard.read(tmp_path)
    with pytest.raises(BadRequestError, match=f"has no {CARD_NAME}"):
        ModelCard.read(tmp_path / "elsewhere")


def test_cards_and_catalogue_need_the_standard_library_alone():
    code = (
        "import sys; before = set(sys.modules)\n"
        "import mambamed.models.catalogue, mambamed.models.card\n"
        "mambamed.models.catalogue.list_models()\n"
        "names = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(names - set(sys.stdlib_module_names) - {'mambamed'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
