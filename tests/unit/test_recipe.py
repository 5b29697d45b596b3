"""Recipes: reading, extending, merging, fingerprints, and one line for whatever is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from synthem import SIX, SynthemError
from synthem.ranges import Normal, Uniform, Whole
from synthem.recipe import Recipe, find, json_schema, merge, resolve
from synthem.shipped import shipped

SHIPPED = sorted(path.stem for path in shipped("recipes").glob("*.yaml"))


@pytest.fixture
def write(tmp_path: Path):
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("name", SHIPPED)
def test_what_comes_with_synthem_is_valid_and_survives_yaml(name, tmp_path):
    recipe = Recipe.load(name)
    assert recipe.name == name
    assert recipe.description
    path = tmp_path / "again.yaml"
    path.write_text(recipe.to_yaml())
    again = Recipe.load(path)
    assert again == recipe
    assert again.fingerprint == recipe.fingerprint
    assert Recipe.build(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_recipe_of_nothing_has_a_default_for_everything():
    assert Recipe.build({}) == Recipe()
    assert Recipe().classes is SIX


def test_name_and_description_determine_no_pixel_and_no_fingerprint():
    recipe = Recipe.load("dense")
    assert recipe.with_values({"name": "other", "description": "words"}).fingerprint == recipe.fingerprint
    assert recipe.with_values({"optics.psf_nm": 7.25}).fingerprint != recipe.fingerprint
    assert len(recipe.fingerprint) == 32


def test_no_digit_of_a_range_is_left_out_of_the_fingerprint():
    one, other = (Recipe.build({"cytoplasm": {"grain": f"9..{high}"}}) for high in (12.00000001, 12.00000002))
    assert one.fingerprint != other.fingerprint


def test_a_copy_with_another_value_has_another_fingerprint():
    recipe = Recipe()
    assert recipe.fingerprint
    assert recipe.model_copy(update={"nm_per_px": 6.0}).fingerprint != recipe.fingerprint


def test_the_nearer_file_wins_and_the_rest_is_kept(write):
    write("far.yaml", "size: 128\noptics: {psf_nm: 3, floor_noise: 2}\nname: far\ndescription: of far\n")
    write("mid.yaml", "extends: far.yaml\noptics: {psf_nm: 4}\n")
    recipe = Recipe.load(write("near.yaml", "extends: mid\nnm_per_px: 8\n".replace("mid", "mid.yaml")))
    assert (recipe.name, recipe.size, recipe.nm_per_px) == ("near", (128, 128), 8)
    assert (recipe.optics.psf_nm, recipe.optics.floor_noise) == (4, 2)


def test_organelles_are_merged_by_name_or_kind_and_added_at_the_end(write):
    write(
        "base.yaml",
        """
organelles:
  - {kind: axon, count: 2, radius_nm: 200..300, look: {lumen_grey: 150, ring_grey: 80}}
  - {kind: vesicles, name: lone, number: 3}
  - {kind: psd}
""",
    )
    path = write(
        "over.yaml",
        """
extends: base.yaml
organelles:
  - {kind: vesicles}
  - {name: lone, number: 5}
  - {kind: axon, count: 1, look: {ring_grey: {normal: [70, 2]}}}
""",
    )
    axon, lone, psd, vesicles = Recipe.load(path).organelles
    assert [lone.label, psd.label, vesicles.label] == ["lone", "psd", "vesicles"]
    assert (axon.count, axon.radius_nm) == (1, Uniform(low=200, high=300))
    assert (axon.look.lumen_grey, axon.look.ring_grey) == (150, Normal(normal=(70, 2)))
    assert lone.number == 5


def test_one_range_replaces_another_whole():
    base = {"optics": {"psf_nm": {"normal": [5, 1], "low": 2, "high": 9}}}
    merged = merge(base, {"optics": {"psf_nm": {"lognormal": [5, 0.2]}}})
    assert merged == {"optics": {"psf_nm": {"lognormal": [5, 0.2]}}}
    assert base == {"optics": {"psf_nm": {"normal": [5, 1], "low": 2, "high": 9}}}


def test_membranes_can_be_taken_out_and_put_back(write):
    write("without.yaml", "extends: epfl\nmembranes: null\n")
    assert Recipe.load(write("x.yaml", "extends: without.yaml\n")).membranes is None
    assert Recipe.load(write("y.yaml", "extends: without.yaml\nmembranes: {spacing_nm: 300}\n")).membranes is not None


def test_a_file_may_extend_the_shipped_recipe_of_its_own_name(write):
    assert Recipe.load(write("epfl.yaml", "extends: epfl\nsize: 64\n")).size == (64, 64)


def test_a_value_is_reached_by_its_path():
    recipe = Recipe.load("epfl").with_values(
        {"organelles.lone-vesicles.radius_nm": "10..12", "membranes.look.mottling": 0.5, "size": "96x128"}
    )
    lone = next(item for item in recipe.organelles if item.label == "lone-vesicles")
    assert lone.radius_nm == Uniform(low=10, high=12)
    assert recipe.membranes is not None
    assert recipe.membranes.look.mottling == 0.5
    assert recipe.size == (96, 128)


@pytest.mark.parametrize(
    ("written", "size", "short"),
    [(128, (128, 128), 128), ("128", (128, 128), 128), ("768x1024", (768, 1024), "768x1024"),
     ("96×64", (96, 64), "96x64"), ([100, 100], (100, 100), 100)],
)  # fmt: skip
def test_sizes_are_height_by_width(written, size, short):
    recipe = Recipe.build({"size": written})
    assert recipe.size == size
    assert recipe.to_json()["size"] == short


def test_a_count_of_a_recipe_is_whole():
    assert Recipe.build({"organelles": [{"kind": "psd", "count": "1..3"}]}).organelles[0].count == Whole(low=1, high=3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"siz": 3}, "siz: no such parameter"),
        ({"size": 0}, "size"),
        ({"size": 5000}, "4096"),
        ({"size": "big"}, "'big' is no size; write 256 or 768x1024"),
        ({"size": 64.5}, "size"),
        ({"nm_per_px": 0}, "nm_per_px"),
        ({"nm_per_px": float("nan")}, "finite"),
        ({"name": 5}, "name: "),
        ({"membranes": 3}, "membranes: "),
        ({"membranes": {"thick": 3}}, "membranes.thick: no such parameter"),
        ({"organelles": {"axon": 3}}, "organelles: "),
        ({"organelles": [3]}, "organelles[0]: "),
        (
            {"organelles": [{}]},
            "organelles[0].kind: missing; there are axon, mitochondrion, psd, vesicles, debris, process",
        ),
        ({"organelles": [{"kind": "mitochondria"}]}, "no organelle 'mitochondria'; did you mean 'mitochondrion'?"),
        ({"organelles": [{"kind": "zzz"}]}, "no organelle 'zzz'; there are axon, "),
        ({"organelles": [{"kind": ["axon"]}]}, "organelles[0].kind: no organelle"),
        ({"organelles": [{"kind": "axon", "name": "A b"}]}, "organelles[0].name: "),
        ({"organelles": [{"kind": "axon"}, {"kind": "axon"}]}, "two organelles are called 'axon'"),
        ({"organelles": [{"kind": "axon", "radus_nm": 3}]}, "organelles[0].radus_nm: no such parameter"),
        ({"organelles": [{"kind": "axon", "count": -1}]}, "organelles[0].count: goes down to -1"),
        ({"organelles": [{"kind": "axon", "radius_nm": "300..200"}]}, "low (300) is above high (200); swap them"),
        ({"organelles": [{"kind": "axon", "radius_nm": "big"}]}, "'big' is neither a number nor a range"),
        ({"organelles": [{"kind": "axon", "inside": "sheeth"}]}, "no 'sheeth'; there are sheath, ring"),
        ({"organelles": [{"kind": "axon", "inside": {"choice": ["ring", "rng"]}}]}, "no 'rng'"),
        ({"organelles": [{"kind": "axon", "corners": 2}]}, "organelles[0].corners: goes down to 2"),
        ({"organelles": [{"kind": "axon", "radius_nm": {"normal": [100, 50]}}]}, "organelles[0].radius_nm: goes down"),
        ({1: 2}, "keys should be strings"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_in_a_line(content, told):
    with pytest.raises(SynthemError) as error:
        Recipe.build(content, "mine")
    assert str(error.value).startswith("mine: ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- 1\n- 2\n", "write a mapping of parameters, such as `name: mine`; this is a list"),
        ("a: [1\nb: 2\n", "no valid YAML in line 2"),
        ("a: !!python/object:os.system {}\n", "no valid YAML"),
        ("extends: here.yaml\n", "extends itself"),
        ("extends: nowhere\n", "recipe 'nowhere': there is none; known are ac4, "),
        ("extends: [epfl]\n", "there is none; did you mean 'epfl'? known are ac4, "),
        ("extends: epfl\norganelles: axon\n", "organelles: "),
        ("extends: epfl\norganelles: [axon]\n", "organelles"),
        ("extends: epfl\norganelles: [[axon]]\n", "organelles"),
        ("extends: epfl\norganelles: [{kind: [axon]}]\n", "organelles"),
        ("extends: epfl\noptics: 3\n", "optics: "),
    ],
    ids=str,
)
def test_a_file_that_is_no_recipe_is_told_in_a_line(write, text, told):
    path = write("here.yaml", text)
    with pytest.raises(SynthemError) as error:
        Recipe.load(path)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_circle_is_told(write):
    write("a.yaml", "extends: b.yaml\n")
    write("b.yaml", "extends: c.yaml\n")
    with pytest.raises(SynthemError, match=r"a\.yaml: extends itself by way of c\.yaml; break the circle"):
        resolve(write("c.yaml", "extends: a.yaml\n").with_name("a.yaml"))


def test_a_file_that_is_missing_or_binary_is_told(tmp_path: Path):
    with pytest.raises(SynthemError, match="there is no such file"):
        Recipe.load(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(SynthemError, match=r"binary\.yaml: can't be read") as error:
        Recipe.load(tmp_path / "binary.yaml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("organelles.axom.count", "no organelle 'axom' in this recipe; it has axon, "),
        ("organelles.axon.cuont", "no parameter 'cuont'; there are kind, name, count, "),
        ("opticz.psf_nm", "no 'opticz'"),
        ("optics", "optics: "),
        ("optics.psf_nm.low", "no parameter 'low'"),
        ("", "no parameter ''"),
        (".", "no ''"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(path, told):
    with pytest.raises(SynthemError) as error:
        Recipe.load("epfl").with_values({path: 1})
    assert told in str(error.value)


def test_shipped_recipes_are_found_by_name():
    assert find("epfl").name == "epfl.yaml"
    shipped = "ac4 axons axons-psds-vesicles dense dense-axons epfl mitochondria"
    assert set(shipped.split()) <= set(SHIPPED)


def test_the_schema_describes_every_parameter_of_every_organelle():
    schema = json_schema()
    kinds = {kind["properties"]["kind"]["const"]: kind for kind in schema["$defs"]["organelle"]["anyOf"]}
    assert kinds.keys() >= {"axon", "mitochondrion", "psd", "vesicles", "debris", "process"}
    for part in (schema, *kinds.values(), *(schema["$defs"][name] for name in ("Membranes", "Optics", "AxonLook"))):
        assert not [name for name, field in part["properties"].items() if not field.get("description")]
    assert kinds["psd"]["properties"]["count"]["description"] == "How many a tile asks for."
    assert "22.5 nm" in schema["$defs"]["PSDLook"]["properties"]["blur_nm"]["description"]


def test_the_schema_takes_what_recipes_write():
    schema = json_schema()
    axon = next(kind for kind in schema["$defs"]["organelle"]["anyOf"] if kind["title"] == "Axon")
    for place, written in (
        (axon["properties"]["radius_nm"], "300..600"),
        (axon["properties"]["edge_nm"], "-60..1.5"),
        (axon["properties"]["count"], "1..3"),
        (schema["properties"]["size"], "384x512"),
    ):
        patterns = [branch["pattern"] for branch in place["anyOf"] if branch.get("type") == "string"]
        assert any(re.search(pattern, written) for pattern in patterns)
    assert {"type": "integer", "minimum": 64, "maximum": 4096} in schema["properties"]["size"]["anyOf"]
    assert "extends" in schema["properties"]


def test_the_schema_is_json_for_any_reader():
    json.dumps(json_schema(), allow_nan=False)


def test_the_schemas_references_all_lead_somewhere():
    text = json.dumps(json_schema())
    assert set(re.findall(r'"#/\$defs/(\w+)"', text)) <= json_schema()["$defs"].keys()
