"""Environments from matrix.toml: which, in which order, under which names, with which requirements."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matrix_text import MATRIX, edited, load
from packaging.requirements import Requirement

from asrcompat.errors import UsageError
from asrcompat.spec import Request, environment_id, known_paths, load_spec, matches, request_id, torchaudio_for
from asrcompat.spec.document import Exclusion, GridEntry, PinRule
from asrcompat.spec.expand import expand

ROOT = Path(__file__).parents[1]
# Deadlines of single examples say more about the machine's load than about the code.
QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
AXES = {
    "python": ("3.8", "3.10", "3.13"),
    "torch": ("1.13.1", "2.3.1", "2.11.0", "newest"),
    "transformers": ("4.41.2", "5.0.0rc1", "newest"),
    "s3prl": ("0.4.14", "0.4.15", "newest", "espnet-s3prl newest", "espnet-s3prl 0.4.15"),
    "espnet": ("202402", "202611", "newest"),
}

BASE = Request(python="3.10", torch="2.3.1", torchaudio="2.3.1", transformers="4.41.2", s3prl="0.4.14", espnet="202402")


def request(**values: str) -> Request:
    chosen = {"torchaudio": torchaudio_for(values.get("torch", BASE.torch)), **values}
    return replace(BASE, **chosen)  # type: ignore[arg-type]  # mypy thinks of pins, which no text is given for


def test_the_repositorys_own_file_is_valid() -> None:
    spec = load_spec(ROOT / "matrix.toml")
    assert spec.default_profile == "core"
    assert [environment.id for environment in spec.environments("core")] == [
        "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2",
        "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2",
        "py3.11-torch2.8.0-s3prl0.4.18-espnet202511-transformers4.57.6",
        "py3.11-torch2.8.0-s3prl0.4.18-espnet202511-transformers-newest",
        "py3.12-torch2.11.0-s3prl0.4.18-espnet202611-transformers-newest",
        "py3.12-torch2.11.0-espnet-s3prl-newest-espnet202611-transformers-newest",
        "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2-fairseq0.12.2",
        "py3.12-torch2.11.0-espnet-s3prl-newest-espnet202611-transformers-newest-fairseq0.12.2",
        "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2-tensorboardx2.6.2.2-pandas2.2.3-accelerate0.34.2",
    ]
    assert len(spec.environments("smoke")) == 1
    assert spec.weights_of("core") == "synthetic-base"
    assert spec.weights_of("smoke") == "synthetic-small"


def test_every_table_is_read(tmp_path: Path) -> None:
    spec = load(tmp_path)
    assert spec.model.name == "someone/some-model"
    assert spec.axes.espnet == ("202402", "202611")
    assert spec.profiles["smoke"].weights == "synthetic-small"
    assert spec.pins[0].reason == "pkg_resources"
    assert spec.exclude[0].when == {"torch": ("newest",), "s3prl": ("espnet-s3prl newest",)}
    assert spec.probe.trials == 20
    assert spec.probe.devices == ("cpu", "cuda")
    assert spec.limits.jobs == "auto"
    assert spec.index.torch_cpu == "https://example.org/cpu"
    assert spec.index.url is None


def test_an_index_of_ones_own(tmp_path: Path) -> None:
    extra = 'lock_hours = 0\nurl = "http://127.0.0.1:8000/simple"\nfind_links = ["wheels"]'
    index = load(tmp_path, edited(("lock_hours = 12", extra))).index
    assert (index.lock_hours, index.url, index.find_links) == (0, "http://127.0.0.1:8000/simple", ("wheels",))


def test_a_number_of_jobs(tmp_path: Path) -> None:
    assert load(tmp_path, edited(('jobs = "auto"', "jobs = 3"))).limits.jobs == 3


def test_a_profiles_environments_come_in_the_files_order_without_the_excluded(tmp_path: Path) -> None:
    spec = load(tmp_path)
    assert [environment.id for environment in spec.environments("core")] == [
        "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2",
        "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2",
        "py3.12-torch2.3.1-s3prl0.4.15-espnet202611-transformers-newest",
        "py3.12-torch2.3.1-espnet-s3prl-newest-espnet202611-transformers-newest",
        "py3.12-torch-newest-s3prl0.4.15-espnet202611-transformers-newest",
    ]
    ((excluded, reason),) = spec.excluded("core")
    assert excluded.id == "py3.12-torch-newest-espnet-s3prl-newest-espnet202611-transformers-newest"
    assert reason == "not looked at"
    assert len(spec.all_environments()) == 6


def test_pins_apply_where_they_match(tmp_path: Path) -> None:
    spec = load(tmp_path)
    old, new = spec.environments("core")[0], spec.environments("core")[2]
    assert [pin.reason for pin in old.pins] == ["pkg_resources"]
    assert old.pinned_requirements == (*old.requirements, "setuptools<81")
    assert new.pins == ()
    (smoke,) = spec.environments("smoke")
    assert smoke.pinned_requirements[-2:] == ("setuptools<81", "numpy<2")


def test_a_profiles_paths_stand_in_place_of_the_probes(tmp_path: Path) -> None:
    own = ('weights = "synthetic-small"\n', 'paths = ["espnet-s3prl", "s3prl-hf@resaved"]\n')
    spec = load(tmp_path, edited(own))
    assert spec.paths_of("smoke") == ("espnet-s3prl", "s3prl-hf@resaved")
    assert spec.paths_of("core") == spec.probe.paths == ("transformers", "s3prl-hf")
    assert spec.environments("smoke")[0].paths == ()  # which are an environment's own, whichever profile it is in
    with pytest.raises(UsageError, match="no profile 'smok'"):
        spec.paths_of("smok")


def test_profiles_may_share_an_environment_and_differ_in_paths(tmp_path: Path) -> None:
    shared = MATRIX[MATRIX.index("[[profiles.core.grid]]") : MATRIX.index('[[profiles.core.grid]]\npython = "3.12"')]
    paths = ('weights = "synthetic-small"\n', 'weights = "synthetic-small"\npaths = ["transformers"]\n')
    spec = load(tmp_path, edited(paths, ("[[pins]]", shared.replace("core", "smoke") + "[[pins]]")))
    assert spec.environments("core")[0] in spec.environments("smoke")


EXTRAS = """\
pins = ["numpy<2"]
extras = ["fairseq==0.12.2", "six==1.17.0"]
overrides = ["omegaconf>=2.3", "hydra-core>=1.3"]
paths = ["transformers", "s3prl-hf@resaved"]
"""


def test_extras_are_asked_for_and_overrides_are_aids(tmp_path: Path) -> None:
    plain = load(tmp_path).environments("smoke")[0]
    (asked,) = load(tmp_path, edited(('pins = ["numpy<2"]\n', EXTRAS))).environments("smoke")
    assert asked.id == f"{plain.id}-fairseq0.12.2-six1.17.0"
    assert asked.title == f"{plain.title}, fairseq 0.12.2, six 1.17.0"
    assert asked.requirements == (*plain.requirements, "fairseq==0.12.2", "six==1.17.0")
    assert asked.distributions[-2:] == ("fairseq", "six")
    assert asked.pins == plain.pins
    assert asked.override_requirements == ("omegaconf>=2.3", "hydra-core>=1.3")
    assert asked.aids[:2] == ("setuptools<81", "numpy<2")
    assert asked.aids[2:] == tuple(f"{one}, in place of what packages ask for" for one in asked.override_requirements)
    assert asked.reason == "pkg_resources; compiled against numpy 1"  # once, though it is of pins and of overrides
    assert asked.paths == ("transformers", "s3prl-hf@resaved")
    assert plain.paths == plain.override_requirements == ()


def test_an_environment_with_an_extra_is_another_one(tmp_path: Path) -> None:
    core = "[[profiles.core.grid]]\n"
    extra = f'{core}python = "3.10"\ntorch = "2.3.1"\nespnet = "202402"\ntransformers = "4.41.2"\ns3prl = "0.4.14"\n'
    spec = load(tmp_path, edited((core, extra + f'extras = ["fairseq==0.12.2"]\n\n{core}')))
    first, second = spec.environments("core")[:2]
    assert first.id == f"{second.id}-fairseq0.12.2"
    assert request_id(environment_id(first.id, "cpu")) == first.id


def test_an_unknown_profile_is_named_with_the_known_ones(tmp_path: Path) -> None:
    spec = load(tmp_path)
    for ask in (spec.environments, spec.excluded, spec.weights_of):
        with pytest.raises(UsageError, match="no profile 'smok': did you mean 'smoke'\\? profiles: core, smoke"):
            ask("smok")


def test_what_a_request_says_of_itself() -> None:
    asked = request()
    assert asked.id == "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2"
    assert asked.title == "Python 3.10, torch 2.3.1, torchaudio 2.3.1, s3prl 0.4.14, espnet 202402, transformers 4.41.2"
    assert asked.requirements == (
        "torch==2.3.1", "torchaudio==2.3.1", "transformers==4.41.2", "s3prl==0.4.14", "espnet==202402"
    )  # fmt: skip
    assert asked.s3prl_distribution == "s3prl"


def test_newest_and_the_fork_keep_their_words() -> None:
    asked = request(torch="newest", transformers="newest", s3prl="espnet-s3prl newest")
    assert asked.id == "py3.10-torch-newest-espnet-s3prl-newest-espnet202402-transformers-newest"
    assert asked.requirements == ("torch", "torchaudio", "transformers", "espnet-s3prl", "espnet==202402")
    assert asked.title.endswith("torchaudio newest, espnet-s3prl newest, espnet 202402, transformers newest")
    assert asked.s3prl_distribution == "espnet-s3prl"
    assert request(s3prl="espnet-s3prl 2026.5.14").requirements[3] == "espnet-s3prl==2026.5.14"


def test_torchaudio_is_named_only_where_it_leaves_the_rule() -> None:
    other = replace(BASE, torchaudio="2.3.0")
    assert other.id == "py3.10-torch2.3.1-torchaudio2.3.0-s3prl0.4.14-espnet202402-transformers4.41.2"


@pytest.mark.parametrize(
    ("torch", "torchaudio"),
    [("1.13.1", "0.13.1"), ("1.8.0", "0.8.0"), ("2.0.0", "2.0.1"), ("2.11.0", "2.11.0"), ("newest", "newest")],
)
def test_torchaudio_follows_torch(torch: str, torchaudio: str) -> None:
    assert torchaudio_for(torch) == torchaudio


@pytest.mark.parametrize(
    ("axis", "specifiers", "value", "expected"),
    [
        ("torch", [">=2.3,<2.9"], "2.3.1", True),
        ("torch", [">=2.3,<2.9"], "2.11.0", False),
        ("torch", [">=2.3"], "newest", False),
        ("torch", ["newest"], "newest", True),
        ("torch", ["newest"], "2.3.1", False),
        ("torch", ["*"], "newest", True),
        ("torch", ["<2", "newest"], "newest", True),
        ("torch", ["<2", "newest"], "2.3.1", False),
        ("transformers", [">=5.0.0rc0"], "5.0.0rc1", True),
        ("python", [">3.9"], "3.10", True),
        ("python", ["==3.1.*"], "3.10", False),
        ("s3prl", [">=0.4"], "espnet-s3prl 2026.5.14", False),
        ("s3prl", ["espnet-s3prl>=2026"], "espnet-s3prl 2026.5.14", True),
        ("s3prl", ["espnet-s3prl >= 2026"], "0.4.14", False),
        ("s3prl", ["espnet-s3prl newest"], "espnet-s3prl newest", True),
        ("s3prl", ["newest"], "espnet-s3prl newest", False),
        ("s3prl", ["espnet-s3prl *"], "espnet-s3prl newest", True),
        ("s3prl", ["espnet-s3prl *"], "0.4.14", False),
        ("s3prl", ["*"], "espnet-s3prl newest", True),
        ("torchaudio", ["<2.3.1"], "2.3.0", True),
    ],
)
def test_what_a_specifier_matches(axis: str, specifiers: list[str], value: str, expected: bool) -> None:
    assert matches({axis: tuple(specifiers)}, request(**{axis: value})) is expected  # type: ignore[dict-item]


def test_every_axis_has_to_match() -> None:
    assert matches({"torch": (">=2",), "python": ("==3.10",)}, request())
    assert not matches({"torch": (">=2",), "python": ("==3.11",)}, request())
    assert matches({}, request())


def test_paths_are_found_by_their_files(tmp_path: Path) -> None:
    for name in ("__init__.py", "_shared.py", "s3prl_hf.py", "transformers.py", "notes.txt"):
        (tmp_path / name).touch()
    assert list(known_paths(tmp_path)) == ["s3prl-hf", "transformers"]
    assert {"transformers", "s3prl-hf", "espnet-s3prl"} <= set(known_paths())


def test_a_builds_name_comes_and_goes() -> None:
    plain = request().id
    assert environment_id(plain, None) == plain
    assert environment_id(plain, "cpu") == "py3.10-torch2.3.1+cpu-s3prl0.4.14-espnet202402-transformers4.41.2"


values = {axis: st.lists(st.sampled_from(known), min_size=1, unique=True).map(tuple) for axis, known in AXES.items()}
grids = st.lists(st.builds(GridEntry, torchaudio=st.sampled_from([None, "2.3.0"]), **values), min_size=1, max_size=3)
requests = st.builds(lambda grid: expand(grid, pins=(), exclude=()).planned, grids)
specifiers = st.sampled_from(["*", "newest", ">=2", "<2.3.1", "espnet-s3prl *", "==0.4.15"]).map(lambda text: (text,))
whens = st.dictionaries(st.sampled_from([*AXES, "torchaudio"]), specifiers, min_size=1, max_size=2)
exclusions = st.lists(st.builds(Exclusion, when=whens, reason=st.just("because")), max_size=3)


@QUICK
@given(grids)
def test_ids_are_unique_stable_and_safe(grid: list[GridEntry]) -> None:
    planned = expand(grid, pins=(), exclude=()).planned
    by_id = {each.id: each for each in planned}
    by_versions = {(each.python, each.requirements) for each in planned}
    assert len(by_id) == len(planned) == len(by_versions)
    assert [each.id for each in expand(grid, pins=(), exclude=()).planned] == list(by_id)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9.-]*", each) for each in by_id)


@QUICK
@given(grids)
def test_values_come_from_the_grid(grid: list[GridEntry]) -> None:
    for each in expand(grid, pins=(), exclude=()).planned:
        assert any(
            all(getattr(each, axis) in getattr(entry, axis) for axis in AXES)
            and each.torchaudio == (entry.torchaudio or torchaudio_for(each.torch))
            for entry in grid
        )
        assert all(Requirement(text).name for text in each.requirements)


@QUICK
@given(grids, exclusions)
def test_nothing_excluded_is_planned_and_nothing_is_lost(grid: list[GridEntry], exclude: list[Exclusion]) -> None:
    everything = {each.id for each in expand(grid, pins=(), exclude=()).planned}
    expansion = expand(grid, pins=(), exclude=exclude)
    planned, excluded = {each.id for each in expansion.planned}, {each.id for each, _ in expansion.excluded}
    assert planned | excluded == everything
    assert not planned & excluded
    for each in expansion.planned:
        assert not any(matches(rule.when, each) for rule in exclude)


@QUICK
@given(grids, whens)
def test_a_pin_is_on_what_it_matches_and_nowhere_else(grid: list[GridEntry], when: dict[str, tuple[str, ...]]) -> None:
    rule = PinRule(when=when, requirements=("six",), reason="because")  # type: ignore[arg-type]
    for each in expand(grid, pins=[rule], exclude=()).planned:
        assert ("six" in each.pinned_requirements) is matches(rule.when, each)


@QUICK
@given(requests, st.sampled_from(["cpu", "cu124", "rocm6.2"]))
def test_results_find_their_request(planned: tuple[Request, ...], build: str) -> None:
    for each in planned:
        named = environment_id(each.id, build)
        assert named != each.id
        assert request_id(named) == request_id(each.id) == each.id
